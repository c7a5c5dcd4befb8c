//! Copying a tenant aside: beside the original, or into another database by way of this program.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::RehearseError;
use super::clones::Id;
use crate::blueprint::{UnclearText, state_of_sequence};
use crate::db::{
    self, Access, CopyError, Db, Hold, LockName, Opening, SchemaName, Session, Snapshot, Transaction, Type,
    copy_rows, readable_in, writable_in,
};
use crate::fleet::Observer;
use crate::ops::clone::{CloneError, Contents, Copied, Plan, Steps, step};
use crate::ops::making;
use crate::ops::original;
use crate::ops::unfinished::Unfinished;
use crate::tenant::Tenant;

/// Who is copied, and where to.
#[derive(Debug)]
pub(super) struct Aside<'a> {
    pub(super) tenant: &'a Tenant,
    /// The clone's schema.
    pub(super) schema: &'a SchemaName,
    pub(super) id: &'a Id,
    pub(super) contents: &'a Contents,
    pub(super) lock_timeout: Duration,
    /// Who rehearses, for the clone's mark.
    pub(super) actor: &'a str,
}

/// A clone that was made.
#[derive(Debug)]
pub(super) struct Clone {
    /// The rows that were copied.
    pub(super) rows: u64,
    pub(super) elapsed: Duration,
    /// How many rows the tables have: what was copied, or what the server believes of the original.
    pub(super) rows_of: HashMap<String, u64>,
    pub(super) unfinished: Vec<Unfinished>,
    pub(super) notes: Vec<String>,
}

impl Aside<'_> {
    /// Makes the clone in `to`, another database than `from`, or in `from` itself.
    pub(super) async fn make(
        &self,
        from: &Db,
        to: Option<&Db>,
        observer: &mut dyn Observer,
    ) -> Result<Clone, RehearseError> {
        let started = Instant::now();
        let mut session = from.direct().await?;
        let opening = Opening {
            snapshot: Snapshot::One,
            access: match to {
                Some(_) => Access::ReadOnly,
                None => Access::ReadWrite,
            },
            lock_timeout: self.lock_timeout,
            first: "SET LOCAL synchronize_seqscans = off",
            locks: &[(LockName::Tenant(&self.tenant.schema), Hold::Shared)],
        };
        let reader = session.begin_locked(&opening).await??;
        let result = match to {
            None => self.copy_beside(from, &reader, observer).await,
            Some(to) => self.copy_over(from, &reader, to, observer).await,
        };
        let (plan, copied, mut rows_of) = reader.end(result).await?;
        rows_of.extend(copied.iter().map(|copied| (db::bare(&copied.table), copied.rows)));
        Ok(Clone {
            rows: copied.iter().map(|copied| copied.rows).sum(),
            elapsed: started.elapsed(),
            rows_of,
            notes: original::notes(&plan.blueprint, "the original", "the clone"),
            unfinished: plan.unfinished,
        })
    }

    async fn plan(&self, from: &Db, reader: &Transaction<'_>) -> Result<Plan, CloneError> {
        // What a text that was kept does outside of the clone is found when it is done.
        let plan = Plan::read_in_tx(reader, &self.tenant.schema, self.contents, UnclearText::Keep).await?;
        plan.keep_original(from, reader).await?;
        Ok(plan)
    }

    async fn copy_beside(
        &self,
        from: &Db,
        transaction: &Transaction<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Made, RehearseError> {
        let plan = self.plan(from, transaction).await?;
        let rows_of = self.estimates(transaction).await?;
        transaction.script("SET LOCAL search_path = pg_catalog").await?;
        let copied = plan
            .fill(transaction, &self.tenant.slug, self.schema, observer)
            .await?;
        self.mark(transaction, &plan).await?;
        Ok((plan, copied, rows_of))
    }

    async fn copy_over(
        &self,
        from: &Db,
        reader: &Transaction<'_>,
        to: &Db,
        observer: &mut dyn Observer,
    ) -> Result<Made, RehearseError> {
        let plan = self.plan(from, reader).await?;
        let rows_of = self.estimates(reader).await?;
        let mut session = to.direct().await?;
        let opening = Opening {
            snapshot: Snapshot::Each,
            access: Access::ReadWrite,
            lock_timeout: self.lock_timeout,
            first: "",
            locks: &[],
        };
        let writer = session.begin_locked(&opening).await??;
        let filled = async {
            let copied = self.fill_from(&plan, reader, &writer, observer).await?;
            self.mark(&writer, &plan).await?;
            Ok::<_, CloneError>(copied)
        };
        let filled = filled.await;
        let copied = writer.end(filled).await.map_err(RehearseError::Shadow)?;
        Ok((plan, copied, rows_of))
    }

    /// Makes the schema in another database and sends the rows there.
    async fn fill_from(
        &self,
        plan: &Plan,
        reader: &Transaction<'_>,
        writer: &Transaction<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Copied>, CloneError> {
        if plan.is_made_at_once() {
            plan.lock_shared_tables(writer).await?;
        }
        making::make(writer, self.schema, &plan.script.before_rows).await?;
        writer.script(&writable_in(self.schema)).await?;
        let from = &self.tenant.schema;
        reader.script(&readable_in(from)).await?;
        let mut steps = Steps {
            slug: &self.tenant.slug,
            done: 0,
            of: plan.tables.len() + plan.script.after_rows.len() + plan.refreshes.len(),
            observer,
        };
        let mut copied = Vec::with_capacity(plan.tables.len());
        for table in &plan.tables {
            steps.begin(&format!("rows of table {}", table.name));
            let sent = copy_rows(reader, &table.copy_out(from), writer, &table.copy_in()).await;
            let rows = sent.map_err(|error| {
                let (doing, source) = match error {
                    CopyError::Reading(source) => ("reading", source),
                    CopyError::Writing(source) => ("writing", source),
                };
                step(&format!("{doing} the rows of table {}", table.name), source)
            })?;
            copied.push(Copied {
                table: table.name.clone(),
                rows,
            });
        }
        let mut sequences = Vec::new();
        for name in &plan.sequences {
            let answers = reader.text_query(&state_of_sequence(name, from)).await?;
            let cells = answers.into_iter().flat_map(|answer| answer.rows).flatten();
            sequences.extend(cells.flatten());
        }
        if !plan.is_made_at_once() {
            plan.lock_shared_tables(writer).await?;
        }
        plan.after_rows(&sequences)
            .make_in_tx(writer, self.schema, &mut steps)
            .await?;
        Ok(copied)
    }

    /// Ends the making of the clone: the server learns what is in it, and everybody whose it is.
    async fn mark(&self, transaction: &Transaction<'_>, plan: &Plan) -> Result<(), CloneError> {
        let tables: Vec<String> = plan.tables.iter().map(|table| table.of(self.schema)).collect();
        let mut script = "SET LOCAL search_path = pg_catalog;\n".to_owned();
        if *self.contents == Contents::All && !tables.is_empty() {
            script.push_str(&format!("ANALYZE {};\n", tables.join(", ")));
        }
        script.push_str(&self.id.mark(self.schema, self.tenant, self.actor));
        Ok(transaction.script(&script).await?)
    }

    /// How many rows the server believes the original's tables to have.
    async fn estimates(&self, session: &Session) -> Result<HashMap<String, u64>, db::Error> {
        const STATEMENT: &str = "SELECT c.relname::text, c.reltuples::bigint FROM pg_catalog.pg_class AS c \
                                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                                 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'm') AND c.reltuples > 0";
        let schema = self.tenant.schema.as_str();
        let rows = session.query(STATEMENT, &[(&schema, Type::TEXT)]).await?;
        let estimate = |row: &db::Row| Some((row.get(0), u64::try_from(row.get::<_, i64>(1)).ok()?));
        Ok(rows.iter().filter_map(estimate).collect())
    }
}

/// What was read, what was copied, and how many rows the tables are believed to have.
type Made = (Plan, Vec<Copied>, HashMap<String, u64>);
