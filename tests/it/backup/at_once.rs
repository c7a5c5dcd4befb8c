//! While others write: each file is of one moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Backups;
use crate::support::{Database, PgBouncer, Program, Server, psql};

#[test]
fn a_tenant_that_is_changed_all_the_time_is_backed_up_as_it_was_at_one_moment() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql("CREATE TABLE tenant_acme.others AS SELECT * FROM tenant_acme.people LIMIT 0");
    let url = backups.database.url().to_owned();
    let has_enough = AtomicBool::new(false);
    // Rows move from one table to the other and back, and are never in both or in neither. What is truncated looks
    // empty to whoever has an older snapshot and no lock.
    let changes = [
        "BEGIN; INSERT INTO others SELECT id, name FROM people; TRUNCATE people; COMMIT",
        "BEGIN; INSERT INTO people SELECT id, name FROM others; DELETE FROM others; COMMIT",
        "ALTER TABLE others ADD COLUMN extra int DEFAULT 1; ALTER TABLE others DROP COLUMN extra",
    ];
    let mut taken = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for change in changes.iter().cycle() {
                if has_enough.load(Ordering::Relaxed) {
                    break;
                }
                psql(&url, &format!("SET search_path = tenant_acme; {change}")).ok();
                std::thread::sleep(Duration::from_millis(400));
            }
        });
        for _ in 0..8 {
            let run = backups.run(&["backup", "acme"]);
            match run.code {
                0 => taken += 1,
                // Somebody who is changed again and again may be left over, and is said to be.
                _ => drop(run.exits(1).says("was changed while it was being read")),
            }
        }
        has_enough.store(true, Ordering::Relaxed);
    });
    assert!(taken > 0, "never backed up");
    let files = backups.files("acme");
    assert_eq!(files.len(), taken);
    for file in files {
        let file = file.to_str().expect("a path in UTF-8");
        backups.database.run(&["restore", file, "--as", "copy"]).success();
        let rows = backups
            .sql("SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM tenant_copy.people UNION ALL SELECT id FROM tenant_copy.others) r");
        assert_eq!(rows, "20|20", "{file}");
        backups
            .database
            .run(&["drop", "copy", "--yes", "--no-backup"])
            .success();
    }
}

#[test]
fn a_tenant_is_backed_up_where_there_is_no_session_to_spare() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::with_connections(&server, 2);
    let backups = Backups::made_in(Database::on(&server), &["acme"]);
    for (pool, url) in [
        ("10", bouncer.url(backups.database.name())),
        ("2", backups.database.url().to_owned()),
    ] {
        Program::new()
            .env("DATABASE_URL", &url)
            .env("DATABASE_POOL_MAX", pool)
            .run(&["backup", "acme", "--dir", backups.dir()])
            .success();
    }
    for file in backups.files("acme") {
        let file = file.to_str().expect("a path in UTF-8");
        backups.database.run(&["verify", "--restore", file]).success();
    }
}

#[test]
fn tenants_whose_rows_move_all_the_time_are_each_backed_up_as_they_were_at_one_moment() {
    let slugs = ["a", "b", "c", "d"];
    let backups = Backups::with_tenants(&slugs);
    for slug in slugs {
        backups.sql(&format!(
            "CREATE TABLE tenant_{slug}.others AS SELECT * FROM tenant_{slug}.people LIMIT 0; \
             CREATE TABLE tenant_{slug}.counted (id serial PRIMARY KEY, at int GENERATED ALWAYS AS IDENTITY)"
        ));
    }
    let url = backups.database.url().to_owned();
    let has_enough = AtomicBool::new(false);
    let mut runs = Vec::new();
    std::thread::scope(|scope| {
        for slug in slugs {
            let (url, has_enough) = (&url, &has_enough);
            scope.spawn(move || {
                let there_and_back = format!(
                    "SET search_path = tenant_{slug}; \
                     BEGIN; INSERT INTO others SELECT id, name FROM people; DELETE FROM people; COMMIT; \
                     INSERT INTO counted SELECT FROM generate_series(1, 5); \
                     BEGIN; INSERT INTO people SELECT id, name FROM others; DELETE FROM others; COMMIT"
                );
                while !has_enough.load(Ordering::Relaxed) {
                    psql(url, &there_and_back).ok();
                    std::thread::sleep(Duration::from_millis(30));
                }
            });
        }
        for _ in 0..3 {
            runs.push(backups.run(&["backup", "--all", "--jobs", "2", "--retries", "20"]));
        }
        has_enough.store(true, Ordering::Relaxed);
    });
    for run in runs {
        run.success();
    }
    for slug in slugs {
        let files = backups.files(slug);
        assert_eq!(files.len(), 3);
        for file in files {
            let file = file.to_str().expect("a path in UTF-8");
            backups.database.run(&["restore", file, "--as", "copy"]).success();
            let all = "SELECT id FROM tenant_copy.people UNION ALL SELECT id FROM tenant_copy.others";
            let rows = backups.sql(&format!(
                "SELECT count(*), count(DISTINCT id) FROM ({all}) AS rows"
            ));
            assert_eq!(rows, "20|20", "{file}");
            // Rows were written while the sequences were read, which keep to no snapshot.
            let next = backups.sql(
                "SELECT count(*) > 0, max(id) < nextval('tenant_copy.counted_id_seq'), \
                 max(at) < nextval('tenant_copy.counted_at_seq') FROM tenant_copy.counted",
            );
            assert_eq!(next, "t|t|t", "{file}");
            backups
                .database
                .run(&["drop", "copy", "--yes", "--no-backup"])
                .success();
        }
    }
}
