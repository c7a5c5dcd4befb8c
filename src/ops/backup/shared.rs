//! Definitions that tenants have in common: read once, and used for all whose schemas are known to be the same.
//!
//! A survey takes the stamps of all schemas and then their fingerprints. Whoever still has its stamp, once its tables are
//! locked, still has its fingerprint, and so the definition of another tenant with that fingerprint. Fingerprints say
//! nothing of the order of columns, which is compared beside them, and nothing of words that mention a schema by its own
//! name: definitions with such words are nobody else's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{self, StreamExt};

use super::BackupError;
use super::format::Definition;
use crate::blueprint::{self, Blueprint, Kind, Table};
use crate::db::{self, Db, QuotedText, SchemaName, Transaction};
use crate::fleet::{Stop, Urgency};
use crate::ops::clone::lock_tables;
use crate::tenant::Tenant;

/// How many schemas are asked about in one set of queries.
const GROUP: usize = 50;

/// What is known of a schema's definition.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) definition: Definition,
    /// Quoted as SQL needs it.
    pub(super) sequences: Vec<String>,
    pub(super) fingerprint: String,
    pub(super) notes: Vec<String>,
}

/// What tenants of one run have in common.
#[derive(Debug, Default)]
pub(in crate::ops) struct Shared {
    /// The stamp and the fingerprint that each schema had.
    surveyed: HashMap<SchemaName, (String, String)>,
    /// By fingerprint, with the order of the columns.
    definitions: Mutex<HashMap<String, (String, Known)>>,
}

impl Shared {
    /// Asks about all of them. What cannot be asked is read where it is needed.
    pub(super) async fn survey(db: &Db, tenants: &[Tenant], jobs: usize, stop: &Stop) -> Self {
        if tenants.len() < 2 {
            return Self::default();
        }
        let groups = stream::iter(tenants.chunks(GROUP)).map(async |group| {
            if stop.urgency() >= Urgency::Drain {
                return HashMap::new();
            }
            survey_group(db, group).await.unwrap_or_else(|error| {
                tracing::debug!("the definitions of {} tenants: {error:#}", group.len());
                HashMap::new()
            })
        });
        let found: Vec<_> = groups.buffer_unordered(jobs.max(1)).collect().await;
        Self {
            surveyed: found.into_iter().flatten().collect(),
            definitions: Mutex::default(),
        }
    }

    /// The definition of a schema, where it is the same as one that was read. The tables are locked as by a reader.
    pub(super) async fn find_in_tx(
        &self,
        db: &Db,
        transaction: &Transaction<'_>,
        schema: &SchemaName,
    ) -> Result<Option<Known>, BackupError> {
        let Some((stamp, fingerprint)) = self.surveyed.get(schema) else {
            return Ok(None);
        };
        let known = {
            let definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
            definitions.get(fingerprint).cloned()
        };
        let Some((order, known)) = known else {
            return Ok(None);
        };
        let tables = &known.definition.tables;
        if order_in_tx(transaction, schema, tables).await? != order {
            return Ok(None);
        }
        lock_tables(transaction, schema, tables).await?;
        let found = blueprint::stamp_now(db, schema).await?;
        Ok((found.as_ref() == Some(stamp)).then_some(known))
    }

    /// Keeps a definition for others.
    pub(super) async fn keep_in_tx(
        &self,
        transaction: &Transaction<'_>,
        blueprint: &Blueprint,
        known: &Known,
    ) -> Result<(), db::Error> {
        let is_own = !known.notes.is_empty()
            || !blueprint.unclear().is_empty()
            || !blueprint.rewritten().is_empty()
            || blueprint.objects().iter().any(|object| {
                matches!(
                    object.kind,
                    Kind::Partition | Kind::Inheritance | Kind::ForeignTable
                )
            });
        if is_own || self.surveyed.is_empty() {
            return Ok(());
        }
        let order = order_in_tx(transaction, blueprint.schema(), &known.definition.tables).await?;
        let mut definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.insert(known.fingerprint.clone(), (order, known.clone()));
        Ok(())
    }
}

/// The stamps come first: who still has his at the end had the same definition all the time.
async fn survey_group(db: &Db, group: &[Tenant]) -> anyhow::Result<HashMap<SchemaName, (String, String)>> {
    let mut session = db.direct().await?;
    let (transaction, _) = session
        .begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let asked = async {
        let mut stamps = HashMap::new();
        for tenant in group {
            if let Some(stamp) = blueprint::stamp_in_tx(&transaction, &tenant.schema).await? {
                stamps.insert(tenant.schema.clone(), stamp);
            }
        }
        let schemas: Vec<SchemaName> = stamps.keys().cloned().collect();
        let fingerprints = blueprint::fingerprints_in_tx(&transaction, &schemas).await?;
        Ok::<_, db::Error>((stamps, fingerprints))
    };
    let asked = asked.await;
    let (mut stamps, fingerprints) = transaction.end(asked).await?;
    let both = |(schema, fingerprint)| {
        let stamp = stamps.remove(&schema)?;
        Some((schema, (stamp, fingerprint)))
    };
    Ok(fingerprints.into_iter().filter_map(both).collect())
}

/// The order of the tables' columns, in one word.
async fn order_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    tables: &[Table],
) -> Result<String, db::Error> {
    let names: Vec<String> = tables
        .iter()
        .map(|table| format!("to_regclass({})", QuotedText::new(&table.of(schema))))
        .collect();
    let answers = transaction
        .text_query(&format!(
            "SELECT md5(string_agg(c.relname || '.' || a.attname, ',' ORDER BY c.relname, a.attnum)) \
             FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid \
             WHERE a.attrelid = ANY (ARRAY[{}]::oid[]) AND a.attnum > 0 AND NOT a.attisdropped",
            names.join(", ")
        ))
        .await?;
    Ok(db::told(&answers, 0).unwrap_or_default().to_owned())
}
