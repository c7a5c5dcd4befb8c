use std::path::PathBuf;

use serde::Serialize;

use crate::context::Context;
use crate::db::SchemaName;
use crate::exit::ExitStatus;
use crate::ops::template::{self, Request, Status};
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// Look at the template that tenants are cloned from
///
/// The template is a live schema, `tenant_template` unless the configuration names another: `tenantctl init` builds it
/// from migrations, and a new tenant is a copy of it. What is in the database counts. A template that an ORM or psql
/// has built is cloned as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct TemplateArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Status(StatusArgs),
}

/// Show how far the template is, beside the files of its migrations
///
/// pending: files that `tenantctl init` would apply. diverged: files that were changed after they had been applied.
/// missing: applied, and the file is gone. out of order: files never applied, and older than what was applied last.
#[derive(Debug, clap::Args)]
struct StatusArgs {
    /// Exit with 4 unless the template is there and nothing is pending, diverged, missing or out of order
    #[arg(long)]
    check: bool,
    /// Compare with this folder of migrations, in place of the configuration's `template.migrations`
    #[arg(long, value_name = "FOLDER")]
    migrations: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct StatusView {
    template: TemplateView,
}

#[derive(Debug, Default, Serialize)]
struct TemplateView {
    schema: String,
    exists: bool,
    managed: bool,
    version: Option<i64>,
    latest: Option<i64>,
    tables: u64,
    pending: Vec<String>,
    diverged: Vec<String>,
    missing: Vec<String>,
    out_of_order: Vec<String>,
}

impl View for StatusView {
    fn tables(&self) -> Vec<Table> {
        let template = &self.template;
        let mut table = Table::new(["field", "value"].map(Column::text));
        let mut push = |field: &str, value: Cell| table.push(vec![field.into(), value]);
        let version = |version: Option<i64>| Cell::optional(version.map(|v| v.to_string()).as_deref());
        let yes = |is_so: bool| if is_so { "yes" } else { "no" }.into();
        let names = |names: &[String]| match names {
            [] => Cell::None,
            names => Cell::Text(names.join(" ")),
        };
        push("schema", template.schema.as_str().into());
        push("exists", yes(template.exists));
        push("managed", yes(template.managed));
        push("version", version(template.version));
        push("latest", version(template.latest));
        push("tables", Cell::Count(template.tables));
        push("pending", names(&template.pending));
        push("diverged", names(&template.diverged));
        push("missing", names(&template.missing));
        push("out_of_order", names(&template.out_of_order));
        vec![table]
    }
}

pub(crate) async fn run(cx: &Context, args: &TemplateArgs) -> anyhow::Result<ExitStatus> {
    match &args.action {
        Action::Status(args) => status(cx, args).await,
    }
}

async fn status(cx: &Context, args: &StatusArgs) -> anyhow::Result<ExitStatus> {
    let request = cx.template(args.migrations.as_deref()).await?;
    let status = template::status(cx.db().await?, &request).await?;
    let is_current = status.is_current();
    let schema = &request.schema;
    match &status {
        Status::Missing | Status::Empty => cx.ui.warn(without_history(schema, &status)),
        Status::Unmanaged { .. } => cx.ui.note(without_history(schema, &status)),
        Status::Managed { standing, .. } => match standing.check() {
            Err(problem) => cx
                .ui
                .warn(format!("the history does not fit the migrations: {problem}")),
            Ok(()) if !is_current => cx.ui.note(format!(
                "{} to apply; run `tenantctl init`",
                words::count(standing.pending.len(), "migration")
            )),
            Ok(()) => {}
        },
    }
    cx.ui.answer(&StatusView {
        template: view(&request, status),
    })?;
    Ok(if args.check && !is_current {
        ExitStatus::No
    } else {
        ExitStatus::Done
    })
}

/// What it means that the template has no history of migrations.
pub(super) fn without_history(schema: &SchemaName, status: &Status) -> String {
    match status {
        Status::Missing => {
            format!("there is no template: schema `{schema}` does not exist; run `tenantctl init`")
        }
        Status::Empty => format!("there is no template: schema `{schema}` is empty; run `tenantctl init`"),
        Status::Unmanaged { .. } | Status::Managed { .. } => format!(
            "schema `{schema}` was built by other means than tenantctl's migrations; tenants are cloned from it as it is"
        ),
    }
}

fn view(request: &Request, status: Status) -> TemplateView {
    let bare = TemplateView {
        schema: request.schema.to_string(),
        exists: true,
        ..TemplateView::default()
    };
    let latest = request.migrations.latest();
    match status {
        Status::Missing | Status::Empty => TemplateView {
            exists: status == Status::Empty,
            latest,
            pending: request.migrations.names(),
            ..bare
        },
        Status::Unmanaged { tables } => TemplateView { tables, ..bare },
        Status::Managed { tables, standing } => TemplateView {
            managed: true,
            version: standing.version,
            latest,
            tables,
            pending: standing.pending,
            diverged: standing
                .diverged
                .into_iter()
                .map(|(applied, _)| applied)
                .collect(),
            missing: standing.missing,
            out_of_order: standing.out_of_order,
            ..bare
        },
    }
}
