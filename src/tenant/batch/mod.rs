//! Tenants to be made, out of a file: CSV with a header, a JSON array, JSON lines, or TOML.
//!
//! Every row is looked at before any is used, so that all that is wrong with a file is said at once and by its lines.
//! What only the database knows, such as whether a slug is taken, is left to those who make the tenants.

mod check;
mod csv_rows;
mod error;
mod json_rows;
mod lines;
#[cfg(test)]
mod tests;
mod toml_rows;

use std::path::Path;

use serde_json::Value;

use self::check::Check;
pub use self::error::{BadRow, BatchError};
use super::{Naming, NewTenant};
use crate::words;

/// How a file of tenants is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns are named in the first line.
    Csv,
    /// One array of objects, or objects one after the other.
    Json,
    /// Tables named `[[tenants]]`.
    Toml,
}

impl Format {
    /// Goes by the file's ending, and where that says nothing, as on standard input, by how the text begins.
    pub fn of(file: &Path, text: &str) -> Self {
        let ending = file.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Self::Csv,
            Some("json" | "jsonl" | "ndjson") => Self::Json,
            Some("toml") => Self::Toml,
            _ if begins_with_a_table(text) => Self::Toml,
            _ if text.trim_start().starts_with(['[', '{']) => Self::Json,
            _ => Self::Csv,
        }
    }
}

/// Whether the text begins as TOML does: with `[[tenants]]`, comments before it or not.
fn begins_with_a_table(text: &str) -> bool {
    let is_comment = |line: &&str| line.is_empty() || line.starts_with('#');
    let first = text.lines().map(str::trim).find(|line| !is_comment(line));
    let name = first.and_then(|line| line.strip_prefix("[["));
    name.is_some_and(|name| name.trim_start().starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// What a tenant gets whose row says nothing about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    pub plan: String,
    pub region: Option<String>,
    pub metadata: Value,
}

/// What a row can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Slug,
    Name,
    Domain,
    Plan,
    Region,
    Metadata,
}

impl Column {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Slug, "slug"),
        (Self::Name, "name"),
        (Self::Domain, "domain"),
        (Self::Plan, "plan"),
        (Self::Region, "region"),
        (Self::Metadata, "metadata"),
    ];

    fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(column, _)| *column)
    }

    /// The name that was probably meant.
    fn nearest(name: &str) -> Option<&'static str> {
        let name = name.to_lowercase();
        let known = Self::ALL.map(|(_, known)| known);
        let part = known.into_iter().find(|known| name.contains(known));
        part.or_else(|| words::nearest(&name, &known))
    }

    /// The sentence for a name that is no column's.
    fn unknown(what: &str, name: &str) -> String {
        let name = error::short(name);
        match Self::nearest(&name) {
            Some(nearest) => format!("unknown {what} `{name}`; did you mean `{nearest}`?"),
            None => format!("unknown {what} `{name}`"),
        }
    }
}

/// One tenant's row before its values are checked.
#[derive(Debug, Default)]
struct Row {
    /// Where it begins, counted from 1.
    line: usize,
    values: [Option<String>; Column::ALL.len()],
    /// What is wrong with the row's form.
    problems: Vec<String>,
}

impl Row {
    fn at(line: usize) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }

    /// Takes a value. An empty one counts as not given.
    fn set(&mut self, column: Column, value: String) {
        self.values[column as usize] = Some(value).filter(|value| !value.is_empty());
    }

    fn take(&mut self, column: Column) -> Option<String> {
        self.values[column as usize].take()
    }

    fn is_blank(&self) -> bool {
        self.problems.is_empty() && self.values.iter().all(Option::is_none)
    }
}

/// Reads tenants, or says all that keeps the file from being used.
pub fn read(
    text: &str,
    format: Format,
    naming: &Naming,
    defaults: &Defaults,
) -> Result<Vec<NewTenant>, BatchError> {
    let rows = match format {
        Format::Csv => csv_rows::rows(text)?,
        Format::Json => json_rows::rows(text)?,
        Format::Toml => toml_rows::rows(text)?,
    };
    let mut check = Check::new(naming, defaults);
    let mut tenants = Vec::with_capacity(rows.len());
    let mut bad = Vec::new();
    let total = rows.len();
    for row in rows {
        let line = row.line;
        match check.tenant(row) {
            Ok(tenant) => tenants.push(tenant),
            Err(problems) => bad.extend(problems.into_iter().map(|problem| BadRow { line, problem })),
        }
    }
    match (bad.is_empty(), tenants.is_empty()) {
        (false, _) => Err(BatchError::BadRows { total, bad }),
        (true, true) => Err(BatchError::NoRows),
        (true, false) => Ok(tenants),
    }
}
