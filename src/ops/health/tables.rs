//! Tables: constraints that old rows may break, dead rows, and what VACUUM has never seen.

use super::HealthError;
use super::ask::{Ask, Row};
use super::checks;
use super::finding::{Finding, Severity};
use crate::db::QuotedIdent;
use crate::words::{count, grouped};

/// Fewer dead rows than this do no harm.
const MANY_DEAD_ROWS: i64 = 10_000;
/// Tables with fewer rows than this need no VACUUM.
const WORTH_VACUUMING: i64 = 10_000;

/// Constraints that were never validated.
pub(super) async fn not_validated(ask: &Ask) -> Result<Vec<Finding>, HealthError> {
    let rows = ask.rows(include_str!("sql/not_validated.sql")).await?;
    let finding = |row: &Row| {
        let (table, constraint, tenants) = (row.text(0), row.text(1), row.list(3));
        let place = match tenants.len() {
            0 => String::new(),
            many => format!(" in {}", count(many, "tenant")),
        };
        let summary = format!("constraint {constraint} of {table} is not validated{place}");
        let kind = if row.flag(2) { "DOMAIN" } else { "TABLE" };
        Finding::new(Severity::Warning, &checks::CONSTRAINT_NOT_VALIDATED, summary)
            .run(format!(
                "ALTER {kind} {} VALIDATE CONSTRAINT {};",
                QuotedIdent::new(table),
                QuotedIdent::new(constraint)
            ))
            .about(tenants)
            .in_schemas(row.list(4))
    };
    Ok(rows.iter().map(finding).collect())
}

/// Tables with many dead rows, and those that were never vacuumed.
pub(super) async fn rows(ask: &Ask) -> Result<Vec<Finding>, HealthError> {
    let question = include_str!("sql/rows.sql")
        .replace("{dead}", &MANY_DEAD_ROWS.to_string())
        .replace("{untouched}", &WORTH_VACUUMING.to_string());
    let rows = ask.rows(&question).await?;
    let finding = |row: &Row| {
        let (table, tenants) = (row.text(1), row.list(5));
        let place = match tenants.len() {
            0 => String::new(),
            many => format!(" in {}", count(many, "tenant")),
        };
        let finding = if row.text(0) == "dead" {
            let summary = format!(
                "{} of {} of {table} are dead{place}",
                grouped(row.number(2)),
                count(row.number(3), "row")
            );
            Finding::new(Severity::Warning, &checks::DEAD_ROWS, summary)
        } else {
            let summary = format!(
                "{table}, with {}, was never vacuumed{place}",
                count(row.number(2), "row")
            );
            Finding::new(Severity::Note, &checks::NEVER_VACUUMED, summary)
        };
        finding
            .run_all(row.list(4).iter().map(|name| format!("VACUUM (ANALYZE) {name};")))
            .about(tenants)
            .in_schemas(row.list(6))
    };
    Ok(rows.iter().map(finding).collect())
}
