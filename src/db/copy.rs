//! Rows on their way from one session to another, a piece at a time.

use futures_util::{SinkExt, TryStreamExt};

use super::error::Error;
use super::session::Transaction;

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
    let reading = |error: tokio_postgres::Error| CopyError::Reading(error.into());
    let writing = |error: tokio_postgres::Error| CopyError::Writing(error.into());
    let mut rows = std::pin::pin!(from.client().copy_out(out).await.map_err(reading)?);
    let mut sink = std::pin::pin!(to.client().copy_in(into).await.map_err(writing)?);
    while let Some(piece) = rows.try_next().await.map_err(reading)? {
        if sink.feed(piece).await.is_err() {
            // The server's own words come with its answer.
            break;
        }
    }
    sink.finish().await.map_err(writing)
}
