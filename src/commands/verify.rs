use std::path::PathBuf;
use std::pin::pin;

use serde::Serialize;

use super::backup_args::IdentityArgs;
use crate::context::Context;
use crate::error::{UsageError, diagnose};
use crate::exit::ExitStatus;
use crate::fleet::Urgency;
use crate::ops::backup::{self, Target, Verified};
use crate::ui::{Cell, Column, Table, View};

/// Find out whether backups are whole
///
/// Every byte is read and every checksum compared; no database is needed for that. Exits with 4 when one of them is not
/// whole.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// The backups
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Restore each aside as well, compare it, and undo that; needs a database, and changes nothing in it
    #[arg(long)]
    restore: bool,
    #[command(flatten)]
    identities: IdentityArgs,
}

#[derive(Debug, Serialize)]
struct VerifyView {
    restored: bool,
    files: Vec<FileRow>,
}

#[derive(Debug, Serialize)]
struct FileRow {
    file: String,
    whole: bool,
    problem: Option<String>,
    slug: Option<String>,
    taken_at: Option<jiff::Timestamp>,
    tables: Option<usize>,
    rows: Option<u64>,
    /// The tables whose rows are not in it.
    left_out: Vec<String>,
}

impl View for VerifyView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("file"),
            Column::text("tenant"),
            Column::text("taken"),
            Column::number("rows"),
            Column::text("result"),
        ]);
        for row in &self.files {
            table.push(vec![
                row.file.as_str().into(),
                Cell::optional(row.slug.as_deref()),
                row.taken_at.map_or(Cell::None, Cell::Time),
                row.rows.map_or(Cell::None, Cell::Count),
                Cell::Text(row.result()),
            ]);
        }
        vec![table]
    }
}

impl FileRow {
    fn result(&self) -> String {
        match (&self.problem, self.left_out.join(", ")) {
            (Some(problem), _) => problem.clone(),
            (None, left_out) if left_out.is_empty() => "whole".to_owned(),
            (None, left_out) => format!("whole, without the rows of {left_out}"),
        }
    }

    fn new(file: &str, checked: Result<Verified, String>) -> Self {
        let (verified, problem) = match checked {
            Ok(verified) => (Some(verified), None),
            Err(problem) => (None, Some(problem)),
        };
        Self {
            file: file.to_owned(),
            whole: problem.is_none(),
            problem,
            slug: verified.as_ref().map(|it| it.manifest.tenant.slug.clone()),
            taken_at: verified.as_ref().map(|it| it.manifest.taken_at),
            tables: verified.as_ref().map(|it| it.sums.tables.len()),
            rows: verified.as_ref().map(|it| it.sums.rows()),
            left_out: verified
                .map(|it| it.manifest.definition.left_out)
                .unwrap_or_default(),
        }
    }
}

pub(crate) async fn run(cx: &Context, args: &VerifyArgs) -> anyhow::Result<ExitStatus> {
    let identities = args.identities.load()?;
    if let Some(missing) = args.files.iter().find(|file| !file.is_file()) {
        return Err(UsageError::new(format!("there is no file `{}`", missing.display())).into());
    }
    let target = Target {
        slug: None,
        naming: cx.settings.tenants.naming.clone(),
        replace: false,
        keep_text: true,
    };
    let aside = match args.restore {
        true => Some((cx.db().await?, &target)),
        false => None,
    };
    let mut files = Vec::new();
    // What was found out of the files before is told all the same.
    let mut ended = Ok(ExitStatus::Done);
    for file in &args.files {
        let lock_timeout = cx.settings.tenants.lock_timeout;
        let mut checking = pin!(backup::verify(file, &identities, aside, lock_timeout));
        let checked = tokio::select! {
            checked = &mut checking => checked,
            () = cx.stop.reached(Urgency::Drain) => {
                if aside.is_some() {
                    // What runs on the server is cancelled there, and ends here with that.
                    checking.await.ok();
                }
                ended = Ok(ExitStatus::Interrupted);
                break;
            }
        };
        let checked = match checked {
            Ok(verified) => Ok(verified),
            Err(error) if error.is_about_the_backup() => {
                let diagnosis = diagnose(&error.into());
                // The file is in the table already.
                let said: Vec<String> = match diagnosis.causes.is_empty() {
                    true => vec![diagnosis.message],
                    false => diagnosis.causes,
                };
                Err(said.join(": "))
            }
            Err(error) => {
                let tried = format!("file `{}` could not be tried", file.display());
                ended = Err(anyhow::Error::new(error).context(tried));
                break;
            }
        };
        files.push(FileRow::new(&file.display().to_string(), checked));
    }
    let is_whole = files.iter().all(|row| row.whole);
    cx.ui.answer(&VerifyView {
        restored: args.restore,
        files,
    })?;
    match ended? {
        ExitStatus::Done if !is_whole => Ok(ExitStatus::No),
        status => Ok(status),
    }
}
