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
use crate::db::{Access, Db, Hold, LockName, Opening, RowsIn, Snapshot, Transaction, read_rows, readable_in};
use crate::fleet::Observer;
use crate::ops::clone::step;
use crate::ops::log::Entry;
use crate::tenant::registry::{self, RegistryError, Status};
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

/// Makes sure that the databases are two, and that nobody has the tenant's slug in the other one.
pub async fn may_move(from: &Db, to: &Db, slug: &Slug) -> Result<(), BackupError> {
    if from.is_same_as(to).await? == Some(true) {
        return Err(BackupError::SameDatabase {
            slug: slug.clone(),
            to: to.describe(),
        });
    }
    match registry::look_up(&to.session().await?, slug).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(BackupError::There(RegistryError::SlugTaken(slug.clone()))),
        Err(error) => Err(BackupError::There(error)),
    }
}

/// Moves a tenant from one database to another.
pub async fn relocate(
    from: &Db,
    to: &Db,
    request: &MoveRequest,
    observer: &mut dyn Observer,
) -> Result<Moved, BackupError> {
    let moved = send(from, to, request, observer).await;
    if let Err(error) = &moved {
        request.log.record_failure(from, &request.slug, error).await;
    }
    moved
}

async fn send(
    from: &Db,
    to: &Db,
    request: &MoveRequest,
    observer: &mut dyn Observer,
) -> Result<Moved, BackupError> {
    may_move(from, to, &request.slug).await?;
    let mut session = from.direct().await?;
    let found = registry::find(&session, &request.slug).await?;
    let opening = Opening {
        snapshot: Snapshot::Each,
        access: Access::ReadWrite,
        lock_timeout: request.lock_timeout,
        first: "",
        locks: &[(LockName::Tenant(&found.schema), Hold::Alone)],
    };
    let reader = session.begin_locked(&opening).await??;
    // On an error the transaction ends with its connection: it may be in the middle of a table.
    let tenant = registry::lock_in_tx(&reader, &request.slug).await?;
    if tenant.id != found.id || tenant.schema != found.schema {
        // The lock is on what was there before.
        return Err(RegistryError::Unknown {
            slug: request.slug.clone(),
            nearest: None,
        }
        .into());
    }
    hold_still_in_tx(&reader, &tenant.schema).await?;
    let (manifest, copies) = prepare_in_tx(from, &reader, &tenant, &[], &Shared::default()).await?;
    let new = request.target.tenant(&manifest)?;
    let work = Work {
        manifest: &manifest,
        new: &new,
        target: &request.target,
        lock_timeout: request.lock_timeout,
    };
    reader.script(&readable_in(&tenant.schema)).await?;
    let mut rows = 0;
    let tables = copies.len();
    let stream = Stream {
        reader: &reader,
        copies: copies.into_iter(),
        rows: &mut rows,
    };
    let made = work.attempt(to, stream, &request.log, observer).await;
    let (there, _) = made.map_err(|error| match error {
        BackupError::Registry(error) => BackupError::There(error),
        error => error,
    })?;
    suspend(reader, request)
        .await
        .map_err(|error| BackupError::NotSuspended(request.slug.clone(), error))?;
    Ok(Moved {
        tenant: there,
        tables,
        rows,
    })
}

async fn suspend(reader: Transaction<'_>, request: &MoveRequest) -> Result<(), RegistryError> {
    reader
        .script("SET LOCAL search_path = pg_catalog")
        .await
        .map_err(RegistryError::Sql)?;
    registry::set_status_in_tx(&reader, &request.slug, Status::Suspended).await?;
    request
        .log
        .record_in_tx(&reader, &request.slug)
        .await
        .map_err(RegistryError::Sql)?;
    reader.commit().await.map_err(RegistryError::Sql)
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
