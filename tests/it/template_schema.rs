//! What the migrations in `tenant_template/` make of a schema.

use crate::support::{Database, psql};

#[test]
fn the_history_of_the_template_is_in_its_schema() {
    let database = Database::new();
    assert_eq!(
        database.sql("SELECT version, name FROM tenant_template.refinery_schema_history ORDER BY 1"),
        "1|users\n2|metrics\n3|dashboards\n4|audit_and_jobs"
    );
    assert_eq!(
        database.sql("SELECT version, name FROM public.refinery_schema_history ORDER BY 1"),
        "1|registry\n2|known_fingerprints\n3|unfinished_migrations\n4|known_definitions\n5|size_snapshots\n6|cleanups\n7|light_bookkeeping\n8|texts_of_unfinished_migrations"
    );
}

#[test]
fn refinery_itself_finds_nothing_to_do_in_the_template() {
    let database = Database::new();
    let history =
        database.sql("SELECT checksum FROM tenant_template.refinery_schema_history ORDER BY version");
    let mut files =
        refinery_core::load_sql_migrations(concat!(env!("CARGO_MANIFEST_DIR"), "/tenant_template"))
            .expect("files");
    files.sort();
    let checksums: Vec<String> = files.iter().map(|file| file.checksum().to_string()).collect();
    assert_eq!(history, checksums.join("\n"));
}

#[test]
fn the_template_has_eight_tables_and_each_says_what_it_is_for() {
    let database = Database::new();
    let tables = "FROM pg_class WHERE relnamespace = 'tenant_template'::regnamespace AND relkind = 'r' \
                  AND relname <> 'refinery_schema_history'";
    assert_eq!(
        database.sql(&format!(
            "SELECT string_agg(relname, ' ' ORDER BY relname) {tables}"
        )),
        "audit_logs dashboard_configs dashboard_versions metrics_sessions scheduled_jobs sessions tool_metrics users"
    );
    let silent = "obj_description(oid, 'pg_class') IS NULL";
    assert_eq!(
        database.sql(&format!("SELECT count(*) {tables} AND {silent}")),
        "0"
    );
    assert_eq!(
        database.sql(&format!(
            "SELECT count(*) {tables} AND NOT (relrowsecurity AND EXISTS \
             (SELECT FROM pg_policy WHERE polrelid = pg_class.oid))"
        )),
        "0"
    );
}

#[test]
fn every_foreign_key_of_the_template_has_an_index() {
    let database = Database::new();
    let without = database.sql(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' \
         AND connamespace = 'tenant_template'::regnamespace AND NOT EXISTS (SELECT FROM pg_index \
         WHERE indrelid = conrelid AND indpred IS NULL AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey)",
    );
    assert_eq!(without, "");
    assert_eq!(
        database.sql(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' \
             AND connamespace = 'tenant_template'::regnamespace"
        ),
        "7"
    );
}

#[test]
fn the_template_depends_on_nothing_but_itself() {
    let database = Database::new();
    database.sql("ALTER SCHEMA tenant_template RENAME TO moved");
    database.sql(
        "INSERT INTO moved.users (email, name) VALUES ('a@example.org', 'A'); UPDATE moved.users SET name = 'B'",
    );
    assert_eq!(
        database.sql(
            "SELECT count(*) FROM pg_proc WHERE prosrc LIKE '%tenant\\_template%' OR prosrc LIKE '%moved%'"
        ),
        "0"
    );
}

#[test]
fn an_update_moves_updated_at_on_every_table_that_has_it() {
    let database = Database::new();
    assert_eq!(
        database.sql(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid \
             WHERE relnamespace = 'tenant_template'::regnamespace AND attname = 'updated_at' AND relkind = 'r' \
             AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = relname || '_set_updated_at')"
        ),
        ""
    );
    database.sql(
        "INSERT INTO tenant_template.users (email, name, updated_at) VALUES ('a@example.org', 'A', '2020-01-01')",
    );
    database.sql("UPDATE tenant_template.users SET name = 'B', updated_at = '2020-01-01'");
    assert_eq!(
        database.sql("SELECT updated_at > now() - interval '1 hour' FROM tenant_template.users"),
        "t"
    );
}

#[test]
fn an_address_is_one_users_in_any_case_and_free_again_after_deletion() {
    let database = Database::new();
    let add = |email: &str| {
        psql(
            database.url(),
            &format!("INSERT INTO tenant_template.users (email, name) VALUES ('{email}', 'A')"),
        )
    };
    add("Ann@example.org").expect("new");
    let error = add("ann@EXAMPLE.org").expect_err("taken");
    assert!(error.contains("users_email_key"), "{error}");
    database.sql("UPDATE tenant_template.users SET deleted_at = now()");
    add("ann@example.org").expect("free again");
}

#[test]
fn an_ordinary_role_sees_rows_only_in_the_name_of_the_tenant() {
    let database = Database::new();
    let role = format!("app_{}", database.name());
    database.sql(&format!(
        "CREATE ROLE \"{role}\"; GRANT USAGE ON SCHEMA tenant_template TO \"{role}\"; \
         GRANT ALL ON ALL TABLES IN SCHEMA tenant_template TO \"{role}\"; \
         INSERT INTO tenant_template.users (email, name) VALUES ('a@example.org', 'A'); \
         INSERT INTO tenant_template.audit_logs (actor, action, resource) VALUES ('A', 'sign-in', 'session')"
    ));
    let as_role = |setting: &str, sql: &str| {
        psql(
            database.url(),
            &format!("SET ROLE \"{role}\"; SET search_path = tenant_template; {setting}; {sql}"),
        )
    };
    let nobody = "RESET app.current_tenant";
    let other = "SET app.current_tenant = 'tenant_other'";
    let own = "SET app.current_tenant = 'tenant_template'";
    let add = "INSERT INTO users (email, name) VALUES ('b@example.org', 'B')";
    for setting in [nobody, "SET app.current_tenant = ''", other] {
        for table in ["users", "audit_logs"] {
            assert_eq!(
                as_role(setting, &format!("SELECT count(*) FROM {table}")).expect("an answer"),
                "0",
                "{setting}"
            );
        }
        let error = as_role(setting, add).expect_err("refused");
        assert!(error.contains("row-level security"), "{error}");
        as_role(setting, "DELETE FROM users").expect("nothing to delete");
    }
    as_role(own, add).expect("allowed");
    assert_eq!(
        as_role(own, "SELECT count(*) FROM users").expect("an answer"),
        "2"
    );

    // The log is read and added to, not changed.
    as_role(
        own,
        "INSERT INTO audit_logs (actor, action, resource) VALUES ('B', 'sign-in', 'session')",
    )
    .expect("allowed");
    as_role(own, "UPDATE audit_logs SET actor = 'nobody'").expect("nothing to change");
    as_role(own, "DELETE FROM audit_logs").expect("nothing to delete");
    assert_eq!(
        database.sql("SELECT string_agg(actor, ' ' ORDER BY id) FROM tenant_template.audit_logs"),
        "A B"
    );

    // The policies follow the schema, and no temporary table deceives them.
    database.sql("ALTER SCHEMA tenant_template RENAME TO tenant_other");
    let count = "CREATE TEMP TABLE pg_namespace AS SELECT oid, 'tenant_template'::name AS nspname \
                 FROM pg_catalog.pg_namespace; SELECT count(*) FROM tenant_other.users";
    assert_eq!(as_role(own, count).expect("an answer"), "0");
    assert_eq!(as_role(other, count).expect("an answer"), "2");
    database.sql(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

#[test]
fn who_enters_a_tenant_does_so_in_its_name() {
    let database = Database::with_tenants(&["acme-corp", "globex"]);
    let run = database
        .run(&[
            "exec",
            "--all",
            "-o",
            "csv",
            "-s",
            "select current_setting('app.current_tenant')",
        ])
        .success();
    assert_eq!(
        run.stdout,
        "tenant,current_setting\nacme-corp,tenant_acme_corp\nglobex,tenant_globex\n"
    );
}
