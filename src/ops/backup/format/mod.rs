//! The text of a backup, without database and without files: what is written, and what is read of it again.
//!
//! `docs/backup.md` describes it line by line. The SQL in it is for plain tools; we make the schema from the manifest and
//! take nothing from the text but rows. Rows are hashed table by table and all other lines together, so that each byte is
//! hashed once. Whoever reads learns at the end whether all of it was whole.

mod error;
mod frames;
mod input;
mod manifest;
mod reader;
mod seal;
#[cfg(test)]
mod tests;
mod writer;

use sha2::Digest as _;

pub use self::error::FormatError;
pub use self::frames::Frames;
pub use self::manifest::{Definition, Manifest, TenantRow};
pub use self::reader::Reader;
pub use self::seal::{SealReader, SealWriter};
pub use self::writer::Writer;
use crate::words::hex;

/// How the first line of every backup begins; the number of the form follows.
const FIRST_LINE: &str = "-- tenantctl backup, form ";
/// Goes up whenever an older program could not read it, or would read it otherwise.
const FORM: u32 = 1;
/// The last line.
const LAST_LINE: &str = "-- end of tenantctl backup";
/// How the line before the manifest begins; its length and hash follow.
const MANIFEST_LINE: &str = "-- manifest ";
/// How the lines of the manifest begin.
const MANIFEST_PREFIX: &str = "--| ";
/// How the line about all other lines begins.
const TEXT_LINE: &str = "-- text sha256 ";
/// What ends the rows of a table.
const END_OF_ROWS: &[u8] = b"\\.\n";

/// What a whole backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The tables whose rows are in it, in the order in which they are.
    pub tables: Vec<TableSum>,
}

/// The rows of one table in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSum {
    /// Quoted as SQL needs it.
    pub name: String,
    pub rows: u64,
    /// SHA-256 over the rows as `COPY` tells them, in hexadecimal.
    pub sha256: String,
}

impl Summary {
    /// How many rows there are in all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// Rows on their way, counted and hashed.
#[derive(Debug, Clone, Default)]
pub struct RowSum {
    rows: u64,
    hash: sha2::Sha256,
}

impl RowSum {
    /// Takes a piece, which may begin and end in the middle of a row.
    pub fn add(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        // `COPY` writes a row as a line, and line ends in values as `\n`.
        self.rows += memchr::memchr_iter(b'\n', piece).count() as u64;
    }

    /// The sum for a table of this name.
    pub fn of(self, name: &str) -> TableSum {
        TableSum {
            name: name.to_owned(),
            rows: self.rows,
            sha256: hex(&self.hash.finalize()),
        }
    }
}

/// The line in front of a table's rows, and the one after all SQL; `mark` is in no other backup.
fn marked(mark: &str, what: &str) -> String {
    format!("-- {mark} {what}\n")
}

/// The line that says what the rows of a table came to.
fn sum_line(number: usize, sum: &TableSum) -> String {
    format!("-- table {number} rows {} sha256 {}", sum.rows, sum.sha256)
}
