//! What cannot be copied is refused by its name, and what does not follow to a copy is said.

use crate::backup::Backups;
use crate::support::Database;

/// A function whose text may mean the schema, or may not.
fn unclear_in(schema: &str) -> String {
    format!(
        "CREATE FUNCTION {schema}.told() RETURNS text LANGUAGE plpgsql AS \
         $$ BEGIN RETURN 'see {schema} for more'; END $$"
    )
}

#[test]
fn a_text_that_may_mean_the_schema_is_refused_by_name_unless_it_is_to_be_kept() {
    let database = Database::new();
    database.sql(&unclear_in("tenant_template"));
    let before = database.state();
    database
        .run(&["create", "acme"])
        .exits(2)
        .says("function told")
        .says("--keep-text");
    assert_eq!(database.state(), before);
    database.run(&["create", "acme", "--keep-text"]).success();
    assert_eq!(
        database.sql("SELECT tenant_acme.told()"),
        "see tenant_template for more"
    );

    database.sql("DROP FUNCTION tenant_acme.told");
    database.sql(&unclear_in("tenant_acme"));
    let backups = Backups::of(database);
    let file = backups.take("acme");
    let database = &backups.database;
    let before = database.state();
    for command in [
        vec!["clone", "acme", "copy"],
        vec!["restore", &file, "--as", "copy"],
    ] {
        database
            .run(&command)
            .exits(2)
            .says("function told")
            .says("--keep-text");
        assert_eq!(database.state(), before);
        database.run(&[&command[..], &["--keep-text"]].concat()).success();
        assert_eq!(
            database.sql("SELECT tenant_copy.told()"),
            "see tenant_acme for more"
        );
        database.run(&["drop", "copy", "--no-backup", "--yes"]).success();
    }
}

#[test]
fn what_no_copy_can_have_is_refused_by_name() {
    for (sql, words) in [
        (
            "CREATE TABLE public.parts (id int) PARTITION BY LIST (id); \
             CREATE TABLE tenant_template.part PARTITION OF public.parts FOR VALUES IN (1)",
            "table tenant_template.part is a partition of public.parts, which is outside the schema",
        ),
        (
            "CREATE TYPE tenant_template.mood AS ENUM ('good'); CREATE TRANSFORM FOR tenant_template.mood LANGUAGE plpgsql \
             (FROM SQL WITH FUNCTION prsd_lextype(internal))",
            "transform for type",
        ),
    ] {
        let database = Database::new();
        database.sql(sql);
        let before = database.state();
        database.run(&["create", "acme"]).exits(2).says(words);
        assert_eq!(database.state(), before);
    }
}

#[test]
fn what_belongs_to_the_database_is_said_where_it_touches_the_schema() {
    let database = Database::new();
    database.sql(
        "SET search_path = tenant_template; \
         CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; \
         CREATE EVENT TRIGGER watcher ON sql_drop EXECUTE FUNCTION watch(); \
         CREATE PUBLICATION everything FOR ALL TABLES; \
         CREATE TABLE fed (id int PRIMARY KEY); \
         CREATE SUBSCRIPTION feed CONNECTION '' PUBLICATION p WITH (connect = false); \
         INSERT INTO pg_subscription_rel SELECT oid, 'fed'::regclass, 'r', NULL FROM pg_subscription WHERE subname = 'feed'",
    );
    let created = database.run(&["create", "acme"]).success();
    let cloned = database.run(&["clone", "acme", "copy"]).success();
    database.sql(
        "ALTER SUBSCRIPTION feed DISABLE; ALTER SUBSCRIPTION feed SET (slot_name = NONE); DROP SUBSCRIPTION feed",
    );
    for words in [
        "event trigger watcher calls function",
        "subscription feed fills table",
        "publication everything is of all tables",
    ] {
        assert!(created.stderr.contains(words), "{words}: {}", created.stderr);
    }
    assert!(
        cloned.stderr.contains("publication everything is of all tables"),
        "{}",
        cloned.stderr
    );
    assert!(!cloned.stderr.contains("subscription feed"), "{}", cloned.stderr);
}

#[test]
fn what_an_event_trigger_makes_of_a_copy_is_drift() {
    let database = Database::new();
    database.sql(
        "CREATE TABLE tenant_template.notes (id int PRIMARY KEY); \
         CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE made record; BEGIN \
         FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE object_type = 'table' AND schema_name <> 'public' \
         LOOP EXECUTE 'ALTER TABLE ' || made.object_identity || ' ENABLE ROW LEVEL SECURITY'; END LOOP; END $$; \
         CREATE EVENT TRIGGER guard ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION guard()",
    );
    database.run(&["create", "acme"]).success();
    let differs = database.run(&["drift", "acme", "--sql"]).exits(4);
    assert!(
        differs.stdout.contains("DISABLE ROW LEVEL SECURITY"),
        "{}",
        differs.stdout
    );
}

#[test]
fn what_stays_behind_is_said_and_left_as_it_is() {
    let database = Database::new();
    let has_schemas = database.sql("SELECT current_setting('server_version_num')::int >= 150000") == "t";
    database.sql(
        "CREATE TABLE tenant_template.p (id int) PARTITION BY LIST (id); \
         CREATE TABLE public.p1 PARTITION OF tenant_template.p FOR VALUES IN (1)",
    );
    if has_schemas {
        database.sql("CREATE PUBLICATION of_template FOR TABLES IN SCHEMA tenant_template");
    }
    let run = database.run(&["create", "acme"]).success();
    let said = run.says("p1 is a partition of").says("stays outside the copy");
    if has_schemas {
        said.says("of_template");
    }
    let parent = "SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = 'public.p1'::regclass";
    assert_eq!(database.sql(parent), "tenant_template.p");
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'tenant_acme.p'::regclass"),
        "0"
    );
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_publication_tables WHERE schemaname = 'tenant_acme'"),
        "0"
    );
}
