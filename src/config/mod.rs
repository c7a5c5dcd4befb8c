//! Configuration: file < environment < flags become one [`Settings`] value before any work starts.
//!
//! This module and [`Environment`] are the only readers of the environment. What a setting means is documented in
//! `config.example.toml`, which a test holds against the defaults here.

mod database;
mod duration;
mod environment;
mod error;
mod file;
mod retention;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::database::{DatabaseFlags, DatabaseSettings, DatabaseSource, Urls};
pub use self::duration::{parse_age, parse_duration};
pub use self::environment::Environment;
pub use self::error::ConfigError;
use self::file::ConfigFile;
pub use self::retention::{MAX_DAYS, PolicyAction, PolicySettings, RetentionSettings, policies_of};
pub use self::variables::DatabaseVariables;
use self::variables::positive;
use crate::db::{RoleName, SchemaName};
use crate::tenant::{Naming, attribute};

/// Form of a command's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// A table for people.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// Comma-separated values with a header line.
    Csv,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// How bad a finding of `health` must be for its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    #[default]
    Critical,
    Warning,
    Note,
    Never,
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub database: DatabaseFlags,
    pub output: Option<OutputFormat>,
    pub color: Option<ColorChoice>,
}

/// Everything that can be configured, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    pub database: DatabaseSettings,
    pub tenants: TenantSettings,
    pub roles: RoleSettings,
    pub fleet: FleetSettings,
    pub local: LocalSettings,
    pub registry_migrations: Option<PathBuf>,
    pub template_migrations: Option<PathBuf>,
    pub seed: SeedSettings,
    pub lint: LintSettings,
    pub sizes: SizesSettings,
    pub retention: RetentionSettings,
    pub health: HealthSettings,
    pub backup: BackupSettings,
    /// The named databases.
    pub targets: BTreeMap<String, Urls>,
    /// Tables of the template whose rows go along into every new tenant.
    pub reference_tables: Vec<String>,
    pub output: OutputFormat,
    pub color: ColorChoice,
    pub environment: Environment,
}

/// How schemas are named and opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSettings {
    pub naming: Naming,
    pub search_path: Vec<String>,
    pub default_plan: String,
    pub lock_timeout: Duration,
}

/// The roles that commands are run by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSettings {
    /// Owns registry, template and tenants.
    pub owner: RoleName,
    /// Reads the registry and reports, and changes what tenants are registered with.
    pub operator: RoleName,
}

impl RoleSettings {
    fn resolve(table: file::RolesTable) -> Result<Self, ConfigError> {
        let role = |key: &str, written: Option<String>, usual: &str| {
            RoleName::new(written.unwrap_or_else(|| usual.to_owned()))
                .map_err(|error| ConfigError::general(format!("setting `roles.{key}`: {error}")))
        };
        let roles = Self {
            owner: role("owner", table.owner, "tenantctl_owner")?,
            operator: role("operator", table.operator, "tenantctl_operator")?,
        };
        if roles.owner == roles.operator {
            return Err(ConfigError::general(
                "settings `roles.owner` and `roles.operator` name one role",
            ));
        }
        Ok(roles)
    }
}

/// How work over many tenants is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetSettings {
    /// Tenants worked on at once.
    pub jobs: usize,
    pub retries: u32,
}

/// Where demo data comes from, when it is not the program's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedSettings {
    /// A list of demo tenants.
    pub tenants: Option<PathBuf>,
    /// The SQL that fills each of them.
    pub file: Option<PathBuf>,
}

/// Which rules `lint` applies, beside its own choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintSettings {
    pub exclude: Vec<String>,
    pub include: Vec<String>,
}

/// How sizes are measured and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizesSettings {
    /// With more tables than this, sizes are estimated unless exact ones are asked for.
    pub exact_up_to: usize,
    /// How long snapshots are kept; zero for ever.
    pub keep: Duration,
}

/// What `health` looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthSettings {
    pub skip: Vec<String>,
    pub fail_on: FailOn,
    pub long_transaction: Duration,
    pub idle_in_transaction: Duration,
    pub blocked: Duration,
}

/// Where backups are kept, and whom they are encrypted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSettings {
    pub dir: Option<PathBuf>,
    pub recipients: Vec<String>,
}

/// Where the private server lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSettings {
    pub data_dir: Option<PathBuf>,
    pub bin_dir: Option<PathBuf>,
    pub user: Option<String>,
    pub database: String,
}

impl Settings {
    /// Finds and reads the configuration file, then lays environment and flags over it.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        environment.check()?;
        let (file, path) = ConfigFile::find(flags.config.as_deref(), environment)?;
        match &path {
            Some(path) => tracing::debug!(path = %path.display(), "configuration file"),
            None => tracing::debug!("no configuration file"),
        }
        let folder = path.as_deref().and_then(Path::parent);
        Self::resolve(file, folder, flags, environment)
    }

    /// The settings of a configuration file with this text, with the environment laid over it.
    pub fn from_text(text: &str, environment: &Environment) -> Result<Self, ConfigError> {
        let file = ConfigFile::parse(Path::new(file::FILE_NAME), text)?;
        Self::resolve(file, None, &Flags::default(), environment)
    }

    /// `folder` is the one that the file stands in.
    fn resolve(
        file: ConfigFile,
        folder: Option<&Path>,
        flags: &Flags,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let template = file.tenants.template.as_deref().unwrap_or("tenant_template");
        let template = SchemaName::new(template)
            .map_err(|error| ConfigError::general(format!("setting `tenants.template`: {error}")))?;
        let naming = Naming::new(file.tenants.prefix.as_deref().unwrap_or("tenant_"), template)
            .map_err(|error| ConfigError::general(format!("setting `tenants.prefix`: {error}")))?;
        let naming = match &file.tenants.role_prefix {
            Some(prefix) => naming
                .with_roles(prefix)
                .map_err(|error| ConfigError::general(format!("setting `tenants.role_prefix`: {error}")))?,
            None => naming,
        };
        let jobs = positive(environment, "TENANTCTL_JOBS")?
            .or(file.fleet.jobs)
            .unwrap_or(4);
        if jobs == 0 {
            return Err(ConfigError::general("setting `fleet.jobs` must be at least 1"));
        }
        let default_plan = file.tenants.default_plan.as_deref().unwrap_or("basic");
        let default_plan = attribute::plan(default_plan)
            .map_err(|error| ConfigError::general(format!("setting `tenants.default_plan`: {error}")))?;
        let targets = database::urls_of(&file.targets);
        let local_enabled = file.local.enabled.unwrap_or(false);
        Ok(Self {
            database: DatabaseSettings::resolve(
                file.database,
                file.targets,
                local_enabled,
                flags,
                environment,
            )?,
            tenants: TenantSettings {
                naming,
                search_path: file
                    .tenants
                    .search_path
                    .unwrap_or_else(|| vec!["public".to_owned()]),
                default_plan,
                lock_timeout: file
                    .tenants
                    .lock_timeout
                    .map_or(Duration::from_secs(5), |written| written.0),
            },
            roles: RoleSettings::resolve(file.roles)?,
            fleet: FleetSettings {
                jobs,
                retries: file.fleet.retries.unwrap_or(3),
            },
            local: LocalSettings {
                data_dir: file.local.data_dir,
                bin_dir: file.local.bin_dir,
                user: file.local.user,
                database: file.local.database.unwrap_or_else(|| "tenantctl".to_owned()),
            },
            retention: file.retention.resolve(folder)?,
            registry_migrations: file.registry.migrations,
            template_migrations: file.template.migrations,
            seed: SeedSettings {
                tenants: file.seed.tenants,
                file: file.seed.file,
            },
            lint: LintSettings {
                exclude: file.lint.exclude.unwrap_or_default(),
                include: file.lint.include.unwrap_or_default(),
            },
            sizes: SizesSettings {
                exact_up_to: file.sizes.exact_up_to.unwrap_or(10_000),
                keep: file
                    .sizes
                    .keep
                    .map_or(Duration::from_hours(400 * 24), |written| written.0),
            },
            health: HealthSettings {
                skip: file.health.skip.unwrap_or_default(),
                fail_on: file.health.fail_on.unwrap_or_default(),
                long_transaction: limit(file.health.long_transaction, 300),
                idle_in_transaction: limit(file.health.idle_in_transaction, 60),
                blocked: limit(file.health.blocked, 5),
            },
            targets,
            backup: BackupSettings {
                dir: file.backup.dir,
                recipients: file.backup.recipients.unwrap_or_default(),
            },
            reference_tables: file.template.reference_tables.unwrap_or_default(),
            output: flags.output.or(file.output.format).unwrap_or_default(),
            color: flags.color.or(file.output.color).unwrap_or_default(),
            environment: environment.clone(),
        })
    }
}

fn limit(written: Option<duration::WrittenDuration>, seconds: u64) -> Duration {
    written.map_or(Duration::from_secs(seconds), |written| written.0)
}

impl Settings {
    /// The named database of that name; `flag` is where it was named.
    pub fn target(&self, flag: &'static str, name: &str) -> Result<&Urls, ConfigError> {
        match self.targets.get(name) {
            Some(urls) if urls.url.is_some() => Ok(urls),
            Some(_) => Err(database::no_url(name)),
            None => Err(database::unknown_target(flag, name, &self.targets)),
        }
    }
}

#[cfg(test)]
mod tests;
