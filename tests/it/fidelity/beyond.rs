//! What `pg_dump` does not show of a schema, and what a clone must not take along.

use super::{TEMPLATE, cloned, load, load_into, quoted, server_with_roles};
use crate::support::{Database, Judge, Run, configured};

/// What an extension in the template made stays there: extensions are of the database, and the clone goes on using it.
#[test]
fn an_extension_in_the_template_is_used_where_it_is() {
    let database = Database::empty();
    cloned(&database, "extension");
    Judge::new(database.url())
        .keeping(&[
            "tenant_template.gin_trgm_ops",
            "tenant_template.gist_trgm_ops",
            "tenant_template.similarity(t.name",
            "tenant_template.similarity(name",
            "tenant_template.similarity(a,",
            "tenant_template.citext",
            "OPERATOR(tenant_template.%)",
            "OPERATOR(tenant_template.=)",
            "OPERATOR(tenant_template.<>)",
        ])
        .expect_faithful(TEMPLATE, "tenant_acme");
    assert_eq!(
        database.sql(
            "SELECT count(*) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace \
             WHERE nspname = 'tenant_acme'"
        ),
        "0"
    );
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_extension WHERE extname IN ('pg_trgm', 'citext')"),
        "2"
    );
}

/// There PostgreSQL's names are printed as they would be with nothing else in sight, and the copy has some of its own.
#[test]
fn an_extension_in_a_template_with_names_of_pg_catalog_is_no_hindrance() {
    let database = Database::empty();
    cloned(&database, "extension_beside_shadows");
    Judge::new(database.url())
        .keeping(&[
            "tenant_template.gin_trgm_ops",
            "tenant_template.similarity(",
            "OPERATOR(tenant_template.%)",
        ])
        .expect_faithful(TEMPLATE, "tenant_acme");
    database.run(&["drift", "--all"]).success();
}

#[test]
fn what_is_called_like_something_of_an_extension_in_the_template_is_refused() {
    let database = Database::empty();
    load(&database, "extension");
    database.sql(
        "CREATE FUNCTION tenant_template.similarity(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'; \
         CREATE VIEW tenant_template.mine AS SELECT tenant_template.similarity(1, 2)",
    );
    database.run(&["init", "--quiet"]).success();
    database
        .run(&["create", "acme"])
        .exits(2)
        .says("similarity(integer, integer) is called like something that an extension keeps in the schema");
}

/// `pg_dump` cannot judge, since the name is many things here: PostgreSQL tells what each schema holds.
#[test]
fn namesakes_of_the_schema_are_not_taken_for_it() {
    let database = Database::empty();
    load(&database, "namesakes");
    database.run(&["init", "--quiet"]).success();
    let run = database.run(&["create", "acme"]).success();
    assert!(run.stderr.contains("in view tables_of_own"), "{}", run.stderr);
    let notes = run.stderr.lines().filter(|line| line.contains("stays as it is"));
    assert_eq!(
        notes.collect::<Vec<_>>(),
        ["default tenant_template.note mentions `tenant_template` in a constant, which stays as it is"]
    );
    let definitions = |schema: &str| {
        database.sql(&format!(
            "SET search_path = {schema}; \
             SELECT pg_get_viewdef(c.oid) FROM pg_class c WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'v' \
              AND relname <> 'tables_of_own' \
             UNION ALL SELECT pg_get_expr(polqual, polrelid) FROM pg_policy p JOIN pg_class c ON c.oid = polrelid \
              WHERE relnamespace = '{schema}'::regnamespace \
             UNION ALL SELECT pg_get_function_sqlbody(oid) FROM pg_proc WHERE pronamespace = '{schema}'::regnamespace \
             UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = '{schema}'::regnamespace \
             UNION ALL SELECT format('%s %s %s %s', attrelid::regclass, attname, attacl, col_description(attrelid, attnum)) \
              FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = '{schema}'::regnamespace \
             UNION ALL SELECT ('{schema}.' || 'tenant_template_id_seq' = pg_get_serial_sequence('tenant_template', 'id'))::text \
             ORDER BY 1"
        ))
        .replace(&format!("FROM {schema}.users"), "FROM own.users")
    };
    let wanted = definitions(TEMPLATE);
    assert!(wanted.lines().count() > 40, "{wanted}");
    assert_eq!(definitions("tenant_acme"), wanted);
    assert_eq!(
        database.sql("SELECT count(*) > 5 FROM tenant_acme.tables_of_own; SELECT definition LIKE '%''tenant_acme''%' FROM pg_views WHERE viewname = 'tables_of_own' AND schemaname = 'tenant_acme'"),
        "t\nt"
    );
    database.run(&["drift", "--all"]).success();
}

/// The schema's name is a word as well: where it is no reference it stays what it is.
#[test]
fn the_name_of_the_template_as_data_stays_as_it_is() {
    let database = Database::empty();
    cloned(&database, "the_word");
    Judge::new(database.url())
        .keeping(&[
            "'tenant_template',",
            "'of tenant_template'",
            "'tenant_template.data is a word'",
            "'tenant_template.data'::text",
            "'not tenant_template'",
            "'\"tenant_template\".\"data\"'",
            "'in tenant_template'",
            "'tenant_template.%'",
            "'an atomic tenant_template'",
            "'an argument tenant_template'",
            "'data of tenant_template, see ",
            "'the word tenant_template alone'",
        ])
        .expect_faithful(TEMPLATE, "tenant_acme");
    let comment = "SELECT obj_description('tenant_acme.data'::regclass, 'pg_class')";
    assert_eq!(
        database.sql(comment),
        "data of tenant_template, see tenant_acme.data",
        "a name with a dot is one"
    );
}

/// A body that is text is rewritten where it names the template, and the run says which: PostgreSQL cannot know.
#[test]
fn bodies_that_name_the_template_follow_to_the_clone_and_are_reported() {
    let database = Database::empty();
    load(&database, "text_bodies");
    database.run(&["init", "--quiet"]).success();
    let mut run = database.run(&["create", "acme"]).success();
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
    for function in [
        "named_in_sql",
        "named Quoted",
        "named_in_plpgsql",
        "named_in_procedure",
    ] {
        run = run.says(function);
    }
    assert!(!run.stderr.contains("not_named"), "{}", run.stderr);
}

/// `pg_dump` leaves an index out that could not be built; a clone without a word about it would be a surprise.
#[test]
fn an_invalid_index_is_not_cloned_and_the_run_says_so() {
    let database = Database::empty();
    database.sql(
        "CREATE SCHEMA tenant_template; CREATE TABLE tenant_template.t (id int PRIMARY KEY); \
         CREATE INDEX half_built ON tenant_template.t (id); \
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tenant_template.half_built'::regclass",
    );
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "acme"]).success().says("half_built");
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
    assert_eq!(database.sql("SELECT to_regclass('tenant_acme.half_built')"), "");
}

/// Casts lie in no schema, so `pg_dump` leaves them out of one: they are looked for in the catalog.
#[test]
fn casts_between_the_types_of_a_schema_are_cloned() {
    let database = Database::empty();
    cloned(&database, "casts");
    let casts = |schema: &str| {
        database.sql(&format!(
            "SELECT replace(format('%s %s %s %s %s', castsource::regtype, casttarget::regtype, castfunc::regprocedure, \
             castcontext, castmethod), '{schema}.', '') FROM pg_cast c JOIN pg_type s ON s.oid = castsource \
             JOIN pg_type t ON t.oid = casttarget \
             WHERE '{schema}'::regnamespace IN (s.typnamespace, t.typnamespace) ORDER BY 1"
        ))
    };
    let wanted = casts(TEMPLATE);
    assert!(wanted.lines().count() >= 6, "{wanted}");
    assert_eq!(casts("tenant_acme"), wanted);
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
}

/// The internal triggers of foreign keys have a state as well, which `pg_dump` does not show.
#[test]
fn foreign_keys_that_are_switched_off_stay_switched_off() {
    let database = Database::empty();
    cloned(&database, "triggers");
    let states = |schema: &str| {
        database.sql(&format!(
            "SELECT tgrelid::regclass::text = '{schema}.all_off', tgenabled, count(*) FROM pg_trigger t \
             JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = '{schema}'::regnamespace AND tgisinternal \
             GROUP BY 1, 2 ORDER BY 1, 2"
        ))
    };
    assert_eq!(states("tenant_acme"), states(TEMPLATE));
}

/// A query on a materialized view fails until it is populated, whether or not there are rows.
#[test]
fn materialized_views_are_populated_where_the_template_s_are() {
    let database = Database::empty();
    cloned(&database, "matviews");
    let populated = |schema: &str| {
        database.sql(&format!(
            "SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' \
             AND relnamespace = '{schema}'::regnamespace ORDER BY 1"
        ))
    };
    assert_eq!(populated("tenant_acme"), populated(TEMPLATE));
}

#[test]
fn neither_rows_nor_the_positions_of_sequences_are_cloned() {
    let database = Database::empty();
    load(&database, "sequences");
    database.sql(
        "INSERT INTO tenant_template.serials (c, d) VALUES (1, 1), (2, 2); \
         INSERT INTO tenant_template.identities DEFAULT VALUES; SELECT nextval('tenant_template.every_option')",
    );
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "acme", "--quiet"]).success();
    assert_eq!(
        database.sql(
            "SELECT (SELECT count(*) FROM tenant_acme.serials), nextval('tenant_acme.every_option'), \
             nextval('tenant_acme.serials_a_seq'), nextval('tenant_acme.\"re named\"'), \
             (SELECT last_value FROM tenant_template.serials_a_seq)"
        ),
        "0|100|1|15|2"
    );
}

const ODD_NAMES: [&str; 6] = [
    "plain",
    "Odd \"Template\"",
    "it's a template",
    "slashed\\back",
    "größe.☃",
    "select",
];

/// Families whose files name neither the template nor anything outside of it.
const RELATIVE: [&str; 3] = ["cycles", "sequences", "partitions"];

/// Makes a tenant of a template of this name.
fn cloned_from(database: &Database, template: &str) -> Run {
    let config = format!("[tenants]\ntemplate = {}\n", serde_json::json!(template));
    let folder = configured(&config);
    let run = |arguments: &[&str]| database.program().folder(folder.path()).run(arguments).success();
    run(&["init", "--quiet"]);
    run(&["create", "acme"])
}

#[test]
fn templates_with_odd_names_are_cloned_faithfully() {
    for name in ODD_NAMES {
        for family in RELATIVE {
            let database = Database::empty();
            load_into(&database, name, family);
            cloned_from(&database, name);
            Judge::new(database.url()).expect_faithful(name, "tenant_acme");
        }
    }
}

#[test]
fn texts_follow_from_templates_with_odd_names() {
    for name in ODD_NAMES {
        let database = Database::empty();
        let schema = quoted(name);
        let as_text = schema.replace('\'', "''");
        database.sql(&format!(
            "CREATE SCHEMA {schema}; CREATE TABLE {schema}.items (id int); CREATE SEQUENCE {schema}.numbers; \
             CREATE FUNCTION {schema}.by_path() RETURNS bigint LANGUAGE sql SET search_path = {schema} \
              AS $$ SELECT count(*) FROM items $$; \
             CREATE FUNCTION {schema}.by_name() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM {schema}.items $$; \
             CREATE FUNCTION {schema}.by_constant() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('{as_text}.numbers') $$; \
             CREATE TABLE {schema}.names (n regnamespace DEFAULT '{as_text}'::regnamespace); \
             COMMENT ON TABLE {schema}.items IS 'see {as_text}.numbers'"
        ));
        let run = cloned_from(&database, name);
        for function in ["by_path", "by_name", "by_constant"] {
            assert!(
                run.stderr.contains(function),
                "{name}: {function}\n{}",
                run.stderr
            );
        }
        let moved = format!(
            "DROP SCHEMA {schema} CASCADE; SELECT tenant_acme.by_path() + tenant_acme.by_name() + tenant_acme.by_constant()"
        );
        assert_eq!(database.sql(&moved), "1", "{name}");
        let said = "INSERT INTO tenant_acme.names DEFAULT VALUES RETURNING n";
        assert_eq!(database.sql(said), "tenant_acme", "{name}");
        let comment = "SELECT obj_description('tenant_acme.items'::regclass)";
        assert_eq!(database.sql(comment), "see tenant_acme.numbers", "{name}");
    }
}

/// The judge on trial: two schemas made by the same file are equal, whatever their names.
#[test]
fn a_family_that_is_made_twice_is_judged_equal() {
    let database = Database::empty();
    for family in RELATIVE {
        for name in ODD_NAMES {
            load_into(&database, name, family);
        }
        for pair in ODD_NAMES.windows(2) {
            Judge::new(database.url()).expect_faithful(pair[0], pair[1]);
        }
        for name in ODD_NAMES {
            database.sql(&format!("DROP SCHEMA {} CASCADE", quoted(name)));
        }
    }
}

#[test]
fn a_role_copies_what_it_may_give_away_and_names_what_it_may_not() {
    let database = Database::on(server_with_roles());
    database.sql(&format!(
        "CREATE ROLE mixed_runner LOGIN; CREATE ROLE mixed_a; CREATE ROLE mixed_b; GRANT mixed_a TO mixed_runner; \
         GRANT CREATE ON DATABASE \"{}\" TO mixed_runner; GRANT CREATE ON SCHEMA public TO mixed_runner",
        database.name()
    ));
    let url = database.url().replace("//tenantctl@", "//mixed_runner@");
    let sql = |sql: &str| crate::support::psql(&url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    sql(
        "CREATE SCHEMA tenant_template; GRANT CREATE, USAGE ON SCHEMA tenant_template TO mixed_a; \
         SET search_path = tenant_template; \
         CREATE TABLE t (id serial PRIMARY KEY); ALTER TABLE t OWNER TO mixed_a; \
         CREATE TABLE u (id int REFERENCES t); \
         CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; ALTER FUNCTION f() OWNER TO mixed_a; \
         CREATE VIEW v AS SELECT id FROM t; SET ROLE mixed_a; GRANT SELECT ON t TO PUBLIC",
    );
    let run = |arguments: &[&str]| database.program().env("DATABASE_URL", &url).run(arguments);
    run(&["init", "--quiet"]).success();
    run(&["create", "acme", "--quiet"]).success();
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");

    let before = database.state();
    for (given_away, object) in [
        ("ALTER VIEW tenant_template.v OWNER TO mixed_b", "VIEW v"),
        (
            "ALTER VIEW tenant_template.v OWNER TO mixed_runner; ALTER FUNCTION tenant_template.f() LEAKPROOF",
            "f()",
        ),
    ] {
        database.sql(given_away);
        run(&["create", "globex"]).exits(1).says(object);
        assert_eq!(database.state(), before);
    }
}
