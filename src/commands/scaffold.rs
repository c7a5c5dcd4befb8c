use std::path::Path;

use serde::Serialize;

use crate::context::Context;
use crate::exit::ExitStatus;
use crate::ops::scaffold;
use crate::tenant::App;
use crate::ui::{Column, Table, View};
use crate::words;

#[derive(Debug, Serialize)]
struct ScaffoldView {
    dry_run: bool,
    app: &'static str,
    folder: String,
    files: Vec<String>,
}

impl View for ScaffoldView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([Column::text("file")]);
        for file in &self.files {
            table.push(vec![file.as_str().into()]);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        Some(self.files.join("\n"))
    }
}

/// Writes an application's project, `init --scaffold`.
pub(super) fn run(cx: &Context, app: App, folder: &Path, dry_run: bool) -> anyhow::Result<ExitStatus> {
    let files = scaffold::files(app);
    if dry_run {
        scaffold::check(folder, &files)?;
    } else {
        scaffold::write(folder, &files)?;
    }
    let paths = files.iter().map(|(path, _)| folder.join(path));
    let paths = paths.map(|path| {
        let path = path.strip_prefix(".").unwrap_or(&path);
        path.display().to_string()
    });
    let view = ScaffoldView {
        dry_run,
        app: app.name(),
        folder: folder.display().to_string(),
        files: paths.collect(),
    };
    cx.ui.answer(&view)?;
    let count = words::count(view.files.len(), "file");
    cx.ui.note(match dry_run {
        true => format!("{count} would be written; dry run: nothing was changed"),
        false => format!("{count} written; README.md says how to go on"),
    });
    Ok(ExitStatus::Done)
}
