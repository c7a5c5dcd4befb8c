//! The folder: its index, what is kept, and what is removed.

use std::fs;

use super::Backups;

#[test]
fn list_backups_shows_what_is_there_with_and_without_its_index() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    backups.run(&["backup", "--all"]).success();
    backups.run(&["backup", "acme"]).success();
    let listed = |arguments: &[&str]| {
        backups
            .run(&[&["list-backups", "-o", "json"], arguments].concat())
            .success()
    };
    let all = listed(&[]).json();
    let rows = all["backups"].as_array().expect("a list");
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["slug"], "acme");
    assert_eq!(rows[0]["schema"], "tenant_acme");
    assert_eq!(rows[0]["rows"], 24);
    assert_eq!(
        listed(&["globex"]).json()["backups"]
            .as_array()
            .expect("a list")
            .len(),
        1
    );
    // The index is made again from the files, but for what only reading all of them would tell.
    let index = backups.path().join("index.json");
    for damage in ["", "{}", "nonsense", "{\"version\":9,\"backups\":[]}"] {
        fs::write(&index, damage).expect("written");
        let again = listed(&[]).json();
        assert_eq!(again["backups"][2]["slug"], "globex");
        assert_eq!(again["backups"][2]["taken_at"], rows[2]["taken_at"]);
        assert_eq!(again["backups"][2]["database"], rows[2]["database"]);
    }
    fs::remove_file(&index).expect("removed");
    fs::remove_file(backups.files("acme").remove(0)).expect("removed");
    fs::write(backups.path().join("notes.sql.zst"), "no backup").expect("written");
    let run = backups.run(&["list-backups"]).success();
    run.clone()
        .says("`notes.sql.zst`: this is no backup of tenantctl");
    assert_eq!(run.stdout.lines().count(), 4);
    assert!(
        fs::read_to_string(&index)
            .expect("an index")
            .contains("globex-20")
    );
    // What is no backup is none the next time either.
    let written = || {
        fs::metadata(&index)
            .and_then(|index| index.modified())
            .expect("a time")
    };
    let before = written();
    backups.run(&["list-backups"]).success().says("notes.sql.zst");
    assert_eq!(
        written(),
        before,
        "the index is written where something has changed"
    );
}

#[test]
fn the_answer_of_backup_has_everybody_in_it() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    backups.database.sql("DROP SCHEMA tenant_acme CASCADE");
    let stop = [
        "backup",
        "--all",
        "--jobs",
        "1",
        "--on-error",
        "stop",
        "-o",
        "json",
    ];
    let answer = backups.run(&stop).exits(1).json();
    assert_eq!(answer["failed"][0]["tenant"], "acme");
    assert_eq!(answer["not_started"], serde_json::json!(["globex"]));
    assert_eq!(answer["skipped"], serde_json::json!([]));
}

#[test]
fn keep_removes_older_backups_of_the_tenants_that_were_backed_up() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    for _ in 0..3 {
        backups.run(&["backup", "--all"]).success();
    }
    let oldest = backups.files("acme").remove(0);
    let run = backups
        .run(&["backup", "acme", "--keep", "2", "-o", "json"])
        .success();
    assert_eq!(run.json()["removed"].as_array().expect("a list").len(), 2);
    assert_eq!(
        (backups.files("acme").len(), backups.files("globex").len()),
        (2, 3)
    );
    assert!(!oldest.exists());
    // Nothing here is a day old; all of it is older than no day at all.
    backups.run(&["backup", "globex", "--keep-days", "1"]).success();
    assert_eq!(backups.files("globex").len(), 4);
    backups.run(&["backup", "globex", "--keep-days", "0"]).success();
    assert_eq!(backups.files("globex").len(), 1);
}

#[test]
fn keep_spares_a_tenant_that_failed_and_another_tenant_of_that_slug() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    for _ in 0..2 {
        backups.run(&["backup", "--all"]).success();
    }
    backups.sql("DROP SCHEMA tenant_globex CASCADE");
    backups.run(&["backup", "--all", "--keep", "1"]).exits(3);
    assert_eq!(
        (backups.files("acme").len(), backups.files("globex").len()),
        (1, 2)
    );
    backups.sql("UPDATE tenants SET id = gen_random_uuid() WHERE slug = 'acme'");
    backups.run(&["backup", "acme", "--keep", "1"]).success();
    assert_eq!(backups.files("acme").len(), 2);
}

#[test]
fn what_a_killed_run_has_left_is_removed_and_never_taken_for_a_backup() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    let partial = format!("{file}.partial");
    fs::copy(&file, &partial).expect("copied");
    let age = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    fs::File::options()
        .write(true)
        .open(&partial)
        .and_then(|file| file.set_modified(age))
        .expect("an older file");
    let json = backups.run(&["list-backups", "-o", "json"]).success().json();
    assert_eq!(json["backups"].as_array().expect("a list").len(), 1);
    backups.take("acme");
    assert!(!fs::exists(&partial).expect("readable"));
}

#[test]
fn a_backup_is_told_of_though_the_index_cannot_be_written() {
    let backups = Backups::with_tenants(&["acme"]);
    fs::create_dir(backups.path().join("index.json")).expect("a folder of that name");
    let run = backups.run(&["backup", "acme", "-o", "json"]).exits(1);
    assert_eq!(run.json()["backups"][0]["slug"], "acme");
    run.says("cannot be used");
}
