//! How the roles are made, and how a fleet comes into their hands.

use super::Guarded;
use crate::support::{Database, run_script};

/// Objects in the registry, the template and tenants that are not the owner's.
const STRANGERS: &str = "SELECT o.type || ' ' || o.identity FROM pg_depend d \
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) o \
    WHERE d.refclassid = 'pg_namespace'::regclass \
      AND d.refobjid IN (SELECT oid FROM pg_namespace WHERE nspname = 'public' OR nspname LIKE 'tenant%') \
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i' \
          AND i.refclassid = 'pg_type'::regclass) \
      AND d.classid NOT IN ('pg_default_acl'::regclass, 'pg_ts_parser'::regclass, 'pg_ts_template'::regclass) \
      AND NOT EXISTS (SELECT FROM pg_shdepend s WHERE s.classid = d.classid AND s.objid = d.objid AND s.deptype = 'o' \
          AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
          AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = '{owner}')) \
    UNION ALL SELECT 'schema ' || nspname FROM pg_namespace \
    WHERE nspname LIKE 'tenant%' AND pg_get_userbyid(nspowner) <> '{owner}' ORDER BY 1";

/// One of each kind of object that has an owner.
const KINDS: &str = "SET search_path = tenant_template; \
    CREATE TYPE mood AS ENUM ('good'); CREATE TYPE pair AS (a int, b int); CREATE DOMAIN email AS text; \
    CREATE TYPE span AS RANGE (SUBTYPE = int); \
    CREATE TABLE kinds (id serial PRIMARY KEY, no int GENERATED ALWAYS AS IDENTITY, mood mood); \
    CREATE TABLE parts (at date) PARTITION BY RANGE (at); \
    CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); \
    CREATE SEQUENCE \"Free one\"; CREATE VIEW shown AS SELECT id FROM kinds; \
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM kinds; \
    CREATE FUNCTION same(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'; \
    CREATE PROCEDURE work(int) LANGUAGE sql AS 'SELECT 1'; \
    CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int); \
    CREATE AGGREGATE rows(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0'); \
    CREATE OPERATOR === (FUNCTION = same, LEFTARG = pair, RIGHTARG = pair); \
    CREATE FUNCTION compare(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2'; \
    CREATE OPERATOR CLASS odd FOR TYPE int USING btree AS FUNCTION 1 compare(int, int); \
    CREATE COLLATION plain FROM \"C\"; CREATE TEXT SEARCH CONFIGURATION words (COPY = simple); \
    CREATE TEXT SEARCH DICTIONARY dull (TEMPLATE = simple); CREATE STATISTICS many ON id, no FROM kinds; \
    CREATE CONVERSION recoding FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8";

fn strangers(guarded: &Guarded) -> String {
    guarded.sql(&STRANGERS.replace("{owner}", &guarded.owner()))
}

/// Runs SQL by psql itself.
fn by_psql(url: &str, sql: &str) {
    let said = run_script(url, sql).unwrap_or_else(|error| panic!("{error}"));
    assert!(!said.contains("WARNING"), "{said}");
}

#[test]
fn what_is_printed_can_be_run_again_and_again() {
    let guarded = Guarded::unprepared(Database::empty()).with_roles();
    let nowhere = guarded
        .program()
        .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none");
    let printed = nowhere.run(&["init", "--roles"]).success();
    let sql = printed.stdout;
    by_psql(guarded.database().url(), &sql);
    guarded.log_in();
    by_psql(guarded.database().url(), &sql);
    guarded.as_owner(&["init", "--quiet"]).success();
    guarded.program().run(&["create", "--quiet", "acme"]).success();
    by_psql(guarded.database().url(), &sql);
    assert_eq!(strangers(&guarded), "");
    let before = guarded.everything();
    let rows =
        "SELECT sum(xmin::text::bigint) FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'tenant%'";
    let written = guarded.sql(rows);
    by_psql(guarded.database().url(), &sql);
    assert_eq!(guarded.everything(), before);
    assert_eq!(
        guarded.sql(rows),
        written,
        "what is as it should be is not written again"
    );
    let json = guarded
        .program()
        .run(&["init", "--roles", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["sql"].as_str().map(str::trim_end), Some(sql.trim_end()));
    assert_eq!(json["owner"], guarded.owner());
}

#[test]
fn the_owner_of_the_database_can_make_the_roles_without_being_a_superuser() {
    let guarded = Guarded::unprepared(Database::empty());
    let chief = guarded.login("chief");
    guarded.sql(&format!(
        "CREATE ROLE {chief} LOGIN CREATEROLE; ALTER DATABASE \"{}\" OWNER TO {chief}",
        guarded.database().name()
    ));
    let run = guarded
        .program_as(&chief)
        .run(&["init", "--roles", "apply"])
        .success();
    assert!(run.stdout.contains("was made"), "{}", run.stdout);
    guarded.log_in();
    guarded.as_owner(&["init", "--quiet"]).success();
    guarded.as_owner(&["create", "acme"]).success();
    // Who has made the schemas before hands them over.
    guarded.sql(&format!(
        "ALTER SCHEMA tenant_acme OWNER TO {chief}; ALTER TABLE tenant_acme.users OWNER TO {chief}"
    ));
    let run = guarded
        .program_as(&chief)
        .run(&["init", "--roles", "apply"])
        .success();
    assert!(run.stdout.contains("1 schema handed over"), "{}", run.stdout);
    assert_eq!(strangers(&guarded), "");
}

#[test]
fn who_may_not_make_roles_is_told_who_may() {
    let guarded = Guarded::with_tenants(&[]);
    let missing = Guarded::unprepared(Database::empty());
    missing.sql(&format!("CREATE ROLE {} LOGIN", missing.login("nobody")));
    missing
        .as_nobody(&["init", "--roles", "apply"])
        .exits(1)
        .says("making the roles")
        .says("permission denied to create role")
        .says("connect as a superuser, or as the owner of the database with CREATEROLE");
    let before = guarded.everything();
    guarded
        .as_operator(&["init", "--roles", "apply"])
        .exits(1)
        .says("connect as a superuser");
    assert_eq!(guarded.everything(), before);
}

#[test]
fn a_dry_run_tells_what_would_be_made_and_makes_nothing() {
    let guarded = Guarded::unprepared(Database::with_tenants(&["acme", "globex"])).with_roles();
    let before = guarded.everything();
    let run = guarded
        .program()
        .run(&["init", "--roles", "apply", "--dry-run"])
        .success()
        .says("dry run: nothing was changed");
    for words in [
        &format!("role `{}` would be made", guarded.owner()),
        "3 schemas would be handed over to",
        "2 tenants would be given a role of their own",
    ] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    assert_eq!(guarded.everything(), before);
    let made = "SELECT count(*) FROM pg_roles WHERE rolname = '{owner}'".replace("{owner}", &guarded.owner());
    assert_eq!(guarded.sql(&made), "0");
    let run = guarded
        .program()
        .run(&["init", "--roles", "apply", "-o", "json"])
        .success();
    let json = run.json();
    assert_eq!(json["owner"]["made"], true);
    assert_eq!(
        (&json["handed_over"], &json["tenant_roles"]),
        (&3.into(), &2.into())
    );
    let json = guarded
        .program()
        .run(&["init", "--roles", "apply", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["owner"]["made"], false);
    assert_eq!(
        (&json["handed_over"], &json["tenant_roles"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn roles_go_with_no_other_way_to_init() {
    let database = Database::empty();
    for more in ["--scaffold", "--app=sales", "--migrations=x", "--lock-wait=1s"] {
        database.run(&["init", "--roles", more]).exits(2);
    }
    database
        .run(&["init", "--roles", "elsewhere"])
        .exits(2)
        .says("print");
}

#[test]
fn a_fleet_that_somebody_else_has_made_is_handed_over_with_everything_in_it() {
    let guarded = Guarded::unprepared(Database::new());
    guarded.sql(KINDS);
    guarded
        .program()
        .run(&["create", "--quiet", "acme", "globex"])
        .success();
    guarded.sql("CREATE TABLE public.elsewhere (id int)");
    assert!(strangers(&guarded).lines().count() > 100);
    guarded.apply().success();
    assert_eq!(strangers(&guarded), "table public.elsewhere");
    guarded.log_in();
    guarded.as_owner(&["drift", "--all"]).success();
    // Operator families are for superusers to make, whoever owns the schema.
    guarded
        .as_owner(&["create", "initech"])
        .exits(1)
        .says("must be superuser to create an operator family")
        .says("made by superusers only");
    for schema in ["tenant_template", "tenant_acme", "tenant_globex"] {
        guarded.sql(&format!("DROP OPERATOR FAMILY {schema}.odd USING btree CASCADE"));
    }
    guarded.as_owner(&["create", "initech"]).success();
    guarded.as_owner(&["drift", "--all"]).success();
    guarded.as_owner(&["drop", "--yes", "acme"]).success();
    assert_eq!(strangers(&guarded), "table public.elsewhere");
}

#[test]
fn what_a_login_makes_that_works_as_the_owner_is_the_owners() {
    let guarded = Guarded::empty();
    guarded.as_owner(&["init", "--quiet"]).success();
    let slugs: Vec<String> = (0..12).map(|number| format!("t{number}")).collect();
    let slugs: Vec<&str> = slugs.iter().map(String::as_str).collect();
    // Connections are used again and again, and cleaned up between.
    guarded
        .as_owner(&[&["create", "--jobs", "2"], &slugs[..]].concat())
        .success();
    guarded
        .as_owner(&[
            "exec",
            "--all",
            "--write",
            "--yes",
            "--sql",
            "CREATE TABLE own (id int)",
        ])
        .success();
    guarded.as_owner(&["clone", "t1", "copy"]).success();
    guarded.as_owner(&["backup", "t2"]).success();
    guarded.as_owner(&["drop", "--yes", "t2"]).success();
    guarded.as_owner(&["undrop", "t2"]).success();
    assert_eq!(strangers(&guarded), "");
    assert_eq!(
        guarded.sql("SELECT DISTINCT db_role FROM tenant_operations"),
        guarded.login("deploy"),
        "the log tells who it was"
    );
}

#[test]
fn init_gives_the_operator_what_comes_after_the_roles() {
    let guarded = Guarded::empty();
    guarded.as_operator(&["list"]).exits(2).says("no registry");
    guarded.as_owner(&["init", "--quiet"]).success();
    guarded.as_operator(&["list"]).success();
    guarded.as_owner(&["create", "--quiet", "acme"]).success();
    let run = guarded.as_operator(&["status", "--deep", "-o", "json"]).success();
    assert_eq!(run.json()["tenants"][0]["state"], "current");
    // A database for which nobody has set up roles is left alone, whatever roles there are.
    let other = Guarded::unprepared(Database::empty());
    other.configure("");
    let text = std::fs::read_to_string(guarded.folder().join("tenantctl.toml")).expect("readable");
    std::fs::write(other.folder().join("tenantctl.toml"), text).expect("written");
    other.program().run(&["init", "--quiet"]).success();
    assert_eq!(
        other.sql("SELECT count(*) FROM pg_class WHERE relname = 'tenants' AND relacl IS NOT NULL"),
        "0"
    );
}
