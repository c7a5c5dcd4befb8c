//! What statements answer in text form.

use tokio_postgres::SimpleQueryMessage;

/// One statement's answer in text form, for SQL whose columns nobody knows beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextResult {
    /// The columns' names; empty when the statement returns no rows.
    pub columns: Vec<String>,
    /// The rows, each value as PostgreSQL writes it.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows the statement returned or changed.
    pub affected: u64,
}

impl TextResult {
    /// What the first row has in this column, unless that is NULL or there is no row.
    pub fn value(&self, column: usize) -> Option<&str> {
        self.rows.first()?.get(column)?.as_deref()
    }
}

/// What the last statement's first row has in this column, unless that is NULL or there is no row.
pub(crate) fn told(answers: &[TextResult], column: usize) -> Option<&str> {
    answers.last()?.value(column)
}

/// Whether the last statement's first row says that it is so.
pub(crate) fn is_so(answers: &[TextResult], column: usize) -> bool {
    told(answers, column) == Some("t")
}

/// Sorts the messages of a simple query into one result a statement.
pub(super) fn by_statement(messages: Vec<SimpleQueryMessage>) -> Vec<TextResult> {
    let mut results = Vec::new();
    let mut current = TextResult::default();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                current.columns = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                current.rows.push(
                    (0..row.len())
                        .map(|index| row.get(index).map(str::to_owned))
                        .collect(),
                );
            }
            SimpleQueryMessage::CommandComplete(affected) => {
                current.affected = affected;
                results.push(std::mem::take(&mut current));
            }
            _ => {}
        }
    }
    results
}
