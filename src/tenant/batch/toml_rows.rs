//! Rows of TOML: tables named `[[tenants]]`.

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use super::lines::Lines;
use super::{BatchError, Column, Row};

const HINT: &str =
    "the file holds a table for each tenant: `[[tenants]]`, `slug = \"acme\"`, `plan = \"pro\"`";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    tenants: Vec<Spanned<Table>>,
}

pub(super) fn rows(text: &str) -> Result<Vec<Row>, BatchError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        BatchError::Form {
            line: Lines::of(text).line_at(at),
            problem: error.message().to_owned(),
            hint: HINT,
        }
    })?;
    let mut lines = Lines::of(text);
    let row = |table: Spanned<Table>| row(lines.line_at(table.span().start), table.into_inner());
    Ok(file.tenants.into_iter().map(row).collect())
}

fn row(line: usize, table: Table) -> Row {
    let mut row = Row::at(line);
    for (name, value) in table {
        match (Column::named(&name), value) {
            (None, _) => row.problems.push(Column::unknown("key", &name)),
            (Some(Column::Metadata), value) => row.set(Column::Metadata, json(value).to_string()),
            (Some(column), Value::String(text)) => row.set(column, text),
            (Some(_), _) => row.problems.push(format!("`{name}` must be a string")),
        }
    }
    row
}

/// The value as JSON has it: a time is text, and a number that is none is nothing.
fn json(value: Value) -> serde_json::Value {
    match value {
        Value::String(text) => text.into(),
        Value::Integer(number) => number.into(),
        Value::Float(number) => number.into(),
        Value::Boolean(yes) => yes.into(),
        Value::Datetime(time) => time.to_string().into(),
        Value::Array(values) => values.into_iter().map(json).collect(),
        Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
    }
}
