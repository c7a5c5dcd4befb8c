//! The server: how far it is, what it is set to, and how much there is on it.

use std::time::{Duration, Instant};

use super::ask::{Ask, Row};
use super::checks;
use super::finding::{Finding, Severity};
use super::{Fleet, Server};
use crate::db::{self, QuotedText, Session};
use crate::words::{bytes, grouped};

/// Less than this is not worth a word, whatever its share.
const WORTH_SAVING: i64 = 16 * 1024 * 1024;
const MANY_DEAD_ROWS: i64 = 10_000;
/// How often the round trip is timed.
const TRIPS: usize = 3;

/// The time of a round trip, the middle of a few.
pub(super) async fn latency(session: &Session) -> Result<Duration, db::Error> {
    let mut times = Vec::new();
    for _ in 0..TRIPS {
        let started = Instant::now();
        session.text_query("SELECT 1").await?;
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times[TRIPS / 2])
}

/// What the server says of itself.
pub(super) async fn server(ask: &Ask, latency: Duration) -> Result<Server, db::Error> {
    let row = ask.row(include_str!("sql/server.sql")).await?;
    Ok(Server {
        latency,
        version: row.text(0).split(' ').next().unwrap_or_default().to_owned(),
        major: row.number(1) / 10_000,
        is_standby: row.flag(2),
        uptime: seconds(&row, 3),
        now: row.number(4),
        max_connections: row.number(5),
        reserved: row.number(6),
        connections: row.number(7),
        of_role: row.number(8),
        idle: row.number(9),
        in_database: row.number(10),
        database_limit: row.number(11),
        role_limit: row.number(12),
        lock_table: row.number(13),
        locks_per_transaction: row.number(14),
        autovacuum: row.flag(15),
        track_counts: row.flag(16),
        autovacuum_workers: row.number(17).max(1),
        role: row.text(18).to_owned(),
        oldest_transaction_id: 0,
        oldest_multixact: 0,
    })
}

fn seconds(row: &Row, column: usize) -> Duration {
    Duration::from_secs(row.number(column).unsigned_abs())
}

/// How much there is on it.
pub(super) async fn fleet(ask: &Ask) -> Result<Fleet, db::Error> {
    let row = ask.row(include_str!("sql/fleet.sql")).await?;
    let mut fleet = Fleet {
        tenants: row.number(0),
        active: row.number(1),
        schemas: row.number(2),
        tables: row.number(3),
        indexes: row.number(4),
        largest: row.optional(5).map(str::to_owned),
        ..Fleet::default()
    };
    if let Some(largest) = &fleet.largest {
        let schema = QuotedText::new(
            &db::SchemaName::new(largest)
                .map_or_else(|_| largest.clone(), |schema| schema.quoted().to_string()),
        )
        .to_string();
        let locks = include_str!("sql/schema_locks.sql").replace("{schema}", &schema);
        fleet.locks = ask.row(&locks).await?.number(0);
    }
    Ok(fleet)
}

/// The catalogs that grow with every tenant: their bytes, and what is wrong with them.
pub(super) async fn catalogs(ask: &Ask) -> Result<(i64, Vec<Finding>), db::Error> {
    let rows = ask.rows(include_str!("sql/catalogs.sql")).await?;
    let total = rows.iter().map(|row| row.number(1) + row.number(2)).sum();
    let found = rows.iter().filter_map(|row| {
        let [size, live, dead] = [1, 3, 4].map(|column| row.number(column));
        let name = row.text(0);
        let waste = row.optional(5).map_or(0, |_| size - live * row.number(5));
        let (severity, summary, run) = if dead >= MANY_DEAD_ROWS && dead * 5 > live {
            (
                Severity::Warning,
                format!(
                    "{name} has {} dead rows beside {} live ones",
                    grouped(dead),
                    grouped(live)
                ),
                format!("VACUUM (ANALYZE) pg_catalog.{name};"),
            )
        } else if waste > WORTH_SAVING && waste > size / 2 {
            (
                Severity::Note,
                format!(
                    "{name} takes {}, of which some {} are empty",
                    bytes(size.unsigned_abs()),
                    bytes(waste.unsigned_abs())
                ),
                format!("VACUUM FULL pg_catalog.{name}; -- keeps everybody waiting meanwhile"),
            )
        } else {
            return None;
        };
        Some(Finding::new(severity, &checks::CATALOG_BLOAT, summary).run(run))
    });
    Ok((total, found.collect()))
}
