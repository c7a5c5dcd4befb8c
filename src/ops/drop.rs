//! Removing tenants for good: the schema and the row of the registry, both or neither.

use std::path::PathBuf;
use std::time::Duration;

use super::backup::{self, BackupError, Identities};
use super::log::Entry;
use super::roles::tenant::{self as tenant_role, Former};
use super::unfinished;
use crate::db::{
    self, Db, LockName, OpenTenantError, QuotedText, SchemaName, Session, TenantOptions, Transaction,
};
use crate::fleet::{self, Answer, Observer, Plan, Report, Stop};
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    pub schema: SchemaName,
    /// The schema was gone already; only the row was removed.
    pub schema_was_missing: bool,
    /// The backup that was taken first.
    pub backup: Option<PathBuf>,
    /// The tenant's own role, where it had one.
    pub roles: Vec<Former>,
}

/// Why a tenant is still there.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    #[error("objects outside schema `{schema}` depend on it: {}", objects.join(", "))]
    NeededOutside {
        schema: SchemaName,
        objects: Vec<String>,
    },
    #[error("{0}")]
    Open(#[from] OpenTenantError),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("the backup that comes first failed, and tenant `{slug}` stays")]
    Backup { slug: Slug, source: BackupError },
    #[error("dropping schema `{schema}`")]
    Schema { schema: SchemaName, source: db::Error },
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl DropError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NeededOutside { .. } => Some(
                "drop or change those objects first; tenantctl removes nothing outside the schema".to_owned(),
            ),
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
    let job = async |tenant: &Tenant| {
        let mut session = db.direct().await?;
        match drop_tenant(db, &mut session, tenant, &options, backup.as_ref(), &log).await {
            Ok(dropped) => Ok(Answer::Done(dropped)),
            Err(DropError::Registry(RegistryError::Unknown { .. })) => {
                Ok(Answer::Skip("somebody else dropped it meanwhile".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    };
    fleet::run(tenants, plan, stop, observer, job).await
}

async fn drop_tenant(
    db: &Db,
    session: &mut Session,
    tenant: &Tenant,
    options: &TenantOptions,
    backup: Option<&backup::Options>,
    log: &Entry,
) -> Result<Dropped, DropError> {
    let first = lock_shared_tables(&tenant.schema);
    let (transaction, exists) = session.lock_tenant_after(&first, &tenant.schema, options).await?;
    let roles = match tenant_role::of_schema(&transaction, &tenant.schema).await {
        Ok(roles) => roles,
        Err(error) => return transaction.end(Err(error.into())).await,
    };
    let result = if exists {
        match back_up_in_tx(db, &transaction, tenant, backup).await {
            Ok(file) => drop_in_tx(&transaction, tenant, log)
                .await
                .map(|dropped| Dropped {
                    backup: file,
                    ..dropped
                }),
            Err(error) => Err(error),
        }
    } else {
        forget_in_tx(&transaction, tenant, log).await.map(|()| Dropped {
            schema: tenant.schema.clone(),
            schema_was_missing: true,
            backup: None,
            roles: Vec::new(),
        })
    };
    let result = match result {
        Ok(dropped) => match tenant_role::drop_in_tx(&transaction, roles).await {
            Ok(roles) => Ok(Dropped { roles, ..dropped }),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error),
    };
    transaction.end(result).await
}

/// Foreign keys to tables that tenants share make dropping a schema lock those tables alone, one after the other, which
/// creating one locks too. So whoever drops waits until no such tenant is being made, before it locks anything else.
pub(super) fn lock_shared_tables(schema: &SchemaName) -> String {
    let quoted = schema.quoted().to_string();
    include_str!("sql/lock_shared_tables.sql")
        .replace("{key}", &LockName::SharedTables.key())
        .replace("{schema}", &QuotedText::new(&quoted).to_string())
}

/// Backs the tenant up and reads the file again. From the first row on nobody writes to the tables any more, so that
/// nothing is lost between the backup and the end.
async fn back_up_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    tenant: &Tenant,
    options: Option<&backup::Options>,
) -> Result<Option<PathBuf>, DropError> {
    let Some(options) = options else { return Ok(None) };
    not_needed_outside(transaction, &tenant.schema).await?;
    let taken = async {
        backup::hold_still_in_tx(transaction, &tenant.schema).await?;
        let taken = backup::take_in_tx(db, transaction, tenant, options, &backup::Shared::default()).await?;
        // What is encrypted cannot be read here.
        if options.recipients.is_nobody() {
            backup::verify(&taken.file, &Identities::default(), None, Duration::ZERO).await?;
        }
        Ok(taken)
    };
    match taken.await {
        Ok(taken) => {
            transaction.script("SET LOCAL search_path = pg_catalog").await?;
            Ok(Some(taken.file))
        }
        Err(BackupError::Registry(error)) => Err(error.into()),
        Err(source) => Err(DropError::Backup {
            slug: tenant.slug.clone(),
            source,
        }),
    }
}

async fn not_needed_outside(transaction: &Transaction<'_>, schema: &SchemaName) -> Result<(), DropError> {
    let objects = needed_outside(transaction, schema).await?;
    if objects.is_empty() {
        return Ok(());
    }
    Err(DropError::NeededOutside {
        schema: schema.clone(),
        objects,
    })
}

async fn drop_in_tx(
    transaction: &Transaction<'_>,
    tenant: &Tenant,
    log: &Entry,
) -> Result<Dropped, DropError> {
    let schema = &tenant.schema;
    forget_in_tx(transaction, tenant, log).await?;
    not_needed_outside(transaction, schema).await?;
    transaction
        .script(&format!("DROP SCHEMA {} CASCADE", schema.quoted()))
        .await
        .map_err(|source| DropError::Schema {
            schema: schema.clone(),
            source,
        })?;
    Ok(Dropped {
        schema: schema.clone(),
        schema_was_missing: false,
        backup: None,
        roles: Vec::new(),
    })
}

/// Removes the row. Finds out first that it is still the tenant that was chosen and not a new one of that slug.
async fn forget_in_tx(transaction: &Transaction<'_>, tenant: &Tenant, log: &Entry) -> Result<(), DropError> {
    let current = registry::lock_in_tx(transaction, &tenant.slug).await?;
    if current.id != tenant.id || current.schema != tenant.schema {
        return Err(RegistryError::Unknown {
            slug: tenant.slug.clone(),
            nearest: None,
        }
        .into());
    }
    registry::delete_in_tx(transaction, &current).await?;
    unfinished::set_in_tx(transaction, &current.schema, &[]).await?;
    log.record_in_tx(transaction, &tenant.slug).await?;
    Ok(())
}

/// What `DROP SCHEMA … CASCADE` would take along from elsewhere.
async fn needed_outside(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<Vec<String>, db::Error> {
    let answers = transaction.text_query(&what_needs_it(schema)).await?;
    Ok(answers
        .into_iter()
        .flat_map(|answer| answer.rows)
        .filter_map(|mut row| row.pop().flatten())
        .collect())
}

/// The question what lies outside of the schema and depends on it.
pub(super) fn what_needs_it(schema: &SchemaName) -> String {
    let quoted = schema.quoted().to_string();
    include_str!("sql/needed_outside.sql").replace("{schema}", &QuotedText::new(&quoted).to_string())
}
