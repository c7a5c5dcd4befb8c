//! What was measured, line by line, and all of it in short.

use std::collections::BTreeMap;

use crate::ops::sizes::forecast::{Forecast, forecast};
use crate::ops::sizes::history::{Growth, Part, Past, Point};
use crate::ops::sizes::{Measured, Size};

/// So many of the largest are told how much they hold together.
pub(super) const LARGEST: usize = 3;

/// A tenant, or a table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// The schema of a tenant.
    pub(super) schema: Option<String>,
    /// How many tables a tenant has, or how many tenants have a table.
    pub(super) count: usize,
    pub(super) partitions: usize,
    pub(super) size: Size,
    /// Of all that was measured.
    pub(super) share: f64,
    /// Tables whose sizes are estimates because somebody was changing them.
    pub(super) changing: usize,
    /// Who has most of a table.
    pub(super) largest: Option<(String, u64)>,
    pub(super) growth: Option<Growth>,
    pub(super) course: Vec<Point>,
    pub(super) forecast: Option<Forecast>,
}

/// All lines together.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) tenants: usize,
    pub(super) tables: usize,
    pub(super) rows: usize,
    pub(super) size: Size,
    /// Of the lines' totals.
    pub(super) median: u64,
    /// The share of the largest lines, where there are more of them.
    pub(super) largest_share: Option<f64>,
    pub(super) growth: Option<Growth>,
    pub(super) course: Vec<Point>,
    pub(super) forecast: Option<Forecast>,
}

/// A line for every tenant.
pub(super) fn by_tenant(measured: &[&Measured], past: Option<&Past>, limit: Option<u64>) -> Vec<Row> {
    let all: Size = measured.iter().map(|measured| measured.size()).sum();
    let row = |measured: &&Measured| {
        let looked = Looked::new(&[*measured], Part::All, past, limit);
        Row {
            name: measured.tenant.slug.to_string(),
            schema: Some(measured.tenant.schema.to_string()),
            count: measured.tables.len(),
            partitions: measured.tables.iter().map(|table| table.partitions).sum(),
            size: measured.size(),
            share: share(measured.size().total(), all.total()),
            changing: measured.tables.iter().filter(|table| table.is_changing).count(),
            largest: None,
            growth: looked.growth,
            course: looked.course,
            forecast: looked.forecast,
        }
    };
    measured.iter().map(row).collect()
}

/// A line for every table, over all tenants.
pub(super) fn by_table(measured: &[&Measured], past: Option<&Past>, limit: Option<u64>) -> Vec<Row> {
    let all: Size = measured.iter().map(|measured| measured.size()).sum();
    let mut tables: BTreeMap<&str, Row> = BTreeMap::new();
    for tenant in measured {
        for table in &tenant.tables {
            let row = tables.entry(&table.name).or_insert_with(|| Row {
                name: table.name.clone(),
                schema: None,
                count: 0,
                partitions: 0,
                size: Size::default(),
                share: 0.0,
                changing: 0,
                largest: None,
                growth: None,
                course: Vec::new(),
                forecast: None,
            });
            row.count += 1;
            row.partitions += table.partitions;
            row.size = row.size.and(table.size);
            row.changing += usize::from(table.is_changing);
            let total = table.size.total();
            if row.largest.as_ref().is_none_or(|(_, most)| total > *most) {
                row.largest = Some((tenant.tenant.slug.to_string(), total));
            }
        }
    }
    for (name, row) in &mut tables {
        let looked = Looked::new(measured, Part::Table(name), past, limit);
        row.share = share(row.size.total(), all.total());
        row.growth = looked.growth;
        row.course = looked.course;
        row.forecast = looked.forecast;
    }
    tables.into_values().collect()
}

impl Summary {
    pub(super) fn new(measured: &[&Measured], rows: &[Row], past: Option<&Past>, limit: Option<u64>) -> Self {
        let looked = Looked::new(measured, Part::All, past, limit);
        let size: Size = rows.iter().map(|row| row.size).sum();
        let mut totals: Vec<u64> = rows.iter().map(|row| row.size.total()).collect();
        totals.sort_unstable_by(|one, other| other.cmp(one));
        let largest: u64 = totals.iter().take(LARGEST).sum();
        Self {
            tenants: measured.len(),
            tables: measured.iter().map(|measured| measured.tables.len()).sum(),
            rows: rows.len(),
            size,
            median: median(&totals),
            largest_share: (totals.len() > LARGEST).then(|| share(largest, size.total())),
            growth: looked.growth,
            course: looked.course,
            forecast: looked.forecast,
        }
    }
}

/// What the past says of a part of some tenants.
#[derive(Default)]
struct Looked {
    growth: Option<Growth>,
    course: Vec<Point>,
    forecast: Option<Forecast>,
}

impl Looked {
    fn new(measured: &[&Measured], part: Part<'_>, past: Option<&Past>, limit: Option<u64>) -> Self {
        let Some(past) = past else { return Self::default() };
        let course = past.course(measured, part);
        Self {
            growth: past.growth(measured, part),
            forecast: limit.map(|limit| forecast(&course, limit)),
            course,
        }
    }
}

/// The middle of sorted numbers, or what lies between the two in the middle.
fn median(sorted: &[u64]) -> u64 {
    match sorted.len() {
        0 => 0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => sorted[even / 2 - 1].midpoint(sorted[even / 2]),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown with two digits")]
fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(&[]), 0);
        assert_eq!(median(&[9]), 9);
        assert_eq!(median(&[9, 4, 1]), 4);
        assert_eq!(median(&[9, 6, 4, 1]), 5);
    }

    #[test]
    fn nothing_is_no_share_of_nothing() {
        assert_eq!((share(0, 0), share(1, 4)), (0.0, 0.25));
    }
}
