//! What comes before the first change: the original is read, and kept as it is from there on.

use super::{CloneError, Contents, Request, step};
use crate::blueprint::{self, Blueprint, Script, Shape, Statement, Table, UnclearText};
use crate::db::migrator::HISTORY_TABLE;
use crate::db::{Db, SchemaName, Transaction};
use crate::ops::migration_histories;
use crate::ops::original::{OriginalError, reference_tables_of};
use crate::ops::unfinished::{self, Unfinished};
use crate::tenant::registry;

/// Everything that is known before the first change.
#[derive(Debug)]
pub(in crate::ops) struct Plan {
    pub(in crate::ops) blueprint: Blueprint,
    pub(in crate::ops) script: Script,
    pub(in crate::ops) tables: Vec<Table>,
    /// Those that go on where the original's are, quoted as SQL needs it.
    pub(in crate::ops) sequences: Vec<String>,
    pub(in crate::ops) refreshes: Vec<Statement>,
    pub(in crate::ops) unfinished: Vec<Unfinished>,
    pub(super) version: Option<i64>,
    pub(super) fingerprint: Option<String>,
}

/// Reads the original as the registry has it, and what the copy's row says of its schema.
pub(super) async fn plan_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    request: &Request,
) -> Result<Plan, CloneError> {
    let from = &request.from;
    let current = registry::find_again(transaction, from).await?;
    let schema = &from.schema;
    let mut plan = Plan::read_in_tx(transaction, schema, &request.contents, request.unclear).await?;
    plan.version = match (current.schema_version, plan.blueprint.table(HISTORY_TABLE)) {
        (None, Some(_)) => migration_histories::version(transaction, schema).await?,
        (known, _) => known,
    };
    let kept = current.schema_fingerprint;
    plan.fingerprint = match kept.filter(|kept| blueprint::is_comparable(kept)) {
        None => blueprint::fingerprints_in_tx(transaction, std::slice::from_ref(schema))
            .await?
            .remove(schema),
        known => known,
    };
    plan.keep_original(db, transaction).await?;
    Ok(plan)
}

impl Plan {
    /// Reads the original.
    pub(in crate::ops) async fn read_in_tx(
        transaction: &Transaction<'_>,
        schema: &SchemaName,
        wanted: &Contents,
        unclear: UnclearText,
    ) -> Result<Self, CloneError> {
        let unfinished = unfinished::of(transaction, schema).await?;
        let blueprint = blueprint::read_in_tx(transaction, schema)
            .await
            .map_err(|source| OriginalError::reading(schema, source))?;
        let (shape, tables, sequences) = contents(&blueprint, wanted)?;
        let script = blueprint.script(shape, unclear)?;
        Ok(Self {
            refreshes: match wanted {
                Contents::All => script.refreshes.clone(),
                Contents::Only(_) | Contents::Known(_) => Vec::new(),
            },
            blueprint,
            script,
            tables,
            sequences,
            unfinished,
            version: None,
            fingerprint: None,
        })
    }

    /// Makes sure that the original is what the snapshot shows, and stays so until the transaction ends.
    ///
    /// The deparsers look at the catalogs of the moment, and a table that somebody truncates or writes anew looks empty
    /// to snapshots from before. So the tables are locked first, and then a second session, which is in no snapshot,
    /// compares.
    pub(in crate::ops) async fn keep_original(
        &self,
        db: &Db,
        transaction: &Transaction<'_>,
    ) -> Result<(), CloneError> {
        lock_tables(transaction, self.blueprint.schema(), &self.tables).await?;
        if blueprint::is_unchanged(&mut db.direct().await?, &self.blueprint).await? {
            return Ok(());
        }
        Err(OriginalError::changed(self.blueprint.schema()).into())
    }
}

/// The tables whose rows go along, and the sequences that are moved.
fn contents(
    blueprint: &Blueprint,
    contents: &Contents,
) -> Result<(Shape, Vec<Table>, Vec<String>), OriginalError> {
    let references = match contents {
        Contents::All => {
            let tables = blueprint.tables().to_vec();
            return Ok((Shape::WithRows, tables, blueprint.sequences().to_vec()));
        }
        Contents::Only(names) => reference_tables_of(blueprint, names)?,
        Contents::Known(names) => names.iter().filter_map(|name| blueprint.table(name)).collect(),
    };
    let shape = if references.is_empty() {
        Shape::Empty
    } else {
        Shape::WithRows
    };
    let tables: Vec<Table> = blueprint
        .table(HISTORY_TABLE)
        .into_iter()
        .chain(references)
        .cloned()
        .collect();
    let sequences = tables.iter().flat_map(Table::sequences).cloned().collect();
    Ok((shape, tables, sequences))
}

/// Locks the tables as a reader of their rows does.
pub(in crate::ops) async fn lock_tables(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    tables: &[Table],
) -> Result<(), CloneError> {
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = tables
        .iter()
        .map(|table| format!("ONLY {}", table.of(schema)))
        .collect();
    let locked = transaction
        .script(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", ")))
        .await;
    locked.map_err(|source| match source.sqlstate() {
        // Dropped or renamed since the snapshot.
        Some("42P01") => OriginalError::changed(schema).into(),
        _ => step("locking the tables of the original", source),
    })
}
