//! Tables whose rows are no part of a backup.

use super::BackupError;
use super::format::Definition;
use crate::db::{QuotedIdent, SchemaName, Transaction, Type};

/// Leaves the rows of these tables out, and with a partitioned one those of all its partitions. Those that other rows
/// refer to cannot be: what is left could not be restored.
pub(super) async fn leave_out_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    names: &[String],
    definition: &mut Definition,
) -> Result<(), BackupError> {
    for name in names {
        let quoted = QuotedIdent::new(name).to_string();
        let table = definition
            .tables
            .iter()
            .find(|table| table.name == *name || table.name == quoted);
        let tables = match table {
            Some(table) => vec![table.name.clone()],
            None => partitions_in_tx(transaction, schema, name).await?,
        };
        if tables.is_empty() {
            return Err(BackupError::NoTable {
                schema: schema.clone(),
                table: name.clone(),
            });
        }
        definition.left_out.extend(tables);
    }
    let is_filled = |name: &String| definition.tables.iter().any(|table| table.name == *name);
    definition.left_out.retain(is_filled);
    definition.left_out.sort();
    definition.left_out.dedup();
    if definition.left_out.is_empty() {
        return Ok(());
    }
    let keys = transaction
        .query(
            include_str!("../sql/keys_to_left_out.sql"),
            &[
                (&schema.as_str(), Type::TEXT),
                (&definition.left_out, Type::TEXT_ARRAY),
            ],
        )
        .await?;
    for key in keys {
        let (by, table, question): (String, String, String) = (key.get(0), key.get(1), key.get(2));
        let refers = transaction.query_opt(&question, &[]).await?;
        if refers.is_some() {
            return Err(BackupError::Referenced { table, by });
        }
    }
    Ok(())
}

/// A partitioned table with all that is below it, quoted as SQL needs it; nothing where there is none of this name.
async fn partitions_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    name: &str,
) -> Result<Vec<String>, BackupError> {
    const STATEMENT: &str = "SELECT quote_ident(part.relname) FROM pg_class AS root, \
                             LATERAL pg_partition_tree(root.oid) AS tree, pg_class AS part \
                             WHERE root.relkind = 'p' AND root.relnamespace = to_regnamespace($1) \
                             AND $2 IN (root.relname, quote_ident(root.relname)) \
                             AND part.oid = tree.relid AND part.relnamespace = root.relnamespace";
    let quoted = schema.quoted().to_string();
    let rows = transaction
        .query(STATEMENT, &[(&quoted, Type::TEXT), (&name, Type::TEXT)])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
