//! One family of objects a test: its file in `sql/` is run in the template, a tenant is created, and nothing may differ.

use super::{TEMPLATE, cloned, load, server_with_roles};
use crate::support::{Database, Judge, psql};

/// Expects a tenant that equals its template in everything that this family holds.
#[track_caller]
fn clone_is_faithful(family: &str) {
    let database = Database::empty();
    cloned(&database, family);
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
}

/// The same for a family that makes roles.
#[track_caller]
fn clone_is_faithful_to_roles(family: &str) {
    let database = Database::on(server_with_roles());
    cloned(&database, family);
    Judge::new(database.url()).expect_faithful(TEMPLATE, "tenant_acme");
}

#[test]
fn tables_are_cloned_faithfully() {
    clone_is_faithful("tables");
}

#[test]
fn children_that_differ_from_their_parents_are_cloned_faithfully() {
    clone_is_faithful("inheritance");
}

#[test]
fn partitions_are_cloned_faithfully() {
    clone_is_faithful("partitions");
}

#[test]
fn constraints_are_cloned_faithfully() {
    clone_is_faithful("constraints");
}

#[test]
fn indexes_are_cloned_faithfully() {
    clone_is_faithful("indexes");
}

#[test]
fn sequences_are_cloned_faithfully() {
    clone_is_faithful("sequences");
}

#[test]
fn types_are_cloned_faithfully() {
    clone_is_faithful("types");
}

#[test]
fn functions_are_cloned_faithfully() {
    clone_is_faithful("functions");
}

#[test]
fn operators_are_cloned_faithfully() {
    clone_is_faithful("operators");
}

#[test]
fn text_search_is_cloned_faithfully() {
    clone_is_faithful("text_search");
}

#[test]
fn collations_are_cloned_faithfully() {
    clone_is_faithful("collations");
}

#[test]
fn views_are_cloned_faithfully() {
    clone_is_faithful("views");
}

#[test]
fn materialized_views_are_cloned_faithfully() {
    clone_is_faithful("matviews");
}

#[test]
fn rules_are_cloned_faithfully() {
    clone_is_faithful("rules");
}

#[test]
fn triggers_are_cloned_faithfully() {
    clone_is_faithful("triggers");
}

#[test]
fn extended_statistics_are_cloned_faithfully() {
    clone_is_faithful("statistics");
}

#[test]
fn comments_are_cloned_faithfully() {
    clone_is_faithful("comments");
}

#[test]
fn foreign_tables_are_cloned_faithfully() {
    clone_is_faithful("foreign_tables");
}

#[test]
fn objects_that_need_one_another_are_cloned_faithfully() {
    clone_is_faithful("cycles");
}

#[test]
fn bodies_that_need_one_another_are_cloned_faithfully() {
    clone_is_faithful("cycles_of_bodies");
}

#[test]
fn hostile_names_are_cloned_faithfully() {
    clone_is_faithful("hostile_names");
}

#[test]
fn expressions_that_change_when_they_are_read_back_are_cloned_faithfully() {
    clone_is_faithful("unstable_deparse");
}

#[test]
fn row_security_is_cloned_faithfully() {
    clone_is_faithful_to_roles("row_security");
}

#[test]
fn grants_are_cloned_faithfully() {
    clone_is_faithful_to_roles("grants");
}

#[test]
fn default_privileges_are_cloned_faithfully() {
    clone_is_faithful_to_roles("default_privileges");
}

#[test]
fn default_privileges_of_the_database_change_nothing() {
    clone_is_faithful_to_roles("default_privileges_of_database");
}

#[test]
fn owners_are_cloned_faithfully() {
    clone_is_faithful_to_roles("owners");
}

#[test]
fn tablespaces_are_cloned_faithfully() {
    let server = server_with_roles();
    let maintenance = server.url("postgres");
    let folder = server.folder().join("space");
    std::fs::create_dir(&folder).expect("a folder");
    server.owner().give(&folder).expect("given");
    psql(
        &maintenance,
        &format!("CREATE TABLESPACE fidelity_space LOCATION '{}'", folder.display()),
    )
    .expect("a tablespace");
    clone_is_faithful_to_roles("tablespaces");
    psql(&maintenance, "DROP TABLESPACE fidelity_space").expect("nothing is left in it");
}

/// What an extension in the template made stays there: extensions are of the database, and the clone goes on using it.
#[test]
fn an_extension_in_the_template_is_used_where_it_is() {
    let database = Database::empty();
    cloned(&database, "extension");
    let of_extensions = [
        "gin_trgm_ops",
        "gist_trgm_ops",
        "similarity(t.name",
        "similarity(a,",
        "citext",
        "OPERATOR(tenant_template.%)",
        "OPERATOR(tenant_template.=)",
        "OPERATOR(tenant_template.<>)",
    ]
    .map(|name| {
        if name.contains('.') && name.starts_with("OPERATOR") {
            name.to_owned()
        } else {
            format!("tenant_template.{name}")
        }
    });
    Judge::new(database.url())
        .keeping(&of_extensions.iter().map(String::as_str).collect::<Vec<_>>())
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
            "'data of tenant_template, see \"tenant_template\".data'",
        ])
        .expect_faithful(TEMPLATE, "tenant_acme");
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

/// What the fixtures are worth: `pg_dump`'s own copy of a family is faithful, or the reason is known.
#[test]
fn pg_dump_itself_copies_the_families_it_can() {
    let roles = ["row_security", "grants", "default_privileges", "owners"];
    let others = [
        "tables",
        "partitions",
        "constraints",
        "indexes",
        "sequences",
        "types",
        "functions",
        "operators",
        "text_search",
        "collations",
        "views",
        "matviews",
        "rules",
        "triggers",
        "statistics",
        "comments",
        "foreign_tables",
        "cycles",
        "hostile_names",
        "unstable_deparse",
    ];
    let server = crate::support::Server::start(&[]);
    for family in roles.iter().chain(&others) {
        let database = Database::on(&server);
        load(&database, family);
        let judge = Judge::new(database.url());
        let dump = judge.dump(&[TEMPLATE]).expect("a dump");
        let script = dump.replace(TEMPLATE, "dumped");
        let file = server.folder().join("script.sql");
        std::fs::write(&file, script).expect("written");
        let output = std::process::Command::new("psql")
            .args([database.url(), "-XAtq", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(&file)
            .output()
            .expect("psql is installed with the server");
        assert!(
            output.status.success(),
            "{family}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        judge.expect_faithful(TEMPLATE, "dumped");
    }
}
