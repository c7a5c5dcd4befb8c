//! Files that keep the rows which leave a table.
//!
//! The rows of one transaction are one zstd frame, on disk before the transaction commits. The length of the file goes
//! to the registry in that transaction, so a file may be longer than what the registry says and never shorter: what is
//! behind that length belongs to rows that are still in their table, and is cut off before anything else is done.
//!
//! Whoever writes to a file holds its row from before the first byte until the rows' transaction has ended, and whoever
//! cuts one off holds it too: what the registry says is what it will say. A run that was killed may still be committing.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::db::{self, Session, Transaction, Type};
use crate::tenant::Tenant;

/// How long to wait for a run that was killed and whose last transaction has not ended yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// A good part of what is possible, at a speed that keeps up with the server.
const LEVEL: i32 = 6;

/// The archives of one tenant that one run writes.
#[derive(Debug)]
pub(super) struct Archives<'a> {
    folder: &'a Path,
    run: &'a str,
    tenant: &'a Tenant,
    open: HashMap<String, Archive>,
}

#[derive(Debug)]
struct Archive {
    /// Below the folder, as the registry knows it.
    name: String,
    path: PathBuf,
    /// How long it is with what is committed.
    bytes: u64,
}

/// Rows of one table, each a line of JSON.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) text: String,
    pub(super) rows: u64,
}

/// What a transaction adds to a file.
#[derive(Debug)]
pub(super) struct Added {
    table: String,
    bytes: u64,
    rows: u64,
}

impl<'a> Archives<'a> {
    /// Cuts off what an interrupted run has written and not committed, once it is known what that is.
    pub(super) async fn open(
        session: &mut Session,
        folder: &'a Path,
        run: &'a str,
        tenant: &'a Tenant,
    ) -> anyhow::Result<Self> {
        const OPEN: &str = "SELECT FROM public.tenant_archives WHERE tenant_id = $1 AND is_open LIMIT 1";
        let archives = Self {
            folder,
            run,
            tenant,
            open: HashMap::new(),
        };
        let is_open = session.query_opt(OPEN, &[(&tenant.id, Type::UUID)]).await?;
        if is_open.is_some() {
            let opening = format!("BEGIN; SET LOCAL lock_timeout = {}", PATIENCE.as_millis());
            let (transaction, _) = session.begin(&opening).await?;
            let mended = archives.mend_in_tx(&transaction).await;
            transaction.end(mended).await?;
        }
        Ok(archives)
    }

    async fn mend_in_tx(&self, transaction: &Transaction<'_>) -> anyhow::Result<()> {
        const OPEN: &str = "SELECT file, bytes FROM public.tenant_archives \
                            WHERE tenant_id = $1 AND is_open ORDER BY file FOR UPDATE";
        let rows = transaction
            .query(OPEN, &[(&self.tenant.id, Type::UUID)])
            .await
            .context("waiting for whoever still writes the tenant's archives")?;
        for row in &rows {
            let name: String = row.get(0);
            let committed = row.get::<_, i64>(1).unsigned_abs();
            cut(&self.folder.join(&name), committed).with_context(|| format!("mending archive `{name}`"))?;
        }
        Ok(self.close(transaction).await?)
    }

    /// Writes the rows of a transaction to disk, before it commits.
    pub(super) async fn add_in_tx(
        &mut self,
        db: &db::Db,
        transaction: &Transaction<'_>,
        lines: Vec<(String, Lines)>,
    ) -> anyhow::Result<Vec<Added>> {
        let mut added = Vec::new();
        for (table, lines) in lines {
            let is_new = !self.open.contains_key(&table);
            if is_new {
                let archive = self.register(db, &table).await?;
                self.open.insert(table.clone(), archive);
            }
            let archive = &self.open[&table];
            archive.hold_in_tx(transaction).await?;
            if is_new {
                let path = &archive.path;
                create(self.folder, path)
                    .with_context(|| format!("creating archive `{}`", path.display()))?;
            }
            let (path, at, text, rows) = (archive.path.clone(), archive.bytes, lines.text, lines.rows);
            let written = tokio::task::spawn_blocking(move || append(&path, at, text.as_bytes())).await?;
            let bytes = written.with_context(|| format!("writing archive `{}`", archive.path.display()))?;
            added.push(Added { table, bytes, rows });
        }
        Ok(added)
    }

    /// Writes down in the rows' own transaction how long the files are now.
    pub(super) async fn record_in_tx(
        &self,
        transaction: &Transaction<'_>,
        added: &[Added],
    ) -> Result<(), db::Error> {
        const STATEMENT: &str = "UPDATE public.tenant_archives SET bytes = $2, row_count = row_count + $3 \
                                 WHERE file = $1";
        for one in added {
            let archive = &self.open[&one.table];
            let length = i64::try_from(archive.bytes + one.bytes).unwrap_or(i64::MAX);
            let rows = i64::try_from(one.rows).unwrap_or(i64::MAX);
            transaction
                .execute(
                    STATEMENT,
                    &[
                        (&archive.name, Type::TEXT),
                        (&length, Type::INT8),
                        (&rows, Type::INT8),
                    ],
                )
                .await?;
        }
        Ok(())
    }

    /// Says that the transaction has committed.
    pub(super) fn committed(&mut self, added: &[Added]) {
        for one in added {
            if let Some(archive) = self.open.get_mut(&one.table) {
                archive.bytes += one.bytes;
            }
        }
    }

    /// Ends the run's files: cuts off what was written by a transaction whose end failed, and closes them.
    pub(super) async fn finish(&self, session: &Session) -> anyhow::Result<()> {
        for archive in self.open.values() {
            cut(&archive.path, archive.bytes)
                .with_context(|| format!("ending archive `{}`", archive.path.display()))?;
        }
        Ok(self.close(session).await?)
    }

    /// Says that nothing more is written to the tenant's files.
    async fn close(&self, session: &Session) -> Result<(), db::Error> {
        const STATEMENT: &str = "WITH empty AS (DELETE FROM public.tenant_archives \
                                 WHERE tenant_id = $1 AND is_open AND bytes = 0) \
                                 UPDATE public.tenant_archives SET is_open = false \
                                 WHERE tenant_id = $1 AND is_open AND bytes > 0";
        session
            .execute(STATEMENT, &[(&self.tenant.id, Type::UUID)])
            .await?;
        Ok(())
    }

    /// The registry knows of a file before it is there, so that none is ever left that nobody knows. Where the run has
    /// tried the tenant before, the file of that attempt is closed and keeps its name.
    async fn register(&self, db: &db::Db, table: &str) -> anyhow::Result<Archive> {
        const STATEMENT: &str = "INSERT INTO public.tenant_archives (file, tenant_id, slug, table_name) \
                                 VALUES ($1, $2, $3, $4) ON CONFLICT (file) DO NOTHING";
        let session = db.direct().await?;
        let stem = format!("{}/{}-{}", self.tenant.slug, file_name(table), self.run);
        let mut name = format!("{stem}.jsonl.zst");
        let mut attempt = 1;
        loop {
            let added = session
                .execute(
                    STATEMENT,
                    &[
                        (&name, Type::TEXT),
                        (&self.tenant.id, Type::UUID),
                        (&self.tenant.slug.as_str(), Type::TEXT),
                        (&table, Type::TEXT),
                    ],
                )
                .await?;
            if added > 0 {
                let path = self.folder.join(&name);
                return Ok(Archive { name, path, bytes: 0 });
            }
            attempt += 1;
            name = format!("{stem}-{attempt}.jsonl.zst");
        }
    }
}

impl Archive {
    /// Keeps others from cutting off what is about to be written, until the transaction ends.
    async fn hold_in_tx(&self, transaction: &Transaction<'_>) -> anyhow::Result<()> {
        const HOLD: &str =
            "SELECT FROM public.tenant_archives WHERE file = $1 AND is_open AND bytes = $2 FOR UPDATE";
        let bytes = i64::try_from(self.bytes).unwrap_or(i64::MAX);
        let held = transaction
            .query_opt(HOLD, &[(&self.name, Type::TEXT), (&bytes, Type::INT8)])
            .await?;
        held.map(drop)
            .with_context(|| format!("another run has taken archive `{}` over", self.name))
    }
}

/// A table's name as a part of a file's.
fn file_name(table: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let mut name = String::new();
    for c in table.chars() {
        if is_plain(c) {
            name.push(c);
        } else {
            name.push_str(&format!("%{:x}", u32::from(c)));
        }
    }
    name
}

fn create(folder: &Path, path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?
        .sync_all()?;
    // The names are on disk once their folders are.
    File::open(parent)?.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Adds a frame where the committed ones end, and returns its length once it is on disk.
fn append(path: &Path, at: u64, text: &[u8]) -> io::Result<u64> {
    let frame = zstd::encode_all(text, LEVEL)?;
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.set_len(at)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&frame)?;
    file.sync_all()?;
    Ok(frame.len() as u64)
}

fn cut(path: &Path, committed: u64) -> io::Result<()> {
    let found = match fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if committed > 0 {
                tracing::warn!("archive `{}` is not here any more", path.display());
            }
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if committed == 0 {
        return fs::remove_file(path);
    }
    if found < committed {
        tracing::warn!(
            "archive `{}` is {found} bytes long, and {committed} were written",
            path.display()
        );
    } else if found > committed {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(committed)?;
        file.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_committed_is_written_over_and_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t/x.jsonl.zst");
        create(folder.path(), &path).expect("created");
        let first = append(&path, 0, b"one\n").expect("written");
        append(&path, first, b"lost\n").expect("written");
        let second = append(&path, first, b"two\n").expect("written");
        append(&path, first + second, b"lost too\n").expect("written");
        cut(&path, first + second).expect("cut");
        let bytes = fs::read(&path).expect("readable");
        assert_eq!(zstd::decode_all(bytes.as_slice()).expect("zstd"), b"one\ntwo\n");
        cut(&path, 0).expect("removed");
        assert!(!path.exists());
    }

    #[test]
    fn a_tables_name_stays_below_its_folder() {
        assert_eq!(file_name("audit_logs"), "audit_logs");
        assert_eq!(file_name("../a b"), "..%2fa%20b");
    }
}
