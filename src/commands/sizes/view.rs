//! The answer of `sizes`, as JSON, as CSV and for people.

use jiff::Timestamp;
use serde::Serialize;

use super::rows::{LARGEST, Row, Summary};
use super::{By, SizesArgs};
use crate::commands::failed_view::FailedView;
use crate::ops::sizes::forecast::Forecast;
use crate::ops::sizes::history::Growth;
use crate::ops::sizes::{Size, Sizes};
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// How many characters the longest bar has.
const BAR: usize = 10;
const SECONDS_A_DAY: f64 = 86_400.0;

#[derive(Debug, Serialize)]
pub(super) struct SizesView {
    /// `exact` or `estimated`.
    method: &'static str,
    /// `tenant` or `table`: what a row is about.
    by: &'static str,
    /// The one tenant whose tables these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    measured_at: Timestamp,
    totals: TotalsView,
    rows: Vec<RowView>,
    failed: Vec<FailedView>,
    skipped: Vec<String>,
    #[serde(skip)]
    with_growth: bool,
    #[serde(skip)]
    with_bars: bool,
}

#[derive(Debug, Serialize)]
struct BytesView {
    total_bytes: u64,
    table_bytes: u64,
    index_bytes: u64,
    toast_bytes: u64,
    row_estimate: Option<u64>,
}

#[derive(Debug, Serialize)]
struct TotalsView {
    tenants: usize,
    tables: usize,
    rows: usize,
    #[serde(flatten)]
    bytes: BytesView,
    median_bytes: u64,
    /// The share of the three largest rows.
    largest_3_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<GrowthView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<LimitView>,
}

#[derive(Debug, Serialize)]
struct RowView {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenants: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<usize>,
    partitions: usize,
    #[serde(flatten)]
    bytes: BytesView,
    share: f64,
    /// Tables that were being changed: estimates among exact sizes.
    changing_tables: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    largest_tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    largest_tenant_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<GrowthView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<LimitView>,
}

#[derive(Debug, Serialize)]
struct GrowthView {
    since: Timestamp,
    bytes: i64,
    /// Of at least a day.
    bytes_per_day: Option<i64>,
}

#[derive(Debug, Serialize)]
struct LimitView {
    bytes: u64,
    /// `reached`, `expected`, `not_expected` within ten years, or `unknown` with too little history.
    state: &'static str,
    at: Option<Timestamp>,
}

impl From<Size> for BytesView {
    fn from(size: Size) -> Self {
        Self {
            total_bytes: size.total(),
            table_bytes: size.table,
            index_bytes: size.index,
            toast_bytes: size.toast,
            row_estimate: size.rows,
        }
    }
}

impl GrowthView {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a rate is no exact number"
    )]
    fn new(growth: Growth) -> Self {
        let days = Timestamp::now().duration_since(growth.since).as_secs_f64() / SECONDS_A_DAY;
        Self {
            since: growth.since,
            bytes: growth.bytes,
            bytes_per_day: (days >= 1.0).then_some((growth.bytes as f64 / days) as i64),
        }
    }
}

impl LimitView {
    fn new(bytes: Option<u64>, forecast: Option<Forecast>) -> Option<Self> {
        let (state, at) = match forecast? {
            Forecast::Reached => ("reached", None),
            Forecast::Expected(at) => ("expected", Some(at)),
            Forecast::NotExpected => ("not_expected", None),
            Forecast::Unknown => ("unknown", None),
        };
        Some(Self {
            bytes: bytes?,
            state,
            at,
        })
    }

    fn shown(&self) -> String {
        match (self.state, self.at) {
            (_, Some(at)) => words::day(at),
            ("not_expected", _) => "> 10 years".to_owned(),
            ("unknown", _) => "?".to_owned(),
            (state, None) => state.to_owned(),
        }
    }
}

impl SizesView {
    pub(super) fn new(
        args: &SizesArgs,
        sizes: &Sizes,
        summary: &Summary,
        rows: &[Row],
        with_bars: bool,
    ) -> Self {
        let by_table = args.tenant.is_some() || args.by == By::Table;
        let is_over_all = by_table && args.tenant.is_none();
        let row = |row: &Row| RowView {
            tenant: (!by_table).then(|| row.name.clone()),
            schema: row.schema.clone(),
            table: by_table.then(|| row.name.clone()),
            tenants: is_over_all.then_some(row.count),
            tables: (!by_table).then_some(row.count),
            partitions: row.partitions,
            bytes: row.size.into(),
            share: row.share,
            changing_tables: row.changing,
            largest_tenant: row
                .largest
                .as_ref()
                .filter(|_| is_over_all)
                .map(|(slug, _)| slug.clone()),
            largest_tenant_bytes: row
                .largest
                .as_ref()
                .filter(|_| is_over_all)
                .map(|(_, bytes)| *bytes),
            growth: row.growth.map(GrowthView::new),
            limit: LimitView::new(args.limit, row.forecast),
        };
        Self {
            method: if sizes.is_exact { "exact" } else { "estimated" },
            by: if by_table { "table" } else { "tenant" },
            tenant: args.tenant.as_ref().map(ToString::to_string),
            measured_at: Timestamp::now(),
            totals: TotalsView {
                tenants: summary.tenants,
                tables: summary.tables,
                rows: summary.rows,
                bytes: summary.size.into(),
                median_bytes: summary.median,
                largest_3_share: summary.largest_share,
                growth: summary.growth.map(GrowthView::new),
                limit: LimitView::new(args.total_limit, summary.forecast),
            },
            rows: rows.iter().map(row).collect(),
            failed: FailedView::all(&sizes.report),
            skipped: sizes.report.skipped().map(|(slug, _)| slug.to_string()).collect(),
            with_growth: args.since.is_some() || args.limit.is_some(),
            with_bars,
        }
    }

    fn has_limits(&self) -> bool {
        self.rows.iter().any(|row| row.limit.is_some())
    }

    fn lines(&self) -> Table {
        let names = match self.by {
            "table" if self.tenant.is_none() => vec![Column::text("table"), Column::number("tenants")],
            by => vec![Column::text(by)],
        };
        let details: &[&str] = match self.with_growth {
            true => &["total", "growth", "per_day"],
            false => &["total", "table", "index", "toast", "rows"],
        };
        let mut columns = names;
        columns.extend(details.iter().copied().map(Column::number));
        columns.push(Column::number("share"));
        columns.extend(self.has_limits().then(|| Column::number("limit")));
        columns.extend(self.with_bars.then(|| Column::text("")));
        let mut table = Table::new(columns);
        let largest = self
            .rows
            .iter()
            .map(|row| row.bytes.total_bytes)
            .max()
            .unwrap_or(0);
        for row in &self.rows {
            let mut cells = vec![row.name().into()];
            cells.extend(row.tenants.map(count));
            cells.push(Cell::Bytes(row.bytes.total_bytes));
            if self.with_growth {
                let growth = row.growth.as_ref();
                cells.push(growth.map_or(Cell::None, |growth| Cell::Change(growth.bytes)));
                cells.push(
                    growth
                        .and_then(|growth| growth.bytes_per_day)
                        .map_or(Cell::None, Cell::Change),
                );
            } else {
                cells.extend(
                    [
                        row.bytes.table_bytes,
                        row.bytes.index_bytes,
                        row.bytes.toast_bytes,
                    ]
                    .map(Cell::Bytes),
                );
                cells.push(row.bytes.row_estimate.map_or(Cell::None, Cell::About));
            }
            cells.push(Cell::Share(row.share));
            if self.has_limits() {
                cells.push(
                    row.limit
                        .as_ref()
                        .map_or(Cell::None, |limit| Cell::Text(limit.shown())),
                );
            }
            cells.extend(
                self.with_bars
                    .then(|| Cell::Text(bar(row.bytes.total_bytes, largest))),
            );
            table.push(cells);
        }
        table
    }

    /// All lines in one.
    fn totals(&self) -> Table {
        let totals = &self.totals;
        let largest = format!("largest_{LARGEST}");
        let mut columns: Vec<Column> = ["tenants", "tables", "total", "median"]
            .map(Column::number)
            .into();
        let mut cells = vec![
            count(totals.tenants),
            count(totals.tables),
            Cell::Bytes(totals.bytes.total_bytes),
            Cell::Bytes(totals.median_bytes),
        ];
        if let Some(share) = totals.largest_3_share {
            columns.push(Column::number(&largest));
            cells.push(Cell::Share(share));
        }
        if self.with_growth {
            let growth = totals.growth.as_ref();
            columns.extend(["growth", "per_day"].map(Column::number));
            cells.push(growth.map_or(Cell::None, |growth| Cell::Change(growth.bytes)));
            cells.push(
                growth
                    .and_then(|growth| growth.bytes_per_day)
                    .map_or(Cell::None, Cell::Change),
            );
        }
        if let Some(limit) = &totals.limit {
            columns.push(Column::number("total_limit"));
            cells.push(Cell::Text(limit.shown()));
        }
        let mut table = Table::new(columns);
        table.push(cells);
        table
    }
}

impl RowView {
    fn name(&self) -> &str {
        self.tenant
            .as_deref()
            .or(self.table.as_deref())
            .unwrap_or_default()
    }
}

fn count(number: usize) -> Cell {
    Cell::Count(number as u64)
}

/// A bar as long as the number is large, in eighths of a character.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the length of a bar"
)]
fn bar(number: u64, largest: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (number as f64 / largest.max(1) as f64 * (BAR * 8) as f64).round() as usize;
    // What is there at all is seen.
    let eighths = eighths.max(usize::from(number > 0));
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

impl View for SizesView {
    fn tables(&self) -> Vec<Table> {
        match self.totals.rows {
            0 => Vec::new(),
            1 if self.totals.limit.is_none() => vec![self.lines()],
            _ if self.rows.is_empty() => vec![self.totals()],
            _ => vec![self.lines(), self.totals()],
        }
    }

    fn csv(&self) -> Option<Table> {
        let names: &[&str] = match self.by {
            "tenant" => &["tenant", "schema", "tables"],
            _ if self.tenant.is_some() => &["table"],
            _ => &["table", "tenants", "largest_tenant", "largest_tenant_bytes"],
        };
        let bytes = [
            "partitions",
            "total_bytes",
            "table_bytes",
            "index_bytes",
            "toast_bytes",
            "row_estimate",
            "share",
            "changing_tables",
        ];
        let growth = ["growth_since", "growth_bytes", "growth_bytes_per_day"];
        let limit = ["limit_bytes", "limit_state", "limit_at"];
        let mut columns: Vec<Column> = names.iter().chain(&bytes).copied().map(Column::text).collect();
        columns.extend(
            growth
                .iter()
                .filter(|_| self.with_growth)
                .copied()
                .map(Column::text),
        );
        columns.extend(
            limit
                .iter()
                .filter(|_| self.has_limits())
                .copied()
                .map(Column::text),
        );
        let mut table = Table::new(columns);
        let optional = |number: Option<u64>| number.map_or(Cell::None, Cell::Bytes);
        for row in &self.rows {
            let mut cells = vec![row.name().into()];
            cells.extend(row.schema.as_deref().map(Cell::from));
            cells.extend(row.tables.or(row.tenants).map(count));
            cells.extend(row.largest_tenant.as_deref().map(Cell::from));
            cells.extend(row.largest_tenant_bytes.map(Cell::Bytes));
            cells.push(count(row.partitions));
            let size = &row.bytes;
            cells.extend(
                [
                    size.total_bytes,
                    size.table_bytes,
                    size.index_bytes,
                    size.toast_bytes,
                ]
                .map(Cell::Bytes),
            );
            cells.push(optional(size.row_estimate));
            cells.push(Cell::Share(row.share));
            cells.push(count(row.changing_tables));
            if self.with_growth {
                let growth = row.growth.as_ref();
                cells.push(growth.map_or(Cell::None, |growth| Cell::Time(growth.since)));
                cells.push(growth.map_or(Cell::None, |growth| Cell::Change(growth.bytes)));
                cells.push(
                    growth
                        .and_then(|growth| growth.bytes_per_day)
                        .map_or(Cell::None, Cell::Change),
                );
            }
            if let Some(limit) = &row.limit {
                cells.push(Cell::Bytes(limit.bytes));
                cells.push(limit.state.into());
                cells.push(limit.at.map_or(Cell::None, Cell::Time));
            }
            table.push(cells);
        }
        Some(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_what_is_there_is_seen() {
        assert_eq!(bar(100, 100), "██████████");
        assert_eq!(bar(50, 100), "█████");
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 100), "");
        assert_eq!(bar(0, 0), "");
    }
}
