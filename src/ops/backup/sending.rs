//! A backup on its way into its file: one thread compresses and writes while the next rows are read.

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::BackupError;
use super::format::Manifest;
use super::pack::{FileWriter, Written};
use super::prepare::Copy;
use super::take::Options;
use crate::db::{SchemaName, Transaction, read_rows, readable_in};
use crate::ops::clone::step;

/// How many pieces of rows wait for the file at most: more than a frame, so that the server goes on while one is
/// compressed.
const WAITING: usize = 48;
/// The same where rows are on their way before the manifest is there.
const WAITING_AT_FIRST: usize = 128;

/// Whether rows come before the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    WithManifest,
    WithRows,
}

/// A piece of a backup on its way to the thread that writes the file.
enum Piece {
    Table,
    Rows(Vec<u8>),
    EndOfTable,
    End,
}

/// The near end of the thread that writes.
pub(super) struct Sending {
    pieces: mpsc::Sender<Piece>,
    written: JoinHandle<Result<Written, BackupError>>,
}

impl Sending {
    /// Starts the thread. It waits for the manifest; should that be dropped, nothing is written, and no more rows are
    /// wanted.
    pub(super) fn begin(
        options: &Options,
        schema: &SchemaName,
        begin: Begin,
    ) -> (oneshot::Sender<Manifest>, Self) {
        let (manifest, wanted) = oneshot::channel();
        let (pieces, heard) = mpsc::channel(match begin {
            Begin::WithManifest => WAITING,
            Begin::WithRows => WAITING_AT_FIRST,
        });
        let (options, schema) = (options.clone(), schema.clone());
        let written = tokio::task::spawn_blocking(move || {
            let manifest = wanted.blocking_recv().map_err(|_| BackupError::Abandoned)?;
            write(heard, &options, manifest, schema)
        });
        (manifest, Self { pieces, written })
    }

    /// Sends the rows of all tables, as long as they are wanted.
    pub(super) async fn tables(
        &self,
        transaction: &Transaction<'_>,
        schema: &SchemaName,
        copies: &[Copy],
    ) -> Result<(), BackupError> {
        transaction.script(&readable_in(schema)).await?;
        for (name, copy) in copies {
            if !self.send(Piece::Table).await {
                break;
            }
            let sent = read_rows(transaction, copy, async |piece| {
                self.send(Piece::Rows(piece)).await
            })
            .await;
            sent.map_err(|source| step(&format!("reading the rows of table {name}"), source))?;
            self.send(Piece::EndOfTable).await;
        }
        transaction.script("SET LOCAL search_path = pg_catalog").await?;
        Ok(())
    }

    /// Says whether more is wanted.
    async fn send(&self, piece: Piece) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// Waits until the file is whole.
    pub(super) async fn finish(self) -> Result<Written, BackupError> {
        self.send(Piece::End).await;
        drop(self.pieces);
        self.written.await.unwrap_or(Err(BackupError::Abandoned))
    }
}

fn write(
    mut pieces: mpsc::Receiver<Piece>,
    options: &Options,
    manifest: Manifest,
    schema: SchemaName,
) -> Result<Written, BackupError> {
    let failed = |source| BackupError::Write {
        file: options.folder.clone(),
        source,
    };
    let mut file =
        FileWriter::begin(&options.folder, manifest, schema, &options.recipients).map_err(failed)?;
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Table => file.begin_table().map_err(failed)?,
            Piece::Rows(rows) => file.rows(&rows).map_err(failed)?,
            Piece::EndOfTable => file.end_table().map_err(failed)?,
            Piece::End => return file.finish().map_err(failed),
        }
    }
    // Whoever sends has gone away, and the file with it.
    Err(BackupError::Abandoned)
}
