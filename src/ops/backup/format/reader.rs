//! Reading a backup, and finding out whether it is whole.

use std::io::Read;

use sha2::{Digest as _, Sha256};

use super::input::Input;
use super::{
    END_OF_ROWS, FIRST_LINE, FORM, FormatError, LAST_LINE, MANIFEST_LINE, MANIFEST_PREFIX, Manifest, RowSum,
    Summary, TEXT_LINE, TableSum, marked, sum_line,
};
use crate::words::hex;

/// The longest manifest: the definitions of some ten thousand tables.
const MANIFEST_LIMIT: usize = 64 * 1024 * 1024;
/// The longest line that is for us.
const LINE_LIMIT: usize = 16 * 1024;

/// A backup that is being read.
///
/// Nothing that it says counts before [`Reader::finish`] has found it whole.
#[derive(Debug)]
pub struct Reader<R> {
    input: Input<R>,
    /// Everything but rows.
    text: Sha256,
    manifest: Manifest,
    /// What each table's rows are loaded with, as it stands in the text.
    copies: Vec<String>,
    names: Vec<String>,
    sums: Summary,
    rows: Option<RowSum>,
    /// Whether a row begins with what comes next.
    is_at_line: bool,
    is_at_end: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the manifest.
    pub fn open(inner: R) -> Result<Self, FormatError> {
        let mut input = Input::new(inner);
        let mut text = Sha256::new();
        first_line(&mut input, &mut text)?;
        let manifest = manifest(&mut input, &mut text)?;
        let is_mark =
            manifest.mark.len() >= 32 && manifest.mark.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_mark || manifest.mark.len() > 64 {
            return Err(FormatError::damaged("the manifest has no mark"));
        }
        let filled = || manifest.definition.filled();
        Ok(Self {
            copies: filled().map(|table| format!("{};\n", table.copy_in())).collect(),
            names: filled().map(|table| table.name.clone()).collect(),
            input,
            text,
            manifest,
            sums: Summary::default(),
            rows: None,
            is_at_line: true,
            is_at_end: false,
        })
    }

    /// What the backup says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Goes on to the rows of the next table, as the manifest has them. Says whether there is one.
    pub fn next_table(&mut self) -> Result<bool, FormatError> {
        while self.rows()?.is_some() {}
        if self.is_at_end {
            return Ok(false);
        }
        let number = self.sums.tables.len();
        let rows = marked(&self.manifest.mark, &format!("rows {number}"));
        let end = marked(&self.manifest.mark, "end");
        loop {
            let ahead = self.input.ahead(rows.len().max(end.len()))?;
            if number < self.copies.len() && ahead.starts_with(rows.as_bytes()) {
                self.pass_text(rows.len());
                self.expect_copy(number)?;
                self.rows = Some(RowSum::default());
                self.is_at_line = true;
                return Ok(true);
            }
            if ahead.starts_with(end.as_bytes()) {
                if number < self.copies.len() {
                    return Err(FormatError::damaged(format!(
                        "the rows of table {} are missing",
                        self.names[number]
                    )));
                }
                self.pass_text(end.len());
                self.is_at_end = true;
                return Ok(false);
            }
            self.pass_line()?;
        }
    }

    /// What the rows came to of the table that was read last.
    pub fn last_sum(&self) -> TableSum {
        self.sums
            .tables
            .last()
            .cloned()
            .unwrap_or_else(|| RowSum::default().of(""))
    }

    /// The next piece of the table's rows; `None` at their end.
    pub fn rows(&mut self) -> Result<Option<&[u8]>, FormatError> {
        const LINE_AND_END: &[u8] = b"\n\\.\n";
        if self.rows.is_none() {
            return Ok(None);
        }
        let is_at_line = self.is_at_line;
        let ahead = self.input.ahead(LINE_AND_END.len())?;
        if is_at_line && ahead.starts_with(END_OF_ROWS) {
            self.input.pass(END_OF_ROWS.len());
            let name = &self.names[self.sums.tables.len()];
            let sum = self.rows.take().unwrap_or_default();
            self.sums.tables.push(sum.of(name));
            return Ok(None);
        }
        let count = match memchr::memmem::find(ahead, LINE_AND_END) {
            Some(at) => at + 1,
            // What is kept back may be the beginning of the end.
            None => ahead.len().saturating_sub(LINE_AND_END.len() - 1),
        };
        if count == 0 {
            return Err(FormatError::Cut);
        }
        self.input.pass(count);
        let piece = self.input.passed(count);
        self.is_at_line = piece.ends_with(b"\n");
        if let Some(sum) = &mut self.rows {
            sum.add(piece);
        }
        Ok(Some(piece))
    }

    /// Reads what is left, and says what was in the backup if all of it was whole.
    pub fn finish(mut self) -> Result<Summary, FormatError> {
        while self.next_table()? {}
        for (number, sum) in self.sums.tables.clone().iter().enumerate() {
            if self.text_line()? != sum_line(number, sum) {
                return Err(FormatError::damaged(format!(
                    "the rows of table {} are not those that were written",
                    sum.name
                )));
            }
        }
        let hash = hex(&self.text.clone().finalize());
        if self.text_line()?.strip_prefix(TEXT_LINE) != Some(&hash) {
            return Err(FormatError::damaged("its text is not what was written"));
        }
        if self.text_line()? != LAST_LINE {
            return Err(FormatError::damaged("the last line is another"));
        }
        if !self.input.ahead(1)?.is_empty() {
            return Err(FormatError::damaged("something follows its end"));
        }
        Ok(self.sums)
    }

    /// A line that is for us, without its end.
    fn text_line(&mut self) -> Result<String, FormatError> {
        text_line(&mut self.input, &mut self.text)
    }

    fn expect_copy(&mut self, number: usize) -> Result<(), FormatError> {
        let copy = std::mem::take(&mut self.copies[number]);
        let mut rest = copy.as_bytes();
        // The columns of a table may be longer than the window.
        while !rest.is_empty() {
            let ahead = self.input.ahead(1)?;
            let count = ahead.len().min(rest.len());
            if count == 0 {
                return Err(FormatError::Cut);
            }
            if ahead[..count] != rest[..count] {
                return Err(FormatError::damaged(format!(
                    "table {} is not loaded as the manifest says",
                    self.names[number]
                )));
            }
            self.pass_text(count);
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Passes a line by, however long it is.
    fn pass_line(&mut self) -> Result<(), FormatError> {
        loop {
            let ahead = self.input.ahead(1)?;
            if ahead.is_empty() {
                return Err(FormatError::Cut);
            }
            let end = memchr::memchr(b'\n', ahead);
            let count = end.map_or(ahead.len(), |at| at + 1);
            self.pass_text(count);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn pass_text(&mut self, count: usize) {
        self.text.update(self.input.seen(count));
        self.input.pass(count);
    }
}

fn text_line<R: Read>(input: &mut Input<R>, text: &mut Sha256) -> Result<String, FormatError> {
    let count = input.line(LINE_LIMIT)?;
    let line = input.seen(count);
    text.update(line);
    let line = std::str::from_utf8(&line[..count - 1]).map(str::to_owned);
    input.pass(count);
    line.map_err(|_| FormatError::damaged("a line is not text"))
}

fn first_line<R: Read>(input: &mut Input<R>, text: &mut Sha256) -> Result<(), FormatError> {
    let ahead = input.ahead(FIRST_LINE.len())?;
    if !ahead.starts_with(FIRST_LINE.as_bytes()) {
        return Err(match FIRST_LINE.as_bytes().starts_with(ahead) {
            true => FormatError::Cut,
            false => FormatError::NotOurs("its first line is another"),
        });
    }
    let line = text_line(input, text)?;
    let form = line.strip_prefix(FIRST_LINE).unwrap_or_default();
    if form == FORM.to_string() {
        return Ok(());
    }
    let is_form = !form.is_empty() && form.len() < 10 && form.bytes().all(|byte| byte.is_ascii_digit());
    Err(match is_form {
        true => FormatError::OtherForm(form.to_owned()),
        false => FormatError::damaged("its first line does not say its form"),
    })
}

fn manifest<R: Read>(input: &mut Input<R>, text: &mut Sha256) -> Result<Manifest, FormatError> {
    let no_manifest = || FormatError::damaged("the line before the manifest does not say how long it is");
    let line = text_line(input, text)?;
    let head = line.strip_prefix(MANIFEST_LINE).ok_or_else(no_manifest)?;
    let (length, hash) = head.split_once(" sha256 ").ok_or_else(no_manifest)?;
    let length: usize = length.parse().map_err(|_| no_manifest())?;
    if length > MANIFEST_LIMIT {
        return Err(FormatError::damaged("the manifest is too long"));
    }
    let mut json = String::new();
    while json.len() < length {
        let line = text_line(input, text)?;
        let part = line.strip_prefix(MANIFEST_PREFIX);
        json.push_str(part.ok_or_else(|| FormatError::damaged("the manifest is shorter than it says"))?);
    }
    if json.len() != length || hex(&Sha256::digest(json.as_bytes())) != hash {
        return Err(FormatError::damaged("the manifest is not what was written"));
    }
    serde_json::from_str(&json)
        .map_err(|error| FormatError::damaged(format!("the manifest cannot be made out: {error}")))
}
