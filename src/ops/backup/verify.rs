//! Finding out whether backups are whole, by reading them or by restoring them aside.

use std::path::Path;
use std::time::Duration;

use super::feed::FileRows;
use super::format::{Manifest, Summary};
use super::planned::checked;
use super::restore::{Target, Work};
use super::{BackupError, Identities};
use crate::db::{Access, Db, Opening, SchemaName, Snapshot};
use crate::fleet::Unobserved;
use crate::tenant::{NewTenant, Slug};

/// A backup that is whole.
#[derive(Debug)]
pub struct Verified {
    pub manifest: Manifest,
    pub sums: Summary,
}

/// Reads a backup from its first to its last byte. In a database it is restored as well, under a name of its own and
/// in a transaction that is undone.
pub async fn verify(
    file: &Path,
    identities: &Identities,
    aside: Option<(&Db, &Target)>,
    lock_timeout: Duration,
) -> Result<Verified, BackupError> {
    let (manifest, sums) = checked(file, identities).await?;
    if let Some((db, target)) = aside {
        restore_aside(db, target, file, identities, &manifest, lock_timeout).await?;
    }
    Ok(Verified { manifest, sums })
}

async fn restore_aside(
    db: &Db,
    target: &Target,
    file: &Path,
    identities: &Identities,
    manifest: &Manifest,
    lock_timeout: Duration,
) -> Result<(), BackupError> {
    let number = uuid::Uuid::new_v4().simple().to_string();
    let schema = SchemaName::new(format!("tenantctl_verify_{number}"))
        .expect("a short name with our prefix is a name");
    let slug: Slug = manifest
        .tenant
        .slug
        .parse()
        .map_err(|error: crate::tenant::SlugError| BackupError::Manifest(error.to_string()))?;
    let new = NewTenant {
        slug,
        schema,
        role: None,
        name: manifest.tenant.name.clone(),
        domain: None,
        plan: manifest.tenant.plan.clone(),
        region: None,
        metadata: manifest.tenant.metadata.clone(),
    };
    let work = Work {
        manifest,
        new: &new,
        target,
        lock_timeout,
    };
    let mut sums = Summary::default();
    let mut rows = FileRows::new(file, identities, manifest, &mut sums);
    let mut session = db.direct().await?;
    let opening = Opening {
        snapshot: Snapshot::Each,
        access: Access::ReadWrite,
        lock_timeout,
        first: "",
        locks: &[],
    };
    let transaction = session.begin_locked(&opening).await??;
    let filled = work
        .fill_in_tx(&transaction, &mut rows, None, &mut Unobserved)
        .await;
    transaction.rollback().await?;
    filled.map(drop)
}
