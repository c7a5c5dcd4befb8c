//! Moving a tenant to another database: what a backup holds goes straight into a restore.
//!
//! Nobody writes to the tables until the tenant is whole there and suspended here. It is never active in neither.

use std::time::Duration;

use super::BackupError;
use super::feed::Rows;
use super::format::{RowSum, TableSum};
use super::prepare::{Copy, hold_still_in_tx, prepare_in_tx};
use super::restore::{Target, Work};
use super::shared::Shared;
use crate::blueprint::Table;
use crate::db::{self, Db, LockHeld, LockName, RowsIn, Transaction, read_rows};
use crate::fleet::Observer;
use crate::ops::clone::step;
use crate::ops::log::Entry;
use crate::tenant::registry::{self, Status};
use crate::tenant::{Slug, Tenant};

/// Whom to move, and how.
#[derive(Debug)]
pub struct MoveRequest {
    pub slug: Slug,
    pub target: Target,
    pub lock_timeout: Duration,
    pub log: Entry,
}

/// A tenant that was moved.
#[derive(Debug)]
pub struct Moved {
    /// As it is there.
    pub tenant: Tenant,
    pub tables: usize,
    pub rows: u64,
}

/// Moves a tenant from one database to another.
pub async fn relocate(
    from: &Db,
    to: &Db,
    request: &MoveRequest,
    observer: &mut dyn Observer,
) -> Result<Moved, BackupError> {
    let mut session = from.direct().await?;
    let found = registry::find(&session, &request.slug).await?;
    let lock = LockName::Tenant(&found.schema);
    let opening = format!(
        "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_try_advisory_xact_lock({})",
        db::optional_limit_in_ms(request.lock_timeout),
        lock.key(),
    );
    let (reader, answers) = session.begin(&opening).await?;
    let is_locked = answers
        .last()
        .and_then(|answer| answer.rows.first())
        .is_some_and(|row| row[0].as_deref() == Some("t"));
    if !is_locked {
        let holder = lock.holder(&reader).await?;
        reader.rollback().await?;
        return Err(LockHeld::new(lock, holder).into());
    }
    // On an error the transaction ends with its connection: it may be in the middle of a table.
    let tenant = registry::lock_in_tx(&reader, &request.slug).await?;
    hold_still_in_tx(&reader, &tenant.schema).await?;
    let (manifest, copies) = prepare_in_tx(from, &reader, &tenant, &[], &Shared::default()).await?;
    let new = request.target.tenant(&manifest)?;
    let work = Work {
        manifest: &manifest,
        new: &new,
        target: &request.target,
        lock_timeout: request.lock_timeout,
    };
    let mut rows = 0;
    let tables = copies.len();
    let stream = Stream {
        reader: &reader,
        copies: copies.into_iter(),
        rows: &mut rows,
    };
    let (there, _) = work.attempt(to, stream, &request.log, observer).await?;
    let not_suspended = |error| BackupError::NotSuspended(request.slug.clone(), error);
    reader
        .script("SET LOCAL search_path = pg_catalog")
        .await
        .map_err(not_suspended)?;
    registry::set_status_in_tx(&reader, &request.slug, Status::Suspended).await?;
    request
        .log
        .record_in_tx(&reader, &request.slug)
        .await
        .map_err(not_suspended)?;
    reader.commit().await.map_err(not_suspended)?;
    Ok(Moved {
        tenant: there,
        tables,
        rows,
    })
}

/// The rows of a tenant in another database.
struct Stream<'a> {
    reader: &'a Transaction<'a>,
    /// The tables that are still to come, each with the statement that tells its rows.
    copies: std::vec::IntoIter<Copy>,
    rows: &'a mut u64,
}

impl Rows for Stream<'_> {
    async fn send(&mut self, table: &Table, into: &mut RowsIn) -> Result<TableSum, BackupError> {
        let (_, copy) = self.copies.next().ok_or(BackupError::Abandoned)?;
        let mut sum = RowSum::default();
        read_rows(self.reader, &copy, async |piece| {
            sum.add(&piece);
            into.send(piece).await
        })
        .await
        .map_err(|source| step(&format!("reading the rows of table {}", table.name), source))?;
        let sum = sum.of(&table.name);
        *self.rows += sum.rows;
        Ok(sum)
    }

    async fn finish(self) -> Result<(), BackupError> {
        Ok(())
    }
}
