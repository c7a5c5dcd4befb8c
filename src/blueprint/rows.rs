//! Rows: what of a schema's contents goes along with its definition, and the statements that copy it on the server.
//!
//! All statements expect the copy first in the search path.

use serde::{Deserialize, Serialize};

use super::Blueprint;
use crate::db::{Row, SchemaName};

/// A table that holds rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Quoted as SQL needs it.
    pub name: String,
    /// The columns that are written, parted by commas; generated ones are not.
    columns: String,
    /// What is read for them.
    values: String,
    /// Those that hold object identifiers, in words.
    identifiers: Vec<String>,
    /// The sequences that go with its columns.
    sequences: Vec<String>,
}

/// What a schema holds beside its definition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) tables: Vec<Table>,
    pub(super) sequences: Vec<String>,
    pub(super) filled_views: Vec<String>,
}

impl Contents {
    pub(super) fn from_rows(rows: &[Row]) -> Self {
        let mut contents = Self::default();
        for row in rows {
            let name: String = row.get(1);
            match row.get(0) {
                "r" => contents.tables.push(Table {
                    name,
                    columns: row.get(2),
                    values: row.get(3),
                    identifiers: row.get(4),
                    sequences: row.get(5),
                }),
                "S" => contents.sequences.push(name),
                _ => contents.filled_views.push(name),
            }
        }
        contents
    }
}

impl Table {
    /// Copies the rows of `from` into the schema that is first in the search path.
    pub fn copy(&self, from: &SchemaName) -> String {
        let Self {
            name,
            columns,
            values,
            ..
        } = self;
        let from = from.quoted();
        if columns.is_empty() {
            // Rows of a table without columns are only many or few.
            return format!("INSERT INTO {name} SELECT FROM ONLY {from}.{name}");
        }
        format!(
            "INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM ONLY {from}.{name}"
        )
    }

    /// Tells the rows of `from` to a client.
    pub fn copy_out(&self, from: &SchemaName) -> String {
        format!(
            "COPY {}.{}{} TO STDOUT",
            from.quoted(),
            self.name,
            self.written_columns()
        )
    }

    /// Takes the same rows from a client.
    pub fn copy_in(&self) -> String {
        format!("COPY {}{} FROM STDIN", self.name, self.written_columns())
    }

    fn written_columns(&self) -> String {
        match self.columns.as_str() {
            "" => String::new(),
            columns => format!(" ({columns})"),
        }
    }

    /// Counts the rows of `from`.
    pub fn count(&self, from: &SchemaName) -> String {
        format!(
            "SELECT pg_catalog.count(*) FROM ONLY {}.{}",
            from.quoted(),
            self.name
        )
    }

    /// The table in `schema`, as a statement names it.
    pub fn of(&self, schema: &SchemaName) -> String {
        format!("{}.{}", schema.quoted(), self.name)
    }

    /// Moves the table's sequences to where those of `from` are.
    pub fn continue_sequences(&self, from: &SchemaName) -> Vec<String> {
        self.sequences
            .iter()
            .map(|name| continue_sequence(name, from))
            .collect()
    }

    /// The sequences that go with its columns, quoted as SQL needs it.
    pub fn sequences(&self) -> &[String] {
        &self.sequences
    }

    /// The columns whose values mean objects of this database, in words. A copy holds the same values.
    pub fn identifiers(&self) -> &[String] {
        &self.identifiers
    }
}

/// A question whose answer is the statement that moves a sequence to where that of `from` is.
pub fn state_of_sequence(name: &str, from: &SchemaName) -> String {
    let quoted = crate::db::QuotedText::new(name).to_string();
    format!(
        "SELECT pg_catalog.format('SELECT pg_catalog.setval(%L, %s, %L)', {quoted}, last_value, is_called) FROM {}.{name}",
        from.quoted()
    )
}

/// Moves a sequence of the schema that is first in the search path to where that of `from` is.
pub fn continue_sequence(name: &str, from: &SchemaName) -> String {
    let quoted = crate::db::QuotedText::new(name).to_string();
    format!(
        "SELECT pg_catalog.setval({quoted}, last_value, is_called) FROM {}.{name}",
        from.quoted()
    )
}

impl Blueprint {
    /// The tables that hold rows.
    pub fn tables(&self) -> &[Table] {
        &self.contents.tables
    }

    /// The table of that bare name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        let quoted = crate::db::QuotedIdent::new(name).to_string();
        self.contents
            .tables
            .iter()
            .find(|table| table.name == name || table.name == quoted)
    }

    /// The sequences, quoted as SQL needs it.
    pub fn sequences(&self) -> &[String] {
        &self.contents.sequences
    }
}
