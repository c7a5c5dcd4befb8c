//! What ties a tenant to what lies outside of its schema: objects that need it, and tables that all tenants share.

use crate::db::{self, Hold, LockName, QuotedText, SchemaName, Transaction};

/// Objects elsewhere would go along with a schema.
#[derive(Debug, thiserror::Error)]
#[error("objects outside schema `{schema}` depend on it: {}", objects.join(", "))]
pub struct NeededOutside {
    schema: SchemaName,
    objects: Vec<String>,
}

impl NeededOutside {
    /// The same of a schema that has another name at the moment.
    pub(super) fn of(self, schema: &SchemaName) -> Self {
        Self {
            schema: schema.clone(),
            ..self
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        "drop or change those objects first; tenantctl removes nothing outside the schema".to_owned()
    }
}

/// What `DROP SCHEMA … CASCADE` would take along from elsewhere, if there is anything.
pub(super) async fn needed_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<Option<NeededOutside>, db::Error> {
    let answers = transaction.text_query(&what_needs_it(schema)).await?;
    let rows = answers.into_iter().flat_map(|answer| answer.rows);
    let objects: Vec<String> = rows.filter_map(|mut row| row.pop().flatten()).collect();
    let schema = schema.clone();
    Ok((!objects.is_empty()).then_some(NeededOutside { schema, objects }))
}

/// The question what lies outside of the schema and depends on it.
pub(super) fn what_needs_it(schema: &SchemaName) -> String {
    let quoted = schema.quoted().to_string();
    include_str!("sql/needed_outside.sql").replace("{schema}", &QuotedText::new(&quoted).to_string())
}

/// Foreign keys to tables that tenants share make dropping a schema lock those tables alone, one after the other, which
/// creating one locks too. So whoever drops waits until no such tenant is being made, before it locks any of them.
pub(super) fn lock_for_dropping(schema: &SchemaName) -> String {
    let quoted = schema.quoted().to_string();
    include_str!("sql/lock_shared_tables.sql")
        .replace("{lock}", &LockName::SharedTables.taken(Hold::Alone))
        .replace("{schema}", &QuotedText::new(&quoted).to_string())
}

/// The same for whoever makes such a schema: many may at once.
pub(super) fn lock_for_making() -> String {
    format!("SELECT {}", LockName::SharedTables.taken(Hold::Shared))
}
