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
            (Some(Column::Metadata), value) => match serde_json::to_string(&value) {
                Ok(json) => row.set(Column::Metadata, json),
                Err(error) => row
                    .problems
                    .push(format!("`metadata` cannot be kept as JSON: {error}")),
            },
            (Some(column), Value::String(text)) => row.set(column, text),
            (Some(_), _) => row.problems.push(format!("`{name}` must be a string")),
        }
    }
    row
}
