//! A table: for people, cut to the terminal; for CSV, the values as they are.

use comfy_table::{Attribute, CellAlignment, ContentArrangement};
use jiff::Timestamp;

use super::safe::printable;
use crate::words;

/// A column's name for scripts and its heading for people.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    key: String,
    heading: String,
    numeric: bool,
}

impl Column {
    /// A column of text. The heading is the key with blanks.
    pub(crate) fn text(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            heading: key.replace('_', " ").to_uppercase(),
            numeric: false,
        }
    }

    /// A column of numbers, aligned to the right.
    pub(crate) fn number(key: &str) -> Self {
        Self {
            numeric: true,
            ..Self::text(key)
        }
    }

    /// A column whose name is not ours to change.
    pub(crate) fn verbatim(name: &str) -> Self {
        Self {
            key: name.to_owned(),
            heading: name.to_owned(),
            numeric: false,
        }
    }
}

/// One value, which people and scripts may see differently.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    None,
    Text(String),
    Count(u64),
    /// A count that nobody takes literally.
    About(u64),
    Bytes(u64),
    /// By how many bytes something has changed.
    Change(i64),
    /// A part of a whole, 1 being all of it.
    Share(f64),
    Time(Timestamp),
}

impl Cell {
    /// Text, or nothing.
    pub(crate) fn optional(text: Option<&str>) -> Self {
        text.map_or(Self::None, |text| Self::Text(text.to_owned()))
    }

    fn human(&self) -> String {
        match self {
            Self::None => "-".to_owned(),
            Self::Text(text) => printable(text),
            Self::Count(count) => count.to_string(),
            Self::About(count) => words::about(*count),
            Self::Bytes(bytes) => words::bytes(*bytes),
            Self::Change(bytes) => words::change(*bytes),
            Self::Share(share) => words::share(*share),
            Self::Time(time) => words::minute(*time),
        }
    }

    fn raw(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(count) | Self::About(count) | Self::Bytes(count) => count.to_string(),
            Self::Change(bytes) => bytes.to_string(),
            Self::Share(share) => format!("{share:.6}"),
            Self::Time(time) => time.to_string(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Columns and rows.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.key.as_str())
    }

    pub(super) fn raw_rows(&self) -> impl Iterator<Item = Vec<String>> {
        self.rows.iter().map(|row| row.iter().map(Cell::raw).collect())
    }

    /// The table for people. On a terminal it is made to fit; elsewhere every value stands on one line.
    pub(super) fn human(&self, styled: bool) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut table = comfy_table::Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if styled {
            table.enforce_styling();
        }
        table.set_header(self.columns.iter().map(|column| {
            let cell = comfy_table::Cell::new(printable(&column.heading));
            if styled {
                cell.add_attribute(Attribute::Bold)
            } else {
                cell
            }
        }));
        for row in &self.rows {
            table.add_row(row.iter().map(Cell::human));
        }
        let last = self.columns.len().saturating_sub(1);
        for (index, column) in self.columns.iter().enumerate() {
            if let Some(shown) = table.column_mut(index) {
                shown.set_padding((0, if index == last { 0 } else { 2 }));
                if column.numeric {
                    shown.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        format!("{}\n", table.trim_fmt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_a_dash_and_scripts_see_nothing() {
        let mut table = Table::new([Column::text("slug"), Column::number("tenant_count")]);
        table.push(vec!["acme".into(), Cell::Count(3)]);
        table.push(vec![Cell::None, Cell::Count(12)]);
        assert_eq!(
            table.human(false),
            "SLUG  TENANT COUNT\nacme             3\n-               12\n"
        );
        let rows: Vec<Vec<String>> = table.raw_rows().collect();
        assert_eq!(rows, [["acme", "3"], ["", "12"]]);
        assert_eq!(table.keys().collect::<Vec<_>>(), ["slug", "tenant_count"]);
    }

    #[test]
    fn a_table_without_rows_shows_nothing_to_people() {
        assert_eq!(Table::new([Column::text("slug")]).human(false), "");
    }
}
