//! How questions are put to the server: read-only, each for itself, and never behind anybody's lock for long.

use std::time::Duration;

use crate::db::{self, Db, QuotedText, Session, SessionError, Transaction};
use crate::tenant::Naming;

/// How long a question may wait for a lock. Catalogs are hardly ever locked against readers.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// How long one may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a question is put when something was dropped under its hands.
const ATTEMPTS: usize = 3;

/// Tenants as the registry knows them.
const REGISTERED: &str = "SELECT slug::text, schema_name::text AS schema, is_active, schema_version AS version, \
                          schema_fingerprint AS fingerprint FROM public.tenants";

/// What there is to look at, and what the role may read of it.
#[derive(Debug, Clone)]
pub(super) struct Readable {
    pub(super) registry: bool,
    pub(super) tenants: Sight,
    pub(super) unfinished: Sight,
    pub(super) operations: Sight,
    pub(super) history: Sight,
    /// The view of `pg_stat_statements`, quoted.
    pub(super) statements: Option<String>,
    pub(super) role: String,
}

/// What the role sees of a table of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Clear,
    Denied,
    /// The registry is older than the table.
    Missing,
}

impl Sight {
    pub(super) fn is_clear(self) -> bool {
        self == Self::Clear
    }
}

/// One connection to ask on.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) session: Session,
    /// The names that every question may use.
    names: String,
}

/// A row of an answer.
#[derive(Debug)]
pub(super) struct Row(Vec<Option<String>>);

impl Row {
    pub(super) fn text(&self, column: usize) -> &str {
        self.0.get(column).and_then(Option::as_deref).unwrap_or_default()
    }

    pub(super) fn optional(&self, column: usize) -> Option<&str> {
        self.0.get(column).and_then(Option::as_deref)
    }

    pub(super) fn number(&self, column: usize) -> i64 {
        self.text(column).parse().unwrap_or_default()
    }

    pub(super) fn real(&self, column: usize) -> f64 {
        self.text(column).parse().unwrap_or_default()
    }

    pub(super) fn flag(&self, column: usize) -> bool {
        self.text(column) == "t"
    }

    /// A JSON array of texts.
    pub(super) fn list(&self, column: usize) -> Vec<String> {
        self.optional(column)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// A JSON array of truths.
    pub(super) fn flags(&self, column: usize) -> Vec<bool> {
        self.optional(column)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }
}

impl Ask {
    /// `naming` tells tenants' schemas where the registry may not be read.
    pub(super) async fn new(db: &Db, readable: &Readable, naming: &Naming) -> Result<Self, SessionError> {
        let fleet = if readable.tenants.is_clear() {
            REGISTERED.to_owned()
        } else {
            let prefix = QuotedText::new(naming.prefix());
            let template = QuotedText::new(naming.template().as_str());
            format!(
                "SELECT substr(nspname, length({prefix}) + 1) AS slug, nspname::text AS schema, true AS is_active, \
                 NULL::bigint AS version, NULL::text AS fingerprint FROM pg_namespace \
                 WHERE starts_with(nspname::text, {prefix}) AND nspname <> {template}"
            )
        };
        Ok(Self {
            session: db.session().await?,
            names: format!(
                "WITH fleet AS MATERIALIZED ({fleet}), place AS MATERIALIZED (\
                 SELECT namespace.oid, namespace.nspname::text AS schema, fleet.slug FROM pg_namespace AS namespace \
                 LEFT JOIN fleet ON fleet.schema = namespace.nspname \
                 WHERE namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema')"
            ),
        })
    }

    /// Asks one question, which may use `fleet`, the tenants, and `place`, the schemas with the slugs of those that
    /// are tenants'.
    pub(super) async fn rows(&self, question: &str) -> Result<Vec<Row>, db::Error> {
        let question = without_comments(question);
        let message = match question.strip_prefix("WITH ") {
            Some(rest) => format!("{}, {rest}", self.names),
            None => format!("{}\n{question}", self.names),
        };
        let mut attempt = 1;
        loop {
            match plain_rows(&self.session, &message).await {
                // A relation was dropped between two looks at the catalogs.
                Err(error) if error.is_internal() && attempt < ATTEMPTS => attempt += 1,
                answer => return answer,
            }
        }
    }

    /// A transaction for questions that others put, under the same settings.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_>, db::Error> {
        let (transaction, _) = self.session.begin(&format!("BEGIN; {}", settings())).await?;
        Ok(transaction)
    }

    /// The same for an answer of one row.
    pub(super) async fn row(&self, question: &str) -> Result<Row, db::Error> {
        Ok(self.rows(question).await?.pop().unwrap_or(Row(Vec::new())))
    }
}

/// The settings under which questions are put. One message is one transaction.
pub(super) fn settings() -> String {
    format!(
        "SET TRANSACTION READ ONLY; SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = {}; \
         SET LOCAL statement_timeout = {}; SET LOCAL work_mem = '32MB'; SET LOCAL jit = off; \
         SET LOCAL max_parallel_workers_per_gather = 0;\n",
        LOCK_TIMEOUT.as_millis(),
        STATEMENT_TIMEOUT.as_millis()
    )
}

/// Asks a question that stands for itself.
pub(super) async fn plain_rows(session: &Session, question: &str) -> Result<Vec<Row>, db::Error> {
    let answers = session.text_query(&format!("{}{question}", settings())).await?;
    Ok(answers
        .into_iter()
        .next_back()
        .map_or_else(Vec::new, |answer| answer.rows.into_iter().map(Row).collect()))
}

/// A file's comments before its statement keep `WITH` from being seen.
fn without_comments(question: &str) -> &str {
    let mut rest = question.trim();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest.trim_start());
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_before_a_question_are_passed_over() {
        assert_eq!(without_comments("-- a\n-- b\nWITH x\n-- c\n"), "WITH x\n-- c");
    }
}
