//! Snapshots of sizes: taking them, and what they say of how tenants have grown.
//!
//! Exact sizes are compared with exact ones and estimates with estimates. Only tenants that are there now count, and only
//! from when they were created.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::{Measured, Sizes};
use crate::db::{self, Session, Type};
use crate::tenant::registry::RegistryError;

/// How much there was at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub at: Timestamp,
    pub bytes: u64,
}

/// What snapshots say of tenants.
#[derive(Debug)]
pub struct Past {
    /// The server's time.
    pub now: Timestamp,
    /// The moment to compare with.
    asked: Timestamp,
    created: HashMap<String, Timestamp>,
    /// By moment, tenant and table. Where tables do not count by themselves there is one without a name.
    moments: BTreeMap<Timestamp, HashMap<String, HashMap<String, u64>>>,
}

/// How things have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    pub since: Timestamp,
    pub bytes: i64,
}

/// Which part of each tenant is meant.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    All,
    Table(&'a str),
}

impl Part<'_> {
    /// How much of it the tenant has now.
    pub fn of(self, measured: &Measured) -> u64 {
        match self {
            Self::All => measured.size().total(),
            Self::Table(name) => {
                let table = measured.tables.iter().find(|table| table.name == name);
                table.map_or(0, |table| table.size.total())
            }
        }
    }

    fn among(self, tables: &HashMap<String, u64>) -> u64 {
        match self {
            Self::All => tables.values().sum(),
            Self::Table(name) => tables.get(name).copied().unwrap_or(0),
        }
    }
}

/// Stores the sizes as a snapshot and says how many tables it has. Snapshots that are older than `keep` go; with zero
/// none does.
pub async fn store(session: &Session, sizes: &Sizes, keep: Duration) -> Result<usize, RegistryError> {
    const FORGET: &str =
        "DELETE FROM public.tenant_size_snapshots WHERE taken_at < now() - make_interval(secs => $1)";
    let mut slugs = Vec::new();
    let mut names = Vec::new();
    let mut bytes = [Vec::new(), Vec::new(), Vec::new()];
    let mut rows = Vec::new();
    for (slug, measured) in sizes.report.done() {
        for table in &measured.tables {
            slugs.push(slug.as_str());
            names.push(table.name.as_str());
            let sizes = [table.size.table, table.size.index, table.size.toast];
            for (column, size) in bytes.iter_mut().zip(sizes) {
                column.push(i64::try_from(size).unwrap_or(i64::MAX));
            }
            rows.push(
                table
                    .size
                    .rows
                    .map(|rows| i64::try_from(rows).unwrap_or(i64::MAX)),
            );
        }
    }
    let params: [db::Param<'_>; 7] = [
        (&sizes.is_exact, Type::BOOL),
        (&slugs, Type::TEXT_ARRAY),
        (&names, Type::NAME_ARRAY),
        (&bytes[0], Type::INT8_ARRAY),
        (&bytes[1], Type::INT8_ARRAY),
        (&bytes[2], Type::INT8_ARRAY),
        (&rows, Type::INT8_ARRAY),
    ];
    session.execute(include_str!("sql/store.sql"), &params).await?;
    if !keep.is_zero() {
        let params: [db::Param<'_>; 1] = [(&keep.as_secs_f64(), Type::FLOAT8)];
        session.execute(FORGET, &params).await?;
    }
    Ok(slugs.len())
}

/// Reads what there is since the last snapshot that is at least so old.
pub async fn read(
    session: &Session,
    sizes: &Sizes,
    ago: Duration,
    by_table: bool,
) -> Result<Past, RegistryError> {
    let (slugs, created): (Vec<&str>, Vec<Timestamp>) = sizes
        .report
        .done()
        .map(|(slug, measured)| (slug.as_str(), measured.tenant.created_at))
        .unzip();
    let params: [db::Param<'_>; 5] = [
        (&slugs, Type::TEXT_ARRAY),
        (&created, Type::TIMESTAMPTZ_ARRAY),
        (&ago.as_secs_f64(), Type::FLOAT8),
        (&sizes.is_exact, Type::BOOL),
        (&by_table, Type::BOOL),
    ];
    let rows = session.query(include_str!("sql/history.sql"), &params).await?;
    let mut moments: BTreeMap<Timestamp, HashMap<String, HashMap<String, u64>>> = BTreeMap::new();
    for row in &rows {
        let tenants = moments.entry(row.get(1)).or_default();
        let tables = tenants.entry(row.get(0)).or_default();
        tables.insert(row.get(2), super::bytes(row.get(3)));
    }
    let now: Timestamp = match session.query_opt("SELECT now()", &[]).await? {
        Some(row) => row.get(0),
        None => Timestamp::now(),
    };
    let created = slugs.iter().map(ToString::to_string).zip(created);
    Ok(Past {
        now,
        asked: now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        created: created.collect(),
        moments,
    })
}

/// The sizes in bytes that the last snapshot of each tenant tells, by slug.
pub(in crate::ops) async fn last_totals(session: &Session) -> Result<HashMap<String, i64>, db::Error> {
    const STATEMENT: &str = "SELECT slug, sum(table_bytes + index_bytes + toast_bytes)::bigint \
                             FROM public.tenant_size_snapshots AS size \
                             WHERE taken_at = (SELECT max(taken_at) FROM public.tenant_size_snapshots AS newer \
                                               WHERE newer.slug = size.slug) \
                             GROUP BY slug";
    let rows = session.query(STATEMENT, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

impl Past {
    /// Whether any snapshot was found.
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// How a part of these tenants has changed, as far as any of them was there and measured.
    pub fn growth(&self, tenants: &[&Measured], part: Part<'_>) -> Option<Growth> {
        let changes = tenants.iter().filter_map(|measured| {
            let (since, before) = self.before(measured, part)?;
            Some(Growth {
                since,
                bytes: part.of(measured).cast_signed() - before.cast_signed(),
            })
        });
        changes.reduce(|one, other| Growth {
            since: one.since.min(other.since),
            bytes: one.bytes + other.bytes,
        })
    }

    /// How much there was, and when. A tenant that is younger than what was asked for began with nothing.
    fn before(&self, measured: &Measured, part: Part<'_>) -> Option<(Timestamp, u64)> {
        let created = measured.tenant.created_at;
        if created > self.asked {
            return Some((created, 0));
        }
        let slug = measured.tenant.slug.as_str();
        let (at, tables) = self
            .moments
            .iter()
            .find_map(|(at, tenants)| Some((at, tenants.get(slug)?)))?;
        Some((*at, part.among(tables)))
    }

    /// The course of a part of these tenants up to now. Moments at which one of them was there and not yet measured are
    /// left out; one that was not measured at a moment is taken to be as it was before.
    pub fn course(&self, tenants: &[&Measured], part: Part<'_>) -> Vec<Point> {
        let mut known: HashMap<&str, u64> = HashMap::new();
        let mut points = Vec::new();
        for (at, found) in &self.moments {
            let mut is_whole = true;
            let mut is_new = false;
            for measured in tenants {
                let slug = measured.tenant.slug.as_str();
                if let Some(tables) = found.get(slug) {
                    known.insert(slug, part.among(tables));
                    is_new = true;
                }
                is_whole &=
                    known.contains_key(slug) || self.created.get(slug).is_some_and(|created| created > at);
            }
            if is_whole && is_new {
                points.push(Point {
                    at: *at,
                    bytes: known.values().sum(),
                });
            }
        }
        points.push(Point {
            at: self.now,
            bytes: tenants.iter().map(|measured| part.of(measured)).sum(),
        });
        points
    }
}
