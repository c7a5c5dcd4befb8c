//! Whatever is typed as a slug, a name or a file: nothing of it is obeyed, by the server or by the terminal.

use std::fs;

use crate::support::{Database, Run};

/// What somebody may type, or a form on the web may pass on.
fn hostile() -> Vec<String> {
    let texts = [
        "'; DROP TABLE public.tenants; --",
        "\"; DROP SCHEMA tenant_acme CASCADE; --",
        "$$; DROP TABLE public.tenants; $$",
        "\\'; DROP TABLE public.tenants; --",
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "two\nlines",
        "over\rwritten\tby\u{8}tricks",
        "\u{202e}gpj.exe\u{200b}",
        "\u{9b}31mred\u{85}",
        "%s%n{}{0}{acme}",
        "../../../etc/passwd",
        "$(touch owned)`touch owned`",
        "--all",
        "",
        " ",
    ];
    let mut texts: Vec<String> = texts.map(str::to_owned).into();
    texts.push("x".repeat(100_000));
    texts.push("'".repeat(1000));
    texts
}

/// What a terminal would obey.
fn obeyed(text: &str) -> Option<char> {
    let is_harmful = |character: &char| match character {
        '\n' => false,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        character => character.is_control(),
    };
    text.chars().find(is_harmful)
}

#[track_caller]
fn harmless(run: &Run, what: &[&str]) {
    let shown: Vec<String> = what.iter().map(|word| word.chars().take(60).collect()).collect();
    for text in [&run.stdout, &run.stderr] {
        assert_eq!(obeyed(text), None, "{shown:?}\n{text:?}");
        assert!(!text.contains("panicked"), "{shown:?}\n{text}");
        assert!(text.len() < 20_000, "{shown:?} answers with {} bytes", text.len());
    }
}

#[test]
fn no_command_obeys_a_slug() {
    let database = Database::with_tenants(&["acme"]);
    let before = database.state();
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().to_str().expect("a path in UTF-8");
    let commands: [&[&str]; 24] = [
        &["create"],
        &["create", "--if-not-exists"],
        &["show"],
        &["update", "--name", "x"],
        &["suspend"],
        &["resume"],
        &["drop", "--yes", "--no-backup"],
        &["undrop", "--dir", dir],
        &["clone", "acme"],
        &["migrate"],
        &["migrate", "--dry-run"],
        &["status"],
        &["history"],
        &["drift"],
        &["sizes"],
        &["exec", "--sql", "select 1"],
        &["shell"],
        &["cleanup", "--days", "30", "--dry-run"],
        &["backup", "--dir", dir],
        &["restore"],
        &["verify"],
        &["seed", "--into"],
        &["list-backups", "--dir", dir],
        &["resolve"],
    ];
    for text in hostile() {
        for command in commands {
            let arguments = match command {
                // What comes behind these is their value.
                ["seed", ..] => [command, &[text.as_str()]].concat(),
                _ => [command, &["--", text.as_str()]].concat(),
            };
            let run = database.program().folder(folder.path()).run(&arguments);
            harmless(&run, &arguments);
            assert!(
                [1, 2, 4].contains(&run.code),
                "{arguments:?}: {}\n{}",
                run.code,
                run.stderr
            );
        }
        assert_eq!(database.state(), before, "{text:?}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).expect("readable").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_a_tenant_is_called_is_shown_and_not_obeyed() {
    let database = Database::new();
    for (number, text) in hostile().into_iter().enumerate() {
        let slug = format!("t{number}");
        let metadata = serde_json::json!({ "note": text }).to_string();
        let arguments = [
            "create",
            &slug,
            "--name",
            &text,
            "--plan",
            &text,
            "--region",
            &text,
            "--metadata",
            &metadata,
        ];
        let run = database.run(&arguments);
        harmless(&run, &arguments);
        let name = database.sql(&format!(
            "SELECT to_json(name) FROM tenants WHERE slug = '{slug}'"
        ));
        match run.code {
            0 => assert_eq!(serde_json::from_str::<String>(&name).expect("JSON"), text),
            2 => assert_eq!(name, "", "{text:?}"),
            code => panic!("{text:?}: {code}\n{}", run.stderr),
        }
        let domain = ["update", &slug, "--domain", &text];
        harmless(&database.run(&domain), &domain);
    }
    // Names that only an application would write.
    database.sql(
        "INSERT INTO tenants (slug, name, schema_name, subscription_plan, region) VALUES \
         ('odd', E'a\\x1b[2Jb\\x07\\nc\\u202e', 'tenant_odd', E'\\x1b[31m', E'\\x1b]0;x\\x07')",
    );
    let commands: [&[&str]; 10] = [
        &["list"],
        &["show", "odd"],
        &["status"],
        &["history"],
        &["health", "--fail-on", "never"],
        &["sizes"],
        &["list", "--output", "json"],
        &["drift", "--all"],
        &["migrate", "--all", "--dry-run"],
        &["exec", "--all", "--sql", "select E'\\x1b[2J' AS \"x\u{1b}[2J\""],
    ];
    for command in commands {
        harmless(&database.run(command), command);
    }
    let rows = database.run(&["list", "--output", "json"]).success().json();
    let odd = rows["tenants"]
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["slug"] == "odd");
    assert_eq!(odd.expect("a row")["name"], "a\u{1b}[2Jb\u{7}\nc\u{202e}");
}

#[test]
fn no_file_is_obeyed_by_its_name() {
    let database = Database::with_tenants(&["acme"]);
    let before = database.state();
    let folder = tempfile::tempdir().expect("a folder");
    for text in hostile() {
        // A name that a file can have.
        let name: String = text
            .chars()
            .filter(|character| *character != '/')
            .take(100)
            .collect();
        if name.trim_matches('.').is_empty() {
            continue;
        }
        fs::write(folder.path().join(&name), &text).expect("written");
        let file = format!("./{name}");
        let commands: [&[&str]; 11] = [
            &["create", "--from-file", &file],
            &["exec", "--all", "--file", &file],
            &["restore", &file],
            &["verify", &file],
            &["seed", "--into", "acme", "--file", &file],
            &["lint", &file],
            &["list", "--config", &file],
            &["backup", "acme", "--dir", &file],
            &["init", "--scaffold", &file],
            &["cleanup", "--days", "30", "--metrics-file", &file],
            &["sizes", "--html", &file],
        ];
        for command in commands {
            let run = database.program().folder(folder.path()).run(command);
            harmless(&run, command);
            assert!(
                [0, 1, 2, 3, 4].contains(&run.code),
                "{command:?}: {}\n{}",
                run.code,
                run.stderr
            );
        }
        let (tenants, schemas) = database.state();
        assert!(
            tenants.starts_with(&before.0) && schemas.starts_with(&before.1),
            "{text:?}"
        );
    }
}

#[test]
fn no_flag_obeys_its_value() {
    let database = Database::with_tenants(&["acme"]);
    let before = database.state();
    let folder = tempfile::tempdir().expect("a folder");
    let commands: [&[&str]; 15] = [
        &["list", "--plan"],
        &["list", "--region"],
        &["list", "--exclude"],
        &["list", "--target"],
        &["create", "fresh", "--dry-run", "--domain"],
        &["clone", "acme", "copy", "--dry-run", "--name"],
        &["clone", "acme", "copy", "--dry-run", "--domain"],
        &["clone", "acme", "copy", "--dry-run", "--plan"],
        &["restore", "no.sql.zst", "--as"],
        &["move", "acme", "--yes", "--to"],
        &["migrate", "--all", "--dry-run", "--to"],
        &["cleanup", "--days", "30", "--dry-run", "--policy"],
        &["history", "--limit"],
        &["history", "--command"],
        &["new"],
    ];
    // Each takes a while: of texts of one kind one is enough here.
    for text in hostile().into_iter().step_by(3) {
        for command in commands {
            let arguments = [command, &[text.as_str()]].concat();
            let run = database.program().folder(folder.path()).run(&arguments);
            harmless(&run, &arguments);
            assert!(
                [0, 1, 2, 4].contains(&run.code),
                "{arguments:?}: {}\n{}",
                run.code,
                run.stderr
            );
        }
        assert_eq!(database.state(), before, "{text:?}");
    }
}
