//! Making tenants: a row of the registry and a schema, both or neither.

use std::time::Duration;

use super::log::Entry;
use crate::db::{self, Db, SchemaName, Transaction};
use crate::fleet::{self, Answer, Observer, Plan, Report, Stop};
use crate::tenant::registry::{self, RegistryError};
use crate::tenant::{NewTenant, Slug, Tenant};

/// What to make, and how.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<NewTenant>,
    /// A tenant that is there already is no failure.
    pub if_not_exists: bool,
    pub lock_timeout: Duration,
    pub plan: Plan,
    pub log: Entry,
}

/// Why a tenant was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("schema `{0}` already exists, and no tenant is registered for it")]
    SchemaExists(SchemaName),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("creating schema `{schema}`")]
    Schema { schema: SchemaName, source: db::Error },
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl CreateError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::SchemaExists(schema) => Some(format!(
                "choose another slug, or remove the schema by hand: DROP SCHEMA {} CASCADE",
                schema.quoted()
            )),
            Self::Schema { source, .. } if source.sqlstate() == Some("42501") => {
                Some("grant the connecting role CREATE on this database".to_owned())
            }
            _ => None,
        }
    }
}

/// Makes every tenant in a transaction of its own.
pub async fn run(db: &Db, request: Request, stop: &Stop, observer: &mut dyn Observer) -> Report<Tenant> {
    let Request {
        tenants,
        if_not_exists,
        lock_timeout,
        plan,
        log,
    } = request;
    let job = async |new: &NewTenant| {
        let mut session = db.direct().await?;
        let opening = format!(
            "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0",
            lock_timeout.as_millis()
        );
        let (transaction, _) = session.begin(&opening).await?;
        let result = create_in_tx(&transaction, new, &log).await;
        match transaction.end(result).await {
            Ok(tenant) => Ok(Answer::Done(tenant)),
            Err(CreateError::Registry(RegistryError::SlugTaken(_))) if if_not_exists => {
                Ok(Answer::Skip("it already exists".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    };
    fleet::run(tenants, plan, stop, observer, job).await
}

/// The row comes first: its unique constraints make runs for one slug wait for each other before any of them
/// touches a schema.
async fn create_in_tx(
    transaction: &Transaction<'_>,
    new: &NewTenant,
    log: &Entry,
) -> Result<Tenant, CreateError> {
    let tenant = registry::insert_in_tx(transaction, new).await?;
    let schema = &new.schema;
    transaction
        .script(&format!("CREATE SCHEMA {}", schema.quoted()))
        .await
        .map_err(|error| match error.sqlstate() {
            Some("42P06") => CreateError::SchemaExists(schema.clone()),
            _ => CreateError::Schema {
                schema: schema.clone(),
                source: error,
            },
        })?;
    log.record_in_tx(transaction, &new.slug).await?;
    Ok(tenant)
}

/// Says of each new tenant whether its slug is taken, which is all that a dry run can know.
pub async fn taken(db: &Db, tenants: &[NewTenant]) -> anyhow::Result<Vec<Slug>> {
    let session = db.session().await?;
    let selection = crate::tenant::Selection {
        which: crate::tenant::Which::Slugs(tenants.iter().map(|new| new.slug.clone()).collect()),
        include_inactive: true,
        ..Default::default()
    };
    Ok(registry::select(&session, &selection)
        .await?
        .into_iter()
        .map(|tenant| tenant.slug)
        .collect())
}
