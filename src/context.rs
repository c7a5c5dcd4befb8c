//! What every command is given: settings, the way to the database, the way to speak, and the request to stop.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::config::{DatabaseSource, Environment, Settings, Urls};
use crate::db::conn::{ConnectTarget, Env, Secret};
use crate::db::local::LocalServer;
use crate::db::migrator::{MigrateError, Migrations};
use crate::db::{Access, Db, PoolOptions, StatementLimits, TenantOptions};
use crate::error::{UsageError, worse};
use crate::exit::ExitStatus;
use crate::fleet::{Stop, Urgency};
use crate::ops;
use crate::ops::application::Origin;
use crate::ops::log::Doubt;
use crate::tenant::App;
use crate::ui::Ui;

/// Everything a command works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) ui: Ui,
    pub(crate) stop: Stop,
    command: &'static str,
    /// One for all contexts of a run, so that whoever cancels what runs there finds it.
    db: Arc<OnceCell<Db>>,
}

impl Context {
    pub(crate) fn new(settings: Settings, ui: Ui, stop: Stop, command: &'static str) -> Self {
        Self {
            settings,
            ui,
            stop,
            command,
            db: Arc::default(),
        }
    }

    /// The same context for another command.
    pub(crate) fn named(&self, command: &'static str) -> Self {
        Self {
            settings: self.settings.clone(),
            ui: self.ui.clone(),
            stop: self.stop.clone(),
            command,
            db: Arc::clone(&self.db),
        }
    }

    /// The database that was configured. Nothing is connected yet; a wrong configuration shows here.
    pub(crate) async fn db(&self) -> anyhow::Result<&Db> {
        self.db
            .get_or_try_init(async || match &self.settings.database.source {
                DatabaseSource::Urls(urls) => self.open(urls),
                DatabaseSource::Local => self.open_local(&self.settings.local.database).await,
            })
            .await
    }

    /// The database for rehearsals, where one is configured.
    pub(crate) fn shadow(&self) -> anyhow::Result<Option<Db>> {
        let DatabaseSource::Urls(urls) = &self.settings.database.source else {
            return Ok(None);
        };
        let Some(url) = urls.shadow.as_deref() else {
            return Ok(None);
        };
        let password = urls.password()?;
        Ok(Some(self.db_at(self.target(Some(url), password)?, None)))
    }

    /// The database that the configuration names so; `flag` is where it was named.
    pub(crate) async fn db_of(&self, flag: &'static str, name: &str) -> anyhow::Result<Db> {
        let there = self.open(self.settings.target(flag, name)?)?;
        Ok(there.cancelled_with(self.db().await?))
    }

    /// How a run ended of which something may be in doubt, which the user is told.
    pub(crate) fn settled(&self, status: ExitStatus, doubt: Option<&Doubt>) -> ExitStatus {
        let Some(doubt) = doubt else { return status };
        self.ui.error(&doubt.clone().into());
        worse(status, ExitStatus::Failed)
    }

    /// The database if it is in use already, to cancel what runs there.
    pub(crate) fn db_in_use(&self) -> Option<&Db> {
        self.db.get()
    }

    /// A database on the private server. Both are made if they are not there.
    pub(crate) async fn open_local(&self, database: &str) -> anyhow::Result<Db> {
        let server = ops::local::server(&self.settings.local, &self.settings.environment)?;
        let started = ops::local::start(&server).await?;
        if let ops::local::Started::Started { .. } = started {
            self.ui.note("started the private server");
        }
        self.ensure_local_database(&server, database).await
    }

    /// The same on a server that runs.
    pub(crate) async fn ensure_local_database(
        &self,
        server: &LocalServer,
        database: &str,
    ) -> anyhow::Result<Db> {
        let target = |database: &str| self.target(Some(&server.url(database)), None);
        ops::local::ensure_database(&self.db_at(target("postgres")?, None), database).await?;
        Ok(self.db_at(target(database)?, None))
    }

    fn open(&self, urls: &Urls) -> anyhow::Result<Db> {
        let password = urls.password()?;
        let target = self.target(urls.url.as_deref(), password.clone())?;
        let direct = urls
            .direct
            .as_deref()
            .map(|url| self.target(Some(url), password))
            .transpose()?;
        Ok(self.db_at(target, direct))
    }

    fn target(&self, url: Option<&str>, password: Option<Secret>) -> anyhow::Result<ConnectTarget> {
        let lookup = |name: &str| self.settings.environment.get(name).map(str::to_owned);
        let target = ConnectTarget::resolve(url, &Env::new(&lookup), password)?;
        // Who looks at `pg_stat_activity` should see what runs, unless the user named it.
        Ok(match target.application_name() {
            "tenantctl" => target.with_application_name(format!("tenantctl {}", self.command)),
            _ => target,
        })
    }

    fn db_at(&self, target: ConnectTarget, direct: Option<ConnectTarget>) -> Db {
        let database = &self.settings.database;
        let options = PoolOptions {
            min: database.pool_min,
            max: database.pool_max,
            wait: database.pool_timeout,
            connect_wait: database.connect_wait,
            limits: StatementLimits {
                timeout: database.query_timeout,
                slow: database.slow_query,
            },
        };
        Db::new(target, direct, options)
    }

    /// Does what waits for a person or a pipe, without being deaf to Ctrl-C meanwhile.
    pub(crate) async fn attended<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        Ok(self.unless_cancelled(tokio::task::spawn_blocking(work)).await??)
    }

    /// The same for what has asked nothing of the server yet.
    pub(crate) async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        tokio::select! {
            result = work => Ok(result),
            () = self.stop.reached(Urgency::Cancel) => Err(anyhow::anyhow!("interrupted")),
        }
    }

    /// The text of a file that was named on the command line; `-` is standard input.
    pub(crate) async fn read_text(&self, path: &Path) -> anyhow::Result<String> {
        let file = path.to_owned();
        let read = move || match file.as_os_str() == "-" {
            true => std::io::read_to_string(std::io::stdin()),
            false => std::fs::read_to_string(file),
        };
        let text = self
            .attended(read)
            .await?
            .map_err(|error| UsageError::new(format!("file `{}` cannot be read: {error}", path.display())))?;
        // A byte order mark, as some editors write it, is no part of the text.
        Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
    }

    /// The migrations of the registry: those of `folder`, or of the configuration, or those that the program carries.
    pub(crate) fn registry(&self, folder: Option<&Path>) -> Result<Migrations, MigrateError> {
        let folder = folder.or(self.settings.registry_migrations.as_deref());
        folder.map_or_else(|| Ok(Migrations::registry()), Migrations::load)
    }

    /// The template and its migrations: those of `folder`, or of the configuration, or those that the program carries
    /// for the application that the database was made for.
    pub(crate) async fn template(&self, folder: Option<&Path>) -> anyhow::Result<ops::template::Request> {
        let folder = folder.or(self.settings.template_migrations.as_deref());
        let migrations = match folder {
            Some(folder) => Migrations::load(folder)?,
            None => self.origin().await?.app().unwrap_or(App::Metrics).migrations(),
        };
        Ok(self.template_of(migrations))
    }

    /// The template with these migrations.
    pub(crate) fn template_of(&self, migrations: Migrations) -> ops::template::Request {
        ops::template::Request {
            schema: self.settings.tenants.naming.template().clone(),
            migrations,
            options: self.tenant_options(Access::ReadWrite),
        }
    }

    /// What the template was built from.
    pub(crate) async fn origin(&self) -> anyhow::Result<Origin> {
        let session = self.db().await?.session().await?;
        Ok(ops::application::of_template(&session, self.settings.tenants.naming.template()).await?)
    }

    /// How a tenant's schema is entered, without a limit for its statements.
    pub(crate) fn tenant_options(&self, access: Access) -> TenantOptions {
        TenantOptions {
            access,
            search_path: self.settings.tenants.search_path.clone(),
            lock_timeout: self.settings.tenants.lock_timeout,
            statement_timeout: std::time::Duration::ZERO,
        }
    }

    /// The head of this run's entry in the operation log.
    pub(crate) fn log_entry(&self, details: serde_json::Value) -> ops::log::Entry {
        ops::log::Entry {
            command: self.command,
            details,
            actor: actor(&self.settings.environment),
        }
    }
}

/// Who runs this, as far as the operating system knows: `deploy@build-7`, with the user behind sudo where there is one.
fn actor(environment: &Environment) -> String {
    let user = environment
        .get("SUDO_USER")
        .map(str::to_owned)
        .or_else(|| whoami::username().ok())
        .unwrap_or_else(|| "unknown".to_owned());
    match whoami::hostname() {
        Ok(host) => format!("{user}@{host}"),
        Err(_) => user,
    }
}
