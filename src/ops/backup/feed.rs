//! Rows on their way into a restore: from a file, which a thread of its own reads and checks, or from elsewhere.

use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::format::{FormatError, Manifest, RowSum, Summary, TableSum};
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
    async fn finish(&mut self) -> Result<(), BackupError>;

    /// Says, right before the tenant is there for everybody, whether it is still all that there is.
    async fn confirm(&mut self) -> Result<(), BackupError> {
        Ok(())
    }
}

/// The rows in a file, which is read by a thread of its own and checked meanwhile.
pub(super) struct FileRows<'a> {
    file: &'a Path,
    identities: &'a Identities,
    /// The mark of the backup whose manifest is known.
    mark: &'a str,
    /// What was in it so far.
    sums: &'a mut Summary,
    feed: Option<Feed>,
}

/// What the thread that reads has come to.
enum Heard {
    Piece(Vec<u8>),
    /// The table's rows have ended.
    End(TableSum),
}

/// The thread that reads, and what it has read.
struct Feed {
    heard: mpsc::Receiver<Heard>,
    reading: JoinHandle<Result<(), FormatError>>,
}

impl Feed {
    fn begin(file: &Path, identities: &Identities, mark: &str) -> Self {
        let (tell, heard) = mpsc::channel(WAITING);
        let tell = move |what| tell.blocking_send(what).map_err(|_| FormatError::Cut);
        let (file, identities, mark) = (file.to_owned(), identities.clone(), mark.to_owned());
        let reading = tokio::task::spawn_blocking(move || {
            let mut reader = pack::open(&file, &identities)?;
            if reader.manifest().mark != mark {
                return Err(FormatError::Damaged("it is another backup by now".to_owned()));
            }
            while reader.next_table()? {
                while let Some(piece) = reader.rows()? {
                    tell(Heard::Piece(piece.to_vec()))?;
                }
                tell(Heard::End(reader.last_sum()))?;
            }
            reader.finish().map(drop)
        });
        Self { heard, reading }
    }
}

impl<'a> FileRows<'a> {
    /// What was in the file is in `sums` in the end.
    pub(super) fn new(
        file: &'a Path,
        identities: &'a Identities,
        manifest: &'a Manifest,
        sums: &'a mut Summary,
    ) -> Self {
        sums.tables.clear();
        Self {
            file,
            identities,
            mark: &manifest.mark,
            sums,
            feed: None,
        }
    }

    fn damaged(&self, source: FormatError) -> BackupError {
        BackupError::File {
            file: self.file.to_owned(),
            source,
        }
    }

    /// Why the thread has ended before it was asked to.
    async fn ended(&mut self) -> BackupError {
        match self.feed.take() {
            Some(feed) => match feed.reading.await {
                Ok(Err(error)) => self.damaged(error),
                _ => BackupError::Abandoned,
            },
            None => BackupError::Abandoned,
        }
    }
}

impl Rows for FileRows<'_> {
    async fn send(&mut self, table: &Table, into: &mut RowsIn) -> Result<TableSum, BackupError> {
        let begin = || Feed::begin(self.file, self.identities, self.mark);
        let feed = self.feed.get_or_insert_with(begin);
        loop {
            match feed.heard.recv().await {
                Some(Heard::Piece(piece)) => {
                    if !into.send(piece).await {
                        // The server says why when the rows are ended; nobody looks at what they come to.
                        return Ok(RowSum::default().of(&table.name));
                    }
                }
                Some(Heard::End(sum)) => {
                    self.sums.tables.push(sum.clone());
                    return Ok(sum);
                }
                None => return Err(self.ended().await),
            }
        }
    }

    async fn finish(&mut self) -> Result<(), BackupError> {
        let Some(mut feed) = self.feed.take() else {
            return Ok(());
        };
        feed.heard.close();
        match feed.reading.await {
            Ok(read) => read.map_err(|error| self.damaged(error)),
            Err(_) => Err(BackupError::Abandoned),
        }
    }
}
