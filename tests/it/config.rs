use std::fs;

use crate::support::{Database, Program, configured};

#[test]
fn a_mistake_in_the_file_is_named_with_line_key_and_remedy() {
    let folder = configured("[database]\npol_max = 3\n");
    let run = Program::new().folder(folder.path()).run(&["list"]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: tenantctl.toml, line 2, key `database.pol_max`: there is no such key

    hint: did you mean `pool_max`?
    ");
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    Program::new()
        .run(&["--config", "/nonexistent.toml", "list"])
        .exits(2)
        .says("/nonexistent.toml: cannot be read");
    Program::new()
        .env("TENANTCTL_CONFIG", "/nonexistent.toml")
        .run(&["list"])
        .exits(2)
        .says("cannot be read");
}

#[test]
fn the_nearest_file_counts_and_the_environment_wins_over_it() {
    let database = Database::with_tenants(&["acme"]);
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().join(".config/tenantctl");
    fs::create_dir_all(&config).expect("made");
    let file = format!(
        "[database]\nurl = \"{}\"\n[output]\nformat = \"json\"\n",
        database.url()
    );
    fs::write(config.join("tenantctl.toml"), file).expect("written");
    let run = Program::new().env("HOME", home.path()).run(&["list"]).success();
    assert_eq!(run.json()["tenants"][0]["slug"], "acme");

    let folder = configured("[output]\nformat = \"csv\"\n");
    let run = Program::new()
        .env("HOME", home.path())
        .folder(folder.path())
        .env("DATABASE_URL", database.url())
        .run(&["list"]);
    assert!(run.success().stdout.starts_with("slug,"));
}

#[test]
fn a_target_is_meant_whatever_the_environment_says() {
    let database = Database::with_tenants(&["acme"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("[targets.eu]\nurl = \"{}\"\n", database.url());
    fs::write(folder.path().join("tenantctl.toml"), file).expect("written");
    let program = || {
        Program::new()
            .folder(folder.path())
            .env("DATABASE_URL", "postgresql://x@127.0.0.1:1/x")
            .env("DIRECT_URL", "postgresql://x@127.0.0.1:1/x")
    };
    program().run(&["--target", "eu", "create", "globex"]).success();
    program()
        .run(&["--target", "ue", "list"])
        .exits(2)
        .says("did you mean `eu`?");
}

#[test]
fn no_password_is_ever_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    fs::write(
        path.join("broken.toml"),
        "[database]\nurl = \"postgres://app:hunter2@h/db\n",
    )
    .expect("written");
    fs::write(
        path.join("wrong.toml"),
        "[database]\nurl = \"postgres://app:hunter2@127.0.0.1:1/db?sslmode=maybe\"\n",
    )
    .expect("written");
    fs::write(path.join("password"), "hunter2\n").expect("written");
    let runs = [
        Program::new().run(&[
            "--config",
            path.join("broken.toml").to_str().expect("UTF-8"),
            "list",
        ]),
        Program::new().run(&[
            "--config",
            path.join("wrong.toml").to_str().expect("UTF-8"),
            "list",
        ]),
        Program::new().run(&[
            "--database-url",
            "postgres://app:hunter2@127.0.0.1:1/db",
            "-vvv",
            "list",
        ]),
        Program::new().run(&[
            "--database-url",
            "host=127.0.0.1 port=1 password=hunter2 nonsense=1",
            "list",
        ]),
        Program::new().run(&["--database-url", "postgres://app:hunter2@[bad/db", "list"]),
        Program::new()
            .env("DATABASE_URL", "postgres://app@127.0.0.1:1/db")
            .env("DATABASE_PASSWORD_FILE", path.join("password"))
            .run(&["list", "-vvv"]),
        Program::new()
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", "1")
            .env("PGPASSWORD", "hunter2")
            .run(&["list", "-vvv"]),
    ];
    for run in runs {
        assert!([2, 5].contains(&run.code), "{run:?}");
        assert!(
            !run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"),
            "{run:?}"
        );
    }
}

#[test]
fn a_file_of_policies_that_is_named_and_missing_is_an_error() {
    let database = Database::with_tenants(&["acme"]);
    let folder = tempfile::tempdir().expect("a folder");
    let run = |retention: &str| {
        fs::write(folder.path().join("tenantctl.toml"), retention).expect("written");
        let program = database.program().folder(folder.path());
        program.run(&["cleanup", "--all", "--days", "30", "--yes", "--dry-run"])
    };
    run("[retention]\nfile = \"/nonexistent/retention.toml\"\n")
        .exits(2)
        .says("/nonexistent/retention.toml: cannot be read");
    run("[retention]\nfile = \"retention.toml\"\n").success();
}

#[test]
fn a_variable_that_is_not_utf_8_is_no_unset_one() {
    use std::os::unix::ffi::OsStringExt;
    let database = Database::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("[database]\nurl = \"{}\"\n", database.url());
    fs::write(folder.path().join("tenantctl.toml"), file).expect("written");
    let url = std::ffi::OsString::from_vec(b"postgresql://h/\xff".to_vec());
    Program::new()
        .folder(folder.path())
        .env("DATABASE_URL", url)
        .run(&["list"])
        .exits(2)
        .says("environment variable `DATABASE_URL`: it is not UTF-8");
}

#[test]
fn what_belongs_to_a_database_url_is_not_used_without_it_and_that_is_said() {
    let database = Database::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("[database]\nurl = \"{}\"\n", database.url());
    fs::write(folder.path().join("tenantctl.toml"), file).expect("written");
    let program = || {
        let elsewhere = "postgresql://x@127.0.0.1:1/x";
        let program = Program::new().folder(folder.path());
        program
            .env("DIRECT_URL", elsewhere)
            .env("DATABASE_PASSWORD_FILE", "/nonexistent")
    };
    program()
        .run(&["create", "acme"])
        .success()
        .says("warning: DIRECT_URL is not used")
        .says("warning: DATABASE_PASSWORD_FILE is not used");
    // Who names a database on the command line means that alone.
    let run = program()
        .run(&["--database-url", database.url(), "list", "--quiet"])
        .success();
    assert_eq!(run.stderr, "");
}

#[test]
fn quiet_drops_talk_and_no_warnings() {
    let database = Database::with_tenants(&["acme"]);
    let run = database
        .program()
        .env("SLOW_QUERY_THRESHOLD_MS", "20")
        .run(&["exec", "acme", "--quiet", "-s", "select pg_sleep(0.1)"])
        .success();
    assert!(run.stderr.contains("warning: slow statement"), "{}", run.stderr);
}
