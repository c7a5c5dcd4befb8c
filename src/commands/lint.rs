use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use super::lint_view::{FindingView, LintView};
use super::new::migrations_folder;
use crate::config::OutputFormat;
use crate::context::Context;
use crate::error::UsageError;
use crate::exit::ExitStatus;
use crate::ops::lint::{self, File, Request, Rules, Scope};
use crate::ops::migration_files;
use crate::ops::template::{self, Status};

/// Review migrations for what would hold up tenants
///
/// Says which statements of the pending migrations lock tables for long, break applications that run, name a schema,
/// or do not fit the way in which tenantctl runs a file. Pending is what the template in the database has not seen;
/// with `--all`, or with files that are named, no database is asked. Exits with 4 when there are findings.
///
/// A table that is made earlier in the same run may be changed at will. The rules are squawk's and some of tenantctl's
/// own; `[lint]` in the configuration switches them off and on.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
In a file, a comment excuses the statement after it. One that a blank line parts from the first statement excuses the
whole file. What follows a colon is the reason.

  -- tenantctl: allow ban-drop-column: nothing reads it since V12
  ALTER TABLE users DROP COLUMN legacy;

Examples:
  tenantctl lint                                     what `tenantctl migrate` would apply
  tenantctl lint migrations/V7__add_region.sql       one file, without a database
  tenantctl lint --all --format github               in CI, as annotations")]
pub(crate) struct LintArgs {
    /// Review these files; `-` reads standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Review all files of the folder, each for itself
    #[arg(long, conflicts_with = "files")]
    all: bool,
    /// Review the files of this folder, in place of the configuration's `template.migrations`
    #[arg(long, value_name = "FOLDER", conflicts_with = "files")]
    migrations: Option<PathBuf>,
    /// Form of the findings on stdout, in place of `--output`
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Findings with their lines, for people
    Human,
    /// One JSON document
    Json,
    /// Annotations for GitHub Actions
    Github,
}

pub(crate) async fn run(cx: &Context, args: &LintArgs) -> anyhow::Result<ExitStatus> {
    let settings = &cx.settings.lint;
    let rules = Rules::choose(&settings.exclude, &settings.include)?;
    let (paths, scope) = chosen(cx, args).await?;
    let mut files = Vec::new();
    for path in paths {
        files.push(File {
            text: cx.read_text(&path).await?,
            name: path.display().to_string(),
        });
    }
    let request = Request {
        files,
        scope,
        rules,
        naming: cx.settings.tenants.naming.clone(),
    };
    let findings = lint::review(&request);

    let view = LintView {
        files: request.files.into_iter().map(|file| file.name).collect(),
        findings: findings.into_iter().map(FindingView::from).collect(),
    };
    match args.format {
        Some(Format::Github) => cx.ui.raw(view.annotations().as_bytes())?,
        Some(Format::Json) => view.answer(&cx.ui.in_format(OutputFormat::Json))?,
        Some(Format::Human) => view.answer(&cx.ui.in_format(OutputFormat::Human))?,
        None => view.answer(&cx.ui)?,
    }
    cx.ui.note(view.summary());
    Ok(if view.findings.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::No
    })
}

/// The files to review, and whether they follow upon each other.
async fn chosen(cx: &Context, args: &LintArgs) -> anyhow::Result<(Vec<PathBuf>, Scope)> {
    if !args.files.is_empty() {
        return Ok((args.files.clone(), Scope::Run));
    }
    let folder = migrations_folder(cx, args.migrations.as_deref()).ok_or_else(|| {
        UsageError::new("there is no folder of migrations to review").with_hint(
            "name files, or a folder in `template.migrations` of the configuration or with `--migrations`; those that \
             the program carries are reviewed already",
        )
    })?;
    let files = migration_files::list(folder)
        .map_err(|error| UsageError::new(format!("folder `{}` cannot be read: {error}", folder.display())))?;
    let pending = match args.all {
        true => None,
        false => pending(cx, folder).await?,
    };
    let scope = match pending {
        None => Scope::EachAlone,
        Some(_) => Scope::Run,
    };
    let is_chosen = |migration: &String| pending.as_ref().is_none_or(|names| names.contains(migration));
    let paths = files.into_iter().filter(|file| is_chosen(&file.migration));
    Ok((paths.map(|file| file.path).collect(), scope))
}

/// The migrations that the live template has not seen. `None` where nobody knows, since it has no history.
async fn pending(cx: &Context, folder: &Path) -> anyhow::Result<Option<Vec<String>>> {
    let request = cx.template(Some(folder)).await?;
    let status = match cx.db().await {
        Ok(db) => template::status(db, &request).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match status.context(
        "asking the template which migrations are pending; `--all` or named files need no database",
    )? {
        Status::Missing | Status::Empty => Ok(Some(request.migrations.names())),
        Status::Managed { standing, .. } => Ok(Some([standing.out_of_order, standing.pending].concat())),
        Status::Unmanaged { .. } => {
            cx.ui.note(format!(
                "schema `{}` has no migration history, so all files are reviewed",
                request.schema
            ));
            Ok(None)
        }
    }
}
