use std::path::PathBuf;
use std::time::Duration;

use super::health_view::{ChecksView, HealthView};
use crate::cli::args::parse_duration_flag;
use crate::config::FailOn;
use crate::context::Context;
use crate::error::{UsageError, diagnose};
use crate::exit::ExitStatus;
use crate::fleet::Urgency;
use crate::ops::health::{self, HealthError, Limits, Report, Request, Severity, Skip, metrics};
use crate::tenant::App;

/// Say whether the database is fit for its tenants, and what to do
///
/// Looks at connections and settings, at the registry beside the schemas that are there, at versions and drift, at
/// indexes, constraints, dead rows, numbers that run out, and at sessions that keep others waiting. Everything is read
/// from the catalogs and the server's statistics; nothing is changed, and nobody is kept waiting. What the role may not
/// see is a note that says which grant it lacks. docs/health.md has all checks.
///
/// Exits with 4 when something is critical, or as bad as `--fail-on` says.
#[derive(Debug, clap::Args)]
pub(crate) struct HealthArgs {
    /// Leave this check out; may be repeated [default: the configuration's `health.skip`]
    #[arg(long, value_name = "CHECK")]
    skip: Vec<String>,
    /// How bad a finding must be for exit code 4 [default: the configuration's `health.fail_on`, critical]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Take all tenants' fingerprints anew, to see who has drifted or was changed since the last look
    #[arg(long)]
    deep: bool,
    /// Look again and again, this often, until it is stopped [default: 10s]
    ///
    /// JSON is one line a look. It ends with the exit code of the last look.
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "10s", value_parser = parse_duration_flag)]
    watch: Option<Duration>,
    /// Write the figures to this file too, for Prometheus
    ///
    /// It is written beside its name and renamed. When the database cannot be asked it says `tenantctl_health_up 0`.
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// List all checks, and look at nothing
    #[arg(long, conflicts_with_all = ["watch", "metrics_file", "deep"])]
    checks: bool,
}

pub(crate) async fn run(cx: &Context, args: &HealthArgs) -> anyhow::Result<ExitStatus> {
    if args.checks {
        cx.ui.answer(&ChecksView::new())?;
        return Ok(ExitStatus::Done);
    }
    if args
        .watch
        .is_some_and(|interval| interval < Duration::from_millis(100))
    {
        return Err(UsageError::new("`--watch` needs an interval of 100 ms at least").into());
    }
    let request = request(cx, args).await?;
    match args.watch {
        None => {
            let (report, left) = look(cx, args, &request).await?;
            let (view, status) = judge(cx, args, &request, report);
            cx.ui.answer(&view)?;
            cx.ui.note(format!("\n{}", view.summary()));
            Ok(settled(cx, status, left))
        }
        Some(interval) => watch(cx, args, &request, interval).await,
    }
}

async fn request(cx: &Context, args: &HealthArgs) -> anyhow::Result<Request> {
    let template = match cx.template(None).await {
        // Whether the database answers, and what it lets us see, is what is to be found out.
        Err(_) if cx.settings.template_migrations.is_none() => cx.template_of(App::Metrics.migrations()),
        template => template?,
    };
    let settings = &cx.settings.health;
    let names = settings.skip.iter().chain(&args.skip);
    Ok(Request {
        registry: cx.registry(None)?,
        template,
        naming: cx.settings.tenants.naming.clone(),
        skip: Skip::choose(names.map(String::as_str))?,
        limits: Limits {
            long_transaction: settings.long_transaction,
            idle_in_transaction: settings.idle_in_transaction,
            blocked: settings.blocked,
            slow_statement: cx.settings.database.slow_query,
        },
        jobs: cx.settings.fleet.jobs,
        deep: args.deep,
    })
}

/// Whether the figures are where they were asked for.
type Left = Result<(), HealthError>;

/// Looks once, and leaves the figures where they were asked for, those of a failure too.
async fn look(cx: &Context, args: &HealthArgs, request: &Request) -> anyhow::Result<(Report, Left)> {
    let report = async { anyhow::Ok(health::run(cx.db().await?, request).await?) }.await;
    let left = match &args.metrics_file {
        Some(path) => metrics::write(path, report.as_ref().ok()),
        None => Ok(()),
    };
    match (report, left) {
        (Ok(report), left) => Ok((report, left)),
        (Err(error), left) => {
            if let Err(error) = left {
                cx.ui.warn(error);
            }
            Err(error)
        }
    }
}

/// What a look ends with. The answer was shown; figures that nobody will find make it a failure all the same.
fn settled(cx: &Context, status: ExitStatus, left: Left) -> ExitStatus {
    match left {
        Ok(()) => status,
        Err(error) => {
            cx.ui.error(&error.into());
            ExitStatus::Failed
        }
    }
}

fn judge(cx: &Context, args: &HealthArgs, request: &Request, report: Report) -> (HealthView, ExitStatus) {
    let bound = match args.fail_on.unwrap_or(cx.settings.health.fail_on) {
        FailOn::Critical => Some(Severity::Critical),
        FailOn::Warning => Some(Severity::Warning),
        FailOn::Note => Some(Severity::Note),
        FailOn::Never => None,
    };
    let is_healthy = bound.is_none_or(|bound| report.worst().is_none_or(|worst| worst < bound));
    let status = if is_healthy {
        ExitStatus::Done
    } else {
        ExitStatus::No
    };
    let view = HealthView::new(report, is_healthy, request.skip.names(), args.watch.is_some());
    (view, status)
}

/// Looks until it is stopped. A database that goes away is waited for.
async fn watch(
    cx: &Context,
    args: &HealthArgs,
    request: &Request,
    interval: Duration,
) -> anyhow::Result<ExitStatus> {
    let mut status = ExitStatus::Done;
    let mut is_first = true;
    loop {
        match look(cx, args, request).await {
            Ok((report, left)) => {
                let (view, now) = judge(cx, args, request, report);
                let is_heard = cx.ui.answer_again(&view, is_first)?;
                let is_lost = left.is_err();
                status = settled(cx, now, left);
                if !is_heard || (is_first && is_lost) {
                    return Ok(status);
                }
                cx.ui.note(format!("\n{}", view.summary()));
            }
            Err(_) if cx.stop.urgency() > Urgency::None => return Ok(status),
            Err(error) if is_first => return Err(error),
            Err(error) => {
                let diagnosis = diagnose(&error);
                cx.ui.warn(diagnosis.message);
                status = diagnosis.status;
            }
        }
        is_first = false;
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = cx.stop.reached(Urgency::Drain) => return Ok(status),
        }
    }
}
