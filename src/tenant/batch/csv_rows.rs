//! Rows of a CSV file whose first line names the columns.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::error::short;
use super::lines::Lines;
use super::{BatchError, Column, Row};

/// The reader closes a quote that is still open at the end by itself, and so would make one value of all that follows
/// it. This stands behind the text; in an open quote it becomes part of the value.
const END: &str = "\u{3}end";

const HINT: &str =
    "begin the file with a line such as `slug,name,domain,plan,region,metadata`; only `slug` must be there";

pub(super) fn rows(text: &str) -> Result<Vec<Row>, BatchError> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes().chain(b"\n".as_slice()).chain(END.as_bytes()));
    let length = text.len() + 1 + END.len();
    let mut lines = Lines::of(text);
    let mut header: Option<Vec<Column>> = None;
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    loop {
        let begins = position(reader.position());
        let line = lines.line_at(begins + blank_lines(text, begins));
        let form = |problem: String, hint| BatchError::Form { line, problem, hint };
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(form(error.to_string(), HINT)),
        }
        let is_last = position(reader.position()) >= length;
        if is_last && record.len() == 1 && &record[0] == END {
            break;
        }
        let is_open = is_last
            && record
                .iter()
                .next_back()
                .is_some_and(|value| value.ends_with(END));
        match (&header, is_open) {
            (None, true) => {
                return Err(form("a quote is opened and never closed".to_owned(), HINT));
            }
            (None, false) => header = Some(columns(&record).map_err(|problem| form(problem, HINT))?),
            (Some(_), true) => {
                let mut row = Row::at(line);
                row.problems
                    .push("a quote is opened in this row and never closed".to_owned());
                rows.push(row);
            }
            (Some(columns), false) => {
                rows.extend(Some(row(line, columns, &record)).filter(|row| !row.is_blank()));
            }
        }
    }
    match header {
        Some(_) => Ok(rows),
        None => Err(BatchError::NoRows),
    }
}

fn position(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

/// The bytes of the empty lines that are passed over before a row.
fn blank_lines(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    rest.iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

fn columns(header: &StringRecord) -> Result<Vec<Column>, String> {
    if header.len() == 1
        && let Some(separator) = header[0].chars().find(|c| matches!(c, ';' | '\t' | '|'))
    {
        return Err(format!(
            "columns are parted by {separator:?} here, and must be by commas"
        ));
    }
    let mut columns = Vec::new();
    for name in header {
        let column =
            Column::named(&name.to_ascii_lowercase()).ok_or_else(|| Column::unknown("column", name))?;
        if columns.contains(&column) {
            return Err(format!("column `{}` is there twice", short(name)));
        }
        columns.push(column);
    }
    if columns.contains(&Column::Slug) {
        Ok(columns)
    } else {
        Err("there is no column `slug`".to_owned())
    }
}

fn row(line: usize, columns: &[Column], record: &StringRecord) -> Row {
    let mut row = Row::at(line);
    if record.len() == columns.len() {
        for (column, value) in columns.iter().zip(record) {
            row.set(*column, value.to_owned());
        }
    } else if record.iter().any(|value| !value.is_empty()) {
        row.problems.push(format!(
            "the row has {} values, and the first line names {} columns",
            record.len(),
            columns.len()
        ));
    }
    row
}
