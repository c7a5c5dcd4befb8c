use serde::Serialize;

use super::backup_args::{DirArgs, IdentityArgs};
use crate::cli::args::parse_slug;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::ops::backup::{Folder, Kept};
use crate::tenant::Slug;
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// List the backups in a folder
///
/// What the folder's index does not know is read from the files. Whether they are whole is for `verify` to say.
#[derive(Debug, clap::Args)]
pub(crate) struct ListBackupsArgs {
    /// Only backups of these tenants
    #[arg(value_name = "SLUG", value_parser = parse_slug)]
    slugs: Vec<Slug>,
    #[command(flatten)]
    dir: DirArgs,
    #[command(flatten)]
    identities: IdentityArgs,
}

#[derive(Debug, Serialize)]
struct ListView {
    folder: String,
    backups: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    slug: String,
    file: String,
    taken_at: Option<jiff::Timestamp>,
    bytes: u64,
    encrypted: bool,
    schema: Option<String>,
    schema_version: Option<i64>,
    database: Option<String>,
    tables: Option<usize>,
    rows: Option<u64>,
    /// The tables whose rows are not in it.
    left_out: Vec<String>,
    problem: Option<String>,
}

impl From<&Kept> for Row {
    fn from(kept: &Kept) -> Self {
        let head = kept.head.as_ref();
        Self {
            slug: kept.slug.clone(),
            file: kept.file.clone(),
            taken_at: kept.taken_at,
            bytes: kept.bytes,
            encrypted: kept.encrypted,
            schema: head.map(|head| head.schema.clone()),
            schema_version: head.and_then(|head| head.schema_version),
            database: head.map(|head| head.database.clone()),
            tables: head.map(|head| head.tables),
            rows: head.and_then(|head| head.rows),
            left_out: head.map(|head| head.left_out.clone()).unwrap_or_default(),
            problem: kept.problem.clone(),
        }
    }
}

impl View for ListView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("slug"),
            Column::text("taken"),
            Column::number("version"),
            Column::number("size"),
            Column::text("file"),
        ]);
        for row in &self.backups {
            table.push(vec![
                row.slug.as_str().into(),
                row.taken_at.map_or(Cell::None, Cell::Time),
                Cell::optional(row.schema_version.map(|version| version.to_string()).as_deref()),
                Cell::Text(words::bytes(row.bytes)),
                row.file.as_str().into(),
            ]);
        }
        vec![table]
    }

    fn csv(&self) -> Option<Table> {
        let mut table = Table::new([
            Column::text("slug"),
            Column::text("file"),
            Column::text("taken_at"),
            Column::number("bytes"),
            Column::text("database"),
            Column::text("problem"),
        ]);
        for row in &self.backups {
            table.push(vec![
                row.slug.as_str().into(),
                row.file.as_str().into(),
                Cell::optional(row.taken_at.map(|time| time.to_string()).as_deref()),
                Cell::Count(row.bytes),
                Cell::optional(row.database.as_deref()),
                Cell::optional(row.problem.as_deref()),
            ]);
        }
        Some(table)
    }
}

pub(crate) async fn run(cx: &Context, args: &ListBackupsArgs) -> anyhow::Result<ExitStatus> {
    let path = args.dir.folder(cx)?.to_owned();
    let identities = args.identities.load()?;
    let folder = Folder::new(&path);
    let mut backups = cx.attended(move || folder.list(&identities)).await??;
    if !args.slugs.is_empty() {
        backups.retain(|backup| args.slugs.iter().any(|slug| slug.as_str() == backup.slug));
    }
    for backup in &backups {
        if let Some(problem) = &backup.problem
            && !backup.encrypted
        {
            cx.ui.warn(format!("`{}`: {problem}", backup.file));
        }
    }
    for backup in &backups {
        if let Some(head) = &backup.head
            && !head.left_out.is_empty()
        {
            let tables = head.left_out.join("`, `");
            cx.ui
                .note(format!("`{}` is without the rows of `{tables}`", backup.file));
        }
    }
    cx.ui.answer(&ListView {
        folder: path.display().to_string(),
        backups: backups.iter().map(Row::from).collect(),
    })?;
    Ok(ExitStatus::Done)
}
