//! Drops with a backup first, and the way back.

use std::fs;
use std::process::Child;
use std::time::Duration;

use super::Backups;
use crate::support::{Database, Holder, Run, wait_until};

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
fn undrop_brings_no_tenant_of_another_database_back() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    let elsewhere = Database::with_tenants(&["acme"]);
    backups.run(&["drop", "acme", "globex", "--yes"]).success();
    elsewhere
        .run(&["backup", "acme", "--dir", backups.dir()])
        .success();
    backups.run(&["undrop", "acme"]).success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
    elsewhere
        .run(&["undrop", "globex", "--dir", backups.dir()])
        .exits(1)
        .says("the backups of `globex` in folder")
        .says(&format!(
            "are of another database, the latest of `{}`",
            backups.database.name()
        ))
        .says("tenantctl restore FILE");
}

#[test]
fn undrop_prefers_a_backup_with_all_rows_and_says_which_are_missing() {
    let backups = Backups::with_tenants(&["acme"]);
    let partial = ["backup", "acme", "--exclude-table-data", "people"];
    backups.run(&partial).success();
    let first = backups.files("acme").pop().expect("a file");
    let complete = backups.take("acme");
    backups.run(&[&partial[..], &["--keep", "1"]].concat()).success();
    let left = backups.files("acme");
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(!left.contains(&first) && left.iter().any(|file| file.to_str() == Some(&complete)));
    let listed = backups.run(&["list-backups", "-o", "json"]).success();
    let listed = &listed.json()["backups"];
    assert_eq!(listed[0]["left_out"], serde_json::json!([]));
    assert_eq!(listed[1]["left_out"], serde_json::json!(["people"]));
    backups
        .database
        .run(&["drop", "acme", "--yes", "--no-backup"])
        .success();
    backups.run(&["undrop", "acme"]).success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
    fs::remove_file(complete).expect("removed");
    let partial = backups.files("acme").pop().expect("a file");
    let partial = partial.to_str().expect("a path in UTF-8");
    let verified = backups.database.run(&["verify", partial]).success();
    assert!(
        verified.stdout.contains("whole, without the rows of people"),
        "{}",
        verified.stdout
    );
    backups
        .database
        .run(&["drop", "acme", "--yes", "--no-backup"])
        .success();
    backups
        .run(&["undrop", "acme"])
        .success()
        .says("the rows of `people` are not in this backup");
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
    let mut kept = fs::read_dir(backups.path().join("kept"))
        .expect("readable")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    assert!(kept.any(|name| name.starts_with("acme-") && name.ends_with(".sql.zst.age")));
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

#[test]
fn an_encrypted_backup_of_a_drop_is_known_without_its_key() {
    let backups = Backups::with_tenants(&["acme"]);
    let recipient = age::x25519::Identity::generate().to_public();
    let config = backups.path().join("tenantctl.toml");
    fs::write(&config, format!("[backup]\nrecipients = ['{recipient}']\n")).expect("written");
    let config = config.to_str().expect("a path in UTF-8");
    backups
        .run(&["drop", "acme", "--yes", "--config", config])
        .success();
    let json = backups.run(&["list-backups", "-o", "json"]).success().json();
    assert_eq!(json["backups"][0]["schema"], "tenant_acme");
    assert_eq!(json["backups"][0]["rows"], 24);
}

/// Settings with which a lock is not waited for long.
fn impatient(backups: &Backups) -> String {
    with_lock_timeout(backups, "200ms")
}

/// Settings with which a lock is waited for as long as it takes.
fn patient(backups: &Backups) -> String {
    with_lock_timeout(backups, "5min")
}

fn with_lock_timeout(backups: &Backups, timeout: &str) -> String {
    let config = backups.path().join("tenantctl.toml");
    fs::write(&config, format!("[tenants]\nlock_timeout = '{timeout}'\n")).expect("written");
    config.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn a_drop_takes_one_backup_however_often_it_waits_for_a_reader() {
    let backups = Backups::with_tenants(&["acme"]);
    let config = impatient(&backups);
    let reader = Holder::of(&backups.database, "SELECT * FROM tenant_acme.people");
    let reads_on = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1500));
        reader.commit();
    });
    let arguments = ["drop", "acme", "--yes", "--config", &config, "--retries", "30"];
    backups.run(&arguments).success();
    reads_on.join().expect("it ends");
    assert_eq!(backups.files("acme").len(), 1);
    assert_eq!(backups.database.state(), (String::new(), String::new()));
}

#[test]
fn a_drop_that_gives_up_leaves_no_backup() {
    let backups = Backups::with_tenants(&["acme"]);
    let config = impatient(&backups);
    let reader = Holder::of(&backups.database, "SELECT * FROM tenant_acme.people");
    let arguments = ["drop", "acme", "--yes", "--config", &config, "--retries", "2"];
    let run = backups.run(&arguments).exits(1);
    run.says("schema `tenant_acme` was in use until the end")
        .says("(55P03)");
    assert!(backups.files("acme").is_empty());
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
    reader.commit();
}

/// Begins to drop the tenant while somebody is at work, and answers once the drop waits for that.
fn dropping_beside(backups: &Backups, work: &str, more: &[&str]) -> (Holder, Child) {
    let worker = Holder::of(&backups.database, work);
    let config = patient(backups);
    let arguments = [
        "drop",
        "acme",
        "--yes",
        "--config",
        &config,
        "--dir",
        backups.dir(),
    ];
    let child = backups.database.program().spawn(&[&arguments[..], more].concat());
    wait_until("the drop waits", || backups.database.somebody_waits());
    (worker, child)
}

/// Drops the tenant while somebody is at work, and does something else once the drop waits for that.
fn drop_beside(backups: &Backups, work: &str, meanwhile: &str) {
    let (worker, child) = dropping_beside(backups, work, &[]);
    backups.sql(meanwhile);
    worker.commit();
    Run::of(child).success();
    assert_eq!(backups.database.state(), (String::new(), String::new()));
    assert_eq!(backups.files("acme").len(), 1);
    backups.run(&["undrop", "acme"]).success();
}

#[test]
fn what_is_made_while_a_drop_waits_is_in_its_backup() {
    let backups = Backups::with_tenants(&["acme"]);
    drop_beside(
        &backups,
        "SELECT * FROM tenant_acme.people",
        "CREATE TABLE tenant_acme.invoices AS SELECT 7 AS id; \
         CREATE FUNCTION tenant_acme.eight() RETURNS int LANGUAGE sql RETURN 8",
    );
    assert_eq!(
        backups.sql("SELECT id + tenant_acme.eight() FROM tenant_acme.invoices"),
        "15"
    );
}

/// Nobody else sees the table before the drop has waited for it.
#[test]
fn what_is_committed_just_before_the_end_of_a_drop_is_in_its_backup() {
    let backups = Backups::with_tenants(&["acme"]);
    drop_beside(
        &backups,
        "CREATE TABLE tenant_acme.invoices AS SELECT 7 AS id",
        "SELECT",
    );
    assert_eq!(backups.sql("SELECT id FROM tenant_acme.invoices"), "7");
}

#[test]
fn a_drop_that_does_not_begin_again_leaves_the_tenant_and_no_backup() {
    let backups = Backups::with_tenants(&["acme"]);
    let work = "CREATE TABLE tenant_acme.invoices AS SELECT 7 AS id";
    let (worker, child) = dropping_beside(&backups, work, &["--retries", "0"]);
    worker.commit();
    let run = Run::of(child);
    run.exits(1)
        .says("schema `tenant_acme` is not what was backed up any more, and stays")
        .says("nothing was changed, and the backup is removed");
    assert!(backups.files("acme").is_empty());
    assert_eq!(backups.sql("SELECT id FROM tenant_acme.invoices"), "7");
}

#[test]
fn tenants_are_made_while_another_one_is_backed_up_to_be_dropped() {
    let database = Database::empty();
    database.sql(
        "CREATE TABLE public.plans (id int PRIMARY KEY); CREATE SCHEMA tenant_template; \
         CREATE TABLE tenant_template.uses (plan int REFERENCES public.plans)",
    );
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "acme", "globex", "--quiet"]).success();
    let backups = Backups::of(database);
    let config = impatient(&backups);
    // The backup waits for somebody who writes.
    let writer = Holder::of(&backups.database, "INSERT INTO tenant_acme.uses VALUES (NULL)");
    let child = backups.database.program().spawn(&[
        "drop",
        "acme",
        "--yes",
        "--retries",
        "30",
        "--dir",
        backups.dir(),
    ]);
    wait_until("the drop waits", || backups.database.somebody_waits());
    let at_once = ["--config", &config, "--retries", "0"];
    backups
        .database
        .run(&[&["create", "initech"], &at_once[..]].concat())
        .success();
    backups
        .run(&[&["drop", "globex", "--yes"], &at_once[..]].concat())
        .success();
    writer.commit();
    Run::of(child).success();
    assert_eq!(backups.database.state().1, "tenant_initech");
}

#[test]
fn drops_of_tenants_that_look_at_what_they_share_do_not_wait_for_each_other_for_good() {
    let slugs = ["a", "b", "c", "d"];
    let backups = Backups::with_tenants(&slugs);
    backups.sql("CREATE TABLE public.plans (id int PRIMARY KEY)");
    for slug in slugs {
        backups.sql(&format!(
            "CREATE TABLE tenant_{slug}.uses (plan int REFERENCES public.plans); \
             CREATE VIEW tenant_{slug}.plans AS SELECT id FROM public.plans"
        ));
    }
    let at_once = ["--yes", "--jobs", "4", "--retries", "0"];
    backups.run(&[&["drop"], &slugs[..], &at_once].concat()).success();
    assert_eq!(backups.database.state(), (String::new(), String::new()));
}

#[test]
fn no_limit_on_transactions_ends_a_drop() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql(
        "INSERT INTO tenant_acme.people (name) SELECT md5(n::text) FROM generate_series(1, 300000) n; \
         DO $$ DECLARE name text; BEGIN FOR name IN SELECT s.name FROM pg_settings s \
             WHERE s.name IN ('idle_in_transaction_session_timeout', 'transaction_timeout') LOOP \
             EXECUTE format('ALTER DATABASE %I SET %I = 100', current_database(), name); END LOOP; END $$",
    );
    backups.run(&["drop", "acme", "--yes"]).success();
    assert_eq!(backups.database.state(), (String::new(), String::new()));
}
