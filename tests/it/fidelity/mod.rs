//! Clones of schemas that hold everything a schema can hold, made by the real program and judged by `pg_dump`.

mod beyond;
mod families;
mod fixtures;
mod generator;
mod late;
mod random_schemas;
mod settings;

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::support::{Database, Server, client};

/// The schema that tenants are cloned from.
const TEMPLATE: &str = "tenant_template";

/// The server of the families that make roles, which belong to a whole server. Each family has names of its own.
fn server_with_roles() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[]))
}

fn fixture(family: &str) -> PathBuf {
    [
        env!("CARGO_MANIFEST_DIR"),
        "tests",
        "it",
        "fidelity",
        "sql",
        family,
    ]
    .iter()
    .collect::<PathBuf>()
    .with_extension("sql")
}

/// Makes the template and runs a family's file in it.
pub(crate) fn load(database: &Database, family: &str) {
    load_into(database, TEMPLATE, family);
}

/// Makes a schema and runs a family's file in it, with psql, which shares no code with ours.
fn load_into(database: &Database, schema: &str, family: &str) {
    let schema = quoted(schema);
    let output = client("psql")
        .args([database.url(), "-XAtq", "-v", "ON_ERROR_STOP=1"])
        .args(["-c", "SET client_min_messages = warning"])
        .args(["-c", &format!("CREATE SCHEMA {schema}")])
        .args(["-c", &format!("SET search_path = {schema}"), "-f"])
        .arg(fixture(family))
        .output()
        .expect("psql is installed with the server");
    assert!(
        output.status.success(),
        "{family}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Makes the template before the registry, so that it is taken as it is, and then a tenant.
fn cloned(database: &Database, family: &str) {
    load(database, family);
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "acme", "--quiet"]).success();
}

/// Expects columns in the same order and from the same parents, which a dump does not show.
#[track_caller]
fn expect_columns_in_order(database: &Database, original: &str, copy: &str) {
    let columns = |schema: &str| {
        let columns = database.sql(&format!(
            "SELECT c.relname, a.attname, a.attislocal, a.attinhcount, a.attnotnull, a.atthasdef, a.attgenerated, a.attstorage, \
             row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), \
             (SELECT string_agg(i.inhparent::regclass::text, ' ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid) \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'v', 'm') \
             AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
        ));
        let constraints = database.sql(&format!(
            "SELECT conrelid::regclass, conname, conislocal, coninhcount, connoinherit FROM pg_constraint \
             WHERE connamespace = '{schema}'::regnamespace AND conrelid <> 0 ORDER BY conrelid::regclass::text, 2"
        ));
        format!("{columns}\n{constraints}").replace(&format!("{schema}."), "")
    };
    let (wanted, found) = (columns(original), columns(copy));
    let differing: Vec<_> = wanted
        .lines()
        .zip(found.lines())
        .filter(|(one, other)| one != other)
        .collect();
    assert!(
        differing.is_empty() && wanted.lines().count() == found.lines().count(),
        "{differing:#?}"
    );
}
