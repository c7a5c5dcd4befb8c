use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::backup_args::{DirArgs, halved, recipients};
use super::failed_view::Accounted;
use crate::cli::args::{JobArgs, TenantSelection};
use crate::context::Context;
use crate::error::{fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::OnError;
use crate::ops::backup::{self, BackupError, Folder, Keep, Options, Taken};
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// Back tenants up, one file each
///
/// Each file is taken from one snapshot while the tenant stays in use, and has its name only when it is whole. It holds
/// the schema, the rows and the row of the registry; `restore` brings them back. `zstd -dc FILE | psql` does so without
/// this program, all but the row of the registry.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    tenants: TenantSelection,
    #[command(flatten)]
    dir: DirArgs,
    /// Keep this many backups of each tenant that was backed up, and remove older ones
    #[arg(long, value_name = "NUMBER")]
    keep: Option<u32>,
    /// Keep the backups of so many days, and remove older ones; with `--keep` those stay that either keeps
    #[arg(long, value_name = "DAYS")]
    keep_days: Option<u32>,
    /// Leave out the rows of this table, and of all partitions of a partitioned one; may be repeated
    #[arg(long, value_name = "TABLE")]
    exclude_table_data: Vec<String>,
    /// Encrypt to this recipient of age, `age1…`; may be repeated [default: the configuration's `backup.recipients`]
    #[arg(long, value_name = "RECIPIENT")]
    encrypt: Vec<String>,
    #[command(flatten)]
    jobs: JobArgs,
}

#[derive(Debug, Serialize)]
struct BackupView {
    folder: String,
    backups: Vec<BackupRow>,
    removed: Vec<String>,
    #[serde(flatten)]
    rest: Accounted,
}

#[derive(Debug, Serialize)]
struct BackupRow {
    slug: String,
    file: String,
    taken_at: Timestamp,
    bytes: u64,
    tables: usize,
    rows: u64,
}

impl View for BackupView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("slug"),
            Column::text("file"),
            Column::number("rows"),
            Column::number("size"),
        ]);
        for row in &self.backups {
            table.push(vec![
                row.slug.as_str().into(),
                row.file.as_str().into(),
                Cell::Count(row.rows),
                Cell::Text(words::bytes(row.bytes)),
            ]);
        }
        vec![table]
    }

    fn csv(&self) -> Option<Table> {
        let mut table = Table::new([
            Column::text("slug"),
            Column::text("file"),
            Column::text("taken_at"),
            Column::number("tables"),
            Column::number("rows"),
            Column::number("bytes"),
        ]);
        for row in &self.backups {
            table.push(vec![
                row.slug.as_str().into(),
                row.file.as_str().into(),
                Cell::Text(row.taken_at.to_string()),
                Cell::Count(row.tables as u64),
                Cell::Count(row.rows),
                Cell::Count(row.bytes),
            ]);
        }
        Some(table)
    }

    fn plain(&self) -> Option<String> {
        self.backups.is_empty().then(String::new)
    }
}

pub(crate) async fn run(cx: &Context, args: &BackupArgs) -> anyhow::Result<ExitStatus> {
    let folder = args.dir.folder(cx)?;
    let options = Options {
        folder: folder.to_owned(),
        recipients: recipients(cx, &args.encrypt)?,
        left_out: args.exclude_table_data.clone(),
    };
    let selection = args.tenants.selection(cx).await?;
    let db = cx.db().await?;
    let plan = args.jobs.plan(&cx.settings.fleet, halved(db)?, OnError::Continue);
    let tenants = selection.resolve(&db.session().await?).await?;
    if tenants.is_empty() {
        cx.ui.note("no tenants to back up");
    }
    let ids: std::collections::HashMap<_, _> = tenants
        .iter()
        .map(|tenant| (tenant.slug.clone(), tenant.id))
        .collect();
    let files = Folder::new(folder);
    files.remove_leftovers();

    let mut progress = cx.ui.progress("Backing up", tenants.len());
    let request = backup::Request {
        tenants,
        options,
        lock_timeout: cx.settings.tenants.lock_timeout,
        plan,
    };
    let report = backup::run(db, request, &cx.stop, &mut progress).await;
    progress.finish();

    let taken: Vec<Taken> = report.done().map(|(_, taken)| taken.clone()).collect();
    let done: Vec<_> = report
        .done()
        .filter_map(|(slug, _)| ids.get(slug).copied())
        .collect();
    let keep = Keep {
        newest: args.keep,
        days: args.keep_days,
    };
    let mut removed = Vec::new();
    let tidied = tidy(&files, &taken, &done, keep, &mut removed);
    for (slug, taken) in report.done() {
        for note in &taken.notes {
            cx.ui.note(format!("`{slug}`: {note}"));
        }
    }
    if !removed.is_empty() {
        cx.ui
            .note(format!("removed {}", words::count(removed.len(), "older backup")));
    }
    cx.ui.answer(&BackupView {
        folder: folder.display().to_string(),
        backups: taken.iter().map(BackupRow::from).collect(),
        removed,
        rest: Accounted::of(&report),
    })?;
    cx.ui.failures(&report, "be backed up");
    let status = fleet_status(&report);
    Ok(match tidied {
        Ok(()) => status,
        Err(error) => {
            cx.ui.error(&error.into());
            worse(status, ExitStatus::Failed)
        }
    })
}

/// Brings the folder's index up to date, and removes what no rule keeps.
fn tidy(
    files: &Folder,
    taken: &[Taken],
    tenants: &[Uuid],
    keep: Keep,
    removed: &mut Vec<String>,
) -> Result<(), BackupError> {
    if taken.is_empty() {
        return Ok(());
    }
    files.add(taken)?;
    if keep.is_everything() {
        return Ok(());
    }
    files.prune(tenants, keep, Timestamp::now(), removed)
}

impl From<&Taken> for BackupRow {
    fn from(taken: &Taken) -> Self {
        let name = taken.file.file_name().unwrap_or_default();
        Self {
            slug: taken.slug.clone(),
            file: name.to_string_lossy().into_owned(),
            taken_at: taken.taken_at,
            bytes: taken.bytes,
            tables: taken.head.tables,
            rows: taken.sums.rows(),
        }
    }
}
