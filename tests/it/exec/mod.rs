//! SQL in every tenant's context: who is asked, what may be changed, how answers are merged and failures told.

mod interrupted;
mod statements;

use std::fs;

use crate::support::{Database, Program, Run, wait_until};

fn people(slugs: &[&str]) -> Database {
    let database = Database::with_tenants(slugs);
    for (number, slug) in (1..).zip(slugs) {
        let schema = slug.replace('-', "_");
        database.sql(&format!(
            "CREATE TABLE tenant_{schema}.people (id int PRIMARY KEY, name text); \
             INSERT INTO tenant_{schema}.people SELECT n, '{slug} ' || n FROM generate_series(1, {number}) n"
        ));
    }
    database
}

#[test]
fn answers_are_merged_with_the_tenant_in_front() {
    let database = people(&["acme", "globex"]);
    let run = database
        .run(&[
            "exec",
            "--all",
            "--sql",
            "select id, name from people order by id",
        ])
        .success();
    insta::assert_snapshot!(run.shown(), @"
    exit 0
    --- stdout
    tenant  id  name
    acme    1   acme 1
    globex  1   globex 1
    globex  2   globex 2
    --- stderr
    ");
    let csv = database
        .run(&[
            "exec",
            "--all",
            "-s",
            "select count(*) as n from people",
            "-o",
            "csv",
        ])
        .success();
    assert_eq!(csv.stdout, "tenant,n\nacme,1\nglobex,2\n");
    let json = database
        .run(&["exec", "globex", "-s", "select 1 a; select null b", "-o", "json"])
        .success()
        .json();
    assert_eq!(
        json["results"][1],
        serde_json::json!({
            "tenant": "globex", "statement": 2, "columns": ["b"], "rows": [[null]], "affected": 1
        })
    );
}

#[test]
fn nothing_can_be_changed_without_write() {
    let database = people(&["acme"]);
    for sql in [
        "delete from people",
        "create table t (id int)",
        "select nextval('s')",
        "set local transaction_read_only = off; delete from people",
    ] {
        database.sql("CREATE SEQUENCE IF NOT EXISTS tenant_acme.s");
        let run = database.run(&["exec", "acme", "--sql", sql]);
        assert_eq!(run.code, 1, "{sql}: {}", run.stderr);
    }
    database
        .run(&["exec", "acme", "--sql", "delete from people"])
        .exits(1)
        .says("pass `--write`");
    assert_eq!(database.sql("SELECT count(*) FROM tenant_acme.people"), "1");
}

#[test]
fn write_asks_and_then_changes() {
    let database = people(&["acme", "globex"]);
    database
        .run(&["exec", "--all", "--write", "-s", "delete from people"])
        .exits(2)
        .says("--yes");
    let run = database
        .run(&[
            "exec",
            "--all",
            "--write",
            "--yes",
            "-s",
            "delete from people where id = 1",
        ])
        .success();
    insta::assert_snapshot!(run.shown(), @"
    exit 0
    --- stdout
    TENANT  ROWS AFFECTED
    acme                1
    globex              1
    --- stderr
    ");
    assert_eq!(
        database.sql(
            "SELECT (SELECT count(*) FROM tenant_acme.people), (SELECT count(*) FROM tenant_globex.people)"
        ),
        "0|1"
    );
    assert_eq!(
        database.sql("SELECT command, outcome, details FROM tenant_operations WHERE command = 'exec'"),
        r#"exec|done|{"statements": ["delete from people where id = 1"]}"#
    );
    assert_eq!(database.sql("SELECT count(*) FROM tenant_operation_results r JOIN tenant_operations o \
                             ON o.id = r.operation_id WHERE command = 'exec' AND r.outcome = 'done' AND duration_ms >= 0"), "2");
}

#[test]
fn answers_are_shown_even_when_the_log_cannot_be_finished() {
    let database = people(&["acme"]);
    database.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the log is full'; END $$; \
         CREATE TRIGGER refuse BEFORE UPDATE ON tenant_operations FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    let statement = "insert into people values (9, 'x') returning id";
    let run = database
        .run(&["exec", "acme", "--write", "--yes", "-o", "csv", "-s", statement])
        .exits(1)
        .says("error: the operation log does not say how this run ended: the log is full");
    assert_eq!(run.stdout, "tenant,id\nacme,9\n");
    assert_eq!(database.sql("SELECT max(id) FROM tenant_acme.people"), "9");
}

#[test]
fn a_tenants_statements_are_one_transaction() {
    let database = people(&["acme"]);
    let run = database
        .run(&[
            "exec",
            "acme",
            "--write",
            "--yes",
            "-s",
            "delete from people; insert into people values (9, 'x'); select 1/0",
        ])
        .exits(1);
    assert!(
        run.stderr.contains("statement 3") && run.stderr.contains("division by zero (22012)"),
        "{}",
        run.stderr
    );
    assert_eq!(database.sql("SELECT id FROM tenant_acme.people"), "1");
}

#[test]
fn one_failure_does_not_hide_the_others_answers() {
    let database = people(&["acme", "globex", "initech"]);
    database.sql("DROP TABLE tenant_globex.people");
    let run = database
        .run(&["exec", "--all", "-s", "select count(*) from people"])
        .exits(3);
    insta::assert_snapshot!(run.shown(), @r#"
    exit 3
    --- stdout
    tenant   count
    acme     1
    initech  3
    --- stderr
    error: 1 of 3 tenants failed to run the statements
      globex  relation "people" does not exist (42P01)
    "#);
    let json = database
        .run(&["exec", "--all", "-s", "select count(*) from people", "-o", "json"])
        .exits(3)
        .json();
    assert_eq!(json["failed"][0]["tenant"], "globex");
}

#[test]
fn with_write_the_first_failure_starts_no_more() {
    let database = people(&["a", "b", "c", "d"]);
    database.sql("DROP TABLE tenant_b.people");
    let run = database
        .run(&[
            "exec",
            "--all",
            "--write",
            "--yes",
            "--jobs",
            "1",
            "-s",
            "delete from people",
        ])
        .exits(1);
    assert!(
        run.stderr.contains("not started: 2 tenants: c, d"),
        "{}",
        run.stderr
    );
    assert_eq!(
        database.sql("SELECT outcome FROM tenant_operations WHERE command = 'exec'"),
        "failed"
    );
    assert_eq!(
        database.sql(
            "SELECT r.slug, r.outcome FROM tenant_operation_results r JOIN tenant_operations o \
                      ON o.id = r.operation_id WHERE command = 'exec' ORDER BY 1"
        ),
        "a|done\nb|failed\nc|not_started\nd|not_started"
    );
}

#[test]
fn statements_that_end_the_transaction_are_refused_before_any_tenant() {
    let database = people(&["acme"]);
    for sql in [
        "commit; delete from people",
        "select 1; rollback",
        "vacuum",
        "copy people to stdout",
        "select 'open",
        " -- nothing",
    ] {
        database.run(&["exec", "--all", "-s", sql]).exits(2);
    }
    database
        .run(&["exec", "-s", "select 1"])
        .exits(2)
        .says("no tenants were named");
    database.run(&["exec", "--all"]).exits(2);
}

#[test]
fn a_schema_that_is_missing_never_falls_through_to_public() {
    let database = people(&["acme"]);
    database.sql("CREATE TABLE public.people (id int); DROP SCHEMA tenant_acme CASCADE");
    database
        .run(&[
            "exec",
            "acme",
            "--write",
            "--yes",
            "-s",
            "insert into people values (1)",
        ])
        .exits(1)
        .says("error: tenant `acme`: schema `tenant_acme` does not exist")
        .says("hint: bring it back with `tenantctl restore FILE --replace`");
    assert_eq!(database.sql("SELECT count(*) FROM public.people"), "0");
}

#[test]
fn tenants_and_statements_come_from_files_and_standard_input() {
    let database = people(&["acme", "globex", "initech"]);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("list"), "# chosen\nglobex\n\n acme \n").expect("written");
    fs::write(folder.path().join("q.sql"), "select count(*) as n from people;\n").expect("written");
    let run = database.program().folder(folder.path()).run(&[
        "exec",
        "--from-file",
        "list",
        "-f",
        "q.sql",
        "-o",
        "csv",
    ]);
    assert_eq!(run.success().stdout, "tenant,n\nacme,1\nglobex,2\n");
    let run = database
        .program()
        .input("select 7 as n")
        .run(&["exec", "acme", "-f", "-", "-o", "csv"]);
    assert_eq!(run.success().stdout, "tenant,n\nacme,7\n");
    fs::write(folder.path().join("list"), "\u{feff}globex\n").expect("written");
    let run = database
        .program()
        .folder(folder.path())
        .input("\u{feff}select 7 as n")
        .run(&["exec", "--from-file", "list", "-f", "-", "-o", "csv"]);
    assert_eq!(run.success().stdout, "tenant,n\nglobex,7\n");
    fs::write(folder.path().join("bad"), "acme\nNot A Slug\n").expect("written");
    let run = database
        .program()
        .folder(folder.path())
        .run(&["exec", "--from-file", "bad", "-f", "q.sql"]);
    run.exits(2).says("file `bad`, line 2");
}

#[test]
fn an_empty_selection_is_said_and_no_failure() {
    let database = people(&["acme"]);
    database
        .run(&["exec", "--all", "--plan", "none", "-s", "select 1"])
        .success()
        .says("no tenants match");
    database.run(&["suspend", "acme"]).success();
    database
        .run(&["exec", "acme", "-s", "select 1"])
        .exits(2)
        .says("pass `--inactive`");
    database
        .run(&["exec", "acme", "--inactive", "-s", "select 1"])
        .success();
}

#[test]
fn exec_dry_run_names_the_tenants_and_runs_nothing() {
    let database = people(&["acme", "globex"]);
    let run = database
        .run(&[
            "exec",
            "--all",
            "--write",
            "--dry-run",
            "-s",
            "delete from people",
        ])
        .success();
    insta::assert_snapshot!(run.shown(), @"
    exit 0
    --- stdout
    TENANT
    acme
    globex
    --- stderr
    would run in 2 tenants; dry run: nothing was run
    ");
    let csv = database.run(&["exec", "--all", "--dry-run", "-s", "select 1", "-o", "csv"]);
    assert_eq!(csv.success().stdout, "tenant\nacme\nglobex\n");
    let none = [
        "exec",
        "--all",
        "--plan",
        "none",
        "--dry-run",
        "-s",
        "select 1",
        "-o",
        "json",
    ];
    let json = database.run(&none).success().says("no tenants match").json();
    assert_eq!(json["dry_run"], true);
    assert_eq!(database.sql("SELECT count(*) FROM tenant_acme.people"), "1");
}

#[test]
fn a_statement_that_takes_too_long_is_cancelled_on_the_server() {
    let database = people(&["acme"]);
    database
        .run(&[
            "exec",
            "acme",
            "--statement-timeout",
            "100ms",
            "-s",
            "select pg_sleep(20)",
        ])
        .exits(1)
        .says("canceling statement due to statement timeout (57014)");
}

#[test]
fn a_deadlock_is_tried_again() {
    let database = people(&["acme", "globex"]);
    database.sql("CREATE TABLE public.tries (id serial); CREATE FUNCTION public.once() RETURNS void LANGUAGE plpgsql AS $$ \
                  BEGIN PERFORM nextval('public.tries_id_seq'); \
                  IF currval('public.tries_id_seq') <= 2 THEN RAISE EXCEPTION 'try again' USING ERRCODE = '40P01'; END IF; END $$");
    let run = database
        .run(&[
            "exec",
            "--all",
            "--jobs",
            "1",
            "--write",
            "--yes",
            "-s",
            "select public.once()",
        ])
        .success();
    assert!(
        run.stderr.contains("attempt 2 failed, again in"),
        "{}",
        run.stderr
    );
    database.sql("ALTER SEQUENCE public.tries_id_seq RESTART");
    database
        .run(&[
            "exec",
            "acme",
            "--retries",
            "0",
            "--write",
            "--yes",
            "-s",
            "select public.once()",
        ])
        .exits(1)
        .says("try again (40P01)");
}

#[test]
fn deferred_constraints_still_find_the_tenants_tables() {
    let database = people(&["acme"]);
    database.sql(
        "CREATE FUNCTION tenant_acme.check_users() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM count(*) FROM people; RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON tenant_acme.people DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION tenant_acme.check_users()",
    );
    database
        .run(&[
            "exec",
            "acme",
            "--write",
            "--yes",
            "-s",
            "insert into people values (5, 'x')",
        ])
        .success();
}

#[test]
fn a_tenant_dropped_meanwhile_is_skipped() {
    let database = people(&["a", "b"]);
    let child = database.program().spawn(&[
        "exec",
        "--all",
        "--jobs",
        "1",
        "-o",
        "json",
        "-s",
        "select pg_sleep(1.5)",
    ]);
    wait_until("the first tenant is under way", || {
        database.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'select pg_sleep%' AND datname = current_database()") == "1"
    });
    database.run(&["drop", "--no-backup", "b", "--yes"]).success();
    let run = Run::of(child).success();
    assert_eq!(run.json()["skipped"], serde_json::json!(["b"]));
}

#[test]
fn more_jobs_than_connections_is_no_problem() {
    let slugs: Vec<String> = (0..20).map(|number| format!("t{number}")).collect();
    let database = Database::with_tenants(&slugs.iter().map(String::as_str).collect::<Vec<_>>());
    let run = database.program().env("DATABASE_POOL_MAX", "2").run(&[
        "exec",
        "--all",
        "--jobs",
        "50",
        "-s",
        "select pg_sleep(0.05)",
    ]);
    run.success();
}

#[test]
fn unreachable_is_said_before_any_tenant() {
    Program::new()
        .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
        .run(&["exec", "--all", "-s", "select 1"])
        .exits(5);
}
