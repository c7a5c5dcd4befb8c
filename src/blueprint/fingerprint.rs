//! Fingerprints: two schemas have the same one when their objects have the same definitions, whatever the schemas are
//! called and in whichever way they came to be.
//!
//! The server computes them for many schemas at once, so that a whole fleet costs as many queries as one schema. What
//! every schema is full of has queries of its own, which say in numbers and bare names what blueprints say in SQL; the
//! rest is asked as blueprints are read. Here no schema can be first in the search path. All names come out with their
//! schema, and the schema's own name is taken out of each text where it means the schema: a table, a column or a role may
//! be called the same.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::catalog::{Digest, SETTINGS, SOURCES, Source, extras};
use super::inventory::Inventory;
use super::macros::{Names, Writer};
use super::settle::{repeatable_sql, settled_sql};
use super::text::{BEFORE_OBJECTS, SCHEMA_COLUMNS};
use crate::db::{self, SchemaName, Session, Transaction, Type};

/// Goes up whenever the same definition gets another fingerprint than before.
const VERSION: u32 = 5;

macro_rules! queries {
    ($($name:literal $found:literal,)*) => {
        [$(Query {
            name: $name,
            sql: include_str!(concat!("sql/fingerprint/", $name, ".sql")),
            found: $found,
        },)*]
    };
}

/// A query that blueprints are not read by. It answers with each object's schema and all that tells it from another.
#[derive(Debug)]
struct Query {
    name: &'static str,
    sql: &'static str,
    /// What the inventory must have found.
    found: &'static str,
}

/// What [`Digest::By`] names.
const QUERIES: [Query; 9] = queries! {
    "relations" "pg_class",
    "columns" "pg_class",
    "defaults" "pg_class",
    "constraints" "pg_class",
    "indexes" "pg_class",
    "sequences" "sequences",
    "triggers" "triggers",
    "policies" "policies",
    "remarks" "",
};

/// The fingerprints of those of the schemas that exist, from one snapshot.
pub async fn fingerprints(
    session: &mut Session,
    schemas: &[SchemaName],
) -> Result<HashMap<SchemaName, String>, db::Error> {
    let (transaction, _) = session
        .begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let result = fingerprints_in_tx(&transaction, schemas).await;
    transaction.end(result).await
}

/// The same within the caller's transaction, whose search path it leaves changed.
pub async fn fingerprints_in_tx(
    transaction: &Transaction<'_>,
    schemas: &[SchemaName],
) -> Result<HashMap<SchemaName, String>, db::Error> {
    fingerprints_within(transaction, schemas, Duration::ZERO).await
}

/// The same where no question may take longer than this; zero for no limit.
pub async fn fingerprints_within(
    transaction: &Transaction<'_>,
    schemas: &[SchemaName],
    limit: Duration,
) -> Result<HashMap<SchemaName, String>, db::Error> {
    const OIDS: &str = "SELECT oid, nspname::text, current_setting('server_version_num')::int \
                        FROM pg_namespace WHERE nspname = ANY ($1)";
    transaction
        .script(&format!(
            "{SETTINGS} SET LOCAL statement_timeout = {}; SET LOCAL work_mem = '64MB'; \
             SET LOCAL max_parallel_workers_per_gather = 0",
            db::optional_limit_in_ms(limit)
        ))
        .await?;
    let names: Vec<&str> = schemas.iter().map(SchemaName::as_str).collect();
    let rows = transaction.query(OIDS, &[(&names, Type::TEXT_ARRAY)]).await?;
    let version = rows.first().map_or(0, |row| row.get(2));
    let oids_of: HashMap<String, u32> = rows.iter().map(|row| (row.get(1), row.get(0))).collect();
    let oids: Vec<u32> = oids_of.values().copied().collect();
    if oids.is_empty() {
        return Ok(HashMap::new());
    }

    let inventory = Inventory::take(transaction, oids.clone()).await?;
    let path = String::new();
    let statements = questions(&inventory, version);
    let answers = try_join_all(
        statements
            .iter()
            .map(async |(_, statement)| transaction.query(statement, &inventory.params(&path)).await),
    )
    .await?;
    let mut digests: HashMap<u32, String> = oids.iter().map(|oid| (*oid, String::new())).collect();
    for ((name, _), rows) in statements.iter().zip(&answers) {
        for row in rows {
            if let Some(digest) = digests.get_mut(&row.get::<_, u32>(0)) {
                *digest += &format!("{name}:{};", row.get::<_, String>(1));
            }
        }
    }
    Ok(schemas
        .iter()
        .filter_map(|schema| {
            let oid = oids_of.get(schema.as_str())?;
            Some((schema.clone(), digest(&digests[oid])))
        })
        .collect())
}

/// Whether a fingerprint that was kept can be compared with those that are taken now.
pub fn is_comparable(fingerprint: &str) -> bool {
    fingerprint.starts_with(&format!("{VERSION}."))
}

/// The queries that may have an answer, by name. Each answers with schemas and what they have of its kinds of objects.
fn questions(inventory: &Inventory, version: i32) -> Vec<(&'static str, String)> {
    let writer = Writer::new(version, Names::Qualified, inventory);
    let own = QUERIES
        .iter()
        .filter(|query| inventory.may_hold(query.found))
        .map(|query| (query.name, writer.expand(query.sql)));
    let general = SOURCES
        .iter()
        .filter(|source| inventory.may_hold(source.found))
        .filter_map(|source| Some((source.name, texts(source, &writer)?)));
    own.chain(general)
        .map(|(name, sql)| (name, digests(&sql)))
        .collect()
}

/// What tells the objects of a source from others, unless another query says it.
fn texts(source: &Source, writer: &Writer<'_>) -> Option<String> {
    let mut parts = vec!["o.kind", "o.name", "o.sql"];
    let settle = match source.digest {
        Digest::By(_) => return None,
        Digest::Places => {
            parts.push("o.position");
            settled_sql
        }
        Digest::Texts => settled_sql,
        Digest::Views => |text: &str| repeatable_sql(&settled_sql(text)),
        Digest::Bodies => str::to_owned,
    };
    for (column, has) in [
        ("o.comment", source.extras.comments()),
        ("o.owner_name", source.extras.owners()),
        ("o.grants", source.extras.grants()),
    ] {
        if has {
            parts.push(column);
        }
    }
    let (columns, join) = extras(source, writer);
    let sql = writer.expand(source.sql);
    Some(format!(
        "SELECT o.schema, {} AS text FROM (SELECT o.schema, concat_ws(chr(2), {}) AS text \
         FROM (SELECT o.*{columns} FROM (\n{sql}) o{join}) o OFFSET 0) o",
        settle("o.text"),
        parts.join(", ")
    ))
}

/// What a query says of each schema, in one word. The order of its rows does not matter.
fn digests(sql: &str) -> String {
    let schemas = own_names();
    let (doubtful, of_an_object) = (doubtful_sql(), of_an_object_sql());
    let (qualified, elsewhere) = (qualified_sql(), elsewhere_sql());
    // OFFSET 0 keeps each text from being written out, and computed, once for every place where it is used. A pattern with
    // a name in it has to be compiled for each schema, so that it is for texts that name the schema otherwise than
    // PostgreSQL does.
    format!(
        "SELECT o.schema, concat_ws('/', count(*), sum(hashtextextended(o.text, 0)), sum(hashtextextended(o.text, 1))) \
         FROM (SELECT o.schema, CASE WHEN strpos(o.text, o.own) > 0 \
                                     THEN regexp_replace(o.text, {elsewhere}, '\\1\\2§', 'g') ELSE o.text END AS text \
                 FROM (SELECT o.schema, o.own, o.pattern, \
                              CASE WHEN o.text = o.written THEN o.text \
                                   WHEN o.columns IS NOT NULL OR o.written ~ {doubtful} \
                                   THEN regexp_replace(regexp_replace(o.text, {of_an_object}, '\\1§.', 'g'), \
                                                       {qualified}, '§.', 'g') \
                                   ELSE o.written END AS text \
                         FROM (SELECT o.schema, o.text, s.own, s.pattern, s.columns, \
                                      CASE WHEN strpos(o.text, s.own) > 0 \
                                           THEN replace(replace(o.text, s.quoted || '.', '§.'), s.own || '.', '§.') \
                                           ELSE o.text END AS written \
                                 FROM (SELECT o.schema, o.text COLLATE \"default\" AS text FROM (\n{sql}) o) o \
                                 JOIN ({schemas}) s ON s.oid = o.schema \
                               OFFSET 0) o \
                       OFFSET 0) o \
               OFFSET 0) o \
         GROUP BY o.schema"
    )
}

/// The schemas by their numbers, with their names as they stand in texts, and as a pattern. Where a relation has the name
/// of its schema, the name with a dot may mean that: `columns` is the pattern of what it means then.
fn own_names() -> String {
    let escaped = |text: &str| format!(r"regexp_replace({text}, '([^\w])', '\\\1', 'g')");
    let (name, column) = (escaped("n.nspname"), escaped("quote_ident(a.attname)"));
    format!(
        "SELECT n.oid, n.nspname::text COLLATE \"default\" AS own, \
                concat('\"', n.nspname, '\"') COLLATE \"default\" AS quoted, {name} COLLATE \"default\" AS pattern, \
                (SELECT string_agg({column} COLLATE \"default\", '|') FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid \
                  WHERE r.relname = n.nspname AND r.relnamespace = n.oid AND r.relkind IN ('r', 'p', 'f', 'v', 'm') \
                    AND a.attnum > 0 AND NOT a.attisdropped) AS columns \
           FROM pg_namespace n WHERE n.oid = ANY ($1) OFFSET 0"
    )
}

/// What follows a schema's name and its dot: a name, or an operator.
const NAME: &str = r#"[\w"%+*/<>=~!@#^&|?`-]"#;

/// A mark behind a longer name or behind a dot, or before something that is no name.
fn doubtful_sql() -> String {
    format!(r"'[\w$.]§\.|§\.(?!{NAME})'")
}

/// The pattern of the schema's name where only what is in a schema can stand: after such words, and where a text begins.
fn of_an_object_sql() -> String {
    let before = format!(
        r"(?:(?<!DISTINCT )FROM[\s(]+|\m(?:{})\s+|::|^|[\u0001\u0002])",
        BEFORE_OBJECTS.join("|")
    );
    format!(r#"('({before})(?:"' || o.pattern || '"|' || o.pattern || ')\.(?={NAME})')"#)
}

/// The pattern of the schema's name before any other name, unless that is a column of the relation that is called so.
fn qualified_sql() -> String {
    let is_column = r#"coalesce('(?!(?:\*|' || o.columns || ')(?![\w$"(.]))', '')"#;
    format!(r#"('(?<![\w$.])(?:"' || o.pattern || '"|' || o.pattern || ')\.(?={NAME})' || {is_column})"#)
}

/// The pattern of the schema's name where it means the schema without a dot: in a search path, as what the catalogs call
/// a schema, and in a constant that is a schema's name.
fn elsewhere_sql() -> String {
    let path = r#"search_path"?\s*(?:=|[Tt][Oo])\s*(?:(?:[\w$]+|"[^"]*"|''[^'']*'')\s*,\s*)*["'']?"#;
    let compared = format!(r"(?:{})[\s():a-z]*(?:=|<>|!=)[\s(]*''", SCHEMA_COLUMNS.join("|"));
    let looked_up = r#"regnamespace[\s(]*''"?"#;
    let cast = r#"|('')"?' || o.pattern || '"?(?=''\s*::\s*regnamespace)"#;
    format!(r"('((?:{path}|{compared}|{looked_up}))' || o.pattern || '(?![\w$.]){cast}')")
}

/// 128 bits of the parts, in hexadecimal, after the version.
fn digest(parts: &str) -> String {
    let digest = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, parts.as_bytes());
    format!("{VERSION}.{}", digest.simple())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_query_stands_for_a_source_and_every_source_has_one() {
        let named = |source: &Source| match source.digest {
            Digest::By(name) => Some(name),
            _ => None,
        };
        let known: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
        for source in &SOURCES {
            assert!(
                named(source).is_none_or(|name| known.contains(&name)),
                "{}",
                source.name
            );
        }
        for name in known {
            assert!(SOURCES.iter().any(|source| named(source) == Some(name)), "{name}");
        }
    }
    /// What catalogs and columns some versions have: the first of them, and the first that has it no longer.
    const HAD: [(&str, i32, i32); 9] = [
        ("confdelsetcols", 150_000, i32::MAX),
        ("indnullsnotdistinct", 150_000, i32::MAX),
        ("pg_publication_namespace", 150_000, i32::MAX),
        ("pg_parameter_acl", 150_000, i32::MAX),
        ("colliculocale", 150_000, 170_000),
        ("collicurules", 160_000, i32::MAX),
        ("colllocale", 170_000, i32::MAX),
        ("conenforced", 180_000, i32::MAX),
        ("conperiod", 180_000, i32::MAX),
    ];

    #[test]
    fn no_server_is_asked_for_what_its_version_does_not_have() {
        let inventory = Inventory::default();
        let mut asked = HashSet::new();
        for version in [140_000, 150_000, 160_000, 170_000, 180_000] {
            let all = crate::blueprint::read::questions(version)
                .chain(questions(&inventory, version).into_iter().map(|(_, sql)| sql))
                .chain([crate::blueprint::stamp::query(&inventory)]);
            for sql in all {
                for (name, since, until) in HAD.iter().filter(|(name, ..)| sql.contains(name)) {
                    assert!((*since..*until).contains(&version), "{name} on {version}: {sql}");
                    asked.insert(*name);
                }
            }
        }
        assert!(asked.contains("confdelsetcols") && asked.contains("conenforced"));
    }
}
