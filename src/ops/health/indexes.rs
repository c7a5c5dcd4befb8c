//! Indexes: those that nobody can use, that nobody does, and that are there twice.

use super::HealthError;
use super::ask::{Ask, Row};
use super::checks;
use super::finding::{Finding, Severity};
use super::words::verb;
use crate::db::QuotedIdent;
use crate::words::{bytes, count, grouped};

/// Rows that a fleet's tables must hold before an index of theirs can be called unused.
const ENOUGH_ROWS: usize = 10_000;

/// Those that an interrupted `CREATE INDEX CONCURRENTLY` has left.
pub(super) async fn invalid(ask: &Ask) -> Result<Vec<Finding>, HealthError> {
    let rows = ask.rows(include_str!("sql/invalid_indexes.sql")).await?;
    let finding = |row: &Row| {
        let (table, index, is_partitioned, tenants) = (row.text(0), row.text(1), row.flag(2), row.list(4));
        let summary = match tenants.len() {
            0 => format!("index {index} of {table} is invalid"),
            many => format!("index {index} of {table} is invalid in {}", count(many, "tenant")),
        };
        // REINDEX leaves such names when it is interrupted.
        let is_copy = index.contains("_ccnew") || index.contains("_ccold");
        let statement = |name: &String| match (is_partitioned, is_copy) {
            (true, _) => {
                format!("ALTER INDEX {name} ATTACH PARTITION …; -- for each partition that lacks it")
            }
            (false, true) => format!("DROP INDEX CONCURRENTLY {name};"),
            (false, false) => format!("REINDEX INDEX CONCURRENTLY {name};"),
        };
        Finding::new(Severity::Warning, &checks::INDEX_INVALID, summary)
            .run_all(row.list(3).iter().map(statement))
            .about(tenants)
            .in_schemas(row.list(5))
    };
    Ok(rows.iter().map(finding).collect())
}

/// Those that hardly any tenant uses.
pub(super) async fn unused(ask: &Ask) -> Result<Vec<Finding>, HealthError> {
    let question = include_str!("sql/unused_indexes.sql").replace("{rows}", &ENOUGH_ROWS.to_string());
    let rows = ask.rows(&question).await?;
    let finding = |row: &Row| {
        let (table, index) = (row.text(0), row.text(1));
        let summary = format!(
            "index {index} of {table} is unused in {} of {}; it takes {}",
            grouped(row.number(3)),
            count(row.number(2), "tenant"),
            bytes(row.number(4).unsigned_abs())
        );
        Finding::new(Severity::Note, &checks::INDEX_UNUSED, summary)
            .run(format!(
                "tenantctl new drop_{} --no-transaction",
                file_name(index)
            ))
            .run(format!(
                "-- with: DROP INDEX CONCURRENTLY IF EXISTS {};",
                QuotedIdent::new(index)
            ))
            .about(row.list(5))
    };
    Ok(rows.iter().map(finding).collect())
}

/// Those that are the same as others.
pub(super) async fn duplicate(ask: &Ask) -> Result<Vec<Finding>, HealthError> {
    let rows = ask.rows(include_str!("sql/duplicate_indexes.sql")).await?;
    let finding = |row: &Row| {
        let (table, names, with_constraint) = (row.text(0), row.list(1), row.flags(2));
        let (is_partitioned, tenants) = (row.flag(3), row.list(4));
        // Those of partitioned tables are not dropped concurrently.
        let (concurrently, no_transaction) = match is_partitioned {
            true => ("", ""),
            false => (" CONCURRENTLY", " --no-transaction"),
        };
        let (kept, others) = names.split_first()?;
        let place = match tenants.len() {
            0 => String::new(),
            many => format!(" in {}", count(many, "tenant")),
        };
        let summary = format!(
            "{} {} of {table} {} the same as {kept}{place}",
            verb(others.len(), "index", "indexes"),
            others.join(" and "),
            verb(others.len(), "is", "are"),
        );
        let drops = others
            .iter()
            .zip(with_constraint.iter().skip(1))
            .map(|(name, is_constraint)| {
                if *is_constraint {
                    format!(
                        "-- with: ALTER TABLE {} DROP CONSTRAINT {};",
                        QuotedIdent::new(table),
                        QuotedIdent::new(name)
                    )
                } else {
                    format!(
                        "-- with: DROP INDEX{concurrently} IF EXISTS {};",
                        QuotedIdent::new(name)
                    )
                }
            });
        Some(
            Finding::new(Severity::Note, &checks::INDEX_DUPLICATE, summary)
                .run(format!(
                    "tenantctl new drop_{}{no_transaction}",
                    file_name(others.first().map_or("", String::as_str))
                ))
                .run_all(drops)
                .about(tenants)
                .in_schemas(row.list(5)),
        )
    };
    Ok(rows.iter().filter_map(finding).collect())
}

/// An index's name as a migration may have it.
fn file_name(index: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    index.chars().map(plain).collect()
}
