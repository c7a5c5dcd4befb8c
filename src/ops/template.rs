//! The live template: the schema that tenants are cloned from. What is in the database counts; migrations are one way
//! to get it there, and a template that came another way is left as it is.

use std::time::Duration;

use super::forward::{self, Course, ForwardError, How, Moved, Place};
use crate::db::migrator::{self, Applied, MigrateError, Migrations, Standing};
use crate::db::{
    self, Access, Db, LockHeld, LockName, OpenTenantError, SchemaName, Session, SessionError, TenantOptions,
    Type,
};
use crate::tenant::{RegistryError, registry};

/// Which schema is the template, and what it is built from.
#[derive(Debug)]
pub struct Request {
    pub schema: SchemaName,
    pub migrations: Migrations,
    /// How the schema is entered.
    pub options: TenantOptions,
}

/// What [`build`] did, or would do in a transaction that cannot write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Built {
    /// The schema has the history that refinery keeps, and fits the migrations.
    Managed(Applied),
    /// Built by other means, and left as it is.
    Foreign(Foreign),
}

/// By which other means the template came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// It holds objects and no history of refinery's.
    NoHistory,
    /// Its history is of other migrations than those that the program carries.
    OtherMigrations { problem: String, version: Option<i64> },
}

/// The live template beside its migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Missing,
    /// The schema is there with nothing in it.
    Empty,
    /// The schema has tables and such, of which refinery keeps no history.
    Unmanaged {
        tables: u64,
    },
    Managed {
        tables: u64,
        standing: Standing,
    },
}

/// Why the template is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("schema `{schema}` cannot be the template: it belongs to tenant `{slug}`")]
    OfTenant { schema: SchemaName, slug: String },
    #[error("migrating the template `{schema}`")]
    Migrate {
        schema: SchemaName,
        source: MigrateError,
    },
    #[error("migrating the template `{schema}`")]
    Forward {
        schema: SchemaName,
        /// Whether the files are those that the program carries.
        is_embedded: bool,
        source: ForwardError,
    },
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl TemplateError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OfTenant { .. } => Some("name another schema in `tenants.template`"),
            Self::Forward {
                is_embedded: true,
                source: ForwardError::History(_) | ForwardError::NoHistory(_),
                ..
            } => Some("name the folder of your own migrations in `template.migrations`"),
            Self::Migrate { source, .. } => source.hint(),
            _ => None,
        }
    }
}

impl Status {
    /// Whether tenants can be cloned from the template as it stands and nothing waits to be applied to it.
    pub fn is_current(&self) -> bool {
        match self {
            Self::Missing | Self::Empty => false,
            Self::Unmanaged { .. } => true,
            Self::Managed { standing, .. } => standing.is_current(),
        }
    }
}

/// Makes the template's schema, or applies what it lacks, in one transaction. Runs that come at once wait for each
/// other as long as `lock_wait`. With [`Access::ReadOnly`] it stops before the first change.
pub async fn build(db: &Db, request: &Request, lock_wait: Duration) -> Result<Built, TemplateError> {
    let schema = &request.schema;
    let mut session = db.direct().await?;
    let transaction = match session.open_unmade(schema, &request.options, lock_wait).await {
        Ok(transaction) => transaction,
        Err(error) => return Err(locked_or(&session, schema, error).await),
    };
    let result = build_in_tx(&transaction, request).await;
    let built = transaction.end(result).await?;
    // What comes next needs a connection too, and there may be one only.
    drop(session);
    match built {
        Some(built) => Ok(built),
        // What wants no transaction cannot be part of that one.
        None => {
            let how = How::latest(request.options.clone());
            let moved = forward(db, request, &how, lock_wait).await?;
            Ok(Built::Managed(Applied {
                applied: moved.applied,
                version: moved.to,
            }))
        }
    }
}

/// Says who holds the lock, when that is what went wrong.
async fn locked_or(session: &Session, schema: &SchemaName, error: db::Error) -> TemplateError {
    if !error.is_transient() {
        return error.into();
    }
    let lock = LockName::Tenant(schema);
    let holder = lock.holder(session).await.ok().flatten();
    LockHeld::new(lock, holder).into()
}

/// Brings the template forward as tenants are. One that is not there is made first; one that was built by other means
/// needs a baseline.
pub async fn forward(
    db: &Db,
    request: &Request,
    how: &How,
    lock_wait: Duration,
) -> Result<Moved, TemplateError> {
    let schema = &request.schema;
    let new = How::latest(how.options.clone());
    let how = match ensure(db, request, lock_wait).await? {
        // There is nothing in it that could be taken for a version.
        Found::Nothing => &How {
            to: how.to,
            one_by_one: how.one_by_one,
            ..new
        },
        Found::Something => how,
    };
    let place = Place {
        schema,
        tenant: None,
        operation: None,
    };
    let failed = |source| TemplateError::Forward {
        schema: schema.clone(),
        is_embedded: request.migrations.is_embedded(),
        source,
    };
    forward::forward(db, place, &Course::new(&request.migrations, how))
        .await
        .map_err(failed)
}

/// What is in a schema.
enum Found {
    Nothing,
    Something,
}

/// Makes the template's schema where it is not there.
async fn ensure(db: &Db, request: &Request, lock_wait: Duration) -> Result<Found, TemplateError> {
    let schema = &request.schema;
    let mut session = db.direct().await?;
    let transaction = match session.open_unmade(schema, &request.options, lock_wait).await {
        Ok(transaction) => transaction,
        Err(error) => return Err(locked_or(&session, schema, error).await),
    };
    let result = async {
        refuse_tenants_in_tx(&transaction, schema).await?;
        let found = match status_in_tx(&transaction, schema, &request.migrations).await? {
            Status::Missing | Status::Empty => Found::Nothing,
            Status::Unmanaged { .. } | Status::Managed { .. } => Found::Something,
        };
        transaction
            .script(&format!("CREATE SCHEMA IF NOT EXISTS {}", schema.quoted()))
            .await?;
        Ok(found)
    }
    .await;
    transaction.end(result).await
}

/// `None` means that the schema is there and the rest wants no transaction.
async fn build_in_tx(
    transaction: &db::Transaction<'_>,
    request: &Request,
) -> Result<Option<Built>, TemplateError> {
    let Request {
        schema,
        migrations,
        options,
    } = request;
    refuse_tenants_in_tx(transaction, schema).await?;
    let status = status_in_tx(transaction, schema, migrations).await?;
    let standing = match &status {
        Status::Unmanaged { .. } => return Ok(Some(Built::Foreign(Foreign::NoHistory))),
        Status::Missing | Status::Empty => &Standing {
            pending: migrations.names(),
            ..Standing::default()
        },
        Status::Managed { standing, .. } => standing,
    };
    if let Err(source) = standing.check() {
        // Files that somebody chose are meant. Those of the program may have nothing to do with this template.
        if migrations.is_embedded() {
            return Ok(Some(Built::Foreign(Foreign::OtherMigrations {
                problem: source.to_string(),
                version: standing.version,
            })));
        }
        return Err(failed(schema, source));
    }
    if standing.pending.is_empty() || options.access == Access::ReadOnly {
        return Ok(Some(Built::Managed(Applied {
            applied: standing.pending.clone(),
            version: migrations.latest(),
        })));
    }
    if status == Status::Missing {
        transaction
            .script(&format!("CREATE SCHEMA {}", schema.quoted()))
            .await?;
    }
    if migrations.want_no_transaction(&standing.pending) {
        return Ok(None);
    }
    let applied = migrator::apply_in_tx(transaction, migrations).await;
    Ok(Some(Built::Managed(
        applied.map_err(|source| failed(schema, source))?,
    )))
}

/// Looks at the template without changing anything.
pub async fn status(db: &Db, request: &Request) -> Result<Status, TemplateError> {
    let schema = &request.schema;
    let options = TenantOptions {
        access: Access::ReadOnly,
        ..request.options.clone()
    };
    let mut session = db.session().await?;
    let transaction = match session.open_tenant(schema, &options).await {
        Ok(transaction) => transaction,
        Err(OpenTenantError::SchemaMissing(_)) => return Ok(Status::Missing),
        Err(OpenTenantError::Locked(held)) => return Err(held.into()),
        Err(OpenTenantError::Sql(error)) => return Err(error.into()),
    };
    let result = status_in_tx(&transaction, schema, &request.migrations).await;
    transaction.end(result).await
}

async fn status_in_tx(
    transaction: &db::Transaction<'_>,
    schema: &SchemaName,
    migrations: &Migrations,
) -> Result<Status, TemplateError> {
    const CONTENTS: &str = include_str!("sql/schema_contents.sql");
    let Some(row) = transaction
        .query_opt(CONTENTS, &[(&schema.as_str(), Type::NAME)])
        .await?
    else {
        return Ok(Status::Missing);
    };
    let tables = row.get::<_, i64>(0).unsigned_abs();
    let (has_history, has_anything) = (row.get(1), row.get(2));
    Ok(match (has_history, has_anything) {
        (false, false) => Status::Empty,
        (false, true) => Status::Unmanaged { tables },
        (true, _) => Status::Managed {
            tables,
            standing: migrator::standing_in_tx(transaction, migrations)
                .await
                .map_err(|source| failed(schema, source))?,
        },
    })
}

/// A tenant's schema looks like a template, history and all; migrating it as one would be a surprise.
async fn refuse_tenants_in_tx(session: &Session, schema: &SchemaName) -> Result<(), TemplateError> {
    const OWNER: &str = "SELECT slug FROM public.tenants WHERE schema_name = $1";
    if !registry::exists(session).await? {
        return Ok(());
    }
    match session
        .query_opt(OWNER, &[(&schema.as_str(), Type::TEXT)])
        .await?
    {
        Some(row) => Err(TemplateError::OfTenant {
            schema: schema.clone(),
            slug: row.get(0),
        }),
        None => Ok(()),
    }
}

fn failed(schema: &SchemaName, source: MigrateError) -> TemplateError {
    TemplateError::Migrate {
        schema: schema.clone(),
        source,
    }
}
