//! Kills and full disks.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::Backups;
use crate::support::{Database, Run, Server, psql, signal, wait_until};

fn large(slugs: &[&str]) -> Backups {
    with_many_rows(Backups::with_tenants(slugs), slugs)
}

fn with_many_rows(backups: Backups, slugs: &[&str]) -> Backups {
    for slug in slugs {
        backups.sql(&format!(
            "INSERT INTO tenant_{slug}.people (name) SELECT md5(n::text) FROM generate_series(1, 60000) n"
        ));
    }
    backups
}

#[test]
fn a_backup_that_is_killed_leaves_no_file_that_looks_whole() {
    let backups = large(&["acme", "globex"]);
    for round in 1..=8 {
        let child =
            backups
                .database
                .program()
                .spawn(&["backup", "--all", "--jobs", "2", "--dir", backups.dir()]);
        std::thread::sleep(Duration::from_millis(round * 60));
        signal(child.id(), "KILL");
        Run::of(child);
        for file in [backups.files("acme"), backups.files("globex")].concat() {
            let file = file.to_str().expect("a path in UTF-8");
            backups.database.run(&["verify", file]).success();
        }
    }
    backups.run(&["list-backups"]).success();
    backups.run(&["backup", "--all"]).success();
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_or_the_new() {
    let backups = large(&["acme"]);
    let file = backups.take("acme");
    backups.sql("DELETE FROM tenant_acme.people WHERE id > 1");
    let arguments: [&[&str]; 2] = [
        &["restore", &file, "--replace", "--yes"],
        &["restore", &file, "--as", "copy"],
    ];
    for round in 1..=8_u64 {
        let child = backups
            .database
            .program()
            .spawn(arguments[usize::try_from(round % 2).unwrap_or_default()]);
        std::thread::sleep(Duration::from_millis(round * 80));
        signal(child.id(), "KILL");
        Run::of(child);
        let rows = backups.sql("SELECT count(*) FROM tenant_acme.people");
        assert!(rows == "1" || rows == "60020", "{rows}");
        let state = backups.database.state();
        if state.1.contains("tenant_copy") {
            assert!(state.0.contains("copy tenant_copy"));
            assert_eq!(backups.sql("SELECT count(*) FROM tenant_copy.people"), "60020");
            backups.sql("DROP SCHEMA tenant_copy CASCADE; DELETE FROM tenants WHERE slug = 'copy'");
        }
        assert_eq!(
            backups.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenantctl%'"),
            "0"
        );
    }
    backups
        .database
        .run(&["restore", &file, "--replace", "--yes"])
        .success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "60020");
}

#[test]
fn a_full_disk_leaves_no_file_that_looks_whole() {
    let backups = large(&["acme"]);
    let disk = backups.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=300k", "tmpfs"])
        .arg(&disk)
        .status();
    assert!(
        mounted.is_ok_and(|status| status.success()),
        "a tmpfs cannot be mounted; run as root"
    );
    let run = backups
        .database
        .run(&["backup", "acme", "--dir", disk.to_str().expect("UTF-8")]);
    let left: Vec<_> = fs::read_dir(&disk).expect("readable").flatten().collect();
    Command::new("umount").arg("-l").arg(&disk).status().ok();
    run.exits(1).says("No space left on device");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_drop_without_room_for_its_backup_leaves_the_tenant() {
    let backups = large(&["acme"]);
    let disk = backups.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=300k", "tmpfs"])
        .arg(&disk)
        .status();
    assert!(
        mounted.is_ok_and(|status| status.success()),
        "a tmpfs cannot be mounted; run as root"
    );
    let disk_name = disk.to_str().expect("UTF-8");
    let run = backups
        .database
        .run(&["drop", "acme", "--yes", "--dir", disk_name]);
    let left: Vec<_> = fs::read_dir(&disk).expect("readable").flatten().collect();
    Command::new("umount").arg("-l").arg(&disk).status().ok();
    run.exits(1).says("No space left on device");
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "60020");
}

#[test]
fn a_drop_that_is_killed_leaves_the_tenant_or_a_backup_of_it() {
    let backups = large(&["acme"]);
    let mut rounds = [false; 2];
    for round in 1..=8 {
        let child = backups
            .database
            .program()
            .spawn(&["drop", "acme", "--yes", "--dir", backups.dir()]);
        std::thread::sleep(Duration::from_millis(round * 60));
        signal(child.id(), "KILL");
        Run::of(child);
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tenantctl%' \
                        AND datname = current_database()";
        wait_until("the killed run's sessions end", || backups.sql(sessions) == "0");
        let is_gone = backups.database.state() == (String::new(), String::new());
        rounds[usize::from(is_gone)] = true;
        if is_gone {
            backups.run(&["undrop", "acme"]).success();
        }
        assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "60020");
        assert_eq!(backups.sql("SELECT slug FROM tenants"), "acme");
    }
    assert!(rounds[0], "no round ended before the tenant was gone");
}

#[test]
fn a_restore_on_a_full_disk_leaves_what_was_there() {
    let (server, disk) = Server::on_small_disk(220);
    let backups = with_many_rows(Backups::made_in(Database::on(&server), &["acme"]), &["acme"]);
    let file = backups.take("acme");
    backups.sql("DELETE FROM tenant_acme.people WHERE id > 1; CHECKPOINT");
    for arguments in [&["--replace", "--yes"][..], &["--as=copy"]] {
        disk.fill_but(3000);
        let run = backups.database.run(&[&["restore", &file], arguments].concat());
        disk.free();
        assert!([1, 5].contains(&run.code), "{}: {}", run.code, run.stderr);
        // Without room for its log the server ends, and comes back.
        wait_until("the server answers", || {
            psql(backups.database.url(), "SELECT 1").is_ok()
        });
        assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "1");
        let (tenants, schemas) = backups.database.state();
        assert_eq!(
            (tenants.as_str(), schemas.as_str()),
            ("acme tenant_acme", "tenant_acme")
        );
    }
    backups
        .database
        .run(&["restore", &file, "--replace", "--yes"])
        .success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "60020");
}

#[test]
fn a_restore_that_is_interrupted_while_it_reads_the_file_has_asked_nothing_of_the_server() {
    let backups = Backups::with_tenants(&["acme"]);
    let pipe = backups.path().join("acme.sql.zst");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    // Somebody who holds the other end, and never writes.
    let holder = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .expect("opened");
    let file = pipe.to_str().expect("UTF-8");
    let child = backups
        .database
        .program()
        .spawn(&["restore", file, "--as", "copy"]);
    std::thread::sleep(Duration::from_millis(500));
    signal(child.id(), "INT");
    let run = Run::of(child)
        .exits(130)
        .says("what was not committed has been undone");
    assert!(!run.stderr.contains("may or may not"), "{}", run.stderr);
    drop(holder);
}
