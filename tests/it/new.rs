use std::fs;

use crate::support::{Database, Program};

/// A project: a configuration that names the folder `migrations`, and these files in it.
fn project(files: &[&str]) -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a folder");
    let folder = project.path().join("migrations");
    fs::create_dir(&folder).expect("a folder");
    fs::write(
        project.path().join("tenantctl.toml"),
        "[template]\nmigrations = 'migrations'\n",
    )
    .expect("written");
    for name in files {
        fs::write(folder.join(name), "SELECT 1;\n").expect("written");
    }
    project
}

fn new(project: &tempfile::TempDir, arguments: &[&str]) -> crate::support::Run {
    let arguments = [&["new"], arguments].concat();
    Program::new().folder(project.path()).run(&arguments)
}

#[test]
fn new_writes_the_next_migration_and_prints_its_path() {
    let project = project(&["V1__users.sql", "V9__orders.sql", "V10__items.sql"]);
    insta::assert_snapshot!(new(&project, &["Add  Region!"]).success().shown(), @r"
    exit 0
    --- stdout
    migrations/V11__add_region.sql
    --- stderr
    ");
    let text = fs::read_to_string(project.path().join("migrations/V11__add_region.sql")).expect("written");
    insta::assert_snapshot!(text, @r"
    -- One transaction for each tenant: all of it takes effect, or nothing. Leave out BEGIN and COMMIT. What wants no
    -- transaction, such as CREATE INDEX CONCURRENTLY, goes into a file of its own: `tenantctl new NAME --no-transaction`.
    -- Name no schema: the search path leads to the template first, and then to every tenant.
    -- A statement waits for a lock as long as `tenants.lock_timeout`; then the tenant is tried again.
    -- `tenantctl lint` says what would hold up a tenant, `tenantctl migrate --rehearse` tries it on throw-away copies.
    -- A rule of `lint` is switched off on the line before a statement:  -- tenantctl: allow RULE: the reason

    -- V11__add_region
    ");
}

#[test]
fn files_that_are_made_at_once_have_versions_of_their_own() {
    let project = project(&["V1__users.sql"]);
    let start = |number: u32| {
        let name = format!("file {number}");
        Program::new().folder(project.path()).spawn(&["new", &name])
    };
    let children: Vec<_> = (0..12).map(start).collect();
    for child in children {
        crate::support::Run::of(child).success();
    }
    let entries = fs::read_dir(project.path().join("migrations")).expect("a folder");
    let mut versions: Vec<i64> = entries
        .map(|entry| entry.expect("a file").file_name().into_string().expect("a name"))
        .map(|name| {
            name[1..]
                .split("__")
                .next()
                .expect("a version")
                .parse()
                .expect("a number")
        })
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=13).collect::<Vec<_>>());
}

#[test]
fn new_counts_on_as_the_files_before() {
    let project = project(&["V001__users.sql", "V002__orders.sql"]);
    let path = |arguments: &[&str]| new(&project, arguments).success().stdout;
    assert_eq!(path(&["items"]), "migrations/V003__items.sql\n");
    assert_eq!(path(&["items"]), "migrations/V004__items.sql\n");
    let by_time = path(&["later", "--timestamp"]);
    assert!(
        by_time.starts_with("migrations/V20")
            && by_time.len() == "migrations/V20261121093000__later.sql\n".len()
    );
    let after = path(&["still_later"]);
    assert!(after.starts_with("migrations/V20") && after > by_time, "{after}");
}

#[test]
fn new_answers_in_json_and_takes_another_folder() {
    let project = project(&["V7__users.sql"]);
    let other = project.path().join("other");
    fs::create_dir(&other).expect("a folder");
    let other = other.to_str().expect("UTF-8");
    let answer = new(
        &project,
        &["index", "--no-transaction", "--migrations", other, "-o", "json"],
    )
    .success()
    .json();
    assert_eq!(
        answer,
        serde_json::json!({
            "version": 1,
            "migration": {
                "version": 1, "name": "V1__index", "path": format!("{other}/V1__index.sql"), "transaction": false,
            },
        })
    );
    let text = fs::read_to_string(format!("{other}/V1__index.sql")).expect("written");
    assert!(text.starts_with("-- tenantctl: no-transaction\n"), "{text}");
}

#[test]
fn a_new_file_is_a_migration_that_lint_and_init_take() {
    let database = Database::empty();
    let project = project(&["V1__users.sql"]);
    for arguments in [&["one"][..], &["two", "--no-transaction"]] {
        new(&project, arguments).success();
    }
    let run = |arguments: &[&str]| database.program().folder(project.path()).run(arguments);
    run(&["lint"]).success().says("no findings in 3 files");
    fs::remove_file(project.path().join("migrations/V3__two.sql")).expect("removed");
    let answer = run(&["init", "-o", "json"]).success().json();
    assert_eq!(
        answer["template"]["applied"],
        serde_json::json!(["V1__users", "V2__one"])
    );
}

#[test]
fn new_refuses_what_is_no_name() {
    let project = project(&[]);
    for name in ["", " - ", "../.."] {
        new(&project, &["--", name]).exits(2).says("nothing remains of");
    }
    assert_eq!(
        fs::read_dir(project.path().join("migrations"))
            .expect("readable")
            .count(),
        0
    );
}

#[test]
fn new_needs_a_folder() {
    insta::assert_snapshot!(Program::new().run(&["new", "x"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: there is no folder for migrations of the template

    hint: name one in `template.migrations` of the configuration, or with `--migrations`; those that the program carries cannot be added to (see `tenantctl help init`)
    ");
    Program::new()
        .run(&["new", "x", "--migrations", "/nonexistent/folder"])
        .exits(2)
        .says("folder `/nonexistent/folder` cannot be read");
}
