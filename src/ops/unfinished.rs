//! How far migrations without transaction have come that were interrupted. That belongs to the schema as its history
//! does: a copy goes on where the original would, and a schema that is replaced or dropped leaves nothing of it.

use serde::{Deserialize, Serialize};

use crate::db::{self, SchemaName, Session, Transaction, Type, with_constants};

/// A migration that was begun in a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    pub version: i64,
    /// The statement that was begun last, counted from 1.
    pub statement: i32,
}

/// Those of a schema. Read them before the schema: what was done since is then done once more, and not left out.
pub(super) async fn of(session: &Session, schema: &SchemaName) -> Result<Vec<Unfinished>, db::Error> {
    const STATEMENT: &str = "SELECT version, statement FROM public.tenant_unfinished_migrations \
                             WHERE schema_name = $1 ORDER BY version";
    if !are_kept(session).await? {
        return Ok(Vec::new());
    }
    let rows = session
        .query(STATEMENT, &[(&schema.as_str(), Type::TEXT)])
        .await?;
    let unfinished = rows.iter().map(|row| Unfinished {
        version: row.get(0),
        statement: row.get(1),
    });
    Ok(unfinished.collect())
}

/// Makes these the schema's, whatever one of its name had before.
pub(super) async fn set_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    unfinished: &[Unfinished],
) -> Result<(), db::Error> {
    match are_kept(transaction).await? {
        true => transaction.script(&set_sql(schema, unfinished)).await,
        false => Ok(()),
    }
}

fn set_sql(schema: &SchemaName, unfinished: &[Unfinished]) -> String {
    const DELETE: &str = "DELETE FROM public.tenant_unfinished_migrations WHERE schema_name = $1";
    const INSERT: &str = "INSERT INTO public.tenant_unfinished_migrations (schema_name, version, statement) \
                          VALUES ($1, $2, $3)";
    let mut statements = vec![with_constants(DELETE, &[Some(schema.as_str())])];
    for Unfinished { version, statement } in unfinished {
        let (version, statement) = (version.to_string(), statement.to_string());
        let values = [Some(schema.as_str()), Some(&version), Some(&statement)];
        statements.push(with_constants(INSERT, &values));
    }
    statements.join(";\n")
}

/// The same as SQL for a message that holds more, for a schema that is made now; empty where there are none.
pub(super) fn begin_sql(schema: &SchemaName, unfinished: &[Unfinished]) -> String {
    match unfinished {
        [] => String::new(),
        some => format!("{};\n", set_sql(schema, some)),
    }
}

/// SQL that forgets a migration of the schema, which is done now.
pub(super) fn forget_sql(schema: &SchemaName, version: i64) -> String {
    const STATEMENT: &str =
        "DELETE FROM public.tenant_unfinished_migrations WHERE schema_name = $1 AND version = $2";
    with_constants(STATEMENT, &[Some(schema.as_str()), Some(&version.to_string())])
}

/// A registry from before has no table for them.
async fn are_kept(session: &Session) -> Result<bool, db::Error> {
    const STATEMENT: &str = "SELECT to_regclass('public.tenant_unfinished_migrations') IS NOT NULL";
    let row = session.query_opt(STATEMENT, &[]).await?;
    Ok(row.is_some_and(|row| row.get(0)))
}
