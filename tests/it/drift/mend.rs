//! What `drift --sql` prints, where one change a tenant does not tell all.

use super::cases::Case;
use super::{database, in_schema, listed, mended, schema_of};
use crate::support::{Database, run_script};

#[test]
fn what_holds_data_is_dropped_only_when_that_is_allowed() {
    let case = |slug, change| Case {
        slug,
        change,
        drift: &[],
    };
    let cases = [
        case(
            "column",
            "ALTER TABLE users ADD COLUMN legacy text; CREATE INDEX legacy ON users (legacy); \
                        CREATE VIEW old AS SELECT legacy FROM users",
        ),
        case(
            "table",
            "CREATE TABLE legacy (id serial PRIMARY KEY, user_id bigint REFERENCES users); \
                       CREATE VIEW old AS SELECT * FROM legacy; GRANT SELECT ON legacy TO drift_reader",
        ),
        case(
            "generated",
            "ALTER TABLE users DROP COLUMN folded, ADD COLUMN folded text",
        ),
        case(
            "was-generated",
            "ALTER TABLE orders DROP COLUMN amount CASCADE; \
              ALTER TABLE orders ADD COLUMN amount numeric(10, 2) GENERATED ALWAYS AS (user_id * 2) STORED",
        ),
        case(
            "partition",
            "CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01+00') TO (MAXVALUE)",
        ),
        case(
            "domain",
            "ALTER TABLE users DROP COLUMN note CASCADE; DROP DOMAIN short; CREATE DOMAIN short AS varchar; \
              ALTER TABLE users ADD COLUMN note short; \
              ALTER TABLE users ADD COLUMN folded text GENERATED ALWAYS AS (lower(note)) STORED",
        ),
    ];
    let database = database(&cases);
    let json = database
        .run(&["drift", "--all", "--sql", "-o", "json"])
        .exits(4)
        .json();
    let losses: Vec<&str> = json["tenants"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|tenant| tenant["sql"].as_str().expect("statements").lines())
        .filter(|line| line.starts_with("--"))
        .collect();
    insta::assert_snapshot!(losses.join("\n"), @"
    -- loses data: ALTER TABLE users DROP COLUMN legacy;
    -- loses data: ALTER TABLE users DROP COLUMN note;
    -- loses data: DROP DOMAIN short;
    -- loses data: ALTER TABLE users DROP COLUMN folded;
    -- loses data: DROP TABLE events_2027;
    -- loses data: DROP TABLE legacy;
    ");
    let slugs = cases.map(|case| case.slug);
    assert!(!mended(&database, &["column"], &[]).is_empty());
    assert_eq!(
        database.sql("SELECT count(*) FROM information_schema.columns WHERE column_name = 'legacy' AND table_schema = 'tenant_column'"),
        "1"
    );
    assert_eq!(
        database.sql("SELECT to_regclass('tenant_column.legacy') IS NULL"),
        "t",
        "the index goes"
    );
    let wrong = mended(&database, &slugs, &["--allow-data-loss"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    database
        .run(&["drift", "--all", "--allow-data-loss"])
        .exits(2)
        .says("--sql");
}

#[test]
fn labels_are_added_where_they_belong_and_never_removed() {
    let database = database(&[]);
    database.run(&["create", "acme", "globex"]).success();
    in_schema(
        &database,
        "tenant_template",
        "ALTER TYPE plan ADD VALUE 'trial' BEFORE 'free'; \
        ALTER TYPE plan ADD VALUE 'test' BEFORE 'trial'; ALTER TYPE plan ADD VALUE 'team' AFTER 'basic'; \
        ALTER TYPE plan ADD VALUE 'vast'",
    );
    in_schema(
        &database,
        "tenant_template",
        "ALTER TABLE users ALTER COLUMN plan SET DEFAULT 'trial'",
    );
    in_schema(
        &database,
        "tenant_globex",
        "ALTER TYPE plan ADD VALUE 'old' BEFORE 'pro'",
    );
    let wrong = mended(&database, &["acme"], &[]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let labels = "SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = ";
    for schema in ["tenant_acme", "tenant_template"] {
        assert_eq!(
            database.sql(&format!("{labels} '{schema}.plan'::regtype")),
            "test trial free basic team pro vast"
        );
    }
    let run = database.run(&["drift", "globex", "--sql", "--quiet"]).exits(4);
    insta::assert_snapshot!(run.shown(), @r#"
    exit 4
    --- stdout
    -- tenant globex
    -- not mended, PostgreSQL removes no label: enum label plan.'old'
    ALTER TYPE "tenant_globex".plan ADD VALUE 'test' BEFORE 'free';
    ALTER TYPE "tenant_globex".plan ADD VALUE 'trial' AFTER 'test';
    ALTER TYPE "tenant_globex".plan ADD VALUE 'team' AFTER 'basic';
    ALTER TYPE "tenant_globex".plan ADD VALUE 'vast' AFTER 'pro';
    BEGIN;
    SET LOCAL search_path = "tenant_globex", pg_catalog;
    SET LOCAL check_function_bodies = off;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL datestyle = iso;
    SET LOCAL intervalstyle = postgres;
    SET LOCAL default_tablespace = '';
    SET LOCAL default_table_access_method = heap;
    SET LOCAL xmloption = content;
    SET LOCAL lc_monetary = 'C';
    SET LOCAL array_nulls = on;
    ALTER TABLE ONLY users ALTER COLUMN plan SET DEFAULT 'trial'::plan;
    COMMIT;
    --- stderr
    "#);
}

#[test]
fn partitions_follow_their_table() {
    let database = database(&[]);
    let slugs = ["behind", "ahead", "other"];
    database.run(&[&["create"], slugs.as_slice()].concat()).success();
    for schema in ["tenant_template", "tenant_other", "tenant_ahead"] {
        in_schema(
            &database,
            schema,
            "ALTER TABLE events ADD COLUMN who text NOT NULL DEFAULT '-'; \
            CREATE INDEX events_what_idx ON events (what); ALTER TABLE events ADD CHECK (what <> '')",
        );
    }
    in_schema(
        &database,
        "tenant_other",
        "ALTER TABLE events ALTER COLUMN who TYPE varchar(9); DROP INDEX events_at_idx; \
        ALTER TABLE events ALTER COLUMN what SET NOT NULL",
    );
    in_schema(
        &database,
        "tenant_ahead",
        "ALTER TABLE events ADD COLUMN extra text; CREATE INDEX extra ON events (extra); \
        ALTER TABLE events ADD PRIMARY KEY (at)",
    );
    let wrong = mended(&database, &slugs, &["--allow-data-loss"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_migration_that_a_tenant_missed_is_made_up_for() {
    let database = Database::with_tenants(&["acme", "globex"]);
    in_schema(&database, "tenant_template", "
        CREATE TYPE tier AS ENUM ('low', 'high');
        CREATE TABLE teams (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, tier tier DEFAULT 'low');
        ALTER TABLE users ADD COLUMN team_id bigint REFERENCES teams, ADD COLUMN tier tier NOT NULL DEFAULT 'low';
        CREATE FUNCTION team_of(u users) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC
            SELECT t.name FROM teams t WHERE t.id = u.team_id; END;
        CREATE VIEW teamed AS SELECT u.id, team_of(u) AS team FROM users u;
        COMMENT ON COLUMN teams.tier IS 'As in tenant_template.users';
        ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey, ALTER COLUMN user_id TYPE text;
        CREATE TRIGGER teams_touch AFTER INSERT ON teams FOR EACH ROW EXECUTE FUNCTION set_updated_at();
    ");
    let slugs = ["acme", "globex"];
    let wrong = mended(&database, &slugs, &[]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_number_that_is_identity_again_goes_on_behind_the_rows() {
    let database = database(&[Case {
        slug: "acme",
        change: "ALTER TABLE users ALTER COLUMN id DROP IDENTITY; INSERT INTO users (id, email) VALUES (41, 'x')",
        drift: &[],
    }]);
    assert_eq!(mended(&database, &["acme"], &[]), [""; 0]);
    assert_eq!(
        database.sql("INSERT INTO tenant_acme.users (email) VALUES ('y') RETURNING id"),
        "42"
    );
}

#[test]
fn the_script_is_ready_for_psql() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    for slug in ["acme", "globex"] {
        in_schema(
            &database,
            &schema_of(slug),
            "DROP INDEX users_email_key; ALTER TABLE users ADD COLUMN legacy text, \
            ALTER COLUMN role DROP DEFAULT; COMMENT ON TABLE users IS 'People'",
        );
    }
    let run = database.run(&["drift", "--all", "--sql"]).exits(4);
    insta::assert_snapshot!(run.shown(), @r#"
    exit 4
    --- stdout
    -- tenant acme
    -- loses data: ALTER TABLE users DROP COLUMN legacy;
    BEGIN;
    SET LOCAL search_path = "tenant_acme", pg_catalog;
    SET LOCAL check_function_bodies = off;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL datestyle = iso;
    SET LOCAL intervalstyle = postgres;
    SET LOCAL default_tablespace = '';
    SET LOCAL default_table_access_method = heap;
    SET LOCAL xmloption = content;
    SET LOCAL lc_monetary = 'C';
    SET LOCAL array_nulls = on;
    ALTER TABLE ONLY users ALTER COLUMN role SET DEFAULT 'member'::text;
    CREATE UNIQUE INDEX users_email_key ON users USING btree (lower(email)) WHERE (deleted_at IS NULL);
    COMMENT ON TABLE users IS 'User accounts of the tenant: role, single sign-on, activity';
    COMMIT;

    -- tenant globex
    -- loses data: ALTER TABLE users DROP COLUMN legacy;
    BEGIN;
    SET LOCAL search_path = "tenant_globex", pg_catalog;
    SET LOCAL check_function_bodies = off;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL datestyle = iso;
    SET LOCAL intervalstyle = postgres;
    SET LOCAL default_tablespace = '';
    SET LOCAL default_table_access_method = heap;
    SET LOCAL xmloption = content;
    SET LOCAL lc_monetary = 'C';
    SET LOCAL array_nulls = on;
    ALTER TABLE ONLY users ALTER COLUMN role SET DEFAULT 'member'::text;
    CREATE UNIQUE INDEX users_email_key ON users USING btree (lower(email)) WHERE (deleted_at IS NULL);
    COMMENT ON TABLE users IS 'User accounts of the tenant: role, single sign-on, activity';
    COMMIT;
    --- stderr
    drift in 2 of 3 tenants, compared with schema `tenant_template`
    "#);
    run_script(database.url(), &run.stdout).expect("psql runs it");
    let json = database.run(&["drift", "--all", "-o", "json"]).exits(4).json();
    assert_eq!(listed(&json, "globex"), ["extra column users.legacy"]);
    let run = database.run(&["drift", "initech", "--sql"]).success();
    assert_eq!(run.stdout, "");
    database
        .run(&["drift", "--all", "--sql", "-o", "csv"])
        .exits(2)
        .says("json");
}

#[test]
fn a_type_that_holds_less_is_not_given_back_without_asking() {
    let database = Database::with_tenants(&["acme"]);
    in_schema(
        &database,
        "tenant_template",
        "CREATE TABLE kept (name varchar(5), at date, price numeric(8,2))",
    );
    in_schema(
        &database,
        "tenant_acme",
        "CREATE TABLE kept (name text, at timestamptz, price numeric(8,4)); \
         INSERT INTO kept VALUES ('0123456789', '2026-01-01 12:34:56+00', 1.2345)",
    );
    let run = database.run(&["drift", "acme", "--sql"]).exits(4);
    for column in ["at", "price"] {
        let remark = format!("-- loses data: ALTER TABLE kept ALTER COLUMN {column} TYPE");
        assert!(run.stdout.contains(&remark), "{}", run.stdout);
    }
    let error = crate::support::psql(database.url(), &run.stdout).expect_err("the name is too long");
    assert!(
        error.contains("value too long for type character varying(5)"),
        "{error}"
    );
    assert_eq!(
        database.sql("SELECT name, extract(hour FROM at AT TIME ZONE 'UTC'), price FROM tenant_acme.kept"),
        "0123456789|12|1.2345"
    );
}
