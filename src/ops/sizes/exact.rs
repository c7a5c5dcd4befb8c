//! The sizes of files, asked for without waiting for anybody who changes a table.
//!
//! Tables under change are known from `pg_locks` and left alone. Somebody may begin between that look and the measuring:
//! then the statement gives up within [`PATIENCE`], and the tables are asked for anew in two halves, down to the one that
//! is being changed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Listed, bytes};
use crate::db::{self, Db, SessionError, Type};

/// Tables that one statement measures: so many that round trips do not count, and few enough that little is lost when
/// it gives up.
const AT_ONCE: usize = 500;
/// The longest that a statement stands in a queue for a lock, in milliseconds.
const PATIENCE: u32 = 5;

/// What the files of one table say.
enum Found {
    Changing,
    Gone,
    Sizes { table: u64, index: u64, toast: u64 },
}

/// Puts the sizes of files in place of the catalogs' estimates, but for tables that are being changed.
pub(super) async fn measure(db: &Db, tables: Vec<&mut Listed>, jobs: usize) -> anyhow::Result<()> {
    let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let parts: Vec<Vec<u32>> = oids.chunks(AT_ONCE).map(<[u32]>::to_vec).collect();
    let workers = jobs.clamp(1, parts.len().max(1));
    let parts = Mutex::new(parts);
    let work = (0..workers).map(|_| work(db, &parts));
    let found = futures_util::future::try_join_all(work).await?;
    let mut found: HashMap<u32, Found> = found.into_iter().flatten().collect();
    for listed in tables {
        match found.remove(&listed.oid) {
            Some(Found::Sizes { table, index, toast }) => {
                listed.size.table = table;
                listed.size.index = index;
                listed.size.toast = toast;
            }
            Some(Found::Changing) => listed.is_changing = true,
            Some(Found::Gone) | None => listed.is_gone = true,
        }
    }
    Ok(())
}

/// Measures part after part until none is left.
async fn work(db: &Db, parts: &Mutex<Vec<Vec<u32>>>) -> Result<Vec<(u32, Found)>, SessionError> {
    let mut found = Vec::new();
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut session = db.session().await?;
    while let Some(part) = next() {
        match ask(&mut session, &part).await {
            Ok(answers) => found.extend(answers),
            Err(error) if error.is_transient() => match part[..] {
                [oid] => found.push((oid, Found::Changing)),
                _ => {
                    let (one, other) = part.split_at(part.len() / 2);
                    let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                    parts.extend([one.to_vec(), other.to_vec()]);
                }
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

async fn ask(session: &mut db::Session, oids: &[u32]) -> Result<Vec<(u32, Found)>, db::Error> {
    let opening = format!(
        "BEGIN READ ONLY; SET LOCAL jit = off; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {PATIENCE}"
    );
    let (transaction, _) = session.begin(&opening).await?;
    let rows = transaction
        .query(include_str!("sql/exact.sql"), &[(&oids, Type::OID_ARRAY)])
        .await;
    let rows = transaction.end(rows).await?;
    let found = |row: &db::Row| {
        let size: [Option<i64>; 3] = [row.get(2), row.get(3), row.get(4)];
        let found = match size {
            _ if row.get(1) => Found::Changing,
            [Some(_), Some(_), Some(_)] => Found::Sizes {
                table: bytes(size[0]),
                index: bytes(size[1]),
                toast: bytes(size[2]),
            },
            _ => Found::Gone,
        };
        (row.get(0), found)
    };
    Ok(rows.iter().map(found).collect())
}
