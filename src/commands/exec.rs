use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::failed_view::Accounted;
use crate::cli::args::{Confirmation, JobArgs, TenantSelection, name_them, parse_duration_flag};
use crate::config::OutputFormat;
use crate::context::Context;
use crate::db::{self, Access, Statement, TenantOptions, TextResult};
use crate::error::{UsageError, fleet_status};
use crate::exit::ExitStatus;
use crate::fleet::{OnError, Report};
use crate::ops::exec;
use crate::ops::log::Ran;
use crate::tenant::Tenant;
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// Run SQL in every tenant's context and merge the answers
///
/// Each tenant's statements run in one transaction with the tenant's schema first in `search_path`. The transaction
/// is read-only unless `--write` is given. With `--output csv` nothing but `SET` may stand before the last statement.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("statements").required(true)))]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    tenants: TenantSelection,
    /// Statements to run
    #[arg(long, short, value_name = "STATEMENTS", group = "statements")]
    sql: Option<String>,
    /// File of statements to run; `-` reads standard input
    #[arg(long, short, value_name = "FILE", group = "statements")]
    file: Option<PathBuf>,
    /// Refuse every change; this is the default
    #[arg(long, conflicts_with = "write")]
    read_only: bool,
    /// Let the statements change data; asks first
    #[arg(long)]
    write: bool,
    /// Longest time for each statement, `0` for none [default: the configuration's `database.query_timeout`]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration_flag)]
    statement_timeout: Option<Duration>,
    /// Report which tenants are meant without running anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    jobs: JobArgs,
}

impl ExecArgs {
    async fn text(&self, cx: &Context) -> anyhow::Result<String> {
        match &self.file {
            Some(file) => cx.read_text(file).await,
            None => Ok(self.sql.clone().unwrap_or_default()),
        }
    }

    fn access(&self) -> Access {
        if self.write {
            Access::ReadWrite
        } else {
            Access::ReadOnly
        }
    }
}

#[derive(Debug, Serialize)]
struct ExecView {
    dry_run: bool,
    results: Vec<ResultView>,
    #[serde(flatten)]
    rest: Accounted,
}

/// What one statement answered in one tenant.
#[derive(Debug, Serialize)]
struct ResultView {
    tenant: String,
    statement: usize,
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    affected: u64,
}

impl ExecView {
    fn from_report(report: &Report<Vec<TextResult>>) -> Self {
        let results = report.done().flat_map(|(slug, results)| {
            (1..).zip(results).map(move |(statement, result)| ResultView {
                tenant: slug.to_string(),
                statement,
                columns: result.columns.clone(),
                rows: result.rows.clone(),
                affected: result.affected,
            })
        });
        Self {
            dry_run: false,
            results: results.collect(),
            rest: Accounted::of(report),
        }
    }

    /// Whom a run would be about.
    fn dry(tenants: &[Tenant]) -> Self {
        let slugs = tenants.iter().map(|tenant| tenant.slug.clone());
        Self {
            dry_run: true,
            ..Self::from_report(&Report::of_not_started(slugs))
        }
    }
}

impl View for ExecView {
    /// One table for all answers that have the same columns, in the order of the statements.
    fn tables(&self) -> Vec<Table> {
        if self.dry_run {
            return vec![self.meant()];
        }
        let mut order: Vec<(usize, &[String])> = Vec::new();
        for result in &self.results {
            let shape = (result.statement, result.columns.as_slice());
            if !order.contains(&shape) {
                order.push(shape);
            }
        }
        order.sort_by_key(|(statement, _)| *statement);
        order
            .into_iter()
            .map(|(statement, columns)| self.merged(statement, columns))
            .collect()
    }

    /// The last statement's answers, which are all there are. Where tenants differ in their columns there is every
    /// column, empty for those who lack it.
    fn csv(&self) -> Option<Table> {
        if self.dry_run {
            return Some(self.meant());
        }
        let last = self.results.iter().map(|result| result.statement).max()?;
        let results = || self.results.iter().filter(|result| result.statement == last);
        let mut headings: Vec<(&str, usize)> = Vec::new();
        for heading in results().flat_map(|result| numbered(&result.columns)) {
            if !headings.contains(&heading) {
                headings.push(heading);
            }
        }
        if headings.is_empty() {
            return Some(self.merged(last, &[]));
        }
        let columns = headings.iter().map(|(name, _)| Column::verbatim(name));
        let mut table = Table::new(std::iter::once(Column::verbatim("tenant")).chain(columns));
        for result in results() {
            let own: Vec<_> = numbered(&result.columns).collect();
            let places: Vec<_> = headings
                .iter()
                .map(|heading| own.iter().position(|column| column == heading))
                .collect();
            for row in &result.rows {
                let values = places
                    .iter()
                    .map(|place| place.and_then(|place| row[place].as_deref()));
                table.push(
                    std::iter::once(result.tenant.as_str().into())
                        .chain(values.map(Cell::optional))
                        .collect(),
                );
            }
        }
        Some(table)
    }
}

/// Columns with how many of the same name stand before each.
fn numbered(columns: &[String]) -> impl Iterator<Item = (&str, usize)> {
    columns.iter().enumerate().map(|(index, name)| {
        let before = columns[..index].iter().filter(|other| *other == name).count();
        (name.as_str(), before)
    })
}

impl ExecView {
    /// The tenants of a dry run.
    fn meant(&self) -> Table {
        let mut table = Table::new([Column::text("tenant")]);
        for slug in &self.rest.not_started {
            table.push(vec![slug.as_str().into()]);
        }
        table
    }

    fn merged(&self, statement: usize, columns: &[String]) -> Table {
        let same = self
            .results
            .iter()
            .filter(|result| result.statement == statement && result.columns == columns);
        if columns.is_empty() {
            let mut table = Table::new([Column::text("tenant"), Column::number("rows_affected")]);
            for result in same {
                table.push(vec![result.tenant.as_str().into(), Cell::Count(result.affected)]);
            }
            return table;
        }
        let headings = columns.iter().map(|name| Column::verbatim(name));
        let mut table = Table::new(std::iter::once(Column::verbatim("tenant")).chain(headings));
        for result in same {
            for row in &result.rows {
                let mut cells = vec![result.tenant.as_str().into()];
                cells.extend(row.iter().map(|value| Cell::optional(value.as_deref())));
                table.push(cells);
            }
        }
        table
    }
}

pub(crate) async fn run(cx: &Context, args: &ExecArgs) -> anyhow::Result<ExitStatus> {
    let statements = db::statements(&args.text(cx).await?)?;
    exec::check(&statements)?;
    if cx.ui.format() == OutputFormat::Csv {
        check_for_csv(&statements)?;
    }
    let selection = args.tenants.selection(cx).await?;
    let db = cx.db().await?;
    let tenants = selection.resolve(&db.session().await?).await?;
    if args.dry_run {
        return dry_run(cx, &tenants);
    }
    if tenants.is_empty() {
        cx.ui
            .answer(&ExecView::from_report(&Report::of_not_started([])))?;
        cx.ui.note("no tenants match");
        return Ok(ExitStatus::Done);
    }
    if args.write {
        let (named, expected) = name_them(
            &tenants.iter().map(|tenant| &tenant.slug).collect::<Vec<_>>(),
            "change",
        );
        let count = words::count(statements.len(), "statement");
        let question = format!("This runs {count} that may change {named} on {}.", db.describe());
        args.confirmation.obtain(cx, question, expected).await?;
    }

    let mut progress = cx.ui.progress("Running", tenants.len());
    let on_error = if args.write {
        OnError::Stop
    } else {
        OnError::Continue
    };
    let request = exec::Request {
        options: TenantOptions {
            statement_timeout: args
                .statement_timeout
                .unwrap_or(cx.settings.database.query_timeout),
            ..cx.tenant_options(args.access())
        },
        plan: args.jobs.plan(&cx.settings.fleet, db.capacity(), on_error),
        log: cx.log_entry(json!({ "statements": exec::outline(&statements) })),
        tenants,
        statements,
    };
    let ran = exec::run(db, request, &cx.stop, &mut progress).await;
    progress.finish();
    let Ran { report, doubt } = ran?;

    let view = ExecView::from_report(&report);
    cx.ui.answer(&view)?;
    if !view.results.is_empty()
        && view
            .results
            .iter()
            .all(|result| result.rows.is_empty() && !result.columns.is_empty())
    {
        cx.ui.note("no rows");
    }
    cx.ui.failures(&report, "run the statements");
    Ok(cx.settled(fleet_status(&report), doubt.as_ref()))
}

/// One CSV has the columns of one statement.
fn check_for_csv(statements: &[Statement]) -> Result<(), UsageError> {
    let is_set = |statement: &Statement| statement.opening.first().is_some_and(|word| word == "set");
    if statements.iter().rev().skip(1).all(is_set) {
        return Ok(());
    }
    Err(
        UsageError::new("CSV holds the answers of one statement, and there are several")
            .with_hint("use `--output json`, or put nothing but `SET` before the last statement"),
    )
}

fn dry_run(cx: &Context, tenants: &[Tenant]) -> anyhow::Result<ExitStatus> {
    cx.ui.answer(&ExecView::dry(tenants))?;
    cx.ui.note(match tenants.len() {
        0 => "no tenants match".to_owned(),
        count => format!(
            "would run in {}; dry run: nothing was run",
            words::count(count, "tenant")
        ),
    });
    Ok(ExitStatus::Done)
}
