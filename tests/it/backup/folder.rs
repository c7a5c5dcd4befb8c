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
fn undrop_brings_the_latest_backup_back() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.take("acme");
    backups.sql("INSERT INTO tenant_acme.people (name) VALUES ('later')");
    backups.take("acme");
    backups
        .run(&["undrop", "acme"])
        .exits(1)
        .says("tenant `acme` already exists");
    backups.sql("DROP SCHEMA tenant_acme CASCADE; DELETE FROM tenants");
    backups.run(&["undrop", "acme"]).success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "21");
    backups
        .run(&["undrop", "nobody"])
        .exits(1)
        .says("has no backup of `nobody`");
}

#[test]
fn drop_takes_a_backup_first_that_undrop_brings_back() {
    let backups = Backups::with_tenants(&["acme"]);
    let run = backups.database.run(&["drop", "acme", "--yes"]).exits(2);
    run.says("a backup is taken first, and no folder for backups was named")
        .says("--no-backup");
    let run = backups.run(&["drop", "acme", "--yes", "-o", "json"]).success();
    let file = backups.files("acme").pop().expect("a file");
    let name = file.to_str().expect("a path in UTF-8");
    assert_eq!(run.json()["dropped"][0]["backup"], name);
    assert_eq!(backups.database.state(), (String::new(), String::new()));
    backups.run(&["undrop", "acme"]).success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
}

#[test]
fn drop_takes_folder_and_recipients_from_the_configuration() {
    let backups = Backups::with_tenants(&["acme"]);
    let recipient = age::x25519::Identity::generate().to_public();
    let config = backups.path().join("tenantctl.toml");
    fs::write(
        &config,
        format!("[backup]\ndir = 'kept'\nrecipients = ['{recipient}']\n"),
    )
    .expect("written");
    let config = config.to_str().expect("a path in UTF-8");
    backups
        .database
        .run(&["drop", "acme", "--yes", "--config", config])
        .success();
    let kept: Vec<_> = fs::read_dir(backups.path().join("kept"))
        .expect("readable")
        .flatten()
        .collect();
    assert!(kept[0].path().to_string_lossy().ends_with(".sql.zst.age"));
    let run = backups
        .database
        .run(&["undrop", "acme", "--config", config])
        .exits(1);
    run.says("the backup is encrypted");
}

#[test]
fn a_tenant_whose_backup_fails_is_not_dropped() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.path().join("file");
    fs::write(&file, "no folder").expect("written");
    backups
        .database
        .run(&["drop", "acme", "--yes", "--dir", file.to_str().expect("UTF-8")])
        .exits(1)
        .says("the backup that comes first failed, and tenant `acme` stays");
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
}

#[test]
fn nothing_that_was_committed_before_a_drop_is_missing_from_its_backup() {
    let backups = Backups::with_tenants(&["acme"]);
    let url = backups.database.url().to_owned();
    let writer = std::thread::spawn(move || {
        let mut written = 0;
        while crate::support::psql(&url, "INSERT INTO tenant_acme.people (name) VALUES ('during')").is_ok() {
            written += 1;
        }
        written
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    backups.run(&["drop", "acme", "--yes"]).success();
    let written: u32 = writer.join().expect("it ends");
    backups.run(&["undrop", "acme"]).success();
    assert_eq!(
        backups.sql("SELECT count(*) FROM tenant_acme.people WHERE name = 'during'"),
        written.to_string()
    );
}
