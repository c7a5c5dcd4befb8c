//! Moving a tenant to another database: what a backup holds goes straight into a restore.
//!
//! Nobody writes to the tables until the tenant is whole there and suspended here. It is never active in neither. Who has
//! waited to write goes on after that, here: what he has written is looked for, and said.

use std::time::Duration;

use super::BackupError;
use super::feed::Rows;
use super::format::{RowSum, TableSum, TenantRow};
use super::prepare::{Copy, hold_still_in_tx, prepare_in_tx, rows_readable};
use super::restore::{Target, Work};
use super::shared::Shared;
use crate::blueprint::{self, ReadError, Table};
use crate::db::{
    self, Access, Db, Hold, LockName, Opening, RowsIn, SchemaMissing, SchemaName, Session, Snapshot,
    Transaction, Type, read_rows, readable_in,
};
use crate::fleet::Observer;
use crate::ops::clone::step;
use crate::ops::log::Entry;
use crate::ops::making::{self, MakeError};
use crate::ops::original::OriginalError;
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
    /// The tables to which somebody wrote here who had waited for the end, where that could be found out.
    pub written_here: Result<Vec<String>, BackupError>,
}

/// Makes sure that the databases are two, that the tenant is whole here, and that nobody has its slug, its domain or its
/// schema in the other one.
pub async fn may_move(from: &Db, to: &Db, slug: &Slug, target: &Target) -> Result<(), BackupError> {
    if from.is_same_as(to).await? == Some(true) {
        return Err(BackupError::SameDatabase {
            slug: slug.clone(),
            to: to.describe(),
        });
    }
    let session = from.session().await?;
    let tenant = registry::find(&session, slug).await?;
    if registry::count_tables(&session, &tenant.schema).await?.is_none() {
        let missing = ReadError::Missing(SchemaMissing(tenant.schema.clone()));
        return Err(OriginalError::reading(&tenant.schema, missing).into());
    }
    drop(session);
    let new = target.named(&TenantRow::from(&tenant), tenant.slug.clone(), tenant.schema)?;
    let session = to.session().await?;
    let rivals = registry::rivals(&session, std::slice::from_ref(&new)).await;
    let rivals = rivals.map_err(BackupError::There)?;
    match rivals
        .into_iter()
        .find_map(|rivals| making::obstacle(rivals, &new))
    {
        Some(obstacle) => Err(BackupError::there(obstacle, to)),
        None => Ok(()),
    }
}

impl BackupError {
    /// What was met in the other database.
    fn there(self, to: &Db) -> Self {
        match self {
            Self::Registry(error) => Self::There(error),
            Self::Make(MakeError::Exists(schema)) => Self::ThereExists {
                to: to.describe(),
                schema,
            },
            error => error,
        }
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
    may_move(from, to, &request.slug, &request.target).await?;
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
    let tenant = registry::lock_again_in_tx(&reader, &found).await?;
    hold_still_in_tx(&reader, &tenant.schema).await?;
    let stamp = blueprint::stamp_in_tx(&reader, &tenant.schema).await?;
    let (manifest, copies) = prepare_in_tx(from, &reader, &tenant, &[], &Shared::default()).await?;
    let new = request.target.tenant(&manifest)?;
    let work = Work {
        manifest: &manifest,
        new: &new,
        target: &request.target,
        lock_timeout: request.lock_timeout,
    };
    reader.script(&readable_in(&tenant.schema)).await?;
    let mut moved = Vec::new();
    let stream = Stream {
        reader: &reader,
        schema: &tenant.schema,
        stamp,
        copies: copies.iter(),
        moved: &mut moved,
    };
    let made = work.attempt(to, stream, &request.log, observer).await;
    let (there, _) = made.map_err(|error| error.there(to))?;
    let somebody_waits = suspend(reader, request, &tenant.schema)
        .await
        .map_err(|error| BackupError::NotSuspended(request.slug.clone(), error))?;
    let written_here = match somebody_waits {
        true => {
            changed(
                &mut session,
                &tenant.schema,
                &copies,
                &moved,
                request.lock_timeout,
            )
            .await
        }
        false => Ok(Vec::new()),
    };
    Ok(Moved {
        tenant: there,
        tables: moved.len(),
        rows: moved.iter().map(|sum| sum.rows).sum(),
        written_here,
    })
}

/// Suspends the tenant here, and lets everybody to its tables again. Says whether somebody waits for that.
async fn suspend(
    reader: Transaction<'_>,
    request: &MoveRequest,
    schema: &SchemaName,
) -> Result<bool, RegistryError> {
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
    let somebody_waits = is_waited_for(&reader, schema).await.map_err(RegistryError::Sql)?;
    reader.commit().await.map_err(RegistryError::Sql)?;
    Ok(somebody_waits)
}

/// Whether anybody waits for a lock on something of the schema.
async fn is_waited_for(session: &Session, schema: &SchemaName) -> Result<bool, db::Error> {
    const STATEMENT: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l \
                             JOIN pg_catalog.pg_class AS c ON c.oid = l.relation \
                             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                             JOIN pg_catalog.pg_database AS d ON d.oid = l.database \
                             WHERE NOT l.granted AND d.datname = current_database() AND n.nspname = $1)";
    let row = session
        .query_opt(STATEMENT, &[(&schema.as_str(), Type::TEXT)])
        .await?;
    Ok(row.is_some_and(|row| row.get(0)))
}

/// The tables whose rows are not any more those that were moved, once those who had waited are done with them.
async fn changed(
    session: &mut Session,
    schema: &SchemaName,
    copies: &[Copy],
    moved: &[TableSum],
    lock_timeout: Duration,
) -> Result<Vec<String>, BackupError> {
    let opening = Opening {
        snapshot: Snapshot::Each,
        access: Access::ReadWrite,
        lock_timeout,
        first: "",
        locks: &[(LockName::Tenant(schema), Hold::Shared)],
    };
    let reader = session.begin_locked(&opening).await??;
    let compared = async {
        hold_still_in_tx(&reader, schema).await?;
        let told = format!("{}; {}", rows_readable(), readable_in(schema));
        reader.script(&told).await?;
        let mut changed = Vec::new();
        for (copy, moved) in copies.iter().zip(moved) {
            if read(&reader, copy, async |_| true).await? != *moved {
                changed.push(moved.name.clone());
            }
        }
        Ok(changed)
    };
    let compared = compared.await;
    reader.end(compared).await
}

/// Reads the rows of a table, as long as `take` wants more of them.
async fn read(
    reader: &Transaction<'_>,
    (name, copy): &Copy,
    mut take: impl AsyncFnMut(Vec<u8>) -> bool,
) -> Result<TableSum, BackupError> {
    let mut sum = RowSum::default();
    read_rows(reader, copy, async |piece| {
        sum.add(&piece);
        take(piece).await
    })
    .await
    .map_err(|source| step(&format!("reading the rows of table {name}"), source))?;
    Ok(sum.of(name))
}

/// The rows of a tenant in another database.
struct Stream<'a> {
    reader: &'a Transaction<'a>,
    schema: &'a SchemaName,
    /// What the schema was when it was read.
    stamp: Option<String>,
    /// The tables that are still to come, each with the statement that tells its rows.
    copies: std::slice::Iter<'a, Copy>,
    /// What those came to that are done.
    moved: &'a mut Vec<TableSum>,
}

impl Rows for Stream<'_> {
    async fn send(&mut self, _: &Table, into: &mut RowsIn) -> Result<TableSum, BackupError> {
        let copy = self.copies.next().ok_or(BackupError::Abandoned)?;
        let sum = read(self.reader, copy, async |piece| into.send(piece).await).await?;
        self.moved.push(sum.clone());
        Ok(sum)
    }

    /// No indexes are built in vain.
    async fn finish(&mut self) -> Result<(), BackupError> {
        self.confirm().await
    }

    /// Tables can be kept still and a schema cannot: whoever makes something in it meanwhile would look for it in vain
    /// where the tenant is now.
    async fn confirm(&mut self) -> Result<(), BackupError> {
        if blueprint::stamp_in_tx(self.reader, self.schema).await? == self.stamp {
            return Ok(());
        }
        Err(OriginalError::changed(self.schema).into())
    }
}
