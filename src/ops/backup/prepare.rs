//! What a backup says before its first row, read as one transaction sees it.

use jiff::Timestamp;

use super::BackupError;
use super::format::{Definition, Manifest, TenantRow};
use super::home::Home;
use super::left_out::leave_out_in_tx;
use super::shared::{Known, Shared};
use crate::blueprint::{self, Table, UnclearText, state_of_sequence};
use crate::db::{self, Db, SchemaName, Transaction, Type, readable};
use crate::ops::clone::{Contents, Plan, lock_tables, step};
use crate::ops::original::{self, OriginalError};
use crate::ops::unfinished;
use crate::tenant::Tenant;
use crate::tenant::registry;

/// A table, and the statement that tells its rows.
pub(super) type Copy = (String, String);

/// Everything that comes before the first row, and each table with the statement that tells its rows.
pub(super) async fn prepare_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    tenant: &Tenant,
    left_out: &[String],
    shared: &Shared,
) -> Result<(Manifest, Vec<Copy>), BackupError> {
    let schema = &tenant.schema;
    let current = registry::find_again(transaction, tenant).await?;
    let taken_at = Timestamp::now();
    let unfinished = unfinished::of(transaction, schema).await?;
    let known = match shared.find_in_tx(db, transaction, schema).await? {
        Some(known) => known,
        None => read_in_tx(db, transaction, schema, shared).await?,
    };
    transaction.script(&rows_readable()).await?;
    let Known {
        mut definition,
        sequences,
        fingerprint,
        notes,
    } = known;
    leave_out_in_tx(transaction, schema, left_out, &mut definition).await?;
    let mut questions: Vec<String> = vec!["SELECT current_setting('server_version')".to_owned()];
    questions.extend(sequences.iter().map(|name| state_of_sequence(name, schema)));
    let mut answers = transaction
        .text_query(&questions.join(";\n"))
        .await?
        .into_iter()
        .map(|answer| {
            answer
                .rows
                .into_iter()
                .flatten()
                .flatten()
                .collect::<Vec<String>>()
        });
    let server = answers.next().unwrap_or_default();
    definition.sequences = answers.flatten().collect();
    let copies = copies(definition.filled(), schema);
    let server_version = server.into_iter().next().unwrap_or_default();
    let Home { database, system } = Home::of(transaction).await?;
    let manifest = Manifest {
        mark: format!("tenantctl{}", uuid::Uuid::new_v4().simple()),
        tenantctl: env!("CARGO_PKG_VERSION").to_owned(),
        server_version,
        database,
        system,
        taken_at,
        schema: schema.to_string(),
        tenant: TenantRow::from(&current),
        fingerprint,
        definition,
        unfinished,
        notes,
    };
    Ok((manifest, copies))
}

/// How rows are told: the same on every server, and in the order in which they are.
pub(super) fn rows_readable() -> String {
    format!("{}; SET LOCAL synchronize_seqscans = off", readable())
}

fn copies<'a>(tables: impl Iterator<Item = &'a Table>, schema: &SchemaName) -> Vec<Copy> {
    tables
        .map(|table| (table.name.clone(), table.copy_out(schema)))
        .collect()
}

/// The tables and the statements alone, ready to be sent. The tables are locked as by a reader.
pub(super) async fn prepare_rows_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<Vec<Copy>, BackupError> {
    let tables = blueprint::tables_in_tx(transaction, schema)
        .await
        .map_err(|source| OriginalError::reading(schema, source))?;
    lock_tables(transaction, schema, &tables).await?;
    transaction.script(&rows_readable()).await?;
    Ok(copies(tables.iter(), schema))
}

/// Reads a definition, and keeps it for others that have the same.
async fn read_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    shared: &Shared,
) -> Result<Known, BackupError> {
    let plan = Plan::read_in_tx(transaction, schema, &Contents::All, UnclearText::Keep).await?;
    let script = plan.blueprint.script_with_owners().map_err(OriginalError::from)?;
    plan.keep_original(db, transaction).await?;
    let fingerprint = blueprint::fingerprints_in_tx(transaction, std::slice::from_ref(schema))
        .await?
        .remove(schema)
        .unwrap_or_default();
    let known = Known {
        definition: Definition::new(&plan.blueprint, script, Vec::new()),
        sequences: plan.sequences.clone(),
        fingerprint,
        notes: original::notes(
            &plan.blueprint,
            "the tenant",
            "what is restored under another name",
        ),
    };
    shared.keep_in_tx(transaction, &plan.blueprint, &known).await?;
    Ok(known)
}

/// Keeps everybody from writing to the tables of a schema until the caller's transaction ends.
pub(in crate::ops) async fn hold_still_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<(), BackupError> {
    hold_in_tx(transaction, schema, "SHARE")
        .await
        .map_err(|source| step("keeping the tables still", source).into())
}

/// Waits until nobody uses the tables of a schema any more, and keeps everybody from them.
pub(in crate::ops) async fn hold_alone_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<(), db::Error> {
    hold_in_tx(transaction, schema, "ACCESS EXCLUSIVE").await
}

async fn hold_in_tx(transaction: &Transaction<'_>, schema: &SchemaName, mode: &str) -> Result<(), db::Error> {
    const TABLES: &str = "SELECT pg_catalog.format('ONLY %I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c \
                          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                          WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY c.oid";
    let mut held: Vec<String> = Vec::new();
    loop {
        let rows = transaction
            .query(TABLES, &[(&schema.as_str(), Type::TEXT)])
            .await?;
        let tables = rows.iter().map(|row| row.get(0));
        let more: Vec<String> = tables.filter(|table| !held.contains(table)).collect();
        if more.is_empty() {
            return Ok(());
        }
        transaction
            .script(&format!("LOCK TABLE {} IN {mode} MODE", more.join(", ")))
            .await?;
        // Whoever was waited for may have made another.
        held.extend(more);
    }
}
