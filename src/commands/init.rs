use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::cli::args::parse_duration_flag;
use crate::context::Context;
use crate::db::migrator::Migrations;
use crate::exit::ExitStatus;
use crate::ops::init;
use crate::ui::{Column, Table, View, format};

/// Bring the registry of tenants up to date
///
/// Creates `public.tenants` and what belongs to it, or applies the migrations that are missing. Safe to run again,
/// and by several at once.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// Migrations of the registry, in place of those that the program carries
    #[arg(long, value_name = "FOLDER")]
    migrations: Option<PathBuf>,
    /// How long to wait for another run that holds the registry
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration_flag)]
    lock_wait: Duration,
    /// Report what would be applied without changing anything
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct InitView {
    dry_run: bool,
    registry: RegistryView,
}

#[derive(Debug, Serialize)]
struct RegistryView {
    version: Option<i64>,
    applied: Vec<String>,
}

impl View for InitView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([Column::text("applied")]);
        for name in &self.registry.applied {
            table.push(vec![name.as_str().into()]);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        let version = self
            .registry
            .version
            .map_or_else(|| "-".to_owned(), |version| format!("V{version}"));
        let count = format::count(self.registry.applied.len(), "migration");
        let names = self.registry.applied.join(", ");
        Some(match (self.registry.applied.is_empty(), self.dry_run) {
            (true, _) => format!("registry is up to date at {version}"),
            (false, true) => format!("registry would be brought to {version}: {count} ({names})"),
            (false, false) => format!("registry is now at {version}: {count} applied ({names})"),
        })
    }
}

pub(crate) async fn run(cx: &Context, args: &InitArgs) -> anyhow::Result<ExitStatus> {
    let folder = args
        .migrations
        .as_ref()
        .or(cx.settings.registry_migrations.as_ref());
    let request = init::Request {
        migrations: folder.map_or_else(|| Ok(Migrations::registry()), |folder| Migrations::load(folder))?,
        lock_wait: args.lock_wait,
        dry_run: args.dry_run,
    };
    let report = init::run(cx.db().await?, &request).await?;
    cx.ui.answer(&InitView {
        dry_run: args.dry_run,
        registry: RegistryView {
            version: report.version,
            applied: report.applied,
        },
    })?;
    Ok(ExitStatus::Done)
}
