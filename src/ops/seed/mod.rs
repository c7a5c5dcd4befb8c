//! Demo data: a file of SQL run in each tenant with its parameters, one message and one transaction a tenant.

mod fixture;
mod parameters;
mod password;
mod tenants;

use jiff::civil::Date;

pub use self::fixture::{Fixture, FixtureError};
use self::parameters::Values;
pub use self::parameters::{DAYS, Parameter, UNTIL, USERS};
pub use self::password::Password;
pub use self::tenants::demo_tenants;
use super::exec::SETTLE;
use super::log::{Entry, Operation, Ran};
use crate::db::{
    self, Db, Hold, LockHeld, LockName, QuotedText, SchemaMissing, SchemaName, Session, TenantOptions,
    TextResult, Undone, local_settings,
};
use crate::fleet::{self, Answer, Observer, Plan, Stop};
use crate::tenant::{Tenant, registry};

/// What to fill, and with what.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<Tenant>,
    pub data: Data,
    pub options: TenantOptions,
    pub plan: Plan,
    pub log: Entry,
}

/// Demo data: the file, and the parameters that are the same for all tenants.
#[derive(Debug, Clone)]
pub struct Data {
    pub fixture: Fixture,
    pub days: u16,
    pub users: u16,
    pub seed: i64,
    pub until: Date,
    pub password: Password,
}

/// What a tenant got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Rows that were written.
    pub rows: u64,
    /// Who can log in with the password, by what the last statement answered.
    pub logins: Vec<String>,
}

/// Why a tenant got no data.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error("{0}")]
    Locked(#[from] LockHeld),
    #[error("schema `{schema}`: file `{file}`, line {line}")]
    Statement {
        schema: SchemaName,
        file: String,
        /// Where the statement begins.
        line: usize,
        source: db::Error,
    },
    #[error("{0}")]
    Sql(#[from] db::Error),
}

/// Statements over tables that nobody has analyzed look costly, and then take longer to compile than to run.
const NO_JIT: &str = "SET LOCAL jit = off";

/// The parts of a tenant's message before and after the file's statements.
const LOCK: usize = 0;
const GUARD: usize = 1;
const FIRST: usize = 2;

/// The server's date, by which demo data ends unless told otherwise.
pub async fn today(session: &Session) -> Result<Date, db::Error> {
    let row = session
        .query_opt("SELECT (now() AT TIME ZONE 'UTC')::date", &[])
        .await?;
    Ok(row.expect("SELECT answers with a row").get(0))
}

/// Fills every tenant in a transaction of its own.
pub async fn run(
    db: &Db,
    request: Request,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> anyhow::Result<Ran<Seeded>> {
    let Request {
        tenants,
        data,
        options,
        plan,
        log,
    } = request;
    if tenants.is_empty() {
        return Ok(Ran::of_nobody());
    }
    db.warm(plan.jobs.min(tenants.len())).await?;
    let operation = log.begin(&db.session().await?).await?;
    let job = async |tenant: &Tenant| {
        let values = data.values(tenant).await?;
        let mut session = db.direct().await?;
        let parts = message(tenant, &data.fixture, &values, &options, operation);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match session.ask_in_one_trip(&parts).await {
            Ok(answers) => Ok(Answer::Done(seeded(&data.fixture, &answers))),
            Err(undone) => explain(undone, &mut session, tenant, &data.fixture).await,
        }
    };
    let report = fleet::run(tenants, plan, stop, observer, job).await;
    Ok(operation.conclude(db, report).await)
}

impl Data {
    async fn values(&self, tenant: &Tenant) -> anyhow::Result<Values> {
        Ok(Values {
            days: self.days,
            users: self.users,
            seed: self.seed,
            until: self.until,
            tenant: tenant.slug.to_string(),
            plan: tenant.plan.clone(),
            password_hash: self.password_hash(tenant).await?,
        })
    }

    /// A hash takes a while and a core. Other tenants' statements run meanwhile.
    async fn password_hash(&self, tenant: &Tenant) -> anyhow::Result<String> {
        if !self.fixture.uses(Parameter::PasswordHash) {
            return Ok(String::new());
        }
        let (password, seed, slug) = (self.password.clone(), self.seed, tenant.slug.clone());
        tokio::task::spawn_blocking(move || password.hash(seed, &slug)).await?
    }
}

/// All that is sent for a tenant: lock and settings, a guard, the file's statements, and what belongs to them.
fn message(
    tenant: &Tenant,
    fixture: &Fixture,
    values: &Values,
    options: &TenantOptions,
    operation: Operation,
) -> Vec<String> {
    let settings = local_settings(&tenant.schema, options);
    let lock = LockName::Tenant(&tenant.schema).tried(Hold::Alone);
    let schema = tenant.schema.quoted().to_string();
    let mut parts = vec![
        format!(
            "/* tenant {} */ {settings}{NO_JIT}; SELECT 1 / {lock}::int",
            tenant.slug
        ),
        format!(
            "SELECT 1 / ({} AND to_regnamespace({}) IS NOT NULL)::int",
            tenant.is_registered_sql(),
            QuotedText::new(&schema)
        ),
    ];
    parts.extend(fixture.statements().iter().map(|statement| statement.sql(values)));
    parts.push(format!(
        "{SETTLE}; SET LOCAL search_path = pg_catalog; {}",
        operation.done_sql(&tenant.slug, Some(fixture.name()))
    ));
    parts
}

fn seeded(fixture: &Fixture, answers: &[Vec<TextResult>]) -> Seeded {
    let mut seeded = Seeded::default();
    for (statement, answers) in fixture.statements().iter().zip(answers.iter().skip(FIRST)) {
        let changed = answers
            .iter()
            .filter(|answer| statement.changes_rows || answer.columns.is_empty());
        seeded.rows += changed.map(|answer| answer.affected).sum::<u64>();
    }
    let last = answers.get(FIRST + fixture.statements().len() - 1);
    for answer in last.into_iter().flatten() {
        let login = answer.columns.iter().position(|column| column == "login");
        let logins = login.map(|at| {
            answer
                .rows
                .iter()
                .filter_map(move |row| row.get(at).cloned().flatten())
        });
        seeded.logins.extend(logins.into_iter().flatten());
    }
    seeded
}

/// Finds out what it means that a message had no effect.
async fn explain(
    undone: Undone,
    session: &mut Session,
    tenant: &Tenant,
    fixture: &Fixture,
) -> anyhow::Result<Answer<Seeded>> {
    let Undone { part, error } = undone;
    let says_no = error.sqlstate() == Some("22012");
    if part == LOCK && says_no {
        let lock = LockName::Tenant(&tenant.schema);
        return Err(SeedError::Locked(lock.held(session).await?).into());
    }
    if part == GUARD && says_no {
        if registry::is_gone(session, tenant).await? {
            return Ok(Answer::Skip("it was dropped meanwhile".to_owned()));
        }
        return Err(SchemaMissing(tenant.schema.clone()).into());
    }
    let statement = part
        .checked_sub(FIRST)
        .and_then(|at| fixture.statements().get(at));
    Err(match statement {
        Some(statement) => SeedError::Statement {
            schema: tenant.schema.clone(),
            file: fixture.name().to_owned(),
            line: statement.line,
            source: error,
        },
        None => error.into(),
    }
    .into())
}
