use std::time::Duration;

use crate::support::{Database, Run};

#[test]
fn drop_removes_schema_data_and_row() {
    let database = Database::with_tenants(&["acme", "globex"]);
    database.sql("CREATE TABLE tenant_acme.users (id int); INSERT INTO tenant_acme.users VALUES (1)");
    let run = database.run(&["drop", "acme", "--yes"]).success();
    assert_eq!(run.stdout, "dropped tenant `acme` with schema `tenant_acme`\n");
    assert_eq!(
        database.state(),
        ("globex tenant_globex".to_owned(), "tenant_globex".to_owned())
    );
    assert_eq!(
        database.sql(
            "SELECT r.slug FROM tenant_operations o JOIN tenant_operation_results r ON r.operation_id = o.id \
                      WHERE command = 'drop'"
        ),
        "acme"
    );
}

#[test]
fn drop_without_agreement_changes_nothing() {
    let database = Database::with_tenants(&["acme"]);
    let run = database.run(&["drop", "acme"]).exits(2);
    insta::assert_snapshot!(run.stderr, @r"
    error: this needs confirmation, and there is no terminal to ask on

    hint: pass `--yes` if you are sure
    ");
    let run = database
        .run(&["drop", "acme", "--dry-run", "-o", "json"])
        .success();
    assert_eq!(run.json()["dropped"][0]["schema"], "tenant_acme");
    assert_eq!(database.state().1, "tenant_acme");
}

#[test]
fn drop_spares_what_others_outside_depend_on() {
    let database = Database::with_tenants(&["acme", "globex"]);
    database.sql(
        "CREATE TABLE tenant_acme.users (id int PRIMARY KEY); \
         CREATE TABLE tenant_acme.own (id int REFERENCES tenant_acme.users); \
         CREATE TYPE tenant_acme.mood AS ENUM ('good'); \
         CREATE VIEW public.report AS SELECT id FROM tenant_acme.users; \
         CREATE TABLE tenant_globex.links (id int REFERENCES tenant_acme.users, mood tenant_acme.mood)",
    );
    let run = database.run(&["drop", "acme", "--yes"]).exits(1);
    for words in [
        "rule _RETURN on view report",
        "column mood of table tenant_globex.links",
        "constraint links_id_fkey",
    ] {
        assert!(run.stderr.contains(words), "{words} is not in {}", run.stderr);
    }
    assert_eq!(database.state().1, "tenant_acme\ntenant_globex");
    database.sql("DROP VIEW public.report; DROP TABLE tenant_globex.links");
    database.run(&["drop", "acme", "--yes"]).success();
}

#[test]
fn drop_forgets_a_tenant_whose_schema_is_gone() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("DROP SCHEMA tenant_acme");
    database
        .run(&["drop", "acme", "--yes"])
        .success()
        .says("was gone already");
    assert_eq!(database.state(), (String::new(), String::new()));
}

#[test]
fn drop_takes_suspended_tenants_and_odd_schema_names() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE SCHEMA \"we\"\"ird; --\\x\"; \
         UPDATE tenants SET schema_name = 'we\"ird; --\\x'; UPDATE tenants SET is_active = false",
    );
    database.run(&["drop", "acme", "--yes"]).success();
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'we%'"),
        "0"
    );
}

#[test]
fn drop_gives_up_when_an_application_holds_the_tables() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("CREATE TABLE tenant_acme.users (id int)");
    let url = database.url().to_owned();
    let application = std::thread::spawn(move || {
        crate::support::psql(&url, "BEGIN; SELECT * FROM tenant_acme.users; SELECT pg_sleep(2)")
    });
    crate::support::wait_until("the table is held", || {
        database.sql("SELECT count(*) FROM pg_locks WHERE relation = 'tenant_acme.users'::regclass") != "0"
    });
    let config = tempfile::tempdir().expect("a folder");
    std::fs::write(
        config.path().join("tenantctl.toml"),
        "[tenants]\nlock_timeout = '100ms'\n",
    )
    .expect("written");
    let run = database
        .program()
        .folder(config.path())
        .run(&["drop", "acme", "--yes", "--retries", "1"]);
    run.exits(1)
        .says("canceling statement due to lock timeout (55P03)");
    assert_eq!(database.state().1, "tenant_acme");
    application.join().expect("no panic").expect("done");
    database.run(&["drop", "acme", "--yes"]).success();
}

#[test]
fn a_tenant_that_another_run_works_on_is_locked() {
    let database = Database::with_tenants(&["acme"]);
    let mut holder =
        database
            .program()
            .spawn(&["exec", "acme", "--write", "--yes", "-s", "select pg_sleep(3)"]);
    crate::support::wait_until("the tenant is locked", || {
        database.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'select pg_sleep%' AND datname = current_database()") == "1"
    });
    let run = database.run(&["drop", "acme", "--yes"]).exits(6);
    assert!(
        run.stderr
            .contains("schema `tenant_acme` is locked by another run (pid "),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("tenantctl exec as"), "{}", run.stderr);
    holder.kill().ok();
    holder.wait().ok();
}

#[test]
fn drops_of_one_tenant_at_once_remove_it_once() {
    let database = Database::with_tenants(&["acme"]);
    let children: Vec<_> = (0..8)
        .map(|_| database.program().spawn(&["drop", "acme", "--yes"]))
        .collect();
    let runs: Vec<Run> = children.into_iter().map(Run::of).collect();
    assert!(runs.iter().any(|run| run.stdout.contains("dropped tenant")));
    assert!(runs.iter().all(|run| [0, 2, 6].contains(&run.code)), "{runs:?}");
    assert_eq!(database.state(), (String::new(), String::new()));
    assert_eq!(
        database.sql("SELECT count(*) FROM tenant_operations WHERE command = 'drop'"),
        "1"
    );
}

#[test]
fn creates_and_drops_at_once_leave_registry_and_schemas_in_step() {
    let database = Database::new();
    for _ in 0..5 {
        let children: Vec<_> = (0..4)
            .flat_map(|_| {
                [
                    database.program().spawn(&["create", "acme"]),
                    database.program().spawn(&["drop", "acme", "--yes"]),
                ]
            })
            .collect();
        for child in children {
            Run::of(child);
        }
        let (rows, schemas) = database.state();
        assert_eq!(rows.is_empty(), schemas.is_empty(), "{rows} / {schemas}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
