//! What can be wrong with a file of tenants.

use std::fmt;

use crate::words;

/// The longest part of a value that a message shows.
const SHOWN: usize = 200;

/// Something that is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Where the row begins, counted from 1.
    pub line: usize,
    pub problem: String,
}

/// Why a file of tenants cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchError {
    /// The file as a whole, or its header.
    Form {
        line: usize,
        problem: String,
        hint: &'static str,
    },
    /// Everything that is wrong with its rows, of which there are `total`.
    BadRows {
        total: usize,
        bad: Vec<BadRow>,
    },
    NoRows,
}

impl BatchError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Form { hint, .. } => hint,
            Self::BadRows { .. } => "nothing was created; correct these rows and try again",
            Self::NoRows => "give each tenant a row below a first line such as `slug,name,domain,plan`",
        }
    }

    /// How many rows are bad, some of them for several reasons.
    fn bad_rows(bad: &[BadRow]) -> usize {
        let mut lines: Vec<usize> = bad.iter().map(|row| row.line).collect();
        lines.dedup();
        lines.len()
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form { line, problem, .. } => write!(f, "line {line}: {}", on_one_line(problem)),
            Self::NoRows => f.write_str("it names no tenant"),
            Self::BadRows { total, bad } => {
                write!(
                    f,
                    "{} of {} cannot be used",
                    Self::bad_rows(bad),
                    words::count(*total, "row")
                )?;
                let width = bad.last().map_or(1, |row| row.line.to_string().len());
                bad.iter().try_for_each(|row| {
                    write!(f, "\n  line {:<width$}  {}", row.line, on_one_line(&row.problem))
                })
            }
        }
    }
}

impl std::error::Error for BatchError {}

/// A value that may be as long as a file, for a message.
pub(super) fn short(value: &str) -> String {
    words::cut(value, SHOWN).into_owned()
}

/// What a message quotes may hold line breaks; a line of the list is a row of the file.
fn on_one_line(problem: &str) -> String {
    problem.replace('\r', "\\r").replace('\n', "\\n")
}
