use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::context::Context;
use crate::error::UsageError;
use crate::exit::ExitStatus;
use crate::ops::migration_files::{self, Numbering};
use crate::ui::{Cell, Column, Table, View};

/// Write the next migration of the template, and so of every tenant
///
/// Makes `V<next>__name.sql` in the folder that `template.migrations` names, with the rules in a few comments, and
/// prints its path. The version is one more than the newest, zeros in front included, or the time in UTC where the
/// newest is a time too. No file is ever overwritten, and no database is needed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tenantctl new 'add orders'                     migrations/V5__add_orders.sql
  tenantctl new index_orders --no-transaction    for CREATE INDEX CONCURRENTLY
  tenantctl lint                                 review it once it is written")]
pub(crate) struct NewArgs {
    /// What the migration does, in a few words; becomes lower case with `_`
    name: String,
    /// Take the time as version, `YYYYMMDDHHMMSS` in UTC, so that branches do not take the same number
    #[arg(long)]
    timestamp: bool,
    /// Begin with `-- tenantctl: no-transaction`: each statement for itself, as `CREATE INDEX CONCURRENTLY` wants it
    #[arg(long)]
    no_transaction: bool,
    /// Write into this folder, in place of the configuration's `template.migrations`
    #[arg(long, value_name = "FOLDER")]
    migrations: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct NewView {
    migration: MigrationView,
}

#[derive(Debug, Serialize)]
struct MigrationView {
    version: i64,
    name: String,
    path: String,
    transaction: bool,
}

impl View for NewView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::number("version"),
            Column::text("name"),
            Column::text("path"),
        ]);
        let migration = &self.migration;
        table.push(vec![
            Cell::Text(migration.version.to_string()),
            migration.name.as_str().into(),
            migration.path.as_str().into(),
        ]);
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        Some(self.migration.path.clone())
    }
}

pub(crate) fn run(cx: &Context, args: &NewArgs) -> anyhow::Result<ExitStatus> {
    let folder = migrations_folder(cx, args.migrations.as_deref()).ok_or_else(|| {
        UsageError::new("there is no folder for migrations of the template").with_hint(
            "name one in `template.migrations` of the configuration, or with `--migrations`; those that the program \
             carries cannot be added to (see `tenantctl help init`)",
        )
    })?;
    let numbering = match args.timestamp {
        true => Numbering::Timestamp,
        false => Numbering::AsBefore,
    };
    let file = migration_files::create(folder, &args.name, numbering, |migration| {
        text(migration, args.no_transaction)
    })?;
    cx.ui.answer(&NewView {
        migration: MigrationView {
            version: file.version,
            name: file.migration,
            path: file.path.display().to_string(),
            transaction: !args.no_transaction,
        },
    })?;
    Ok(ExitStatus::Done)
}

/// The folder that holds the template's migrations, where somebody has named one.
pub(super) fn migrations_folder<'a>(cx: &'a Context, flag: Option<&'a Path>) -> Option<&'a Path> {
    flag.or(cx.settings.template_migrations.as_deref())
}

/// A file with nothing in it but what its writer should know.
fn text(migration: &str, no_transaction: bool) -> String {
    let mode = if no_transaction {
        "-- tenantctl: no-transaction
--
-- Each statement is committed by itself. When one fails or is interrupted, the next run begins with it again: write
-- statements that can be repeated. Give a name to CREATE INDEX CONCURRENTLY; one that was left invalid is found by it.
"
    } else {
        "-- One transaction for each tenant: all of it takes effect, or nothing. Leave out BEGIN and COMMIT. What wants no
-- transaction, such as CREATE INDEX CONCURRENTLY, goes into a file of its own: `tenantctl new NAME --no-transaction`.
"
    };
    format!(
        "{mode}-- Name no schema: the search path leads to the template first, and then to every tenant.
-- A statement waits for a lock as long as `tenants.lock_timeout`; then the tenant is tried again.
-- `tenantctl lint` says what would hold up a tenant, `tenantctl migrate --rehearse` tries it on throw-away copies.
-- A rule of `lint` is switched off on the line before a statement:  -- tenantctl: allow RULE: the reason

-- {migration}
"
    )
}
