//! A restore before its first change: the file is whole, and it is known what it becomes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::feed::FileRows;
use super::format::{FormatError, Manifest, Summary};
use super::restore::{Restored, Target, Work};
use super::{BackupError, Identities, pack};
use crate::db::Db;
use crate::fleet::{Attempts, Observer, Retry, Stop};
use crate::ops::log::Entry;
use crate::tenant::{NewTenant, Slug, Tenant};

/// What to bring back, and as what.
#[derive(Debug)]
pub struct Request {
    pub file: PathBuf,
    pub identities: Identities,
    pub target: Target,
    pub lock_timeout: Duration,
    pub retry: Retry,
    /// Stop before the first change.
    pub dry_run: bool,
    pub log: Entry,
}

/// A backup that is whole, and what becomes of it.
#[derive(Debug)]
pub struct Planned {
    request: Request,
    manifest: Manifest,
    new: NewTenant,
    sums: Summary,
}

/// Finds out whether the backup is whole and what it becomes, without a database.
pub async fn plan(request: Request) -> Result<Planned, BackupError> {
    let (manifest, sums) = match request.dry_run {
        true => checked(&request.file, &request.identities).await?,
        false => (
            sealed(&request.file, &request.identities).await?,
            Summary::default(),
        ),
    };
    Ok(Planned {
        new: request.target.tenant(&manifest)?,
        request,
        manifest,
        sums,
    })
}

impl Planned {
    /// The tenant that it becomes.
    pub fn slug(&self) -> &Slug {
        &self.new.slug
    }

    /// The tables whose rows are not in the backup.
    pub fn left_out(&self) -> &[String] {
        &self.manifest.definition.left_out
    }

    pub fn taken_at(&self) -> Timestamp {
        self.manifest.taken_at
    }

    /// Whether a tenant makes room for it. From then on no other one does that comes meanwhile.
    pub async fn replaces(&mut self, db: &Db) -> Result<bool, BackupError> {
        let replaces = self.work().foresee(db).await?;
        self.request.target.replace &= replaces;
        Ok(replaces)
    }

    fn work(&self) -> Work<'_> {
        Work {
            manifest: &self.manifest,
            new: &self.new,
            target: &self.request.target,
            lock_timeout: self.request.lock_timeout,
        }
    }

    /// Restores the backup. What often passes is tried again.
    pub async fn carry_out(
        mut self,
        db: &Db,
        stop: &Stop,
        observer: &mut dyn Observer,
    ) -> Result<Restored, BackupError> {
        let slug = self.new.slug.clone();
        let mut attempts = Attempts::at(&slug, self.request.retry, stop);
        let (tenant, replaced) = loop {
            match self.attempt(db, observer).await {
                Ok(made) => break made,
                Err(error) => {
                    if attempts.another_after(&error, observer).await {
                        continue;
                    }
                    if !self.request.dry_run {
                        self.request.log.record_failure(db, &slug, &error).await;
                    }
                    return Err(error);
                }
            }
        };
        Ok(Restored {
            slug,
            schema: self.new.schema,
            tenant,
            replaced,
            manifest: self.manifest,
            sums: self.sums,
        })
    }

    async fn attempt(
        &mut self,
        db: &Db,
        observer: &mut dyn Observer,
    ) -> Result<(Option<Tenant>, bool), BackupError> {
        if self.request.dry_run {
            return Ok((None, self.work().foresee(db).await?));
        }
        let mut sums = std::mem::take(&mut self.sums);
        let Request { file, identities, .. } = &self.request;
        let rows = FileRows::new(file, identities, &self.manifest, &mut sums);
        let made = self.work().attempt(db, rows, &self.request.log, observer).await;
        self.sums = sums;
        made.map(|(tenant, replaced)| (Some(tenant), replaced))
    }
}

/// Reads the whole file, and finds out whether it is whole.
pub(super) async fn checked(
    file: &Path,
    identities: &Identities,
) -> Result<(Manifest, Summary), BackupError> {
    of_file(file, identities, pack::check).await
}

/// The same by the seal alone, for what is read and checked while it is restored.
async fn sealed(file: &Path, identities: &Identities) -> Result<Manifest, BackupError> {
    of_file(file, identities, pack::check_seal).await
}

async fn of_file<T: Send + 'static>(
    file: &Path,
    identities: &Identities,
    check: fn(&Path, &Identities) -> Result<T, FormatError>,
) -> Result<T, BackupError> {
    let (path, identities) = (file.to_owned(), identities.clone());
    let checked = tokio::task::spawn_blocking(move || check(&path, &identities)).await;
    let of_file = |source| BackupError::File {
        file: file.to_owned(),
        source,
    };
    checked.map_err(|_| BackupError::Abandoned)?.map_err(of_file)
}
