//! SQL in the context of many tenants.

use std::time::Instant;

use super::log::{Entry, Ran};
use crate::db::{
    self, Access, Control, Db, OpenTenantError, Statement, TenantOptions, TextResult, Transaction,
};
use crate::fleet::{self, Answer, Observer, Plan, Stop};
use crate::tenant::Tenant;
use crate::tenant::registry;

/// Settles deferred constraints as long as the tenant's search path is there to find their tables.
pub(super) const SETTLE: &str = "SET CONSTRAINTS ALL IMMEDIATE";

/// Under these settings the server reads a text as [`db::statements`] does, so that it finds one statement where one
/// was cut out. They are made anew before each, since the one before may have changed them, however hidden.
const AS_IT_WAS_CUT: &str = "SET LOCAL standard_conforming_strings = on; SET LOCAL client_encoding = 'UTF8'";

/// What to run, where, and how.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<Tenant>,
    pub statements: Vec<Statement>,
    pub options: TenantOptions,
    pub plan: Plan,
    /// Written only when the run may change something.
    pub log: Entry,
}

/// A statement that would end or outlive the transaction it runs in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("statement {number}, `{words}`, would end the tenant's transaction")]
    EndsTransaction { number: usize, words: String },
    #[error("statement {number}, `{words}`, cannot run inside a transaction")]
    NeedsNoTransaction { number: usize, words: String },
    #[error("statement {number} copies to or from the client, which `exec` cannot merge")]
    Copy { number: usize },
    #[error("statement {number}, `{words}`, would change how the statements after it are read")]
    ChangesReading { number: usize, words: String },
    #[error("statement {number} holds a NUL byte, which PostgreSQL's texts cannot")]
    Nul { number: usize },
    #[error("there is no statement to run")]
    Empty,
}

/// Finds what cannot be run before any tenant is touched.
pub fn check(statements: &[Statement]) -> Result<(), Refused> {
    if statements.is_empty() {
        return Err(Refused::Empty);
    }
    for (number, statement) in (1..).zip(statements) {
        if statement.text.contains('\0') {
            return Err(Refused::Nul { number });
        }
        let opening: Vec<&str> = statement.opening.iter().map(String::as_str).collect();
        let words = opening
            .iter()
            .take(2)
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
            .to_uppercase();
        // Statements are sent one by one, so that savepoints are as good as anywhere.
        if Control::of(&opening) == Some(Control::Bounds) {
            return Err(Refused::EndsTransaction { number, words });
        }
        match opening.as_slice() {
            ["set", "transaction", ..] | ["set", "session", "characteristics", ..] => {
                return Err(Refused::EndsTransaction { number, words });
            }
            ["vacuum", ..]
            | ["create" | "drop", "database" | "tablespace", ..]
            | ["create" | "drop", "index", "concurrently", ..]
            | ["create", "unique", "index", "concurrently"]
            | ["reindex", _, "concurrently", ..]
            | ["alter", "system", ..] => return Err(Refused::NeedsNoTransaction { number, words }),
            ["set", "local" | "session", name, ..] | ["set", name, ..]
                if matches!(*name, "standard_conforming_strings" | "client_encoding" | "names") =>
            {
                return Err(Refused::ChangesReading { number, words });
            }
            ["copy", ..] => return Err(Refused::Copy { number }),
            _ => {}
        }
    }
    Ok(())
}

/// Runs the statements in every tenant, each tenant in a transaction of its own.
pub async fn run(
    db: &Db,
    request: Request,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> anyhow::Result<Ran<Vec<TextResult>>> {
    let Request {
        tenants,
        statements,
        options,
        plan,
        log,
    } = request;
    if tenants.is_empty() {
        return Ok(Ran::of_nobody());
    }
    db.warm(plan.jobs.min(tenants.len())).await?;
    let operation = match options.access {
        Access::ReadOnly => None,
        Access::ReadWrite => Some(log.begin(&db.session().await?).await?),
    };

    let clean_up = db::clean_up_after_all();
    let job = async |tenant: &Tenant| {
        let mut session = db.direct().await?;
        let started = Instant::now();
        let transaction = match session.open_tenant(&tenant.schema, &options).await {
            Ok(transaction) => transaction,
            Err(OpenTenantError::SchemaMissing(missing)) => {
                if registry::is_gone(&session, tenant).await? {
                    return Ok(Answer::Skip("it was dropped meanwhile".to_owned()));
                }
                return Err(missing.into());
            }
            Err(error) => return Err(error.into()),
        };
        let results = match run_in_tx(&transaction, &statements).await {
            Ok(results) => results,
            Err(error) => {
                transaction.rollback_and(&clean_up).await.ok();
                return Err(error);
            }
        };
        match operation {
            None => transaction.rollback_and(&clean_up).await?,
            Some(operation) => {
                transaction.script(&format!("{SETTLE}; {clean_up}")).await?;
                operation.done_in_tx(&transaction, &tenant.slug).await?;
                transaction.commit().await?;
            }
        }
        tracing::debug!(tenant = %tenant.slug, "ran {} statements in {:?}", statements.len(), started.elapsed());
        Ok(Answer::Done(results))
    };
    let report = fleet::run(tenants, plan, stop, observer, job).await;

    Ok(match operation {
        Some(operation) => operation.conclude(db, report).await,
        None => Ran { report, doubt: None },
    })
}

/// Statements are sent one by one, each on the heels of the settings it is read under.
async fn run_in_tx(
    transaction: &Transaction<'_>,
    statements: &[Statement],
) -> anyhow::Result<Vec<TextResult>> {
    let mut results = Vec::with_capacity(statements.len());
    for (number, statement) in (1..).zip(statements) {
        let settings = transaction.script(AS_IT_WAS_CUT);
        let answer = transaction.text_query(&statement.text);
        let answers = tokio::try_join!(settings, answer).map(|((), answers)| answers);
        let answers = if statements.len() == 1 {
            answers?
        } else {
            answers.map_err(|error| anyhow::Error::new(error).context(format!("statement {number}")))?
        };
        results.extend(answers);
    }
    Ok(results)
}

/// The words that the log keeps of the statements: no constants, which may be secrets.
pub fn outline(statements: &[Statement]) -> Vec<String> {
    const CHARACTERS: usize = 500;
    statements
        .iter()
        .map(|statement| db::without_secrets(&statement.text, CHARACTERS))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(sql: &str) -> Result<(), Refused> {
        check(&db::statements(sql).expect("readable"))
    }

    #[test]
    fn ordinary_statements_pass() {
        for sql in [
            "select 1; update t set a = 1",
            "savepoint s; rollback to s; release s",
            "set local work_mem = '1MB'",
            "create index i on t (a)",
            "do $$ begin null; end $$",
        ] {
            assert_eq!(checked(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn what_would_end_the_transaction_is_refused() {
        for sql in [
            "commit",
            "/* x */ COMMIT",
            "select 1; end",
            "rollback",
            "begin",
            "set transaction read write",
        ] {
            assert!(
                matches!(checked(sql), Err(Refused::EndsTransaction { .. })),
                "{sql}"
            );
        }
    }

    #[test]
    fn what_changes_the_reading_is_refused() {
        for sql in [
            "set standard_conforming_strings = off",
            "SET LOCAL standard_conforming_strings TO off",
            "set session client_encoding = 'SJIS'",
            "set names 'SJIS'",
        ] {
            assert!(
                matches!(checked(sql), Err(Refused::ChangesReading { .. })),
                "{sql}"
            );
        }
    }

    #[test]
    fn what_needs_no_transaction_is_refused() {
        for sql in [
            "vacuum t",
            "create index concurrently i on t (a)",
            "create unique index concurrently i on t (a)",
        ] {
            assert!(
                matches!(checked(sql), Err(Refused::NeedsNoTransaction { .. })),
                "{sql}"
            );
        }
        assert_eq!(checked("copy t to stdout"), Err(Refused::Copy { number: 1 }));
        assert_eq!(checked(" ; -- nothing"), Err(Refused::Empty));
        assert_eq!(checked("select 1; select '\0'"), Err(Refused::Nul { number: 2 }));
    }
}
