//! Tables whose rows are no part of a backup.

use super::BackupError;
use super::format::Definition;
use crate::db::{QuotedIdent, SchemaName, Transaction, Type};

/// Leaves the rows of these tables out. Those that other rows refer to cannot be: what is left could not be restored.
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
        let table = table.ok_or_else(|| BackupError::NoTable {
            schema: schema.clone(),
            table: name.clone(),
        })?;
        definition.left_out.push(table.name.clone());
    }
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
