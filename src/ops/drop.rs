//! Removing tenants for good: the schema and the row of the registry, both or neither.

use std::fs;
use std::time::Duration;

use super::backup::{self, BackupError, Identities, Taken};
use super::log::Entry;
use super::outside::{self, NeededOutside};
use super::roles::tenant::{self as tenant_role, Former};
use super::unfinished;
use crate::blueprint::{self, ReadError};
use crate::db::{
    self, Db, NO_TRANSACTION_LIMIT, OpenTenantError, SchemaName, Session, SessionError, TenantOptions,
    Transaction,
};
use crate::fleet::{self, Answer, Observer, Plan, Report, Retry, Stop, Urgency};
use crate::tenant::registry::{self, RegistryError};
use crate::tenant::{Slug, Tenant};

/// What to remove, and how.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<Tenant>,
    pub options: TenantOptions,
    /// Where each is backed up first.
    pub backup: Option<backup::Options>,
    pub plan: Plan,
    pub log: Entry,
}

/// What was removed.
#[derive(Debug, Clone)]
pub struct Dropped {
    pub schema: SchemaName,
    /// The schema was gone already; only the row was removed.
    pub schema_was_missing: bool,
    /// The backup that was taken first.
    pub backup: Option<Taken>,
    /// The tenant's own role, where it had one.
    pub roles: Vec<Former>,
}

/// Why a tenant is still there.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    #[error("{0}")]
    NeededOutside(#[from] NeededOutside),
    #[error("{0}")]
    Open(#[from] OpenTenantError),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("the backup that comes first failed, and tenant `{slug}` stays")]
    Backup { slug: Slug, source: BackupError },
    #[error("dropping schema `{schema}`")]
    Schema { schema: SchemaName, source: db::Error },
    /// Tried again, with another backup.
    #[error("schema `{schema}` is not what was backed up any more, and stays")]
    Changed { schema: SchemaName, source: ReadError },
    /// Not tried again: that would begin with another backup.
    #[error("schema `{schema}` was in use until the end: {reason}")]
    InUse { schema: SchemaName, reason: String },
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl DropError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::InUse { .. } => Some(
                "end the transactions that use its tables, which `pg_stat_activity` shows, and try again; nothing was \
                 changed, and the backup is removed"
                    .to_owned(),
            ),
            Self::Changed { .. } => Some(
                "try again once nobody makes anything in the schema any more; nothing was changed, and the backup is \
                 removed"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// The server's words where somebody else had a lock for too long.
    fn lock_timeout(&self) -> Option<&db::Error> {
        match self {
            Self::Schema { source, .. } | Self::Sql(source) | Self::Registry(RegistryError::Sql(source)) => {
                (source.sqlstate() == Some("55P03")).then_some(source)
            }
            _ => None,
        }
    }
}

/// Removes every tenant in a transaction of its own.
pub async fn run(db: &Db, request: Request, stop: &Stop, observer: &mut dyn Observer) -> Report<Dropped> {
    let Request {
        tenants,
        options,
        backup,
        plan,
        log,
    } = request;
    let work = Work {
        db,
        options: &options,
        backup: backup.as_ref(),
        retry: plan.retry,
        stop,
        log: &log,
    };
    let job = async |tenant: &Tenant| {
        let mut session = db.direct().await?;
        match work.drop_tenant(&mut session, tenant).await {
            Ok(dropped) => Ok(Answer::Done(dropped)),
            Err(DropError::Registry(RegistryError::Unknown { .. })) => {
                Ok(Answer::Skip("somebody else dropped it meanwhile".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    };
    let report = fleet::run(tenants, plan, stop, observer, job).await;
    log.record_failures(db, &report).await;
    report
}

/// Finds out what a run would remove, and whom it would have to leave. Nothing is changed.
pub async fn foresee(
    db: &Db,
    tenants: Vec<Tenant>,
    plan: Plan,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Report<Dropped> {
    let job = async |tenant: &Tenant| {
        let mut session = db.direct().await?;
        let (transaction, _) = session.begin("BEGIN READ ONLY").await?;
        let looked = async {
            let exists = registry::count_tables(&transaction, &tenant.schema)
                .await?
                .is_some();
            if exists {
                not_needed_outside(&transaction, &tenant.schema).await?;
            }
            let roles = tenant_role::of_schema(&transaction, &tenant.schema).await?;
            Ok::<_, DropError>((exists, roles))
        };
        let looked = looked.await;
        let (exists, roles) = transaction.end(looked).await?;
        let roles = roles.into_iter();
        Ok(Answer::Done(Dropped {
            schema: tenant.schema.clone(),
            schema_was_missing: !exists,
            backup: None,
            roles: roles.map(|role| Former { role, kept: None }).collect(),
        }))
    };
    fleet::run(tenants, plan, stop, observer, job).await
}

/// What is the same for all tenants of a run.
struct Work<'a> {
    db: &'a Db,
    options: &'a TenantOptions,
    backup: Option<&'a backup::Options>,
    retry: Retry,
    stop: &'a Stop,
    log: &'a Entry,
}

impl Work<'_> {
    async fn drop_tenant(&self, session: &mut Session, tenant: &Tenant) -> Result<Dropped, DropError> {
        let first = match self.backup {
            None => outside::lock_for_dropping(&tenant.schema),
            // Nobody else has to wait for the backup. While its file is read again, the transaction is idle.
            Some(_) => NO_TRANSACTION_LIMIT.to_owned(),
        };
        let locked = session
            .lock_tenant_after(&first, &tenant.schema, self.options)
            .await?;
        let (transaction, exists) = locked;
        let mut backup = None;
        match self.drop_in_tx(&transaction, tenant, exists, &mut backup).await {
            Ok(dropped) => {
                // When nobody knows whether this took effect, the backup may be all that is left.
                transaction.commit().await?;
                Ok(Dropped { backup, ..dropped })
            }
            Err(error) => {
                transaction.rollback().await.ok();
                if let Some(taken) = backup {
                    // The tenant is there, and has changed again by the time of another attempt.
                    fs::remove_file(&taken.file).ok();
                }
                Err(error)
            }
        }
    }

    /// What the tenant is backed up to is in `backup` from the moment on when it is a file.
    async fn drop_in_tx(
        &self,
        transaction: &Transaction<'_>,
        tenant: &Tenant,
        exists: bool,
        backup: &mut Option<Taken>,
    ) -> Result<Dropped, DropError> {
        let roles = tenant_role::of_schema(transaction, &tenant.schema).await?;
        match self.backup {
            _ if !exists => forget_in_tx(transaction, tenant, self.log).await?,
            None => remove_in_tx(transaction, tenant, self.log).await?,
            Some(options) => {
                let stamp = self.back_up_in_tx(transaction, tenant, options, backup).await?;
                self.remove_when_free_in_tx(transaction, tenant).await?;
                self.was_backed_up(&tenant.schema, stamp.as_deref()).await?;
            }
        }
        Ok(Dropped {
            schema: tenant.schema.clone(),
            schema_was_missing: !exists,
            backup: None,
            roles: tenant_role::drop_in_tx(transaction, roles).await?,
        })
    }

    /// Backs the tenant up and reads the file again. From the first row on nobody writes to the tables any more, so that
    /// nothing is lost between the backup and the end. Answers with the stamp of what is backed up.
    async fn back_up_in_tx(
        &self,
        transaction: &Transaction<'_>,
        tenant: &Tenant,
        options: &backup::Options,
        backup: &mut Option<Taken>,
    ) -> Result<Option<String>, DropError> {
        not_needed_outside(transaction, &tenant.schema).await?;
        let taken = async {
            backup::hold_still_in_tx(transaction, &tenant.schema).await?;
            let stamp = blueprint::stamp_now(self.db, &tenant.schema).await?;
            transaction.script("SAVEPOINT not_read").await?;
            let shared = backup::Shared::default();
            let taken = backup::take_in_tx(self.db, transaction, tenant, options, &shared).await?;
            let file = &backup.insert(taken).file;
            // What is encrypted cannot be read here.
            if options.recipients.is_nobody() {
                backup::verify(file, &Identities::default(), None, Duration::ZERO).await?;
            }
            // Reading views has locked tables that tenants share, which whoever drops another tenant waits for.
            transaction.script("ROLLBACK TO not_read").await?;
            Ok::<_, BackupError>(stamp)
        };
        match taken.await {
            Ok(stamp) => {
                transaction.script("SET LOCAL search_path = pg_catalog").await?;
                Ok(stamp)
            }
            Err(BackupError::Registry(error)) => Err(error.into()),
            Err(source) => Err(DropError::Backup {
                slug: tenant.slug.clone(),
                source,
            }),
        }
    }

    /// Makes sure that the schema that was dropped is the one that was backed up. Tables can be kept still and a schema
    /// cannot: until it is dropped, anybody may make something in it. All others still see it as it was then, and wait
    /// when they want more in it.
    async fn was_backed_up(&self, schema: &SchemaName, stamp: Option<&str>) -> Result<(), DropError> {
        if blueprint::stamp_now(self.db, schema).await?.as_deref() == stamp {
            return Ok(());
        }
        Err(DropError::Changed {
            schema: schema.clone(),
            source: ReadError::Changing(schema.clone()),
        })
    }

    /// Removes a tenant that is backed up, once nobody uses its tables. As long as this transaction lasts, the backup is
    /// what the tenant is; so it is in here that a lock is waited for again.
    async fn remove_when_free_in_tx(
        &self,
        transaction: &Transaction<'_>,
        tenant: &Tenant,
    ) -> Result<(), DropError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            transaction.script("SAVEPOINT not_dropped").await?;
            let Err(error) = remove_alone_in_tx(transaction, tenant, self.log).await else {
                return Ok(());
            };
            let Some(held) = error.lock_timeout() else {
                return Err(error);
            };
            if attempt > self.retry.times || self.stop.urgency() == Urgency::Cancel {
                return Err(DropError::InUse {
                    schema: tenant.schema.clone(),
                    reason: held.to_string(),
                });
            }
            transaction.script("ROLLBACK TO not_dropped").await?;
            tokio::select! {
                () = tokio::time::sleep(self.retry.pause(attempt)) => {}
                () = self.stop.reached(Urgency::Cancel) => {}
            }
        }
    }
}

/// Waits for those who read the tenant's tables, and only then for those who make and drop tenants: whoever holds the
/// lock of these waits for nobody who is at work in a tenant.
async fn remove_alone_in_tx(
    transaction: &Transaction<'_>,
    tenant: &Tenant,
    log: &Entry,
) -> Result<(), DropError> {
    let schema = &tenant.schema;
    let failed = |source| DropError::Schema {
        schema: schema.clone(),
        source,
    };
    backup::hold_alone_in_tx(transaction, schema)
        .await
        .map_err(failed)?;
    transaction
        .script(&outside::lock_for_dropping(schema))
        .await
        .map_err(failed)?;
    remove_in_tx(transaction, tenant, log).await
}

async fn not_needed_outside(transaction: &Transaction<'_>, schema: &SchemaName) -> Result<(), DropError> {
    match outside::needed_in_tx(transaction, schema).await? {
        Some(needed) => Err(needed.into()),
        None => Ok(()),
    }
}

async fn remove_in_tx(transaction: &Transaction<'_>, tenant: &Tenant, log: &Entry) -> Result<(), DropError> {
    let schema = &tenant.schema;
    forget_in_tx(transaction, tenant, log).await?;
    not_needed_outside(transaction, schema).await?;
    transaction
        .script(&format!("DROP SCHEMA {} CASCADE", schema.quoted()))
        .await
        .map_err(|source| DropError::Schema {
            schema: schema.clone(),
            source,
        })
}

/// Removes the row. Finds out first that it is still the tenant that was chosen and not a new one of that slug.
async fn forget_in_tx(transaction: &Transaction<'_>, tenant: &Tenant, log: &Entry) -> Result<(), DropError> {
    let current = registry::lock_again_in_tx(transaction, tenant).await?;
    registry::delete_in_tx(transaction, &current).await?;
    unfinished::set_in_tx(transaction, &current.schema, &[]).await?;
    log.record_in_tx(transaction, &tenant.slug).await?;
    Ok(())
}
