//! A backup in the place of the tenant that is there.

use std::process::Stdio;

use super::Backups;
use crate::support::{Run, client, wait_until};

#[test]
fn replace_puts_the_backup_in_the_tenants_place() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    backups.sql("UPDATE tenants SET name = 'Newer' WHERE slug = 'acme'");
    backups.sql("DROP TABLE tenant_acme.people; CREATE TABLE tenant_acme.later (id int)");
    let id = backups.sql("SELECT id FROM tenants");
    let json = backups
        .database
        .run(&["restore", &file, "--replace", "--yes", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["replaced"], true);
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
    assert_eq!(backups.sql("SELECT to_regclass('tenant_acme.later')"), "");
    assert_eq!(backups.sql("SELECT id FROM tenants"), id);
    assert_eq!(backups.sql("SELECT name FROM tenants"), "Newer");
    assert_eq!(
        backups.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenantctl%'"),
        "0"
    );
    backups.database.run(&["drift", "acme"]).exits(4);
}

#[test]
fn a_tenant_in_a_schema_of_another_name_is_not_replaced() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    backups.sql(
        "ALTER SCHEMA tenant_acme RENAME TO customer_acme; UPDATE tenants SET schema_name = 'customer_acme'",
    );
    backups
        .database
        .run(&["restore", &file, "--replace", "--yes"])
        .exits(2)
        .says("tenant `acme` is in schema `customer_acme`, and the backup would be in `tenant_acme`")
        .says("--as SLUG");
}

#[test]
fn nobody_is_replaced_without_agreement() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    backups.sql("DELETE FROM tenant_acme.people");
    let replace = ["restore", &file, "--replace"];
    backups
        .database
        .run(&replace)
        .exits(2)
        .says("there is no terminal");
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "0");
    backups
        .database
        .run(&[&replace[..], &["--dry-run"]].concat())
        .success();
    // Nobody loses anything where there is nobody.
    backups
        .database
        .run(&[&replace[..], &["--as", "copy"]].concat())
        .success();
    backups.sql("DROP SCHEMA tenant_acme CASCADE; DELETE FROM tenants WHERE slug = 'acme'");
    backups.database.run(&replace).success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
}

#[test]
fn what_is_replaced_is_there_until_the_backup_is_whole() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    backups.sql("INSERT INTO tenant_acme.people (name) VALUES ('newer')");
    // A reader keeps the old tables from being dropped, and sees all of them meanwhile.
    let reader = client("psql")
        .args([backups.database.url(), "-XAtq", "-c"])
        .arg("BEGIN; SELECT count(*) FROM tenant_acme.people; SELECT pg_sleep(1.5); SELECT count(*) FROM tenant_acme.people; COMMIT")
        .stdout(Stdio::piped())
        .spawn()
        .expect("psql is installed with the server");
    wait_until("the reader reads", || {
        backups.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'") != "0"
    });
    backups
        .database
        .run(&["restore", &file, "--replace", "--yes"])
        .success();
    let output = reader.wait_with_output().expect("it ends");
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts: Vec<&str> = seen.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(counts, ["21", "21"]);
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
}

#[test]
fn replace_spares_what_others_have_made_of_the_old_tables_meanwhile() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql(
        "CREATE FUNCTION tenant_acme.slowly(int) RETURNS boolean LANGUAGE plpgsql \
         AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN true; END $$; \
         ALTER TABLE tenant_acme.people ADD CHECK (tenant_acme.slowly(id)) NOT VALID",
    );
    backups.sql("ALTER TABLE tenant_acme.people VALIDATE CONSTRAINT people_id_check");
    let file = backups.take("acme");
    let program = backups.database.program();
    let child = program.spawn(&["restore", &file, "--replace", "--yes"]);
    wait_until("rows are written", || {
        backups.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'") != "0"
    });
    backups.sql("CREATE VIEW public.report AS SELECT id FROM tenant_acme.people");
    Run::of(child)
        .exits(1)
        .says("objects outside schema `tenant_acme` depend on it: rule _RETURN on view public.report");
    assert_eq!(backups.sql("SELECT count(*) FROM public.report"), "20");
}

#[test]
fn replace_spares_what_others_outside_depend_on() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    backups.sql("CREATE VIEW public.report AS SELECT id FROM tenant_acme.people");
    backups
        .database
        .run(&["restore", &file, "--replace", "--yes"])
        .exits(1)
        .says("rule _RETURN on view report");
    assert_eq!(backups.sql("SELECT count(*) FROM public.report"), "20");
}
