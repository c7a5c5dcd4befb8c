//! A service's way to its tenants: find one by the host name of a request, its slug or its id, and work in its schema.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/scene.rs"));
//! # fn main() -> anyhow::Result<()> {
//! # with_tenants(async |url| {
//! use tenantctl::client::{Client, Options};
//! use tenantctl::db::Type;
//!
//! let tenants = Client::connect(url, Options::default())?;
//! let acme = tenants.by_domain("acme.example").await?;
//!
//! // One transaction, committed when the closure answers, tried again after a deadlock.
//! let id = tenants
//!     .transaction(&acme, async |tx| {
//!         let statement = "INSERT INTO users (email, name, role) VALUES ($1, $2, 'admin') RETURNING id::text";
//!         let params = [(&"ada@acme.example" as _, Type::TEXT), (&"Ada" as _, Type::TEXT)];
//!         let rows = tx.query(statement, &params).await?;
//!         Ok(rows[0].get::<_, String>(0))
//!     })
//!     .await?;
//!
//! // The same for reading. PostgreSQL refuses every change.
//! let count: i64 = tenants
//!     .read(&acme, async |tx| Ok(tx.query("SELECT count(*) FROM users", &[]).await?[0].get(0)))
//!     .await?;
//! assert_eq!((count, id.len()), (1, 36));
//!
//! // A job that was put off knows its tenant by the id, which stays when domain or name are changed.
//! let same = tenants.by_id(acme.id).await?;
//! assert_eq!(same.schema, acme.schema);
//!
//! let health = tenants.health().await?;
//! assert!(health.latency.as_secs() < 5 && health.tenants == 2);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! A transaction sees the tenant's tables under their bare names, and policies of row level security see the tenant's
//! schema in the setting `app.current_tenant`. Both end with it, so a pooler in transaction mode changes nothing.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::config::{ConfigError, DatabaseVariables, Environment};
use crate::db::conn::{ConnInfoError, ConnectTarget, Env, Secret};
use crate::db::{
    Access, Db, OpenTenantError, PoolOptions, PoolState, Session, SessionError, StatementLimits,
    TenantOptions, Transaction,
};
use crate::fleet::{Retry, is_transient};
use crate::tenant::registry::{self, RegistryError};
use crate::tenant::{Domain, DomainError, Selection, Slug, SlugError, Tenant, Which};

/// How a service uses its database.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that [`Client::warm`] opens ahead.
    pub pool_min: usize,
    /// The most connections; `None` for the URL's `connection_limit`, else ten.
    pub pool_max: Option<usize>,
    /// How long to wait for a free connection.
    pub pool_wait: Duration,
    /// The longest that a statement may take.
    pub statement_timeout: Duration,
    /// How long a statement waits for a lock.
    pub lock_timeout: Duration,
    /// Slower statements are logged as warnings of [`tracing`]; zero for never.
    pub slow: Duration,
    /// How often a transaction is tried again after a lock timeout, a deadlock or a serialization failure.
    pub retries: u32,
    /// Schemas that are seen after the tenant's own.
    pub search_path: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pool_min: 2,
            pool_max: None,
            pool_wait: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
            slow: Duration::from_secs(1),
            retries: 3,
            search_path: vec!["public".to_owned()],
        }
    }
}

impl Options {
    /// The same where nothing else is said by variables.
    fn overridden(self, variables: &DatabaseVariables) -> Self {
        Self {
            pool_min: variables.pool_min.unwrap_or(self.pool_min),
            pool_max: variables.pool_max.or(self.pool_max),
            pool_wait: variables.pool_timeout.unwrap_or(self.pool_wait),
            statement_timeout: variables.query_timeout.unwrap_or(self.statement_timeout),
            slow: variables.slow_query.unwrap_or(self.slow),
            ..self
        }
    }
}

/// Why there is no tenant to work in. What lies behind it is in its words already, so it has no source.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A variable, or the file with the password, that cannot be read.
    #[error("{0}")]
    Config(ConfigError),
    #[error("{0}")]
    Target(ConnInfoError),
    #[error("{0}")]
    Domain(DomainError),
    #[error("{0}")]
    Slug(SlugError),
    #[error("no tenant has the domain `{0}`")]
    NoSuchDomain(Domain),
    #[error("no tenant has the id `{0}`")]
    NoSuchId(Uuid),
    #[error("tenant `{0}` is suspended")]
    Suspended(Slug),
    #[error("{0}")]
    Registry(RegistryError),
    /// The database cannot be reached, or all connections are in use.
    #[error("{0}")]
    Session(SessionError),
    /// The tenant's schema cannot be entered.
    #[error("{0}")]
    Open(OpenTenantError),
}

impl ClientError {
    /// Whether the same may well succeed when it is done again.
    fn is_transient(&self) -> bool {
        match self {
            Self::Session(SessionError::Sql(error)) | Self::Open(OpenTenantError::Sql(error)) => {
                error.is_transient()
            }
            _ => false,
        }
    }
}

/// `?` for the errors that are passed on. What thiserror would make of them repeats each as its own cause.
macro_rules! passed_on {
    ($($variant:ident($error:ty)),+) => {$(
        impl From<$error> for ClientError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )+};
}

passed_on!(
    Config(ConfigError),
    Target(ConnInfoError),
    Domain(DomainError),
    Slug(SlugError),
    Registry(RegistryError),
    Session(SessionError),
    Open(OpenTenantError)
);

/// How the database does.
#[derive(Debug, Clone)]
pub struct Health {
    /// How long a question took, a free connection included.
    pub latency: Duration,
    /// The active tenants.
    pub tenants: usize,
    pub pool: PoolState,
}

/// The tenants of one database. Clones share the pool.
#[derive(Debug, Clone)]
pub struct Client {
    db: Db,
    options: Options,
}

impl Client {
    /// Prepares to work with the database of `url`, read as libpq reads it. What it leaves open is taken from libpq's
    /// variables and files. Nothing is connected before it is needed.
    pub fn connect(url: &str, options: Options) -> Result<Self, ClientError> {
        let environment = Environment::of_process();
        environment.check()?;
        Self::at(Some(url), None, &environment, options)
    }

    /// The same as the environment says: with the database of `DATABASE_URL`, or of libpq's own variables, and the
    /// password in the file `DATABASE_PASSWORD_FILE`.
    ///
    /// `options` are what holds where the environment says nothing. Whoever runs a service knows its database better
    /// than its code does, so `DATABASE_POOL_MIN`, `DATABASE_POOL_MAX`, `DATABASE_POOL_TIMEOUT_MS`,
    /// `DATABASE_QUERY_TIMEOUT_MS` and `SLOW_QUERY_THRESHOLD_MS` win over them, and one that is no number is an error.
    pub fn from_env(options: Options) -> Result<Self, ClientError> {
        Self::of(&Environment::of_process(), options)
    }

    fn of(environment: &Environment, options: Options) -> Result<Self, ClientError> {
        environment.check()?;
        let variables = DatabaseVariables::of(environment)?;
        let urls = &variables.urls;
        let options = options.overridden(&variables);
        Self::at(urls.url.as_deref(), urls.password()?, environment, options)
    }

    fn at(
        url: Option<&str>,
        password: Option<Secret>,
        environment: &Environment,
        options: Options,
    ) -> Result<Self, ClientError> {
        let lookup = |name: &str| environment.get(name).map(str::to_owned);
        let target = ConnectTarget::resolve(url, &Env::new(&lookup), password)?;
        let pool = PoolOptions {
            min: options.pool_min,
            max: options.pool_max,
            wait: options.pool_wait,
            connect_wait: Duration::ZERO,
            limits: StatementLimits {
                timeout: options.statement_timeout,
                slow: options.slow,
            },
        };
        Ok(Self {
            db: Db::new(target, None, pool),
            options,
        })
    }

    /// Opens the connections that [`Options::pool_min`] asks for, so that the first requests do not wait for them.
    pub async fn warm(&self) -> Result<(), ClientError> {
        Ok(self.db.warm(self.db.capacity()).await?)
    }

    /// The active tenant that a host name belongs to; a port behind it and a dot at its end are passed over.
    pub async fn by_domain(&self, host: &str) -> Result<Tenant, ClientError> {
        let domain = Domain::of_host(host)?;
        let found = registry::find_by_domain(&self.db.session().await?, &domain).await?;
        active(found.ok_or(ClientError::NoSuchDomain(domain))?)
    }

    /// The active tenant of that id.
    pub async fn by_id(&self, id: Uuid) -> Result<Tenant, ClientError> {
        let found = registry::find_by_id(&self.db.session().await?, id).await?;
        active(found.ok_or(ClientError::NoSuchId(id))?)
    }

    /// The active tenant of that slug.
    pub async fn by_slug(&self, slug: &str) -> Result<Tenant, ClientError> {
        let slug: Slug = slug.parse()?;
        active(registry::find(&self.db.session().await?, &slug).await?)
    }

    /// All active tenants, by slug.
    pub async fn all(&self) -> Result<Vec<Tenant>, ClientError> {
        let selection = Selection {
            which: Which::All,
            ..Selection::default()
        };
        Ok(registry::select(&self.db.session().await?, &selection).await?)
    }

    /// Works in the tenant's schema, in one transaction that is committed when `work` answers and undone when it fails.
    ///
    /// After a lock timeout, a deadlock or a serialization failure all of it is done again, so `work` must be safe to
    /// repeat. When it answers although a statement had failed, that is an error too, and nothing of it is done.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/scene.rs"));
    /// # fn main() -> anyhow::Result<()> {
    /// # with_tenants(async |url| {
    /// # use tenantctl::client::{Client, Options};
    /// # let attempts = std::cell::Cell::new(0);
    /// # let conflict = "DO $$ BEGIN RAISE EXCEPTION 'two at once' USING ERRCODE = 'serialization_failure'; END $$";
    /// # let reserve = async |tx: &tenantctl::db::Transaction<'_>| {
    /// #     attempts.set(attempts.get() + 1);
    /// #     tx.query(if attempts.get() < 3 { conflict } else { "SELECT" }, &[]).await
    /// # };
    /// let tenants = Client::connect(url, Options { retries: 5, ..Options::default() })?;
    /// let acme = tenants.by_slug("acme").await?;
    /// let reserved = tenants
    ///     .transaction(&acme, async |tx| {
    ///         // Twice somebody else is in the way.
    ///         reserve(tx).await?;
    ///         Ok("reserved")
    ///     })
    ///     .await?;
    /// assert_eq!((reserved, attempts.get()), ("reserved", 3));
    ///
    /// // What does not pass by itself is not tried again, and what was done before it is undone.
    /// let failed: anyhow::Result<()> = tenants
    ///     .transaction(&acme, async |tx| {
    ///         attempts.set(attempts.get() + 1);
    ///         tx.query("DELETE FROM users", &[]).await?;
    ///         tx.query("SELECT 1 / 0", &[]).await?;
    ///         Ok(())
    ///     })
    ///     .await;
    /// assert!(failed.is_err() && attempts.get() == 4);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// The error is `work`'s own, a [`ClientError`] where the tenant could not be entered, or a
    /// [`db::Error`](crate::db::Error) of the commit.
    pub async fn transaction<T>(
        &self,
        tenant: &Tenant,
        work: impl AsyncFn(&Transaction<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.perform(tenant, Access::ReadWrite, work).await
    }

    /// The same for work that changes nothing.
    pub async fn read<T>(
        &self,
        tenant: &Tenant,
        work: impl AsyncFn(&Transaction<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.perform(tenant, Access::ReadOnly, work).await
    }

    /// A session outside every tenant, for the service's own tables in `public`.
    pub async fn session(&self) -> Result<Session, ClientError> {
        Ok(self.db.session().await?)
    }

    /// Asks the database how it does.
    pub async fn health(&self) -> Result<Health, ClientError> {
        let started = Instant::now();
        let session = self.db.session().await?;
        let selection = Selection {
            which: Which::All,
            ..Selection::default()
        };
        let (tenants, _) = registry::count_behind(&session, &selection, None).await?;
        Ok(Health {
            latency: started.elapsed(),
            tenants,
            pool: self.db.pool_state(),
        })
    }

    async fn perform<T>(
        &self,
        tenant: &Tenant,
        access: Access,
        work: impl AsyncFn(&Transaction<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let retry = Retry {
            times: self.options.retries,
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.perform_once(tenant, access, &work).await {
                Err(error) if attempt <= retry.times && may_pass(&error) => {
                    tokio::time::sleep(retry.pause(attempt)).await;
                }
                result => return result,
            }
        }
    }

    async fn perform_once<T>(
        &self,
        tenant: &Tenant,
        access: Access,
        work: &impl AsyncFn(&Transaction<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let options = TenantOptions {
            access,
            search_path: self.options.search_path.clone(),
            lock_timeout: self.options.lock_timeout,
            statement_timeout: self.options.statement_timeout,
        };
        let mut session = self.session().await?;
        let entered = session.enter_tenant(&tenant.schema, &options).await;
        let transaction = entered.map_err(ClientError::from)?;
        match work(&transaction).await {
            Ok(answer) => {
                transaction.commit().await?;
                Ok(answer)
            }
            Err(error) => {
                // The error that led here says more than one of the rollback.
                transaction.rollback().await.ok();
                Err(error)
            }
        }
    }
}

/// Whether the same work may well succeed when done again.
fn may_pass(error: &anyhow::Error) -> bool {
    is_transient(error.as_ref()) || error.downcast_ref().is_some_and(ClientError::is_transient)
}

fn active(tenant: Tenant) -> Result<Tenant, ClientError> {
    if tenant.is_active() {
        Ok(tenant)
    } else {
        Err(ClientError::Suspended(tenant.slug))
    }
}

#[cfg(test)]
mod tests;
