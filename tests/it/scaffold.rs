//! Projects to start from: written whole or not at all, without a database, and of use as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{Database, Program};

const APPS: [&str; 5] = ["metrics", "sales", "inbox", "viral", "auth"];

/// All files below a folder, with their texts.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("below").display().to_string();
            found.insert(name, fs::read_to_string(&path).expect("text"));
        }
    }
    found
}

/// The program where no database is.
fn program(folder: &Path) -> Program {
    Program::new()
        .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
        .folder(folder)
}

#[test]
fn a_project_has_the_applications_files_as_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    for app in APPS {
        program(folder.path())
            .run(&["init", "--scaffold", "--app", app, app])
            .success();
        let written = texts(&folder.path().join(app));
        let fixtures = texts(&root.join("fixtures/apps").join(app));
        for (name, text) in &fixtures {
            match name.as_str() {
                "README.md" => {
                    let (title, _) = text.split_once('\n').expect("a title");
                    assert!(written[name].starts_with(title), "{app}/{name}");
                    assert!(!written[name].contains("](../"), "{app}/{name}");
                }
                _ => assert_eq!(written.get(name), Some(text), "{app}/{name}"),
            }
        }
        if app == "metrics" {
            for (name, text) in texts(&root.join("tenant_template")) {
                assert_eq!(written.get(&format!("template/{name}")), Some(&text), "{name}");
            }
        }
        let others: Vec<&String> = written
            .keys()
            .filter(|name| !fixtures.contains_key(*name) && !name.starts_with("template/"))
            .collect();
        assert_eq!(others, ["tenantctl.toml"], "{app}");
    }
}

#[test]
fn without_a_folder_the_project_is_written_here_and_metrics_is_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = program(folder.path()).run(&["init", "--scaffold"]).success();
    assert!(run.stdout.contains("tenantctl.toml\n"), "{}", run.stdout);
    assert!(run.stdout.contains("template/V1__users.sql\n"), "{}", run.stdout);
    run.says("files written");
    let answer = program(folder.path())
        .run(&["init", "--scaffold", "new", "-o", "json"])
        .success()
        .json();
    assert_eq!(answer["app"], "metrics");
    assert_eq!(answer["folder"], "new");
    assert_eq!(
        answer["files"].as_array().map(Vec::len),
        Some(texts(folder.path()).len() / 2)
    );
}

#[test]
fn files_that_are_there_are_left_alone_and_nothing_is_written_beside_them() {
    for name in ["seed.sql", "tenantctl.toml", "template/V9__mine.sql"] {
        let folder = tempfile::tempdir().expect("a folder");
        let project = folder.path().join("p");
        fs::create_dir_all(project.join("template")).expect("a folder");
        fs::write(project.join(name), "# mine\n").expect("written");
        let before = texts(&project);
        for dry_run in [&[][..], &["--dry-run"]] {
            program(folder.path())
                .run(&[&["init", "--scaffold", "p"], dry_run].concat())
                .exits(2)
                .says("already there")
                .says("nothing was changed");
            assert_eq!(texts(&project), before);
        }
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = program(folder.path())
        .run(&["init", "--scaffold", "--dry-run", "p"])
        .success()
        .says("nothing was changed");
    assert!(run.stdout.contains("p/seed.sql"), "{}", run.stdout);
    assert_eq!(texts(folder.path()).len(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "").expect("written");
    program(folder.path())
        .run(&["init", "--scaffold", "file/p"])
        .exits(1)
        .says("cannot be written");
    program(folder.path())
        .run(&["init", "p"])
        .exits(2)
        .says("--scaffold");
}

#[test]
fn a_project_works_as_it_is() {
    let database = Database::empty();
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path())
        .run(&["init", "--scaffold", "--app", "auth", "."])
        .success();
    let run = |arguments: &[&str]| database.program().folder(folder.path()).run(arguments).success();
    run(&["init"]);
    let seeded = run(&["seed", "--days", "5", "--until", "2026-11-01", "-o", "json"]).json();
    assert_eq!(seeded["tenants"].as_array().map(Vec::len), Some(3));
    let file = run(&["new", "add colour"]).stdout;
    let path = folder.path().join(file.trim());
    let text = fs::read_to_string(&path).expect("written");
    fs::write(&path, text + "ALTER TABLE users ADD COLUMN colour text;\n").expect("written");
    run(&["lint"]);
    run(&["migrate", "--all"]).says("3 tenants now at");
    run(&["status", "--check", "--deep"]);
    run(&["drift", "--all"]);
    run(&["seed", "--days", "5", "--until", "2026-11-01"]).says("nothing new");
}
