//! Moving a tenant to another database.

use std::fs;

use super::Backups;
use crate::support::{Database, Holder, Run, psql, signal, wait_until};

/// Runs `move` from one database to another.
fn relocate(backups: &Backups, there: &Database, arguments: &[&str]) -> Run {
    backups.database.run(
        &[
            &[
                "move",
                "acme",
                "--to",
                "eu",
                "--config",
                &configured(backups, there),
            ],
            arguments,
        ]
        .concat(),
    )
}

fn configured(backups: &Backups, there: &Database) -> String {
    let config = backups.path().join("tenantctl.toml");
    fs::write(&config, format!("[targets.eu]\nurl = \"{}\"\n", there.url())).expect("written");
    config.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn a_moved_tenant_is_active_there_and_suspended_here() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    backups.sql("UPDATE tenants SET domain = 'acme.example' WHERE slug = 'acme'");
    let there = Database::new();
    relocate(&backups, &there, &[])
        .exits(2)
        .says("there is no terminal");
    relocate(&backups, &there, &["--dry-run"]).success();
    assert_eq!(there.sql("SELECT count(*) FROM tenants"), "0");
    let json = relocate(&backups, &there, &["--yes", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["rows"], 24);
    assert_eq!(json["tenant"]["status"], "active");
    let of = |database: &Database| {
        let row = database.sql("SELECT id, domain, created_at FROM tenants WHERE slug = 'acme'");
        row + &database.sql("SELECT string_agg(p::text, ' ' ORDER BY id) FROM tenant_acme.people p")
    };
    assert_eq!(of(&there), of(&backups.database));
    assert_eq!(
        backups.sql("SELECT status FROM tenants WHERE slug = 'acme'"),
        "suspended"
    );
    assert_eq!(there.sql("SELECT status FROM tenants"), "active");
    for more in ["--yes", "--dry-run"] {
        let run = relocate(&backups, &there, &[more]).exits(1);
        let run = run
            .says("tenant `acme` already exists")
            .says("tenantctl show acme");
        assert!(!run.stderr.contains("--if-not-exists"), "{}", run.stderr);
        assert!(!run.stderr.contains("--replace"), "{}", run.stderr);
    }
}

#[test]
fn a_move_to_the_same_database_is_a_mistake_of_the_caller() {
    let backups = Backups::with_tenants(&["acme"]);
    for more in ["--yes", "--dry-run"] {
        relocate(&backups, &backups.database, &[more])
            .exits(2)
            .says("is the database that tenant `acme` is in");
    }
    assert_eq!(backups.sql("SELECT status FROM tenants"), "active");
}

#[test]
fn a_move_to_nowhere_changes_nothing() {
    let backups = Backups::with_tenants(&["acme"]);
    let there = Database::empty();
    let unknown = [
        "move",
        "acme",
        "--to",
        "ue",
        "--yes",
        "--config",
        &configured(&backups, &there),
    ];
    let run = backups.database.run(&unknown).exits(2);
    run.says("flag `--to`: there is no target `ue`")
        .says("did you mean `eu`?");
    relocate(&backups, &there, &["--yes"])
        .exits(2)
        .says("this database has no registry of tenants");
    assert_eq!(backups.sql("SELECT status FROM tenants"), "active");
}

#[test]
fn a_move_that_is_killed_loses_no_tenant_and_halves_none() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql("INSERT INTO tenant_acme.people (name) SELECT md5(n::text) FROM generate_series(1, 60000) n");
    let there = Database::new();
    let config = configured(&backups, &there);
    for round in 1..=8 {
        let child = backups
            .database
            .program()
            .spawn(&["move", "acme", "--to", "eu", "--yes", "--config", &config]);
        std::thread::sleep(std::time::Duration::from_millis(round * 90));
        signal(child.id(), "KILL");
        Run::of(child);
        let active =
            |database: &Database| database.sql("SELECT count(*) FROM tenants WHERE is_active") == "1";
        assert!(active(&backups.database) || active(&there));
        if there.sql("SELECT count(*) FROM tenants") == "1" {
            assert_eq!(there.sql("SELECT count(*) FROM tenant_acme.people"), "60020");
            there.sql("DROP SCHEMA tenant_acme CASCADE; DELETE FROM tenants");
            backups.sql("UPDATE tenants SET is_active = true");
        }
        assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "60020");
    }
}

/// Moves the tenant while somebody waits to write to it, and says how that went.
fn move_beside(backups: &Backups, there: &Database, written: &'static str) -> Run {
    let keeper = Holder::of(there, "LOCK TABLE tenants IN SHARE MODE");
    let config = configured(backups, there);
    let arguments = [
        "move", "acme", "--to", "eu", "--yes", "--config", &config, "-o", "json",
    ];
    let child = backups.database.program().spawn(&arguments);
    wait_until("the move waits", || there.somebody_waits());
    let writer = {
        let url = backups.database.url().to_owned();
        std::thread::spawn(move || psql(&url, written))
    };
    wait_until("somebody waits for the move", || {
        backups.database.somebody_waits()
    });
    keeper.commit();
    let run = Run::of(child);
    writer.join().expect("it ends").expect("it was written");
    run
}

#[test]
fn a_move_tells_what_was_written_here_by_those_who_had_waited() {
    for written in [
        "INSERT INTO tenant_acme.people (name) VALUES ('late')",
        "DELETE FROM tenant_acme.people WHERE id = 1",
        "UPDATE tenant_acme.people SET name = 'late' WHERE id = 1",
    ] {
        let backups = Backups::with_tenants(&["acme"]);
        let there = Database::new();
        let run = move_beside(&backups, &there, written).exits(1);
        assert_eq!(run.json()["written_here"][0], "people");
        run.says(
            "tenant `acme` is moved, and somebody who had waited for it has written to it here since: people",
        )
        .says("hint:");
        assert_eq!(there.sql("SELECT status FROM tenants"), "active");
        assert_eq!(backups.sql("SELECT status FROM tenants"), "suspended");
    }
}

#[test]
fn a_move_leaves_everything_where_it_was_when_the_schema_changes_meanwhile() {
    // While the first row of all waits, and when the last thing that is said of the tenant does.
    for (waits, changed) in [
        ("tenants", "CREATE TABLE tenant_acme.late (id int)"),
        (
            "tenants",
            "CREATE FUNCTION tenant_acme.late() RETURNS int LANGUAGE sql RETURN 1",
        ),
        (
            "tenant_operation_results",
            "CREATE TABLE tenant_acme.late (id int)",
        ),
    ] {
        let backups = Backups::with_tenants(&["acme"]);
        let there = Database::new();
        let keeper = Holder::of(&there, &format!("LOCK TABLE {waits} IN SHARE MODE"));
        let config = configured(&backups, &there);
        let arguments = ["move", "acme", "--to", "eu", "--yes", "--config", &config];
        let child = backups.database.program().spawn(&arguments);
        wait_until("the move waits", || there.somebody_waits());
        backups.sql(changed);
        keeper.commit();
        Run::of(child)
            .exits(1)
            .says("schema `tenant_acme` was changed while it was being read")
            .says("hint: wait until nobody changes the schema");
        assert_eq!(there.state(), (String::new(), String::new()));
        assert_eq!(backups.sql("SELECT status FROM tenants"), "active");
        backups.database.nobody_is_left();
        backups.database.run(&arguments).success();
    }
}

#[test]
fn what_comes_into_a_table_while_the_others_are_waited_for_is_moved_or_said() {
    let backups = Backups::with_tenants(&["acme"]);
    let there = Database::new();
    // Made by somebody who is waited for: in none of the lists that were made before.
    let maker = Holder::of(
        &backups.database,
        "CREATE TABLE tenant_acme.late (id int); INSERT INTO tenant_acme.people (name) VALUES ('late')",
    );
    let config = configured(&backups, &there);
    let arguments = ["move", "acme", "--to", "eu", "--yes", "--config", &config];
    let child = backups.database.program().spawn(&arguments);
    wait_until("the move waits", || backups.database.somebody_waits());
    let keeper = Holder::of(&there, "LOCK TABLE tenants IN SHARE MODE");
    maker.commit();
    wait_until("the move goes on", || there.somebody_waits());
    let url = backups.database.url().to_owned();
    let writer = std::thread::spawn(move || psql(&url, "INSERT INTO tenant_acme.late VALUES (1)"));
    wait_until("whoever writes waits", || backups.database.somebody_waits());
    keeper.commit();
    Run::of(child).exits(1).says("has written to it here since: late");
    writer.join().expect("it ends").expect("it was written");
}

#[test]
fn who_waits_for_a_move_and_writes_nothing_is_none_of_its_business() {
    let backups = Backups::with_tenants(&["acme"]);
    let there = Database::new();
    let taken_back = "BEGIN; INSERT INTO tenant_acme.people (name) VALUES ('late'); ROLLBACK";
    let run = move_beside(&backups, &there, taken_back).success();
    assert_eq!(run.json()["written_here"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_move_that_the_other_database_would_refuse_is_refused_by_its_dry_run_as_well() {
    for (there_is, says, hint) in [
        (
            "INSERT INTO tenants (slug, name, schema_name, subscription_plan, region, domain) \
             VALUES ('other', 'Other', 'tenant_other', 'free', 'eu', 'ACME.example')",
            "the other database: domain `acme.example` already belongs to another tenant",
            "give one of the two tenants another domain",
        ),
        (
            "CREATE SCHEMA tenant_acme",
            "the other database: schema `tenant_acme` already exists",
            "look whose schema `tenant_acme` is in",
        ),
        (
            "INSERT INTO tenants (slug, name, schema_name, subscription_plan, region) \
             VALUES ('other', 'Other', 'tenant_acme', 'free', 'eu')",
            "the other database: schema `tenant_acme`",
            "hint:",
        ),
    ] {
        let backups = Backups::with_tenants(&["acme"]);
        backups.sql("UPDATE tenants SET domain = 'acme.example'");
        let there = Database::new();
        there.sql(there_is);
        let before = there.state();
        for more in ["--dry-run", "--yes"] {
            relocate(&backups, &there, &[more]).exits(1).says(says).says(hint);
        }
        assert_eq!(there.state(), before);
        assert_eq!(backups.sql("SELECT status FROM tenants"), "active");
    }
}

#[test]
fn a_move_of_a_tenant_without_a_schema_is_refused_by_its_dry_run_as_well() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql("DROP SCHEMA tenant_acme CASCADE");
    let there = Database::new();
    for more in ["--dry-run", "--yes"] {
        relocate(&backups, &there, &[more])
            .exits(1)
            .says("schema `tenant_acme` does not exist");
    }
    assert_eq!(there.state(), (String::new(), String::new()));
}
