//! What the statements of `exec` may do, and what they leave behind.

use crate::support::Database;

#[test]
fn read_only_cannot_be_escaped() {
    let database = Database::with_tenants(&["acme"]);
    let escape = "commit; create table public.escaped (id int)";
    let off = "set_config('standard_conforming_strings', 'off', false)";
    for (sql, code) in [
        (
            format!("select begin atomic from (select 1 as begin) s; {escape}"),
            2,
        ),
        (format!("select 1 begin atomic; {escape}"), 2),
        (
            format!("set standard_conforming_strings = off; select 'a\\'' ; {escape}; select '\\''"),
            2,
        ),
        (format!("select {off}; select 'a\\'' ; {escape}; select '\\''"), 1),
        (
            format!("do $$ begin perform {off}; end $$; select 'a\\'' ; {escape}; select '\\''"),
            1,
        ),
        (format!("select E'a'\n'\\'' ; {escape}; select E'\\''"), 2),
    ] {
        let run = database.run(&["exec", "acme", "--sql", &sql]);
        assert_eq!(run.code, code, "{sql}: {}", run.stderr);
        assert_eq!(database.sql("SELECT to_regclass('public.escaped')"), "", "{sql}");
    }
}

#[test]
fn a_prepared_statement_is_gone_with_its_tenant() {
    let database = Database::with_tenants(&["acme", "globex"]);
    for access in ["--read-only", "--write"] {
        let sql = "prepare p as select 1 as n; execute p";
        database
            .run(&["exec", "--all", "--jobs", "1", access, "--yes", "-s", sql])
            .success();
    }
}

#[test]
fn a_nul_byte_is_refused_before_any_tenant() {
    let database = Database::with_tenants(&["acme"]);
    let run = database
        .program()
        .input("select 1; select 'a\0b'")
        .run(&["exec", "acme", "--file", "-"]);
    run.exits(2).says("statement 2 holds a NUL byte");
}

#[test]
fn the_log_of_a_failure_holds_no_data() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE TABLE tenant_acme.people (name text UNIQUE); INSERT INTO tenant_acme.people VALUES ('hunter2')",
    );
    for (sql, message) in [
        (
            "select 1; insert into people values ('hunter2')",
            r#"statement 2: duplicate key value violates unique constraint "people_name_key" (23505)"#,
        ),
        (
            "select 'hunter2'::int",
            "invalid input syntax for type integer: '…' (22P02)",
        ),
    ] {
        let run = database
            .run(&["exec", "acme", "--write", "--yes", "-s", sql])
            .exits(1);
        assert!(run.stderr.contains("hunter2"), "{}", run.stderr);
        assert_eq!(
            database.sql("SELECT message FROM tenant_operation_results ORDER BY operation_id DESC LIMIT 1"),
            message
        );
    }
}

#[test]
fn csv_is_always_one_csv() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    database.sql(
        "CREATE TABLE tenant_acme.t AS SELECT 1 AS id, 'x' AS name; \
         CREATE TABLE tenant_globex.t AS SELECT 2 AS id; \
         CREATE TABLE tenant_initech.t AS SELECT 3 AS age, 4 AS id",
    );
    let csv = |sql: &str| database.run(&["exec", "--all", "-o", "csv", "-s", sql]);
    for sql in ["select * from t", "set local work_mem = '8MB'; select * from t"] {
        assert_eq!(
            csv(sql).success().stdout,
            "tenant,id,name,age\nacme,1,x,\nglobex,2,,\ninitech,4,,3\n"
        );
    }
    let twice = csv("select id, id from t").success().stdout;
    assert_eq!(twice, "tenant,id,id\nacme,1,1\nglobex,2,2\ninitech,4,4\n");
    let settings = csv("set local work_mem = '8MB'").success().stdout;
    assert_eq!(settings, "tenant,rows_affected\nacme,0\nglobex,0\ninitech,0\n");
    csv("select 1; select 2").exits(2).says("use `--output json`");
}
