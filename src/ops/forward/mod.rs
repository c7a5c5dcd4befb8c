//! Bringing one schema forward: the template or a tenant's, at any moment either before or after a migration.
//!
//! What a schema needs is known from the history that it is taken to have. All of it is sent as one message: the lock,
//! a guard that fails unless the history is that one, the files with their history rows, the registry's row and the
//! log. When the guard fails, the history is read and the same is done with what it says.

mod singly;

pub(super) use self::singly::{Ready, clear, hand};

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::log::Operation;
use super::unfinished;
use crate::db::migrator::{History, MigrateError, Migrations, Pending, Step, Work, history_in_tx, records};
use crate::db::{self, Commit, Db, Hold, LockName, SchemaName, Session, TenantOptions, Undone};
use crate::tenant::Tenant;

/// How schemas are brought forward.
#[derive(Debug, Clone)]
pub struct How {
    /// The version to stop at; `None` for the newest.
    pub to: Option<i64>,
    /// Migrations are recorded and not run.
    pub fake: bool,
    /// The version that a schema without a history is taken to have.
    pub baseline: Option<i64>,
    /// Each migration is committed by itself.
    pub one_by_one: bool,
    /// Histories are read, whatever the registry says.
    pub deep: bool,
    /// Whether each schema waits for the disk by itself.
    pub commit: Commit,
    /// How schemas are entered.
    pub options: TenantOptions,
}

impl How {
    /// All migrations, to the newest.
    pub fn latest(options: TenantOptions) -> Self {
        Self {
            to: None,
            fake: false,
            baseline: None,
            one_by_one: false,
            deep: false,
            commit: Commit::Now,
            options,
        }
    }
}

/// Files and the way in which they are applied, to any number of schemas.
#[derive(Debug)]
pub struct Course<'a> {
    migrations: &'a Migrations,
    how: &'a How,
    /// What schemas of a version need, once one of them was met: thousands may have the same.
    known: Mutex<HashMap<i64, Arc<Work>>>,
}

/// A schema that is brought forward.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub schema: &'a SchemaName,
    /// The row of the registry that keeps the version; the template has none.
    pub tenant: Option<&'a Tenant>,
    /// The run in whose log a tenant's part is written.
    pub operation: Option<Operation>,
}

/// What happened to a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// The migrations that were applied, such as `V3__add_region`.
    pub applied: Vec<String>,
    /// Whether the registry had another version than the schema, with nothing to apply.
    pub corrected: bool,
}

/// Why a schema was not brought forward.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error("{0}")]
    Session(#[from] db::SessionError),
    #[error("{0}")]
    SchemaMissing(#[from] db::SchemaMissing),
    #[error("schema `{0}` has tables and no migration history")]
    NoHistory(SchemaName),
    #[error("schema `{schema}` is at version {version}, and no file has that version")]
    UnknownBaseline { schema: SchemaName, version: i64 },
    #[error("{0}")]
    History(#[from] MigrateError),
    #[error("migration `{migration}` failed")]
    Failed { migration: String, source: db::Error },
    #[error("migration `{migration}` failed at statement {statement}")]
    FailedSingly {
        migration: String,
        statement: usize,
        source: db::Error,
    },
    #[error(
        "migration `{0}` has statements that want no transaction, and those need a connection past the pooler"
    )]
    Pooler(String),
    #[error("migration `{migration}` cannot be read")]
    Unreadable {
        migration: String,
        source: db::Unterminated,
    },
    #[error("{0}")]
    Locked(#[from] db::LockHeld),
    #[error("the migration history changed meanwhile")]
    Changing,
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl ForwardError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoHistory(_) => Some(
                "pass `--baseline VERSION` to take it for a schema at that version; `--fake` would take it for one \
                 at the newest"
                    .to_owned(),
            ),
            Self::UnknownBaseline { .. } => Some("name the version of one of the files".to_owned()),
            Self::History(error) => error.hint().map(str::to_owned),
            Self::Pooler(_) => Some("set DIRECT_URL to the database itself".to_owned()),
            Self::Changing => Some("another program migrates this schema; run it again".to_owned()),
            Self::Failed { source, .. } if source.sqlstate() == Some("25001") => Some(
                "a file whose first line is `-- tenantctl: no-transaction` runs statement by statement, each by itself"
                    .to_owned(),
            ),
            Self::FailedSingly { .. } => Some(
                "the statements before it are done and stay; the next run goes on with this one".to_owned(),
            ),
            _ => None,
        }
    }
}

impl<'a> Course<'a> {
    pub fn new(migrations: &'a Migrations, how: &'a How) -> Self {
        Self {
            migrations,
            how,
            known: Mutex::default(),
        }
    }

    /// What a schema with this history needs.
    async fn work(&self, history: &History) -> Result<Work, MigrateError> {
        self.migrations.work(history, self.how.to, self.how.fake).await
    }

    /// What a tenant needs whose history is the one that its version promises; `None` where a version promises nothing.
    async fn expected(&self, tenant: &Tenant) -> Result<Option<Arc<Work>>, MigrateError> {
        let Some(version) = tenant.schema_version else {
            return Ok(None);
        };
        if self.how.deep || !self.migrations.are_told_by_version() {
            return Ok(None);
        }
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = known().get(&version) {
            return Ok(Some(Arc::clone(work)));
        }
        let Some(history) = self.migrations.history_at(version) else {
            return Ok(None);
        };
        let work = Arc::new(self.work(&history).await?);
        known().insert(version, Arc::clone(&work));
        Ok(Some(work))
    }
}

/// Brings the schema forward. Nothing to do is success with nothing applied.
pub async fn forward(db: &Db, place: Place<'_>, course: &Course<'_>) -> Result<Moved, ForwardError> {
    let expected = match place.tenant {
        Some(tenant) => course.expected(tenant).await?,
        None => None,
    };
    if let Some(work) = expected {
        match apply(db, place, &work, true, course.how).await {
            Err(ForwardError::Changing) => {}
            done => return done,
        }
    }
    let history = read_history(db, place, course.how).await?;
    let is_empty = history.as_ref().is_none_or(History::is_empty);
    if let Some(baseline) = course.how.baseline.filter(|_| is_empty) {
        let adopted = adopt(db, place, course, history.as_ref(), baseline).await?;
        return apply(db, place, &course.work(&adopted).await?, true, course.how).await;
    }
    let work = course.work(&history.clone().unwrap_or_default()).await?;
    apply(db, place, &work, history.is_some(), course.how).await
}

/// Writes a history as if the migrations had been applied, which is what the one who passed `--baseline` knows.
pub(super) async fn adopt(
    db: &Db,
    place: Place<'_>,
    course: &Course<'_>,
    history: Option<&History>,
    baseline: i64,
) -> Result<History, ForwardError> {
    let Course { migrations, how, .. } = course;
    let reached = Reached {
        digest: history.map(History::digest),
        version: None,
    };
    let before = history.cloned().unwrap_or_default();
    let adopted = migrations.work(&before, Some(baseline), true).await?;
    if adopted.version() != Some(baseline) {
        return Err(ForwardError::UnknownBaseline {
            schema: place.schema.clone(),
            version: baseline,
        });
    }
    let unlogged = Place {
        operation: None,
        ..place
    };
    together(db, unlogged, &adopted.pending, &reached, how).await?;
    Ok(migrations.history_at(baseline).unwrap_or_default())
}

/// Does the work step by step. The schema has the history from which it leads on, or not even the table for one.
async fn apply(
    db: &Db,
    place: Place<'_>,
    work: &Work,
    has_table: bool,
    how: &How,
) -> Result<Moved, ForwardError> {
    let mut reached = Reached {
        digest: has_table.then(|| work.digest.clone()),
        version: work.from,
    };
    let steps = work.steps(how.one_by_one);
    for (number, step) in (1..).zip(&steps) {
        let place = Place {
            // A tenant is done when its last step is.
            operation: place.operation.filter(|_| number == steps.len()),
            ..place
        };
        let done = match step {
            Step::Together(pending) => {
                together(db, place, pending, &reached, how).await?;
                pending
            }
            Step::Singly(pending) => {
                singly::run(db, place, pending, &reached, how).await?;
                std::slice::from_ref(*pending)
            }
        };
        reached = reached.and(done);
    }
    let corrected = work.pending.is_empty() && keep_version(db, place, reached.version).await?;
    Ok(Moved {
        from: work.from,
        to: reached.version,
        applied: work.pending.iter().map(|pending| pending.name.clone()).collect(),
        corrected,
    })
}

/// How far a schema is between two steps.
#[derive(Debug, Clone)]
struct Reached {
    /// Its history, by [`History::digest`]; `None` where it has not even the table for one.
    digest: Option<String>,
    version: Option<i64>,
}

impl Reached {
    /// How far it is with these done.
    fn and(&self, done: &[Pending]) -> Self {
        let digest = self.digest.as_deref().unwrap_or_default();
        Self {
            digest: Some(History::digest_with(digest, done)),
            version: self.version.max(done.iter().map(|one| one.version).max()),
        }
    }
}

/// Applies migrations in one transaction, which is one message.
async fn together(
    db: &Db,
    place: Place<'_>,
    pending: &[Pending],
    before: &Reached,
    how: &How,
) -> Result<(), ForwardError> {
    if pending.is_empty() {
        return Ok(());
    }
    let mut parts = vec![opening(place, how), guarded(place, before)];
    let first_migration = parts.len();
    // A file may end in a comment or without a semicolon.
    parts.extend(
        pending
            .iter()
            .map(|one| format!("{}\n;\n{}", one.sql, settings_again(place, one, how))),
    );
    parts.push(recorded(place, pending, how));
    parts.push(closing(place, &before.and(pending)));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut session = db.direct().await?;
    let (done, ()) = session.in_one_trip(&parts, how.commit, async |_| ()).await;
    done.map_err(|Undone { part, error }| {
        let at = part.checked_sub(first_migration).and_then(|at| pending.get(at));
        match at {
            Some(one) => ForwardError::Failed {
                migration: one.name.clone(),
                source: error,
            },
            None if part + 1 == first_migration => stale_or(error),
            None => error.into(),
        }
    })
}

/// What a file may have set holds neither for the next file nor for whoever uses the connection next.
fn settings_again(place: Place<'_>, done: &Pending, how: &How) -> String {
    if !done.may_set {
        return String::new();
    }
    let settings = db::local_settings(place.schema, &how.options);
    format!("SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; {settings}")
}

/// Whether it was the guard that said no.
fn stale_or(error: db::Error) -> ForwardError {
    match error.sqlstate() {
        Some("22012" | "3F000" | "42P01" | "42703") => ForwardError::Changing,
        _ => error.into(),
    }
}

/// The lock and the settings, all of them gone with the transaction.
pub(super) fn opening(place: Place<'_>, how: &How) -> String {
    let mut sql = String::new();
    if let Some(tenant) = place.tenant {
        // For those who look at `pg_stat_activity`.
        let _ = write!(sql, "/* tenant {} */ ", tenant.slug);
    }
    let _ = write!(
        sql,
        "{} SELECT {}",
        db::local_settings(place.schema, &how.options),
        LockName::Tenant(place.schema).taken(Hold::Alone)
    );
    sql
}

/// Fails with a division by zero unless the schema's history is the expected one and the tenant still has this row.
fn guarded(place: Place<'_>, expected: &Reached) -> String {
    let is_expected = History::is_still(place.schema, expected.digest.as_deref().unwrap_or_default());
    let row = place.tenant.map_or_else(String::new, |tenant| {
        format!(" AND {}", tenant.is_registered_sql())
    });
    let table_is_made = match expected.digest {
        Some(_) => String::new(),
        None => History::table(place.schema.quoted()),
    };
    format!("{table_is_made}\nSELECT 1 / (CASE WHEN {is_expected}{row} THEN 1 ELSE 0 END)")
}

/// The rows of the history. What is only recorded is not half done any more either.
fn recorded(place: Place<'_>, pending: &[Pending], how: &How) -> String {
    let mut statements = vec![records(place.schema, pending)];
    if how.fake {
        statements.extend(
            pending
                .iter()
                .map(|one| unfinished::forget_sql(place.schema, one.version)),
        );
    }
    statements.join(";\n")
}

/// What belongs to the change beside it: the registry's row and the log.
fn closing(place: Place<'_>, reached: &Reached) -> String {
    let mut sql = "SET LOCAL search_path = pg_catalog".to_owned();
    if let (Some(tenant), Some(version)) = (place.tenant, reached.version) {
        let _ = write!(sql, "; {}", tenant.came_to_sql(Some(version)));
        if let Some(operation) = place.operation {
            let from = tenant
                .schema_version
                .map_or_else(|| "nothing".to_owned(), |version| format!("V{version}"));
            let message = format!("{from} to V{version}");
            let _ = write!(sql, "; {}", operation.done_sql(&tenant.slug, Some(&message)));
        }
    }
    sql
}

/// Corrects a version that the registry has wrong, and says whether it had.
async fn keep_version(db: &Db, place: Place<'_>, version: Option<i64>) -> Result<bool, ForwardError> {
    let Some(tenant) = place.tenant.filter(|tenant| tenant.schema_version != version) else {
        return Ok(false);
    };
    db.direct().await?.script(&tenant.came_to_sql(version)).await?;
    Ok(true)
}

/// What the schema itself says was applied; `None` where it says nothing and may be given a history.
pub(super) async fn read_history(
    db: &Db,
    place: Place<'_>,
    how: &How,
) -> Result<Option<History>, ForwardError> {
    let options = TenantOptions {
        access: db::Access::ReadOnly,
        ..how.options.clone()
    };
    // Somebody may work on it, and is waited for as long as for any other lock.
    let wait = match options.lock_timeout {
        Duration::ZERO => Duration::MAX,
        limit => limit,
    };
    let mut session = db.direct().await?;
    let transaction = session.open_unmade(place.schema, &options, wait).await?;
    let result = async {
        if !exists(&transaction, place.schema).await? {
            return Err(ForwardError::from(db::SchemaMissing(place.schema.clone())));
        }
        let history = history_in_tx(&transaction).await?;
        if history.is_none()
            && !how.fake
            && how.baseline.is_none()
            && has_tables(&transaction, place.schema).await?
        {
            return Err(ForwardError::NoHistory(place.schema.clone()));
        }
        Ok(history)
    }
    .await;
    transaction.end(result).await
}

async fn exists(session: &Session, schema: &SchemaName) -> Result<bool, db::Error> {
    const STATEMENT: &str = "SELECT FROM pg_namespace WHERE nspname = $1";
    let row = session
        .query_opt(STATEMENT, &[(&schema.as_str(), db::Type::NAME)])
        .await?;
    Ok(row.is_some())
}

pub(super) async fn has_tables(session: &Session, schema: &SchemaName) -> Result<bool, db::Error> {
    const STATEMENT: &str = "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace($1) \
                             AND relkind IN ('r', 'p', 'v', 'm', 'f'))";
    let name = schema.quoted().to_string();
    let row = session.query_opt(STATEMENT, &[(&name, db::Type::TEXT)]).await?;
    Ok(row.is_some_and(|row| row.get(0)))
}
