//! Writing a backup, from the first line to the last.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::{
    END_OF_ROWS, FIRST_LINE, FORM, LAST_LINE, MANIFEST_LINE, MANIFEST_PREFIX, Manifest, RowSum, Summary,
    TEXT_LINE, marked, sum_line,
};
use crate::blueprint::Statement;
use crate::db::SchemaName;
use crate::words::hex;

/// How long the lines of the manifest are at most.
const LINE: usize = 4000;

/// A backup that is being written: tables one after the other, then the end.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// Everything but rows.
    text: Sha256,
    manifest: Manifest,
    schema: SchemaName,
    sums: Summary,
    rows: RowSum,
}

impl<W: Write> Writer<W> {
    /// Writes everything up to the first table. `opening` makes the schema and enters it.
    pub fn begin(out: W, manifest: Manifest, schema: SchemaName, opening: &str) -> io::Result<Self> {
        let mut writer = Self {
            out,
            text: Sha256::new(),
            manifest,
            schema,
            sums: Summary::default(),
            rows: RowSum::default(),
        };
        writer.head()?;
        writer.say(
            "BEGIN;\nSET LOCAL client_encoding = 'UTF8';\nSET LOCAL statement_timeout = 0;\n\
             SET LOCAL lc_monetary = 'C';\n",
        )?;
        writer.say(opening)?;
        let statements = std::mem::take(&mut writer.manifest.definition.script.before_rows);
        writer.statements(&statements)?;
        Ok(writer)
    }

    fn head(&mut self) -> io::Result<()> {
        let json = serde_json::to_string(&self.manifest)?;
        let hash = hex(&Sha256::digest(json.as_bytes()));
        self.say(&format!("{FIRST_LINE}{FORM}\n"))?;
        self.say(&format!("{MANIFEST_LINE}{} sha256 {hash}\n", json.len()))?;
        let mut rest = json.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.floor_char_boundary(LINE));
            self.say(&format!("{MANIFEST_PREFIX}{line}\n"))?;
            rest = after;
        }
        let Manifest {
            database,
            taken_at,
            tenant,
            ..
        } = &self.manifest;
        // Line ends in names must not end the comment.
        let words =
            format!("tenant {} of database {database}, {taken_at}", tenant.slug).replace(['\n', '\r'], " ");
        self.say(&format!(
            "--\n-- {words}\n-- With its row of the registry: tenantctl restore FILE\n-- The schema alone: zstd -dc FILE | psql\n--\n"
        ))
    }

    fn statements(&mut self, statements: &[Statement]) -> io::Result<()> {
        for statement in statements {
            self.say(&statement.sql(&self.schema.clone()))?;
            self.say(";\n")?;
        }
        Ok(())
    }

    /// Begins the rows of the next table.
    pub fn begin_table(&mut self) -> io::Result<()> {
        let number = self.sums.tables.len();
        let table = self.manifest.definition.filled().nth(number);
        let copy = table
            .map(|table| format!("{};\n", table.copy_in()))
            .unwrap_or_default();
        self.say(&marked(&self.manifest.mark, &format!("rows {number}")))?;
        self.say(&copy)
    }

    /// Writes a piece of the rows.
    pub fn rows(&mut self, piece: &[u8]) -> io::Result<()> {
        self.rows.add(piece);
        self.out.write_all(piece)
    }

    /// Ends the rows of the table.
    pub fn end_table(&mut self) -> io::Result<()> {
        let number = self.sums.tables.len();
        let name = self
            .manifest
            .definition
            .filled()
            .nth(number)
            .map(|table| table.name.clone());
        let sum = std::mem::take(&mut self.rows).of(&name.unwrap_or_default());
        self.sums.tables.push(sum);
        self.out.write_all(END_OF_ROWS)?;
        self.say("\n")
    }

    /// Writes what comes after the rows, and the end.
    pub fn finish(mut self) -> io::Result<(W, Summary)> {
        let definition = &mut self.manifest.definition;
        let after = std::mem::take(&mut definition.script.after_rows);
        let refreshes = std::mem::take(&mut definition.script.refreshes);
        let sequences = std::mem::take(&mut definition.sequences);
        self.statements(&after)?;
        for sequence in sequences {
            self.say(&format!("{sequence};\n"))?;
        }
        self.statements(&refreshes)?;
        self.say("COMMIT;\n")?;
        self.say(&marked(&self.manifest.mark, "end"))?;
        for (number, sum) in self.sums.tables.clone().iter().enumerate() {
            self.say(&format!("{}\n", sum_line(number, sum)))?;
        }
        let hash = hex(&self.text.clone().finalize());
        self.say(&format!("{TEXT_LINE}{hash}\n{LAST_LINE}\n"))?;
        Ok((self.out, self.sums))
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.text.update(text.as_bytes());
        self.out.write_all(text.as_bytes())
    }
}
