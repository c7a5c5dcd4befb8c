use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::cli::args::parse_slug;
use crate::context::Context;
use crate::error::UsageError;
use crate::exit::ExitStatus;
use crate::ops::history::{self, Fared, Run, Wanted};
use crate::tenant::Slug;
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// Show who did what to the tenants, when, and how it ended
///
/// Every command that changes tenants writes the operation log, `public.tenant_operations`. Rows outlive their tenants.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// Only what was done to this tenant
    #[arg(value_name = "SLUG", value_parser = parse_slug, conflicts_with = "run")]
    slug: Option<Slug>,
    /// Only runs of this command, such as `migrate`
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// The newest so many
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
    /// How every tenant fared in this run, by its number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["command", "limit"])]
    run: Option<i64>,
}

#[derive(Debug, Serialize)]
struct HistoryView {
    runs: Vec<RunView>,
    #[serde(skip)]
    of_tenant: bool,
}

#[derive(Debug, Serialize)]
struct RunView {
    id: i64,
    command: String,
    details: Value,
    actor: String,
    role: String,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    outcome: String,
    done: i64,
    failed: i64,
    others: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<FaredView>,
}

#[derive(Debug, Serialize)]
struct FaredView {
    tenant: String,
    outcome: String,
    message: Option<String>,
    milliseconds: Option<i64>,
}

impl FaredView {
    fn new(fared: Fared) -> Self {
        Self {
            tenant: fared.slug,
            outcome: fared.outcome,
            message: fared.message,
            milliseconds: fared.milliseconds,
        }
    }
}

impl RunView {
    fn new(run: Run) -> Self {
        Self {
            id: run.id,
            command: run.command,
            details: run.details,
            actor: run.actor,
            role: run.role,
            started_at: run.started_at,
            finished_at: run.finished_at,
            outcome: run.outcome,
            done: run.done,
            failed: run.failed,
            others: run.others,
            tenant: run.tenant.map(FaredView::new),
        }
    }

    fn tenants(&self) -> String {
        let parts = [
            (self.done, ""),
            (self.failed, " failed"),
            (self.others, " not done"),
        ];
        let parts = parts.iter().filter(|(count, word)| *count > 0 || word.is_empty());
        let parts: Vec<String> = parts.map(|(count, word)| format!("{count}{word}")).collect();
        parts.join(", ")
    }
}

impl View for HistoryView {
    fn tables(&self) -> Vec<Table> {
        let last = if self.of_tenant { "message" } else { "tenants" };
        let mut table = Table::new([
            Column::number("run"),
            Column::text("started"),
            Column::text("command"),
            Column::text("actor"),
            Column::text("outcome"),
            Column::text(last),
        ]);
        for run in &self.runs {
            let (outcome, last) = match &run.tenant {
                Some(tenant) => (&tenant.outcome, Cell::optional(tenant.message.as_deref())),
                None => (&run.outcome, Cell::Text(run.tenants())),
            };
            table.push(vec![
                Cell::Text(run.id.to_string()),
                Cell::Time(run.started_at),
                run.command.as_str().into(),
                run.actor.as_str().into(),
                outcome.as_str().into(),
                last,
            ]);
        }
        vec![table]
    }
}

#[derive(Debug, Serialize)]
struct RunTenantsView {
    run: i64,
    tenants: Vec<FaredView>,
}

impl View for RunTenantsView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("tenant"),
            Column::text("outcome"),
            Column::number("ms"),
            Column::text("message"),
        ]);
        for fared in &self.tenants {
            let ms = fared.milliseconds.map(|ms| ms.to_string());
            table.push(vec![
                fared.tenant.as_str().into(),
                fared.outcome.as_str().into(),
                Cell::optional(ms.as_deref()),
                Cell::optional(fared.message.as_deref()),
            ]);
        }
        vec![table]
    }
}

pub(crate) async fn run(cx: &Context, args: &HistoryArgs) -> anyhow::Result<ExitStatus> {
    let session = cx.db().await?.session().await?;
    if let Some(id) = args.run {
        let Some(fared) = history::run_of(&session, id).await? else {
            return Err(UsageError::new(format!("there is no run {id}"))
                .with_hint("`tenantctl history` lists the runs")
                .into());
        };
        let tenants: Vec<FaredView> = fared.into_iter().map(FaredView::new).collect();
        let count = tenants.len();
        cx.ui.answer(&RunTenantsView { run: id, tenants })?;
        cx.ui.note(words::count(count, "tenant"));
        return Ok(ExitStatus::Done);
    }
    let wanted = Wanted {
        slug: args.slug.clone(),
        command: args.command.clone(),
        limit: args.limit,
    };
    let runs: Vec<RunView> = history::runs(&session, &wanted)
        .await?
        .into_iter()
        .map(RunView::new)
        .collect();
    let count = runs.len();
    cx.ui.answer(&HistoryView {
        runs,
        of_tenant: args.slug.is_some(),
    })?;
    cx.ui.note(words::count(count, "run"));
    Ok(ExitStatus::Done)
}
