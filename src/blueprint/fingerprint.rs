//! Fingerprints: two schemas have the same one when their objects have the same definitions, whatever the schemas are
//! called and in whichever way they came to be.
//!
//! The server computes them for many schemas at once from the queries that blueprints are read by, so that a whole
//! fleet costs as many queries as one schema. Here no schema can be first in the search path. All names come out with
//! their schema, and the schema's own name is taken out of each text.

use std::collections::HashMap;

use futures_util::future::try_join_all;

use super::catalog::{Extras, Names, SETTINGS, Source, expand, extras};
use super::read::Inventory;
use super::settle::settled_sql;
use crate::db::{self, SchemaName, Session, Transaction, Type};

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
    const OIDS: &str = "SELECT oid, nspname::text, current_setting('server_version_num')::int \
                        FROM pg_namespace WHERE nspname = ANY ($1)";
    transaction
        .script(&format!("{SETTINGS} SET LOCAL work_mem = '64MB'"))
        .await?;
    let names: Vec<&str> = schemas.iter().map(SchemaName::as_str).collect();
    let rows = transaction.query(OIDS, &[(&names, Type::TEXT_ARRAY)]).await?;
    let version = rows.first().map_or(0, |row| row.get(2));
    let names: HashMap<u32, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let oids: Vec<u32> = names.keys().copied().collect();
    if oids.is_empty() {
        return Ok(HashMap::new());
    }

    let inventory = Inventory::take(transaction, oids.clone()).await?;
    let path = String::new();
    let sources = inventory.sources();
    let statements: Vec<String> = sources.iter().map(|source| question(source, version)).collect();
    let answers = try_join_all(
        statements
            .iter()
            .map(async |statement| transaction.query(statement, &inventory.params(&path)).await),
    )
    .await?;
    let mut digests: HashMap<u32, String> = oids.iter().map(|oid| (*oid, String::new())).collect();
    for (source, rows) in sources.iter().zip(&answers) {
        for row in rows {
            if let Some(digest) = digests.get_mut(&row.get::<_, u32>(0)) {
                *digest += &format!("{}:{};", source.name, row.get::<_, String>(1));
            }
        }
    }
    Ok(schemas
        .iter()
        .filter_map(|schema| {
            let oid = names
                .iter()
                .find_map(|(oid, name)| (name == schema.as_str()).then_some(oid))?;
            Some((schema.clone(), digest(&digests[oid])))
        })
        .collect())
}

/// A query that answers each schema's part of the fingerprint.
fn question(source: &Source, version: i32) -> String {
    let (columns, join) = extras(source);
    let sql = expand(source.sql, version, Names::Qualified);
    let mut parts = vec!["o.kind", "o.name", "o.sql"];
    if sql.contains("AS tail") {
        parts.push("o.tail");
    }
    for (column, has) in [
        ("o.comment", source.extras.comments()),
        ("o.owner_name", source.extras.owners()),
        ("o.grants", source.extras.grants()),
    ] {
        if has {
            parts.push(column);
        }
    }
    let parts = parts
        .into_iter()
        .map(|part| match part {
            "o.sql" if source.extras == Extras::Grants && !sql.contains("AS sql") => "''",
            part => part,
        })
        .collect::<Vec<_>>()
        .join(", ");
    let text = match source.name {
        // A body is text of its author's.
        "functions" => "o.text".to_owned(),
        _ => settled_sql("o.text"),
    };
    let words = r"format('(?<![\w$])%s(?![\w$])', regexp_replace(o.own, '([^\w])', '\\\1', 'g'))";
    // OFFSET 0 keeps each text from being written out, and computed, once for every place where it is used.
    format!(
        "SELECT h.schema, md5(string_agg(h.hash, '' ORDER BY h.hash)) FROM (\
         SELECT o.schema, md5(CASE WHEN strpos(o.text, o.own) > 0 THEN regexp_replace(o.text, {words}, '§', 'g') \
                              ELSE o.text END) AS hash \
         FROM (SELECT o.schema, o.own, {text} AS text \
               FROM (SELECT o.schema, o.own, replace(concat_ws(chr(2), {parts}), quote_ident(o.own) || '.', '§.') AS text \
                     FROM (SELECT o.*, s.nspname::text AS own{columns} FROM (\n{sql}) o \
                           JOIN pg_namespace s ON s.oid = o.schema{join}) o OFFSET 0) o OFFSET 0) o) h \
         GROUP BY h.schema"
    )
}

/// 128 bits of the parts, in hexadecimal.
fn digest(parts: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, parts.as_bytes())
        .simple()
        .to_string()
}
