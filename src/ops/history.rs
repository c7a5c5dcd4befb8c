//! What the operation log knows: who did what, when, to whom, and how it ended.

use jiff::Timestamp;
use serde_json::Value;

use crate::db::{Row, Session, Type};
use crate::tenant::registry;
use crate::tenant::{RegistryError, Slug};

/// Which runs are wanted; the newest come first.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only those that were about this tenant.
    pub slug: Option<Slug>,
    /// Only those of this command.
    pub command: Option<String>,
    pub limit: i64,
}

/// A run of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: i64,
    pub command: String,
    pub details: Value,
    pub actor: String,
    pub role: String,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub outcome: String,
    pub done: i64,
    pub failed: i64,
    pub others: i64,
    /// How the one tenant fared that was asked for.
    pub tenant: Option<Fared>,
}

/// How a tenant fared in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fared {
    pub slug: String,
    pub outcome: String,
    pub message: Option<String>,
    pub milliseconds: Option<i64>,
}

/// The runs that are wanted.
pub async fn runs(session: &Session, wanted: &Wanted) -> Result<Vec<Run>, RegistryError> {
    if !registry::exists(session).await? {
        return Err(RegistryError::NotInitialised);
    }
    let slug = wanted.slug.as_ref().map(Slug::as_str);
    let rows = session
        .query(
            include_str!("sql/runs.sql"),
            &[
                (&slug, Type::TEXT),
                (&wanted.command, Type::TEXT),
                (&wanted.limit, Type::INT8),
            ],
        )
        .await?;
    Ok(rows.iter().map(run).collect())
}

fn run(row: &Row) -> Run {
    Run {
        id: row.get(0),
        command: row.get(1),
        details: row.get(2),
        actor: row.get(3),
        role: row.get(4),
        started_at: row.get(5),
        finished_at: row.get(6),
        outcome: row.get(7),
        done: row.get(8),
        failed: row.get(9),
        others: row.get(10),
        tenant: row.get::<_, Option<String>>(11).map(|slug| Fared {
            slug,
            outcome: row.get(12),
            message: row.get(13),
            milliseconds: row.get(14),
        }),
    }
}

/// How every tenant fared in one run, by slug; `None` where there is no such run.
pub async fn run_of(session: &Session, id: i64) -> Result<Option<Vec<Fared>>, RegistryError> {
    const RUN: &str = "SELECT FROM public.tenant_operations WHERE id = $1";
    const RESULTS: &str = "SELECT slug, outcome, message, duration_ms FROM public.tenant_operation_results \
                           WHERE operation_id = $1 ORDER BY slug COLLATE \"C\"";
    if !registry::exists(session).await? {
        return Err(RegistryError::NotInitialised);
    }
    if session.query_opt(RUN, &[(&id, Type::INT8)]).await?.is_none() {
        return Ok(None);
    }
    let rows = session.query(RESULTS, &[(&id, Type::INT8)]).await?;
    let fared = |row: &Row| Fared {
        slug: row.get(0),
        outcome: row.get(1),
        message: row.get(2),
        milliseconds: row.get(3),
    };
    Ok(Some(rows.iter().map(fared).collect()))
}
