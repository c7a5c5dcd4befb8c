use std::time::Duration;

use crate::support::{Database, Holder, Run, configured};

#[test]
fn drop_removes_schema_data_and_row() {
    let database = Database::with_tenants(&["acme", "globex"]);
    database.sql("CREATE TABLE tenant_acme.people (id int); INSERT INTO tenant_acme.people VALUES (1)");
    let run = database.run(&["drop", "--no-backup", "acme", "--yes"]).success();
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
    let run = database.run(&["drop", "--no-backup", "acme"]).exits(2);
    insta::assert_snapshot!(run.stderr, @r"
    error: this needs confirmation, and there is no terminal to ask on

    hint: pass `--yes` if you are sure
    ");
    let run = database
        .run(&["drop", "--no-backup", "acme", "--dry-run", "-o", "json"])
        .success();
    assert_eq!(run.json()["dropped"][0]["schema"], "tenant_acme");
    assert_eq!(database.state().1, "tenant_acme");
}

#[test]
fn the_answer_of_drop_has_everybody_in_it() {
    let database = Database::with_tenants(&["a", "b", "c"]);
    database.sql("CREATE VIEW public.report AS SELECT id FROM tenant_b.users");
    let run = database
        .run(&[
            "drop",
            "--no-backup",
            "a",
            "b",
            "c",
            "--yes",
            "--jobs",
            "1",
            "-o",
            "json",
        ])
        .exits(1);
    let answer = run.json();
    assert_eq!(answer["dropped"][0]["slug"], "a");
    assert_eq!(answer["failed"][0]["tenant"], "b");
    assert_eq!(answer["not_started"], serde_json::json!(["c"]));
    assert_eq!(answer["skipped"], serde_json::json!([]));
    let run = database
        .run(&["drop", "--no-backup", "c", "--dry-run", "-o", "csv"])
        .success();
    assert_eq!(run.stdout, "would_drop,schema,backup\nc,tenant_c,\n");
}

#[test]
fn a_dry_run_fails_as_the_drop_would() {
    let database = Database::with_tenants(&["a", "b"]);
    database.sql("CREATE VIEW public.report AS SELECT id FROM tenant_b.users");
    let run = database
        .run(&["drop", "--no-backup", "a", "b", "--dry-run"])
        .exits(3)
        .says("objects outside schema `tenant_b` depend on it: rule _RETURN on view report");
    assert_eq!(run.stdout, "would drop tenant `a` with schema `tenant_a`\n");
    database
        .run(&["drop", "a", "--dry-run"])
        .exits(2)
        .says("no folder for backups was named");
    assert_eq!(database.state().1, "tenant_a\ntenant_b");
    // What is there in name alone can go as well.
    database.sql("DROP SCHEMA tenant_a CASCADE");
    for more in ["--dry-run", "--yes"] {
        database.run(&["drop", "--no-backup", "a", more]).success();
    }
}

#[test]
fn drop_spares_what_others_outside_depend_on() {
    let database = Database::with_tenants(&["acme", "globex"]);
    database.sql(
        "CREATE TABLE tenant_acme.people (id int PRIMARY KEY); \
         CREATE TABLE tenant_acme.own (id int REFERENCES tenant_acme.people); \
         CREATE TYPE tenant_acme.mood AS ENUM ('good'); \
         CREATE VIEW public.report AS SELECT id FROM tenant_acme.people; \
         CREATE TABLE tenant_globex.links (id int REFERENCES tenant_acme.people, mood tenant_acme.mood)",
    );
    let run = database.run(&["drop", "--no-backup", "acme", "--yes"]).exits(1);
    for words in [
        "rule _RETURN on view report",
        "column mood of table tenant_globex.links",
        "constraint links_id_fkey",
    ] {
        assert!(run.stderr.contains(words), "{words} is not in {}", run.stderr);
    }
    assert_eq!(database.state().1, "tenant_acme\ntenant_globex");
    database.sql("DROP VIEW public.report; DROP TABLE tenant_globex.links");
    database.run(&["drop", "--no-backup", "acme", "--yes"]).success();
}

/// What hangs on things of the schema `tenant_acme` from outside: how it is made, and how it is named.
const OUTSIDE: [(&str, &str); 13] = [
    (
        "CREATE EVENT TRIGGER guard ON ddl_command_end EXECUTE FUNCTION tenant_acme.on_ddl()",
        "event trigger guard",
    ),
    (
        "CREATE OPERATOR public.=== (FUNCTION = tenant_acme.same, LEFTARG = int, RIGHTARG = int)",
        "operator ===(integer,integer)",
    ),
    (
        "CREATE STATISTICS public.stats ON (tenant_acme.twice(id)), name FROM public.plans",
        "statistics object stats",
    ),
    (
        "CREATE CAST (public.pair AS int) WITH FUNCTION tenant_acme.sum(public.pair)",
        "cast from pair to integer",
    ),
    ("CREATE EXTENSION pg_trgm SCHEMA tenant_acme", "extension pg_trgm"),
    (
        "CREATE EXTENSION citext SCHEMA public; ALTER EXTENSION citext ADD TABLE tenant_acme.people",
        "extension citext",
    ),
    (
        "CREATE FUNCTION tenant_acme.handler() RETURNS fdw_handler LANGUAGE c AS '$libdir/postgres_fdw', \
         'postgres_fdw_handler'; CREATE FOREIGN DATA WRAPPER away HANDLER tenant_acme.handler",
        "foreign-data wrapper away",
    ),
    (
        "CREATE FUNCTION tenant_acme.call() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', \
         'plpgsql_call_handler'; CREATE LANGUAGE other HANDLER tenant_acme.call",
        "language other",
    ),
    (
        "CREATE OPERATOR CLASS public.odd FOR TYPE int USING btree AS FUNCTION 1 tenant_acme.compare(int, int)",
        "function 1 (integer, integer) of operator family odd",
    ),
    (
        "CREATE TEXT SEARCH DICTIONARY public.words (TEMPLATE = tenant_acme.plain)",
        "text search dictionary words",
    ),
    (
        "CREATE TEXT SEARCH CONFIGURATION public.config (PARSER = tenant_acme.cut)",
        "text search configuration config",
    ),
    (
        "CREATE FUNCTION tenant_acme.recode(int, int, cstring, internal, int, bool) RETURNS int LANGUAGE c \
         STRICT AS '$libdir/utf8_and_iso8859_1', 'iso8859_1_to_utf8'; \
         CREATE CONVERSION public.recoding FOR 'LATIN1' TO 'UTF8' FROM tenant_acme.recode",
        "conversion recoding",
    ),
    (
        "CREATE TYPE tenant_acme.span AS RANGE (SUBTYPE = int, MULTIRANGE_TYPE_NAME = public.spans)",
        "type spans",
    ),
];

#[test]
fn drop_spares_objects_outside_of_every_kind() {
    let slugs: Vec<String> = (0..OUTSIDE.len()).map(|number| format!("t{number}")).collect();
    let slugs: Vec<&str> = slugs.iter().map(String::as_str).collect();
    let database = Database::with_tenants(&slugs);
    database.sql("CREATE TABLE public.plans (id int, name text); CREATE TYPE public.pair AS (a int, b int)");
    for (slug, (make, _)) in slugs.iter().zip(OUTSIDE) {
        let inside = "CREATE TABLE tenant_acme.people (id int); \
             CREATE FUNCTION tenant_acme.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
             CREATE FUNCTION tenant_acme.same(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2'; \
             CREATE FUNCTION tenant_acme.compare(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2'; \
             CREATE FUNCTION tenant_acme.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'; \
             CREATE FUNCTION tenant_acme.sum(public.pair) RETURNS int LANGUAGE sql AS 'SELECT $1.a + $1.b'; \
             CREATE TEXT SEARCH TEMPLATE tenant_acme.plain (INIT = dsimple_init, LEXIZE = dsimple_lexize); \
             CREATE TEXT SEARCH PARSER tenant_acme.cut (START = prsd_start, GETTOKEN = prsd_nexttoken, \
                 END = prsd_end, LEXTYPES = prsd_lextype)";
        database.sql(&format!("{inside}; {make}").replace("tenant_acme", &format!("tenant_{slug}")));
    }
    let before = database.state();
    let continued = ["--yes", "--on-error", "continue"];
    let run = database
        .run(&[&["drop", "--no-backup"], &slugs[..], &continued].concat())
        .exits(1);
    for (slug, (_, name)) in slugs.iter().zip(OUTSIDE) {
        let line = run
            .stderr
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{slug} ")));
        assert!(
            line.is_some_and(|line| line.contains(name)),
            "{slug}: {name} is not in {}",
            run.stderr
        );
    }
    assert_eq!(database.state(), before);
}

#[test]
fn drop_takes_everything_that_belongs_to_the_schema_alone() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE TABLE public.plans (id int PRIMARY KEY); \
         CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         SET search_path = tenant_acme, public; \
         CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE span AS RANGE (SUBTYPE = int); \
         CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%'); CREATE TYPE pair AS (a int, b int); \
         CREATE FUNCTION fallback() RETURNS mood LANGUAGE sql IMMUTABLE AS $$ SELECT 'good'::mood $$; \
         CREATE FUNCTION weigh(mood) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; \
         CREATE FUNCTION same(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'; \
         CREATE FUNCTION compare(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2'; \
         CREATE CAST (mood AS int) WITH FUNCTION weigh(mood); \
         CREATE OPERATOR === (FUNCTION = same, LEFTARG = pair, RIGHTARG = pair); \
         CREATE OPERATOR CLASS odd FOR TYPE int USING btree AS FUNCTION 1 compare(int, int); \
         CREATE COLLATION plain FROM \"C\"; CREATE TEXT SEARCH CONFIGURATION words (COPY = simple); \
         CREATE CONVERSION recoding FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8; \
         CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, old serial, email email UNIQUE, \
             mood mood DEFAULT fallback(), heavy int GENERATED ALWAYS AS (compare(1, 2)) STORED, \
             name text COLLATE plain, plan int REFERENCES public.plans, boss int REFERENCES people, \
             during span, EXCLUDE USING gist (during WITH &&), CHECK (weigh(mood) > 0)); \
         CREATE INDEX ON people (weigh(mood)) WHERE name <> ''; CREATE STATISTICS many ON id, name FROM people; \
         CREATE TRIGGER stamp BEFORE UPDATE OF mood ON people FOR EACH ROW WHEN (weigh(NEW.mood) > 0) \
             EXECUTE FUNCTION public.stamp(); \
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON people DEFERRABLE FOR EACH ROW EXECUTE FUNCTION stamp(); \
         ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON people USING (weigh(mood) > 0); \
         CREATE VIEW good AS SELECT * FROM people WHERE mood = 'good'; \
         CREATE RULE redirect AS ON DELETE TO good DO INSTEAD DELETE FROM people WHERE id = OLD.id; \
         CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM good; \
         CREATE TABLE events (at date, kind mood) PARTITION BY RANGE (at); CREATE INDEX ON events (kind); \
         CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); \
         CREATE TRIGGER stamp BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION stamp(); \
         CREATE TABLE special () INHERITS (people); \
         CREATE PUBLICATION everything FOR TABLE people; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA tenant_acme GRANT SELECT ON TABLES TO PUBLIC",
    );
    database.run(&["drop", "--no-backup", "acme", "--yes"]).success();
    assert_eq!(database.state(), (String::new(), String::new()));
    assert_eq!(database.sql("SELECT pubname FROM pg_publication"), "everything");
}

#[test]
fn drop_forgets_a_tenant_whose_schema_is_gone() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    database
        .run(&["drop", "--no-backup", "acme", "--yes"])
        .success()
        .says("was gone already");
    assert_eq!(database.state(), (String::new(), String::new()));
}

#[test]
fn drop_gives_up_on_a_held_row_though_the_schema_is_gone() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    let holder = Holder::of(&database, "SELECT FROM tenants FOR UPDATE");
    let config = configured("[tenants]\nlock_timeout = '100ms'\n");
    let program = database.program().folder(config.path());
    program
        .run(&["drop", "--no-backup", "acme", "--yes", "--retries", "0"])
        .exits(1)
        .says("canceling statement due to lock timeout (55P03)");
    holder.commit();
    database.run(&["drop", "--no-backup", "acme", "--yes"]).success();
}

#[test]
fn drop_takes_suspended_tenants_and_odd_schema_names() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "CREATE SCHEMA \"we\"\"ird; --\\x\"; \
         UPDATE tenants SET schema_name = 'we\"ird; --\\x'; UPDATE tenants SET is_active = false",
    );
    database.run(&["drop", "--no-backup", "acme", "--yes"]).success();
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'we%'"),
        "0"
    );
}

#[test]
fn drop_gives_up_when_an_application_holds_the_tables() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("CREATE TABLE tenant_acme.people (id int)");
    let application = Holder::of(&database, "SELECT * FROM tenant_acme.people");
    let config = configured("[tenants]\nlock_timeout = '100ms'\n");
    let run = database.program().folder(config.path()).run(&[
        "drop",
        "--no-backup",
        "acme",
        "--yes",
        "--retries",
        "1",
    ]);
    run.exits(1)
        .says("canceling statement due to lock timeout (55P03)");
    assert_eq!(database.state().1, "tenant_acme");
    application.commit();
    database.run(&["drop", "--no-backup", "acme", "--yes"]).success();
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
    let run = database.run(&["drop", "--no-backup", "acme", "--yes"]).exits(6);
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
        .map(|_| {
            database
                .program()
                .spawn(&["drop", "--no-backup", "acme", "--yes"])
        })
        .collect();
    let runs: Vec<Run> = children.into_iter().map(Run::of).collect();
    assert!(runs.iter().any(|run| run.stdout.contains("dropped tenant")));
    assert!(runs.iter().all(|run| [0, 2, 6].contains(&run.code)), "{runs:?}");
    assert_eq!(database.state(), (String::new(), String::new()));
    assert_eq!(
        database.sql("SELECT count(*) FROM tenant_operations WHERE command = 'drop' AND outcome = 'done'"),
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
                    database
                        .program()
                        .spawn(&["drop", "--no-backup", "acme", "--yes"]),
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
