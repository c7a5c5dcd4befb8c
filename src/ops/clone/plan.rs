//! What comes before the first change: the original is read, and kept as it is from there on.

use super::{CloneError, Contents, Request, step};
use crate::blueprint::{self, Blueprint, ReadError, Script, Shape, Statement, Table};
use crate::db::{Db, Transaction};
use crate::ops::original::{self, HISTORY, OriginalError, reference_tables_of};
use crate::tenant::registry::{self, RegistryError};

/// Everything that is known before the first change.
pub(super) struct Plan {
    pub(super) blueprint: Blueprint,
    pub(super) script: Script,
    pub(super) tables: Vec<Table>,
    pub(super) sequences: Vec<String>,
    pub(super) refreshes: Vec<Statement>,
    pub(super) version: Option<i64>,
    pub(super) fingerprint: Option<String>,
}

/// Reads the original and makes sure that it is what the snapshot shows, and stays so until the transaction ends.
///
/// The deparsers look at the catalogs of the moment, and a table that somebody truncates or writes anew looks empty to
/// snapshots from before. So the tables are locked first, and then a second session, which is in no snapshot, compares.
pub(super) async fn plan_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    request: &Request,
) -> Result<Plan, CloneError> {
    let from = &request.from;
    let current = registry::find(transaction, &from.slug).await?;
    if current.id != from.id || current.schema != from.schema {
        return Err(RegistryError::Unknown {
            slug: from.slug.clone(),
            nearest: None,
        }
        .into());
    }
    let schema = &from.schema;
    let reading = |source| OriginalError::Read {
        schema: schema.clone(),
        source,
    };
    let blueprint = blueprint::read_in_tx(transaction, schema)
        .await
        .map_err(reading)?;
    let (shape, tables, sequences) = contents(&blueprint, &request.contents)?;
    let script = blueprint.script(shape, request.unclear)?;
    let version = match (current.schema_version, blueprint.table(HISTORY)) {
        (None, Some(_)) => original::version(transaction, schema).await?,
        (known, _) => known,
    };
    let kept = current.schema_fingerprint;
    let fingerprint = match kept.filter(|kept| blueprint::is_comparable(kept)) {
        None => blueprint::fingerprints_in_tx(transaction, std::slice::from_ref(schema))
            .await?
            .remove(schema),
        known => known,
    };
    lock_tables(transaction, &blueprint, &tables).await?;
    if !blueprint::is_unchanged(&db.direct().await?, &blueprint).await? {
        return Err(reading(ReadError::Changing(schema.clone())).into());
    }
    let refreshes = match request.contents {
        Contents::All => script.refreshes.clone(),
        Contents::Only(_) => Vec::new(),
    };
    Ok(Plan {
        blueprint,
        script,
        tables,
        sequences,
        refreshes,
        version,
        fingerprint,
    })
}

/// The tables whose rows go along, and the statements that move sequences.
fn contents(
    blueprint: &Blueprint,
    contents: &Contents,
) -> Result<(Shape, Vec<Table>, Vec<String>), OriginalError> {
    let Contents::Only(names) = contents else {
        let tables = blueprint.tables().to_vec();
        return Ok((Shape::WithRows, tables, blueprint.continue_sequences()));
    };
    let shape = if names.is_empty() {
        Shape::Empty
    } else {
        Shape::WithRows
    };
    let tables: Vec<Table> = blueprint
        .table(HISTORY)
        .into_iter()
        .chain(reference_tables_of(blueprint, names)?)
        .cloned()
        .collect();
    let sequences = tables
        .iter()
        .flat_map(|table| table.continue_sequences(blueprint.schema()))
        .collect();
    Ok((shape, tables, sequences))
}

/// Locks the tables as a reader of their rows does.
async fn lock_tables(
    transaction: &Transaction<'_>,
    blueprint: &Blueprint,
    tables: &[Table],
) -> Result<(), CloneError> {
    if tables.is_empty() {
        return Ok(());
    }
    let schema = blueprint.schema();
    let names: Vec<String> = tables
        .iter()
        .map(|table| format!("ONLY {}", table.of(schema)))
        .collect();
    let locked = transaction
        .script(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", ")))
        .await;
    locked.map_err(|source| match source.sqlstate() {
        // Dropped or renamed since the snapshot.
        Some("42P01") => OriginalError::Read {
            schema: schema.clone(),
            source: ReadError::Changing(schema.clone()),
        }
        .into(),
        _ => step("locking the tables of the original", source),
    })
}
