use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use super::backup_args::halved;
use super::cleanup_metrics;
use super::cleanup_view::CleanupView;
use crate::cli::args::{JobArgs, OptionalSelection, parse_duration_flag};
use crate::config::{MAX_DAYS, PolicyAction, PolicySettings, policies_of};
use crate::context::Context;
use crate::db::Access;
use crate::error::{UsageError, fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::{OnError, Urgency};
use crate::ops::retention::{self, Cleanup, Limits, Rule, Taken};
use crate::ops::whole_file;
use crate::tenant::registry::{self, RegistryError};
use crate::tenant::{Tenant, Which};
use crate::words;

/// Remove rows that have outlived their retention
///
/// The policies of the configuration say which rows of which tables go, and when. They are checked against the template
/// before anything runs. Rows go in short transactions that wait for nobody. Tenants with `legal_hold` in their metadata
/// are left alone. Without slugs all active tenants are meant; those that were not reached last time come first.
#[derive(Debug, clap::Args)]
pub(crate) struct CleanupArgs {
    #[command(flatten)]
    tenants: OptionalSelection,
    /// Window in days for policies that have none of their own, and for those named with `--policy`
    #[arg(long, value_name = "DAYS", allow_negative_numbers = true, value_parser = parse_days)]
    days: Option<u32>,
    /// Only this policy; may be repeated
    #[arg(long = "policy", value_name = "POLICY")]
    policies: Vec<String>,
    /// Count what would go without removing anything
    #[arg(long)]
    dry_run: bool,
    /// End after this time, between two batches; the next run begins with those that were not reached
    #[arg(long, value_name = "DURATION", value_parser = parse_duration_flag)]
    max_duration: Option<Duration>,
    /// Rest this long after each batch
    #[arg(long, value_name = "DURATION", value_parser = parse_duration_flag)]
    pause: Option<Duration>,
    /// Vacuum the tables from which rows went
    #[arg(long)]
    vacuum: bool,
    /// Write what was done to this file, in the text format of Prometheus
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// Let policies take more of a table than `max_fraction`
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    jobs: JobArgs,
}

/// A number of days that can be meant.
fn parse_days(text: &str) -> Result<u32, String> {
    let days = text.parse::<i64>().ok().and_then(|days| u32::try_from(days).ok());
    days.filter(|days| (1..=MAX_DAYS).contains(days))
        .ok_or_else(|| format!("a window has from 1 to {MAX_DAYS} days"))
}

impl CleanupArgs {
    /// The policies that run, each with its window.
    fn rules(&self, all: &[PolicySettings]) -> Result<Vec<Rule>, UsageError> {
        let known = || {
            all.iter()
                .map(|policy| policy.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        if all.is_empty() {
            return Err(UsageError::new("there are no retention policies")
                .with_hint("write them to `retention.toml` beside the configuration file"));
        }
        if let Some(unknown) = self
            .policies
            .iter()
            .find(|name| all.iter().all(|policy| policy.name != **name))
        {
            return Err(
                UsageError::new(format!("there is no retention policy `{unknown}`"))
                    .with_hint(format!("known are: {}", known())),
            );
        }
        let chosen = all
            .iter()
            .filter(|policy| self.policies.is_empty() || self.policies.contains(&policy.name));
        let rules: Vec<Rule> = chosen
            .map(|policy| Rule {
                settings: policy.clone(),
                own_days: self.days.filter(|_| !self.policies.is_empty()),
                days: self.days,
            })
            .collect();
        let open: Vec<&str> = rules
            .iter()
            .filter(|rule| rule.needs_days())
            .map(Rule::name)
            .collect();
        if !open.is_empty() {
            let policies = open.join(", ");
            return Err(
                UsageError::new(format!("policies without a window of their own: {policies}"))
                    .with_hint("pass `--days`, or choose others with `--policy`"),
            );
        }
        Ok(rules)
    }
}

/// The policies of the configuration; without any, those of the application that the template was built from. Where
/// there is no registry, that is what is wrong, and not that nobody has written policies.
async fn policies(cx: &Context) -> anyhow::Result<Vec<PolicySettings>> {
    let configured = &cx.settings.retention.policies;
    if !configured.is_empty() {
        return Ok(configured.clone());
    }
    if !registry::exists(&cx.db().await?.session().await?).await? {
        return Err(RegistryError::NotInitialised.into());
    }
    if cx.settings.template_migrations.is_some() {
        return Ok(Vec::new());
    }
    match cx.origin().await?.app() {
        Some(app) => Ok(policies_of(app.retention())?),
        None => Ok(Vec::new()),
    }
}

pub(crate) async fn run(cx: &Context, args: &CleanupArgs) -> anyhow::Result<ExitStatus> {
    let cleaned = clean(cx, args).await;
    if cleaned.is_err() {
        // What the file says of the last run would be taken for this one's.
        write_metrics(cx, args, &cleanup_metrics::of_failure());
    }
    cleaned
}

/// Writes the metrics where they are wanted, and says so when that cannot be.
fn write_metrics(cx: &Context, args: &CleanupArgs, text: &str) -> ExitStatus {
    let (Some(file), false) = (&args.metrics_file, args.dry_run) else {
        return ExitStatus::Done;
    };
    match whole_file::write(file, text.as_bytes()) {
        Ok(()) => ExitStatus::Done,
        Err(error) => {
            cx.ui.warn(format!(
                "the metrics could not be written to `{}`: {error}",
                file.display()
            ));
            ExitStatus::Failed
        }
    }
}

async fn clean(cx: &Context, args: &CleanupArgs) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let rules = args.rules(&policies(cx).await?)?;
    let mut selection = args.tenants.selection(cx).await?;
    let passes_over = selection.which == Which::All && !selection.include_inactive;
    selection.include_inactive |= passes_over;
    let db = cx.db().await?;
    let tenants = selection.resolve(&db.session().await?).await?;
    let (tenants, suspended): (Vec<Tenant>, Vec<Tenant>) = tenants
        .into_iter()
        .partition(|tenant| !passes_over || tenant.is_active());
    let suspended: Vec<String> = suspended.iter().map(|tenant| tenant.slug.to_string()).collect();

    let retention = &cx.settings.retention;
    // What is written into an archive is known to the registry while the rows are on their way out.
    let capacity = match rules.iter().any(Rule::archives) && !args.dry_run {
        true => halved(db)?,
        false => db.capacity(),
    };
    let request = retention::Request {
        log: cx.log_entry(json!({
            "days": args.days,
            "policies": rules.iter().map(Rule::name).collect::<Vec<_>>(),
        })),
        rules,
        template: cx.settings.tenants.naming.template().clone(),
        options: cx.tenant_options(Access::ReadWrite),
        limits: Limits {
            batch_size: retention.batch_size,
            max_batch: retention.max_batch,
            max_fraction: (!args.yes).then_some(retention.max_fraction),
            free_rows: retention.free_rows,
            max_replica_lag: retention.max_replica_lag,
            pause: args.pause.unwrap_or_default(),
            deadline: args.max_duration.and_then(|limit| started.checked_add(limit)),
        },
        archive_dir: retention.archive_dir.clone(),
        plan: args.jobs.plan(&cx.settings.fleet, capacity, OnError::Continue),
        dry_run: args.dry_run,
        vacuum: args.vacuum,
        tenants,
    };
    let doing = if args.dry_run { "Counting" } else { "Cleaning" };
    let mut progress = cx.ui.progress(doing, request.tenants.len());
    let cleanup = retention::run(db, &request, &cx.stop, &mut progress).await;
    progress.finish();
    let cleanup = cleanup?;

    let view = CleanupView::new(&cleanup, &suspended, args.dry_run, cx.ui.is_verbose());
    let status = status(&cleanup, cx.stop.urgency() > Urgency::None);
    cx.ui.account(&view, status == ExitStatus::Done)?;
    tell(cx, args, &request.rules, &cleanup, &view);
    if !suspended.is_empty() {
        cx.ui.note(format!(
            "skipped {}: suspended; `--inactive` includes them",
            words::count(suspended.len(), "tenant")
        ));
    }
    cx.ui.failures(&cleanup.report, "be cleaned");
    let status = cx.settled(status, cleanup.doubt.as_ref());
    let text = cleanup_metrics::text(&cleanup, &view, suspended.len(), status);
    Ok(worse(status, write_metrics(cx, args, &text)))
}

/// A signal that left something undone is an interruption; the end of the time that was given is none.
fn status(cleanup: &Cleanup, is_stopped: bool) -> ExitStatus {
    let is_incomplete = !cleanup.not_reached.is_empty()
        || cleanup
            .taken
            .values()
            .flatten()
            .any(|taken| taken.left > 0 || taken.not_reached);
    if is_stopped && is_incomplete {
        return ExitStatus::Interrupted;
    }
    fleet_status(&cleanup.report)
}

/// So many due rows, and what goes with them in a sentence.
fn in_words(rows: u64) -> (String, &'static str, &'static str) {
    let (were, them) = if rows == 1 {
        ("was", "it")
    } else {
        ("were", "them")
    };
    (words::count(rows, "due row"), were, them)
}

/// Whether more than one policy has found rows in the same table.
fn counts_twice(taken: &[Taken]) -> bool {
    let found = taken.iter().filter(|taken| taken.all().rows > 0);
    let mut tables = found.flat_map(|taken| std::iter::once(&taken.table).chain(taken.along.keys()));
    let mut seen = BTreeSet::new();
    tables.any(|table| !seen.insert(table))
}

/// Says what was done and what was not, and why.
fn tell(cx: &Context, args: &CleanupArgs, rules: &[Rule], cleanup: &Cleanup, view: &CleanupView) {
    let ui = &cx.ui;
    let taken = || cleanup.taken.values().flatten();
    ui.note(format!(
        "windows are counted from {}, the server's clock",
        cleanup.now
    ));
    let redacts = |rule: &Rule| matches!(rule.settings.action, PolicyAction::Redact(_));
    let removed = match (rules.iter().any(redacts), rules.iter().all(redacts)) {
        (_, true) => "redacted",
        (true, false) => "removed or redacted",
        (false, false) => "removed",
    };
    let would = if args.dry_run { "would be " } else { "" };
    let rows = words::count(view.rows(), "row");
    let tenants = cleanup
        .taken
        .values()
        .filter(|taken| taken.iter().any(|taken| taken.all().rows > 0));
    ui.note(format!(
        "{rows} {would}{removed} ({}) in {}, {}",
        words::bytes(view.bytes()),
        words::count(tenants.count(), "tenant"),
        words::duration(cleanup.elapsed),
    ));
    if args.dry_run && cleanup.taken.values().any(|taken| counts_twice(taken)) {
        ui.note("a row that more than one policy would take is counted by each of them");
    }
    let kept: u64 = taken().map(|taken| taken.kept).sum();
    if kept > 0 {
        let (row, were, them) = in_words(kept);
        ui.note(format!("{row} {were} kept: others refer to {them}"));
    }
    let locked: u64 = taken().map(|taken| taken.locked).sum();
    if locked > 0 {
        let (row, were, them) = in_words(locked);
        let or_else = match taken().any(|taken| taken.locked > 0 && taken.may_be_kept) {
            true => format!(", or a trigger or rule kept {them}"),
            false => String::new(),
        };
        ui.note(format!("{row} {were} left: somebody held {them}{or_else}"));
    }
    for (slug, taken) in &cleanup.taken {
        for taken in taken.iter().filter(|taken| taken.needs_yes) {
            ui.warn(format!("{slug}: policy `{}` would need `--yes`", taken.policy));
        }
        for taken in taken.iter().filter(|taken| taken.stays_due) {
            ui.warn(format!(
                "{slug}: policy `{}` would be refused, unless a trigger sees to it that what is redacted is no longer due",
                taken.policy
            ));
        }
    }
    let left: u64 = taken().map(|taken| taken.left).sum();
    if left > 0 || !cleanup.not_reached.is_empty() {
        ui.note(format!(
            "not finished: {} left, {} not reached; the next run begins there",
            words::count(left, "due row"),
            words::count(cleanup.not_reached.len(), "tenant")
        ));
    }
}
