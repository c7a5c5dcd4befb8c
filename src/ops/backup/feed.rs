//! Rows on their way into a restore: from a file, which a thread of its own reads and checks once more, or from elsewhere.

use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::format::{FormatError, Summary, TableSum};
use super::{BackupError, Identities, pack};
use crate::blueprint::Table;
use crate::db::RowsIn;

/// How many pieces of rows wait for the server at most.
const WAITING: usize = 16;

/// Where rows come from.
pub(super) trait Rows {
    /// Sends the rows of the next table, and says what they come to.
    async fn send(&mut self, table: &Table, into: &mut RowsIn) -> Result<TableSum, BackupError>;

    /// Says whether all that was sent is to be trusted.
    async fn finish(self) -> Result<(), BackupError>;
}

/// The rows in a file, which is read by a thread of its own and checked once more meanwhile.
pub(super) struct FileRows<'a> {
    file: &'a Path,
    identities: &'a Identities,
    /// What the file held when it was checked.
    expected: &'a Summary,
    feed: Option<Feed>,
    /// Which table comes next.
    next: usize,
}

/// The thread that reads, and what it has read.
struct Feed {
    /// `None` ends the rows of a table.
    pieces: mpsc::Receiver<Option<Vec<u8>>>,
    reading: JoinHandle<Result<Summary, FormatError>>,
}

impl Feed {
    fn begin(file: &Path, identities: &Identities) -> Self {
        let (heard, pieces) = mpsc::channel(WAITING);
        let (file, identities) = (file.to_owned(), identities.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let mut reader = pack::open(&file, &identities)?;
            while reader.next_table()? {
                while let Some(piece) = reader.rows()? {
                    if heard.blocking_send(Some(piece.to_vec())).is_err() {
                        return Err(FormatError::Cut);
                    }
                }
                if heard.blocking_send(None).is_err() {
                    return Err(FormatError::Cut);
                }
            }
            reader.finish()
        });
        Self { pieces, reading }
    }
}

impl<'a> FileRows<'a> {
    pub(super) fn new(file: &'a Path, identities: &'a Identities, expected: &'a Summary) -> Self {
        Self {
            file,
            identities,
            expected,
            feed: None,
            next: 0,
        }
    }

    fn damaged(&self) -> BackupError {
        BackupError::File {
            file: self.file.to_owned(),
            source: FormatError::Damaged("it was changed while it was being read".to_owned()),
        }
    }
}

impl Rows for FileRows<'_> {
    async fn send(&mut self, _table: &Table, into: &mut RowsIn) -> Result<TableSum, BackupError> {
        let feed = self
            .feed
            .get_or_insert_with(|| Feed::begin(self.file, self.identities));
        loop {
            match feed.pieces.recv().await {
                Some(Some(piece)) => {
                    if !into.send(piece).await {
                        break;
                    }
                }
                Some(None) => break,
                None => return Err(self.damaged()),
            }
        }
        let sum = self.expected.tables.get(self.next).cloned();
        self.next += 1;
        sum.ok_or_else(|| self.damaged())
    }

    async fn finish(mut self) -> Result<(), BackupError> {
        let Some(mut feed) = self.feed.take() else {
            return Ok(());
        };
        feed.pieces.close();
        match feed.reading.await {
            Ok(Ok(sums)) if sums == *self.expected => Ok(()),
            _ => Err(self.damaged()),
        }
    }
}
