use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::template::without_history;
use crate::cli::args::OptionalSelection;
use crate::context::Context;
use crate::db::migrator::Standing;
use crate::exit::ExitStatus;
use crate::ops::status::{self, Request, State, Status, TenantStatus};
use crate::ops::template;
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// Show how far the registry, the template and the tenants are
///
/// current: nothing to do. behind: migrations are pending. diverged: an applied file was changed, or one was never
/// applied that is older than what was. missing: what was applied has no file any more. unknown: there is no history.
/// misregistered: the tenant's history says something else than the registry; `tenantctl migrate --deep` corrects it.
///
/// Versions are those of the registry, which one query reads. `--deep` reads every tenant's own history.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    tenants: OptionalSelection,
    /// Exit with 4 unless everything is current
    #[arg(long)]
    check: bool,
    /// Read every tenant's own history, whatever version the registry has for it
    #[arg(long)]
    deep: bool,
    /// Compare with this folder of migrations, in place of the configuration's `template.migrations`
    #[arg(long, value_name = "FOLDER")]
    migrations: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct StatusView {
    current: bool,
    target: Option<i64>,
    registry: StandingView,
    template: Option<StandingView>,
    counts: BTreeMap<&'static str, usize>,
    tenants: Vec<TenantView>,
    #[serde(skip)]
    detailed: bool,
}

#[derive(Debug, Serialize)]
struct StandingView {
    version: Option<i64>,
    pending: Vec<String>,
    diverged: Vec<String>,
    missing: Vec<String>,
    out_of_order: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TenantView {
    tenant: String,
    state: &'static str,
    registered: Option<i64>,
    #[serde(flatten)]
    standing: StandingView,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<FailureView>,
}

#[derive(Debug, Serialize)]
struct FailureView {
    at: Timestamp,
    message: String,
}

impl StandingView {
    fn new(standing: Standing) -> Self {
        Self {
            version: standing.version,
            pending: standing.pending,
            diverged: standing
                .diverged
                .into_iter()
                .map(|(applied, _)| applied)
                .collect(),
            missing: standing.missing,
            out_of_order: standing.out_of_order,
        }
    }

    /// What is not as it should be, in words.
    fn remark(&self) -> String {
        let parts = [
            ("", &self.pending),
            ("changed: ", &self.diverged),
            ("no file: ", &self.missing),
            ("too late: ", &self.out_of_order),
        ];
        let said = parts.iter().filter(|(_, names)| !names.is_empty());
        let said: Vec<String> = said
            .map(|(what, names)| format!("{what}{}", names.join(" ")))
            .collect();
        said.join("; ")
    }
}

impl TenantView {
    fn new(tenant: TenantStatus) -> Self {
        Self {
            tenant: tenant.slug.to_string(),
            state: tenant.state.word(),
            registered: tenant.registered,
            standing: StandingView::new(tenant.standing),
            failed: tenant.failure.map(|failure| FailureView {
                at: failure.at,
                message: failure.message,
            }),
        }
    }

    fn remark(&self) -> String {
        match &self.failed {
            Some(failed) => format!("failed {}: {}", words::minute(failed.at), failed.message),
            None => self.standing.remark(),
        }
    }
}

impl View for StatusView {
    /// Those who are alike are one line, unless more was asked for.
    fn tables(&self) -> Vec<Table> {
        if self.detailed {
            return self.csv().into_iter().collect();
        }
        let mut table = Table::new([
            Column::text("version"),
            Column::text("state"),
            Column::number("tenants"),
            Column::text("pending"),
        ]);
        let mut alike: BTreeMap<(Option<i64>, &str, String), u64> = BTreeMap::new();
        for tenant in &self.tenants {
            let key = (tenant.standing.version, tenant.state, tenant.standing.remark());
            *alike.entry(key).or_default() += 1;
        }
        for ((version, state, remark), count) in alike {
            table.push(vec![
                shown(version),
                state.into(),
                Cell::Count(count),
                Cell::Text(remark),
            ]);
        }
        vec![table]
    }

    fn csv(&self) -> Option<Table> {
        let mut table = Table::new(["tenant", "version", "state", "remark"].map(Column::text));
        for tenant in &self.tenants {
            table.push(vec![
                tenant.tenant.as_str().into(),
                shown(tenant.standing.version),
                tenant.state.into(),
                Cell::Text(tenant.remark()),
            ]);
        }
        Some(table)
    }
}

fn shown(version: Option<i64>) -> Cell {
    version.map_or(Cell::None, |version| Cell::Text(format!("V{version}")))
}

pub(crate) async fn run(cx: &Context, args: &StatusArgs) -> anyhow::Result<ExitStatus> {
    let request = Request {
        registry: cx.registry(None)?,
        template: cx.template(args.migrations.as_deref()).await?,
        selection: args.tenants.selection(cx).await?,
        deep: args.deep,
    };
    let target = request.template.migrations.latest();
    let db = cx.db().await?;
    let status = status::status(db, &request).await?;
    let is_current = status.is_current();
    if status.template.is_none() {
        let found = template::status(db, &request.template).await?;
        cx.ui.warn(without_history(&request.template.schema, &found));
    }
    let view = StatusView::new(target, status, args.tenants.names_some() || cx.ui.is_verbose());
    cx.ui.answer(&view)?;
    tell(cx, &view);
    Ok(if args.check && !is_current {
        ExitStatus::No
    } else {
        ExitStatus::Done
    })
}

fn tell(cx: &Context, view: &StatusView) {
    let target = view
        .target
        .map_or_else(|| "no migrations".to_owned(), |version| format!("V{version}"));
    if let Some(template) = view
        .template
        .as_ref()
        .filter(|template| !template.remark().is_empty())
    {
        cx.ui.note(format!("template: {}", template.remark()));
    }
    if !view.registry.remark().is_empty() {
        cx.ui.note(format!("registry: {}", view.registry.remark()));
    }
    let count = |state: State| view.counts.get(state.word()).copied().unwrap_or(0);
    let total = view.tenants.len();
    let current = count(State::Current);
    let tenants = words::count(total, "tenant");
    cx.ui.note(match total - current {
        0 => format!("{tenants}, all at {target}"),
        _ => format!("{tenants}, {current} of them at {target}"),
    });
    let failed: Vec<&TenantView> = view
        .tenants
        .iter()
        .filter(|tenant| tenant.failed.is_some())
        .collect();
    const SHOWN: usize = 5;
    if !view.detailed {
        for tenant in failed.iter().take(SHOWN) {
            cx.ui.note(format!("{} {}", tenant.tenant, tenant.remark()));
        }
        if failed.len() > SHOWN {
            cx.ui
                .note(format!("{} more failed (--verbose)", failed.len() - SHOWN));
        }
    }
}

impl StatusView {
    fn new(target: Option<i64>, status: Status, detailed: bool) -> Self {
        let current = status.is_current();
        let mut counts = BTreeMap::new();
        for tenant in &status.tenants {
            *counts.entry(tenant.state.word()).or_default() += 1;
        }
        Self {
            current,
            target,
            registry: StandingView::new(status.registry),
            template: status.template.map(StandingView::new),
            counts,
            tenants: status.tenants.into_iter().map(TenantView::new).collect(),
            detailed,
        }
    }
}
