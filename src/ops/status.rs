//! How far everybody is: the registry, the template and each tenant, beside the files.

use std::collections::HashMap;

use jiff::Timestamp;

use super::migration_histories::{self, Found};
use super::template;
use crate::db::migrator::{History, Migrations, Standing};
use crate::db::{self, Db, Session, SessionError, Type};
use crate::tenant::{RegistryError, Selection, SelectionError, Slug, Tenant};

/// What to look at.
#[derive(Debug)]
pub struct Request {
    pub registry: Migrations,
    pub template: template::Request,
    pub selection: Selection,
    /// Every history is read, whatever the registry says.
    pub deep: bool,
}

/// How far everybody is.
#[derive(Debug)]
pub struct Status {
    pub registry: Standing,
    /// `None` where the template keeps no history.
    pub template: Option<Standing>,
    pub tenants: Vec<TenantStatus>,
}

/// How far one tenant is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStatus {
    pub slug: Slug,
    /// The version that the registry has.
    pub registered: Option<i64>,
    pub state: State,
    pub standing: Standing,
    /// How the last migration ended, when it failed.
    pub failure: Option<Failure>,
}

/// What a tenant's standing comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Current,
    Behind,
    /// An applied file was changed, or was never applied and is older than what was.
    Diverged,
    /// What was applied has no file.
    Missing,
    /// There is no history.
    Unknown,
    /// The registry has another version than the tenant.
    Misregistered,
    NoSchema,
}

/// A migration that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub at: Timestamp,
    pub message: String,
}

impl State {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Behind => "behind",
            Self::Diverged => "diverged",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Misregistered => "misregistered",
            Self::NoSchema => "no schema",
        }
    }

    fn of(standing: &Standing) -> Self {
        if !standing.missing.is_empty() {
            Self::Missing
        } else if !standing.diverged.is_empty() || !standing.out_of_order.is_empty() {
            Self::Diverged
        } else if standing.pending.is_empty() {
            Self::Current
        } else {
            Self::Behind
        }
    }
}

impl Status {
    /// Whether nothing is left to do anywhere.
    pub fn is_current(&self) -> bool {
        self.registry.is_current()
            && self.template.as_ref().is_some_and(Standing::is_current)
            && self.tenants.iter().all(|tenant| tenant.state == State::Current)
    }
}

/// Why nobody can say.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Selection(#[from] SelectionError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

/// Looks, and changes nothing.
pub async fn status(db: &Db, request: &Request) -> Result<Status, StatusError> {
    let session = db.session().await?;
    let files = &request.template.migrations;
    let (registry, template) =
        migration_histories::of_registry_and_template(&session, &request.template.schema).await?;
    let tenants = request.selection.resolve(&session).await?;
    let mut statuses: Vec<TenantStatus> = if request.deep {
        let read = migration_histories::of_tenants(&session, &tenants.iter().collect::<Vec<_>>()).await?;
        let status = |tenant: &Tenant| deep(tenant, read.get(&tenant.schema), files);
        tenants.iter().map(status).collect()
    } else {
        tenants.iter().map(|tenant| shallow(tenant, files)).collect()
    };
    add_failures(&session, &mut statuses).await?;
    Ok(Status {
        registry: request.registry.standing(&registry),
        template: template.map(|history| files.standing(&history)),
        tenants: statuses,
    })
}

/// What the registry knows of a tenant.
fn shallow(tenant: &Tenant, files: &Migrations) -> TenantStatus {
    let known = tenant.schema_version;
    let history = known.and_then(|version| files.history_at(version));
    let standing = match (&history, known) {
        (Some(history), _) => files.standing(history),
        (None, Some(version)) => Standing {
            version: known,
            missing: vec![format!("V{version}")],
            ..Standing::default()
        },
        (None, None) => files.standing(&History::default()),
    };
    TenantStatus {
        slug: tenant.slug.clone(),
        registered: known,
        state: known.map_or(State::Unknown, |_| State::of(&standing)),
        standing,
        failure: None,
    }
}

/// What a tenant's own history says.
fn deep(tenant: &Tenant, found: Option<&Found>, files: &Migrations) -> TenantStatus {
    let unknown = History::default();
    let (history, state) = match found {
        Some(Found::History(history)) => (history, None),
        Some(Found::NoHistory) => (&unknown, Some(State::Unknown)),
        None => (&unknown, Some(State::NoSchema)),
    };
    let standing = match state {
        Some(State::NoSchema) => Standing::default(),
        _ => files.standing(history),
    };
    let state = state.unwrap_or_else(|| match State::of(&standing) {
        State::Current if tenant.schema_version != standing.version => State::Misregistered,
        state => state,
    });
    TenantStatus {
        slug: tenant.slug.clone(),
        registered: tenant.schema_version,
        state,
        standing,
        failure: None,
    }
}

/// Looks up why tenants that are not where they should be were not brought there.
async fn add_failures(session: &Session, tenants: &mut [TenantStatus]) -> Result<(), db::Error> {
    let wanted: Vec<String> = tenants
        .iter()
        .filter(|tenant| tenant.state != State::Current)
        .map(|tenant| tenant.slug.to_string())
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = session
        .query(
            include_str!("sql/last_failures.sql"),
            &[(&wanted, Type::TEXT_ARRAY)],
        )
        .await?;
    let mut failures: HashMap<String, Failure> = rows
        .iter()
        .map(|row| {
            let failure = Failure {
                at: row.get(1),
                message: row.get::<_, Option<String>>(2).unwrap_or_default(),
            };
            (row.get(0), failure)
        })
        .collect();
    for tenant in tenants {
        tenant.failure = failures.remove(tenant.slug.as_str());
    }
    Ok(())
}
