//! Rows on their way from one session to another, or to and from this program, a piece at a time.
//!
//! Who leaves rows before their end gives up the connection that they come from: the server would send all of them
//! before it heard of anything else, a `ROLLBACK` included.

use std::io::Cursor;
use std::pin::Pin;

use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::CopyInSink;

use super::error::Error;
use super::ident::SchemaName;
use super::session::{Session, Transaction};

/// How large the pieces are in which rows are handed on.
const PIECE: usize = 128 * 1024;

/// What values are told with, so that they are the same text on every server, and nothing of them is lost.
pub const TOLD_VALUES: &str = "SET LOCAL xmloption = content; SET LOCAL datestyle = iso; \
                               SET LOCAL intervalstyle = postgres; SET LOCAL extra_float_digits = 3; \
                               SET LOCAL bytea_output = hex; SET LOCAL lc_monetary = 'C'";

/// The zone in which times are told.
pub const TOLD_ZONE: &str = "SET LOCAL timezone = 'UTC'";

/// The database's own zone, in which what depends on it is done: checks of rows, views that are filled.
pub const OWN_ZONE: &str = "SET LOCAL timezone TO DEFAULT";

/// How rows are read, so that they are the same text on every server.
pub fn readable() -> String {
    format!("{}; {TOLD_ZONE}", text_in("pg_catalog"))
}

/// The same with names as `schema` has them: what is in it is told without it, so that a value of `regclass` or its like
/// means the same in a copy of another name.
pub fn readable_in(schema: &SchemaName) -> String {
    format!("{}; {TOLD_ZONE}", writable_in(schema))
}

/// How rows are written, where what reads them, such as a type's functions, finds the objects of a schema.
pub fn writable_in(schema: &SchemaName) -> String {
    text_in(&format!("{}, pg_catalog", schema.quoted()))
}

fn text_in(path: &str) -> String {
    format!("SET LOCAL search_path = {path}; SET LOCAL row_security = off; {TOLD_VALUES}")
}

/// Why rows did not arrive, and on which side that was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("reading the rows")]
    Reading(#[source] Error),
    #[error("writing the rows")]
    Writing(#[source] Error),
}

/// Sends what `out`, a `COPY … TO STDOUT`, answers to `into`, a `COPY … FROM STDIN`. Says how many rows arrived.
pub async fn copy_rows(
    from: &Transaction<'_>,
    out: &str,
    to: &Transaction<'_>,
    into: &str,
) -> Result<u64, CopyError> {
    let writing = |error: tokio_postgres::Error| CopyError::Writing(error.into());
    let rows = from.client().copy_out(out).await;
    let mut rows = std::pin::pin!(rows.map_err(|error| CopyError::Reading(error.into()))?);
    from.stream_began();
    let mut sink = std::pin::pin!(to.client().copy_in(into).await.map_err(writing)?);
    while let Some(piece) = heard(from, rows.try_next().await).map_err(CopyError::Reading)? {
        if sink.feed(piece).await.is_err() {
            // The server's own words come with its answer.
            break;
        }
    }
    sink.finish().await.map_err(writing)
}

/// Hands what `out`, a `COPY … TO STDOUT`, answers to `take`, as long as that wants more.
pub async fn read_rows(
    from: &Transaction<'_>,
    out: &str,
    mut take: impl AsyncFnMut(Vec<u8>) -> bool,
) -> Result<(), Error> {
    let mut rows = std::pin::pin!(from.client().copy_out(out).await?);
    from.stream_began();
    let mut piece = Vec::new();
    while let Some(row) = heard(from, rows.try_next().await)? {
        if piece.is_empty() {
            piece.reserve(row.len().max(PIECE));
        }
        piece.extend_from_slice(&row);
        if piece.len() >= PIECE && !take(std::mem::take(&mut piece)).await {
            return Ok(());
        }
    }
    if !piece.is_empty() {
        take(piece).await;
    }
    Ok(())
}

/// What the server has sent next. After its last row nothing is on its way any more.
fn heard<T>(from: &Session, next: Result<Option<T>, tokio_postgres::Error>) -> Result<Option<T>, Error> {
    if !matches!(next, Ok(Some(_))) {
        from.stream_ended();
    }
    Ok(next?)
}

/// A `COPY … FROM STDIN` under way. Dropped before its end it fails, and its transaction with it.
pub struct RowsIn {
    sink: Pin<Box<CopyInSink<Cursor<Vec<u8>>>>>,
}

impl RowsIn {
    /// Begins to write rows.
    pub async fn begin(to: &Transaction<'_>, into: &str) -> Result<Self, Error> {
        let sink = to.client().copy_in(into).await?;
        Ok(Self { sink: Box::pin(sink) })
    }

    /// Sends a piece. Says whether the server wants more; if not, [`RowsIn::finish`] says why.
    pub async fn send(&mut self, piece: Vec<u8>) -> bool {
        self.sink.feed(Cursor::new(piece)).await.is_ok()
    }

    /// Ends, and says how many rows have arrived.
    pub async fn finish(mut self) -> Result<u64, Error> {
        Ok(self.sink.as_mut().finish().await?)
    }
}

impl std::fmt::Debug for RowsIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowsIn").finish_non_exhaustive()
    }
}
