//! Whether the database is fit for so many tenants, in a few questions to the catalogs and the server's statistics.
//!
//! Nothing is changed, and no question waits behind anybody's lock for long. What the role may not see, or what took too
//! long, is a finding of its own: [`checks::CHECKS`] has all of them.

mod ask;
pub mod checks;
mod finding;
mod fingerprints;
mod indexes;
pub mod metrics;
mod numbers;
mod registry;
mod report;
mod server;
mod sessions;
mod settings;
mod statements;
mod tables;
mod words;

use std::cmp::Reverse;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt};

use self::ask::{Ask, Readable, Row, Sight};
use self::checks::Check;
pub use self::checks::{CHECKS, Skip};
pub use self::finding::{Finding, Severity};
use self::registry::Tenant;
pub use self::report::{Fleet, Report, Server};
use super::template;
use crate::db::migrator::Migrations;
use crate::db::{self, Db, QuotedIdent, Session, SessionError};
use crate::tenant::{Naming, RegistryError};

/// How many questions are under way at once.
const AT_ONCE: usize = 3;

/// What to look at.
#[derive(Debug)]
pub struct Request {
    pub registry: Migrations,
    pub template: template::Request,
    pub naming: Naming,
    pub skip: Skip,
    pub limits: Limits,
    /// Tenants that commands work on at once.
    pub jobs: usize,
    /// Fingerprints are taken anew.
    pub deep: bool,
}

/// From when on something takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub long_transaction: Duration,
    pub idle_in_transaction: Duration,
    pub blocked: Duration,
    /// Zero for never.
    pub slow_statement: Duration,
}

/// Why nobody can say.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    #[error("there is no check `{name}`")]
    UnknownCheck { name: String, nearest: Option<String> },
    #[error("metrics file `{}` cannot be written: {source}", path.display())]
    Metrics { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl HealthError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownCheck {
                nearest: Some(name), ..
            } => Some(format!("did you mean `{name}`?")),
            Self::UnknownCheck { nearest: None, .. } => {
                Some("`tenantctl health --checks` lists them".to_owned())
            }
            Self::Metrics { .. } => None,
            Self::Session(error) => error.hint(),
            Self::Registry(error) => error.hint(),
            Self::Sql(error) => error.hint(),
        }
    }

    /// The statement that failed, where one did and the connection is none the worse for it.
    fn of_statement(&self) -> Option<&db::Error> {
        match self {
            Self::Sql(error) | Self::Registry(RegistryError::Sql(error)) => {
                (!error.is_connection_lost() && !error.is_interrupted()).then_some(error)
            }
            _ => None,
        }
    }
}

/// What every question may need to know.
#[derive(Debug)]
struct Asking<'a> {
    request: &'a Request,
    readable: Readable,
    /// The most connections that the program opens.
    pool: usize,
}

impl Asking<'_> {
    /// A connection to ask on.
    async fn ask(&self, db: &Db) -> Result<Ask, SessionError> {
        Ask::new(db, &self.readable, &self.request.naming).await
    }

    /// A question that the server did not answer. What ends the connection is no finding.
    fn unanswered(&self, checks: &[&Check], error: HealthError) -> Result<Finding, HealthError> {
        let Some(cause) = error.of_statement() else {
            return Err(error);
        };
        let wanted: Vec<&Check> = checks
            .iter()
            .copied()
            .filter(|check| !self.request.skip.holds(check))
            .collect();
        let what = match checks {
            [] => "the server and its catalogs".to_owned(),
            _ => names(&wanted),
        };
        let (why, run) = match cause.sqlstate() {
            Some("42501") => (
                cause.to_string(),
                format!("GRANT pg_monitor TO {};", QuotedIdent::new(&self.readable.role)),
            ),
            Some("57014") => (
                "it took too long".to_owned(),
                "VACUUM (ANALYZE) pg_catalog.pg_class;".to_owned(),
            ),
            Some("55P03") => (
                "somebody holds a lock on what it reads".to_owned(),
                "try again".to_owned(),
            ),
            // An extension that is there, of a library that is not.
            Some("55000") if cause.to_string().contains("shared_preload_libraries") => (
                cause.to_string(),
                "add it to shared_preload_libraries and restart the server, or DROP EXTENSION".to_owned(),
            ),
            _ => (cause.to_string(), "try again; -v tells more".to_owned()),
        };
        tracing::info!("{what}: {cause}");
        Ok(Finding::new(Severity::Note, &checks::NOT_CHECKED, format!("{what}: {why}")).run(run))
    }
}

/// Something beside findings that an answer holds.
enum Fact {
    None,
    Fleet(Fleet),
    CatalogBytes(i64),
    Ages(i64, i64),
}

type Answer = Result<(Fact, Vec<Finding>), HealthError>;

/// A question with the checks that it answers.
struct Group<'a> {
    checks: &'static [&'static Check],
    answer: BoxFuture<'a, Answer>,
}

/// Looks at everything.
pub async fn run(db: &Db, request: &Request) -> Result<Report, HealthError> {
    let started = Instant::now();
    let session = db.session().await?;
    let latency = server::latency(&session).await?;
    let readable = readable(&session).await?;
    drop(session);
    if !readable.registry {
        return Err(RegistryError::NotInitialised.into());
    }
    let asking = Asking {
        request,
        pool: db.everyday_capacity(),
        readable,
    };
    let mut ask = asking.ask(db).await?;
    let mut server = server::server(&ask, latency).await?;
    let tenants = registry::tenants(&ask).await?;
    let mut findings = not_readable(&asking);
    let version = match registry::versions(&mut ask, &asking, &tenants).await {
        Ok((version, found)) => {
            findings.extend(found);
            version
        }
        Err(error) => {
            findings.push(asking.unanswered(VERSIONS, error)?);
            None
        }
    };
    drop(ask);

    let groups = groups(db, &asking, &server, &tenants, version);
    let answers: Vec<_> = stream::iter(groups)
        .map(async |group| (group.checks, group.answer.await))
        .buffer_unordered(AT_ONCE.min(asking.pool))
        .collect()
        .await;
    let mut fleet = Fleet::default();
    let mut catalog_bytes = 0;
    for (checks, answer) in answers {
        match answer {
            Ok((fact, found)) => {
                findings.extend(found);
                match fact {
                    Fact::Fleet(found) => fleet = found,
                    Fact::CatalogBytes(bytes) => catalog_bytes = bytes,
                    Fact::Ages(ids, multixacts) => {
                        (server.oldest_transaction_id, server.oldest_multixact) = (ids, multixacts);
                    }
                    Fact::None => {}
                }
            }
            Err(error) => findings.push(asking.unanswered(checks, error)?),
        }
    }
    fleet.catalog_bytes = catalog_bytes;
    findings.retain(|finding| !request.skip.names().contains(&finding.check));
    let place = |finding: &Finding| CHECKS.iter().position(|check| check.name == finding.check);
    findings.sort_by_key(|finding| (Reverse(finding.severity), place(finding)));
    Ok(Report {
        server,
        fleet,
        findings,
        elapsed: started.elapsed(),
    })
}

/// The questions that may be asked side by side, without those to which nobody wants the answer.
fn groups<'a>(
    db: &'a Db,
    asking: &'a Asking<'a>,
    server: &'a Server,
    tenants: &'a [Tenant],
    version: Option<i64>,
) -> Vec<Group<'a>> {
    macro_rules! group {
        ($checks:expr, async |$ask:ident| $answer:expr) => {
            Group {
                checks: $checks,
                answer: async move {
                    let $ask = &mut asking.ask(db).await?;
                    $answer
                }
                .boxed(),
            }
        };
    }
    let mut groups = vec![
        // What takes longest is begun first.
        group!(&[&checks::SEQUENCE_EXHAUSTED], async |ask| plain(
            numbers::sequences(ask, asking).await
        )),
        group!(&[], async |ask| {
            let fleet = server::fleet(ask).await?;
            let found = settings::judge(asking, server, &fleet);
            Ok((Fact::Fleet(fleet), found))
        }),
        group!(&[], async |ask| {
            let (bytes, found) = server::catalogs(ask).await?;
            Ok((Fact::CatalogBytes(bytes), found))
        }),
        group!(&[], async |ask| {
            let ((ids, multixacts), found) = numbers::ids(ask).await?;
            Ok((Fact::Ages(ids, multixacts), found))
        }),
        Group {
            checks: &[&checks::DRIFT, &checks::DRIFT_UNKNOWN, &checks::SCHEMA_CHANGED],
            answer: async move { plain(fingerprints::drift(db, asking, version, tenants).await) }.boxed(),
        },
        group!(REALITY, async |ask| plain(
            registry::reality(ask, asking, tenants).await
        )),
        group!(&[&checks::INDEX_DUPLICATE], async |ask| plain(
            indexes::duplicate(ask).await
        )),
        group!(&[&checks::INDEX_UNUSED], async |ask| plain(
            indexes::unused(ask).await
        )),
        group!(&[&checks::INDEX_INVALID], async |ask| plain(
            indexes::invalid(ask).await
        )),
        group!(&[&checks::DEAD_ROWS, &checks::NEVER_VACUUMED], async |ask| plain(
            tables::rows(ask).await
        )),
        group!(&[&checks::CONSTRAINT_NOT_VALIDATED], async |ask| plain(
            tables::not_validated(ask).await
        )),
        group!(TRANSACTIONS, async |ask| plain(
            sessions::transactions(ask, asking).await
        )),
        group!(&[&checks::BLOCKED], async |ask| plain(
            sessions::blocked(ask, asking).await
        )),
        group!(&[&checks::NOT_CHECKED], async |ask| plain(
            sessions::hidden(ask, asking).await
        )),
        group!(&[&checks::SLOW_STATEMENT], async |ask| plain(
            statements::slow(ask, asking, tenants).await
        )),
    ];
    let skip = &asking.request.skip;
    groups.retain(|group| group.checks.is_empty() || !group.checks.iter().all(|check| skip.holds(check)));
    groups
}

const VERSIONS: &[&Check] = &[
    &checks::REGISTRY_BEHIND,
    &checks::TEMPLATE_BEHIND,
    &checks::VERSION_BEHIND,
    &checks::VERSION_AHEAD,
    &checks::VERSION_UNKNOWN,
];
const REALITY: &[&Check] = &[
    &checks::SCHEMA_MISSING,
    &checks::SCHEMA_EMPTY,
    &checks::SCHEMA_UNREGISTERED,
    &checks::LEFTOVER,
    &checks::MIGRATION_UNFINISHED,
    &checks::RUN_UNFINISHED,
];
const TRANSACTIONS: &[&Check] = &[
    &checks::LONG_TRANSACTION,
    &checks::IDLE_IN_TRANSACTION,
    &checks::PREPARED_TRANSACTION,
];

fn plain(found: Result<Vec<Finding>, HealthError>) -> Answer {
    found.map(|found| (Fact::None, found))
}

async fn readable(session: &Session) -> Result<Readable, db::Error> {
    let rows = ask::plain_rows(session, include_str!("sql/what.sql")).await?;
    let row = rows.first();
    let sight = |column| match row.and_then(|row: &Row| row.optional(column)) {
        Some("t") => Sight::Clear,
        Some(_) => Sight::Denied,
        None => Sight::Missing,
    };
    Ok(Readable {
        registry: row.is_some_and(|row| row.flag(0)),
        tenants: sight(1),
        unfinished: sight(2),
        operations: sight(3),
        history: sight(4),
        statements: row.and_then(|row| row.optional(5)).map(str::to_owned),
        role: row.map_or_else(String::new, |row| row.text(6).to_owned()),
    })
}

/// Tables of the registry that the role does not see, and the checks that fall away with them.
fn not_readable(asking: &Asking<'_>) -> Vec<Finding> {
    let Readable {
        tenants,
        unfinished,
        operations,
        history,
        ..
    } = asking.readable;
    let tables: [(Sight, &str, &[&Check]); 4] = [
        (
            tenants,
            "tenants",
            &[
                &checks::SCHEMA_MISSING,
                &checks::SCHEMA_UNREGISTERED,
                &checks::DRIFT,
            ],
        ),
        (history, "refinery_schema_history", VERSIONS),
        (
            unfinished,
            "tenant_unfinished_migrations",
            &[&checks::MIGRATION_UNFINISHED],
        ),
        (operations, "tenant_operations", &[&checks::RUN_UNFINISHED]),
    ];
    let finding = |(sight, table, checks): &(Sight, &str, &[&Check])| {
        let (why, run) = match sight {
            Sight::Clear => return None,
            Sight::Denied => (
                "this role may not read",
                format!(
                    "GRANT SELECT ON public.{table} TO {};",
                    QuotedIdent::new(&asking.readable.role)
                ),
            ),
            Sight::Missing => ("the registry has no", "tenantctl init".to_owned()),
        };
        let summary = format!("{}: {why} public.{table}", names(checks));
        Some(Finding::new(Severity::Note, &checks::NOT_CHECKED, summary).run(run))
    };
    tables.iter().filter_map(finding).collect()
}

fn names(checks: &[&Check]) -> String {
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    names.join(", ")
}
