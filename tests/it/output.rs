use std::fs;
use std::io::{BufRead, BufReader};

use crate::support::{Database, Holder, Program, terminal, visible, wait_until};

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let slugs: Vec<String> = (0..300)
        .map(|number| format!("tenant-with-a-rather-long-name-{number}"))
        .collect();
    let database = Database::with_tenants(&slugs.iter().map(String::as_str).collect::<Vec<_>>());
    let mut child = database.program().spawn(&["list", "-o", "json", "--quiet"]);
    let mut first = String::new();
    BufReader::with_capacity(16, child.stdout.take().expect("piped"))
        .read_line(&mut first)
        .expect("a line");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(first, "{\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn quiet_drops_talk_and_keeps_answers_and_errors() {
    let database = Database::with_tenants(&["acme"]);
    let run = database.run(&["list", "--quiet"]).success();
    assert!(run.stdout.contains("acme"));
    assert_eq!(run.stderr, "");
    assert!(
        !database
            .run(&["show", "nobody", "--quiet"])
            .exits(2)
            .stderr
            .is_empty()
    );
}

#[test]
fn colour_comes_only_when_asked_for_or_on_a_terminal() {
    let database = Database::with_tenants(&["acme"]);
    assert!(!database.run(&["list"]).stdout.contains('\u{1b}'));
    assert!(
        database
            .run(&["list", "--color", "always"])
            .stdout
            .contains('\u{1b}')
    );
    assert!(
        database
            .run(&["show", "x", "--color", "always"])
            .stderr
            .contains("\u{1b}[31;1merror")
    );
    let run = database.program().env("NO_COLOR", "1").run(&["list"]);
    assert!(!run.stdout.contains('\u{1b}'));
}

#[test]
fn verbose_tells_what_happens_on_stderr_only() {
    let database = Database::with_tenants(&["acme"]);
    let quiet = database.run(&["list", "-o", "json"]).stdout;
    let run = database.run(&["list", "-o", "json", "-vv"]).success();
    assert_eq!(run.stdout, quiet);
    assert!(run.stderr.contains("debug: "), "{}", run.stderr);
}

#[test]
fn slow_statements_are_logged_without_their_constants() {
    let database = Database::with_tenants(&["acme"]);
    let run = database
        .program()
        .env("SLOW_QUERY_THRESHOLD_MS", "100")
        .run(&["exec", "acme", "-s", "select pg_sleep(0.2), 'hunter2'"])
        .success();
    let line = run
        .stderr
        .lines()
        .find(|line| line.contains("slow statement"))
        .expect("a warning");
    assert!(line.contains("select pg_sleep(0.2), '…'"), "{line}");
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn a_registry_query_that_takes_too_long_is_cancelled() {
    let database = Database::with_tenants(&["acme"]);
    let holder = Holder::of(&database, "LOCK TABLE tenants");
    let run = database
        .program()
        .env("DATABASE_QUERY_TIMEOUT_MS", "200")
        .run(&["list"]);
    run.exits(1)
        .says("no answer within 200 ms, the statement was cancelled");
    wait_until("nothing waits any more", || !database.somebody_waits());
    holder.commit();
}

#[test]
fn completions_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            Program::new()
                .run(&["completions", shell])
                .success()
                .stdout
                .contains("tenantctl")
        );
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let page = |command: &[&str]| {
        let page = Program::new().run(&[&["man"], command].concat()).success().stdout;
        page.replace("\\-", "-")
    };
    assert!(page(&[]).contains("Begin with `tenantctl demo`"));
    assert!(page(&["migrate"]).contains("--rehearse"));
    assert!(page(&["db", "stop"]).contains("--remove"));
    let run = Program::new().run(&["man", "migate"]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: there is no command `migate`

    hint: did you mean `migrate`?
    ");

    let folder = tempfile::tempdir().expect("a folder");
    let run = || {
        let program = Program::new().folder(folder.path());
        program.run(&["man", "--dir", "man/man1", "--quiet"]).success()
    };
    let first = run();
    for line in first.stdout.lines() {
        let text = fs::read_to_string(folder.path().join(line)).expect("a page");
        assert!(text.contains(".SH NAME"), "{line}");
    }
    assert!(first.stdout.starts_with("man/man1/tenantctl.1\n"));
    assert!(first.stdout.contains("man/man1/tenantctl-template-status.1\n"));
    assert_eq!(run().stdout, first.stdout, "a page that is there is written anew");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let file = file.to_str().expect("UTF-8");
    Program::new()
        .run(&["man", "--dir", file])
        .exits(1)
        .says("writing the manual into folder");
    Program::new().run(&["man", "list", "--dir", file]).exits(2);
}

#[test]
fn tables_fit_a_narrow_terminal() {
    let database = Database::new();
    let domain = format!("{}.example", "long-label.".repeat(6).trim_end_matches('.'));
    database.run(&["create", "acme", "--domain", &domain]).success();
    let output = terminal(&format!("{} list", env!("CARGO_BIN_EXE_tenantctl")))
        .env("DATABASE_URL", database.url())
        .output()
        .expect("script is part of util-linux");
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    assert!(text.contains("acme"), "{text}");
    for line in text.lines() {
        let visible = visible(line);
        assert!(
            visible.chars().count() <= 80,
            "{} columns: {visible}",
            visible.chars().count()
        );
    }
}

#[test]
fn help_says_what_is_done_when_a_flag_is_not_given() {
    for (command, default) in [
        ("create", "[default: stop]"),
        ("drop", "[default: stop]"),
        ("drift", "[default: continue]"),
        ("backup", "[default: continue]"),
        ("cleanup", "[default: continue]"),
        ("suspend", "[default: continue]"),
        ("exec", "[default: continue, with `--write` stop]"),
    ] {
        let help = Program::new().run(&[command, "-h"]).success().stdout;
        let words: Vec<&str> = help.split_whitespace().collect();
        let help = words.join(" ");
        assert!(
            help.contains(&format!("go on with the others {default}")),
            "{help}"
        );
        assert!(help.contains("`fleet.retries`, or 3]"), "{help}");
    }
    let resume = Program::new().run(&["resume", "-h"]).success().stdout;
    assert!(resume.contains("All suspended tenants; asks first"), "{resume}");
    assert!(!resume.contains("--inactive"), "{resume}");
}

#[test]
fn flags_that_would_do_nothing_are_refused() {
    for arguments in [&["restore", "file", "--keep-text"][..], &["db", "stop", "--yes"]] {
        Program::new().run(arguments).exits(2).says("required");
    }
}
