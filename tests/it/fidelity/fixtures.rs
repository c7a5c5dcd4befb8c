//! The fixtures on trial.

use super::{TEMPLATE, load};
use crate::support::{Database, Judge, Server, run_script};

/// What the fixtures are worth: `pg_dump`'s own copy of a family is faithful. Left out are those of which the file says why
/// it is not, and those whose names or casts a plain replacement of the schema's name cannot follow.
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
        "text_bodies",
        "unstable_deparse",
    ];
    let server = Server::start(&[]);
    for family in roles.iter().chain(&others) {
        let database = Database::on(&server);
        load(&database, family);
        let judge = Judge::new(database.url());
        let dump = judge.dump(&[TEMPLATE]).expect("a dump");
        let script = dump
            .replace("tenant_templates", "<a longer word>")
            .replace(TEMPLATE, "dumped")
            .replace("<a longer word>", "tenant_templates");
        run_script(database.url(), &script).unwrap_or_else(|error| panic!("{family}: {error}"));
        judge.expect_faithful(TEMPLATE, "dumped");
    }
}
