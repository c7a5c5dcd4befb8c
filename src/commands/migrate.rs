use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::failed_view::FailedView;
use super::rehearse::RehearseArgs;
use crate::cli::args::{JobArgs, TenantSelection, parse_duration_flag};
use crate::context::Context;
use crate::db::{Access, Commit, TenantOptions};
use crate::error::{UsageError, fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::{OnError, Report, words};
use crate::ops::forward::{How, Moved};
use crate::ops::migrate::{self, Request, Rollout, RolloutError, Survey};
use crate::ui::{Cell, Column, Table, View, format};

/// Apply pending migrations to the registry, the template and every tenant
///
/// The files are those of `tenantctl init`: `V1__users.sql` and so on, which name no schema. The template comes first,
/// then a few canaries, then everybody else, `--jobs` at a time. Each tenant's migrations are one transaction, which
/// takes effect as a whole or not at all, whatever is killed meanwhile. What is up to date costs nothing.
///
/// A file whose first line is `-- tenantctl: no-transaction` runs statement by statement, for `CREATE INDEX
/// CONCURRENTLY` and its like. When that is interrupted, the next run goes on with the statement that was under way.
///
/// `--rehearse` does it all to clones that are removed afterwards, and tells of each migration how long it takes, which
/// locks it takes and which tables it writes anew. It exits with 4 when one fails.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tenantctl migrate --all --dry-run              what would be applied, and to whom
  tenantctl migrate --all                        everybody, one canary first
  tenantctl migrate --all --canary 5 --check-sql 'SELECT count(*) > 0 FROM users'
  tenantctl migrate --rehearse --with-data       on a clone of the largest tenant: time, locks, errors
  tenantctl migrate acme --to 7                  one tenant, no further than V7
  tenantctl migrate --all --baseline 3           adopt schemas that were at V3 before tenantctl came")]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    tenants: TenantSelection,
    /// Go no further than this version
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// Record the migrations as applied without running them
    #[arg(long, conflicts_with = "baseline")]
    fake: bool,
    /// Take schemas that have no migration history for schemas at this version, and go on from there
    #[arg(long, value_name = "VERSION")]
    baseline: Option<i64>,
    /// Commit after each migration, not once for all of a tenant's
    #[arg(long)]
    per_migration: bool,
    /// Read every tenant's own history, whatever version the registry has for it
    #[arg(long)]
    deep: bool,
    /// Report what would be applied without changing anything
    #[arg(long)]
    dry_run: bool,
    /// With `--dry-run`: print the SQL of the migrations
    #[arg(long, requires = "dry_run")]
    sql: bool,
    /// Migrate this folder's files, in place of the configuration's `template.migrations`
    #[arg(long, value_name = "FOLDER")]
    migrations: Option<PathBuf>,
    /// Tenants that go before all others, and must succeed [default: 1 when there are more than 10, or with `--check-sql`]
    #[arg(long, value_name = "NUMBER", help_heading = "Rollout")]
    canary: Option<usize>,
    /// Query asked in each canary once it is migrated; a false answer stops the rollout
    #[arg(long, value_name = "QUERY", help_heading = "Rollout")]
    check_sql: Option<String>,
    /// Start no more tenants once that many have failed
    #[arg(
        long,
        value_name = "NUMBER",
        conflicts_with = "on_error",
        help_heading = "Rollout"
    )]
    max_failures: Option<NonZeroU32>,
    /// How long a statement waits for a lock before the tenant's transaction is undone and tried again, `0` for ever
    /// [default: the configuration's `tenants.lock_timeout`]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration_flag, help_heading = "Rollout")]
    lock_timeout: Option<Duration>,
    /// Longest time for each statement, `0` for none
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = parse_duration_flag, help_heading = "Rollout")]
    statement_timeout: Duration,
    /// How long to wait for another run that migrates this database, `0` for not at all
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = parse_duration_flag, help_heading = "Rollout")]
    lock_wait: Duration,
    #[command(flatten)]
    rehearsal: RehearseArgs,
    #[command(flatten)]
    jobs: JobArgs,
}

#[derive(Debug, Serialize)]
struct MigrateView {
    dry_run: bool,
    /// The version that everything is to have.
    target: Option<i64>,
    registry: Vec<String>,
    template: Vec<String>,
    migrated: Vec<MovedView>,
    up_to_date: usize,
    failed: Vec<FailedView>,
    skipped: Vec<String>,
    not_started: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
}

#[derive(Debug, Serialize)]
struct MovedView {
    tenant: String,
    from: Option<i64>,
    to: Option<i64>,
    migrations: Vec<String>,
}

impl View for MigrateView {
    /// Tenants that go the same way are one line.
    fn tables(&self) -> Vec<Table> {
        type Way<'a> = (Option<i64>, Option<i64>, &'a [String]);
        let mut ways: BTreeMap<Way<'_>, u64> = BTreeMap::new();
        for moved in &self.migrated {
            *ways.entry((moved.from, moved.to, &moved.migrations)).or_default() += 1;
        }
        let mut table = Table::new([
            Column::text("from"),
            Column::text("to"),
            Column::number("tenants"),
            Column::text("migrations"),
        ]);
        for ((from, to, migrations), count) in ways {
            table.push(vec![
                version(from),
                version(to),
                Cell::Count(count),
                Cell::Text(migrations.join(" ")),
            ]);
        }
        vec![table]
    }

    fn csv(&self) -> Option<Table> {
        let mut table =
            Table::new(["tenant", "from", "to", "migrations", "outcome", "error"].map(Column::text));
        let mut push = |tenant: &str, from, to, migrations: &[String], outcome: &str, error: &str| {
            table.push(vec![
                tenant.into(),
                version(from),
                version(to),
                Cell::Text(migrations.join(" ")),
                outcome.into(),
                error.into(),
            ]);
        };
        let done = if self.dry_run { "pending" } else { "done" };
        for moved in &self.migrated {
            push(&moved.tenant, moved.from, moved.to, &moved.migrations, done, "");
        }
        for failed in &self.failed {
            push(&failed.tenant, None, None, &[], "failed", &failed.error);
        }
        for slug in &self.not_started {
            push(slug, None, None, &[], "not_started", "");
        }
        Some(table)
    }

    fn plain(&self) -> Option<String> {
        self.migrated.is_empty().then(String::new)
    }
}

fn version(version: Option<i64>) -> Cell {
    version.map_or(Cell::None, |version| Cell::Text(format!("V{version}")))
}

impl MigrateArgs {
    async fn request(&self, cx: &Context) -> anyhow::Result<Request> {
        if self.canary == Some(0) && self.check_sql.is_some() {
            return Err(
                UsageError::new("`--check-sql` asks the canaries, and `--canary 0` wants none")
                    .with_hint("leave one of them out")
                    .into(),
            );
        }
        let template = cx.template(self.migrations.as_deref()).await?;
        let options = TenantOptions {
            lock_timeout: self.lock_timeout.unwrap_or(cx.settings.tenants.lock_timeout),
            statement_timeout: self.statement_timeout,
            ..cx.tenant_options(Access::ReadWrite)
        };
        let on_error = self
            .max_failures
            .map_or(OnError::Stop, |limit| OnError::StopAfter(limit.get()));
        let capacity = cx.db().await?.capacity();
        Ok(Request {
            registry: cx.registry(None)?,
            template,
            selection: match self.rehearsal.is_wanted() {
                true => self.tenants.selection_or_all(cx).await?,
                false => self.tenants.selection(cx).await?,
            },
            how: How {
                to: self.to,
                fake: self.fake,
                baseline: self.baseline,
                one_by_one: self.per_migration,
                deep: self.deep,
                commit: Commit::Soon,
                options,
            },
            operator: cx.settings.roles.operator.clone(),
            canaries: self.canary,
            check_sql: self.check_sql.clone(),
            plan: self.jobs.plan(&cx.settings.fleet, capacity, on_error),
            lock_wait: self.lock_wait,
            log: cx.log_entry(json!({
                "to": self.to, "fake": self.fake, "baseline": self.baseline, "canary": self.canary,
            })),
        })
    }
}

pub(crate) async fn run(cx: &Context, args: &MigrateArgs) -> anyhow::Result<ExitStatus> {
    let request = args.request(cx).await?;
    request.check()?;
    let db = cx.db().await?;
    let survey = migrate::survey(db, &request).await?;
    request.check_pending(&survey).map_err(RolloutError::from)?;
    if args.rehearsal.is_wanted() {
        return args.rehearsal.run(cx, request, survey).await;
    }
    if args.dry_run {
        return dry_run(cx, args, &request, survey);
    }
    if survey.is_current() {
        cx.ui.summary(&MigrateView::new(&request, survey.current))?;
        cx.ui.note(up_to_date(&request, survey.current));
        return Ok(ExitStatus::Done);
    }

    let mut watch = cx.ui.watch("Migrating", survey.behind.len());
    let rollout = migrate::run(db, &request, &cx.stop, &mut watch).await;
    watch.finish();
    let rollout = rollout?;
    cx.ui.summary(&MigrateView::of(&request, &rollout))?;
    tell(cx, &request, &rollout);
    let status = fleet_status(&rollout.tenants);
    let status = match rollout.canaries_failed {
        Some(_) => worse(status, ExitStatus::Failed),
        None => status,
    };
    Ok(cx.settled(status, rollout.doubt.as_ref()))
}

/// Says in words how the run ended.
fn tell(cx: &Context, request: &Request, rollout: &Rollout) {
    let Rollout {
        registry,
        template,
        tenants,
        canaries_failed,
        ..
    } = rollout;
    for (what, applied) in [("registry", &registry.applied), ("template", &template.applied)] {
        if !applied.is_empty() {
            let count = format::count(applied.len(), "migration");
            cx.ui
                .note(format!("{what}: {count} applied ({})", applied.join(", ")));
        }
    }
    let counts = tenants.counts();
    let moved = rollout.moved().count();
    if moved > 0 {
        let word = if request.how.fake { "recorded as" } else { "now" };
        let version = request
            .target()
            .map_or_else(String::new, |version| format!(" {word} at V{version}"));
        cx.ui.note(format!("{}{version}", format::count(moved, "tenant")));
    } else if counts.failed + counts.not_started == 0 {
        cx.ui.note(up_to_date(request, rollout.up_to_date()));
    }
    if rollout.corrected() > 0 {
        let count = format::count(rollout.corrected(), "tenant");
        cx.ui.note(format!(
            "the registry had another version for {count}, and was corrected"
        ));
    }
    if let Some(reason) = canaries_failed {
        cx.ui
            .warn(format!("stopped after the canaries: {}", words(reason)));
    }
    cx.ui.failures(tenants, "be migrated");
}

fn up_to_date(request: &Request, tenants: usize) -> String {
    let tenants = format::count(tenants, "tenant");
    match request.target() {
        Some(version) => format!("nothing to do: {tenants} and the template are at V{version}"),
        None => format!("nothing to do: {tenants}"),
    }
}

fn dry_run(
    cx: &Context,
    args: &MigrateArgs,
    request: &Request,
    survey: Survey,
) -> anyhow::Result<ExitStatus> {
    let mut view = MigrateView::new(request, survey.current);
    view.dry_run = true;
    view.registry = survey.registry.pending;
    view.template = survey.template.map_or_else(
        || request.template.migrations.names(),
        |standing| standing.pending,
    );
    for (tenant, standing) in survey.behind {
        if let Err(problem) = standing.check() {
            view.failed.push(FailedView {
                tenant: tenant.slug.to_string(),
                error: problem.to_string(),
            });
            continue;
        }
        if standing.pending.is_empty() {
            view.up_to_date += 1;
            continue;
        }
        view.migrated.push(MovedView {
            tenant: tenant.slug.to_string(),
            from: tenant.schema_version,
            to: request.target(),
            migrations: standing.pending,
        });
    }
    if args.sql {
        let wanted: Vec<&String> = view
            .template
            .iter()
            .chain(view.migrated.iter().flat_map(|moved| &moved.migrations))
            .collect();
        let mut text = String::new();
        for (name, sql) in request.template.migrations.texts() {
            if !wanted.contains(&&name) {
                continue;
            }
            let tenants = view
                .migrated
                .iter()
                .filter(|moved| moved.migrations.contains(&name));
            let tenants = format::count(tenants.count(), "tenant");
            text.push_str(&format!("-- {name}: {tenants}\n{}\n\n", sql.trim_end()));
        }
        cx.ui.raw(text.as_bytes())?;
    } else {
        cx.ui.answer(&view)?;
    }
    for (what, pending) in [("registry", &view.registry), ("template", &view.template)] {
        if !pending.is_empty() {
            cx.ui.note(format!("{what}: {} pending", pending.join(", ")));
        }
    }
    let (behind, current) = (view.migrated.len(), view.up_to_date);
    cx.ui.note(format!(
        "{} would be migrated, {current} up to date; dry run: nothing was changed",
        format::count(behind, "tenant")
    ));
    for failed in &view.failed {
        cx.ui.warn(format!("{}: {}", failed.tenant, failed.error));
    }
    Ok(ExitStatus::Done)
}

impl MigrateView {
    fn new(request: &Request, up_to_date: usize) -> Self {
        Self {
            dry_run: false,
            target: request.target(),
            registry: Vec::new(),
            template: Vec::new(),
            migrated: Vec::new(),
            up_to_date,
            failed: Vec::new(),
            skipped: Vec::new(),
            not_started: Vec::new(),
            stopped: None,
        }
    }

    fn of(request: &Request, rollout: &Rollout) -> Self {
        let report: &Report<Moved> = &rollout.tenants;
        Self {
            registry: rollout.registry.applied.clone(),
            template: rollout.template.applied.clone(),
            migrated: rollout
                .moved()
                .map(|(slug, moved)| MovedView {
                    tenant: slug.to_string(),
                    from: moved.from,
                    to: moved.to,
                    migrations: moved.applied.clone(),
                })
                .collect(),
            failed: FailedView::all(report),
            skipped: report.skipped().map(|(slug, _)| slug.to_string()).collect(),
            not_started: report.not_started().map(ToString::to_string).collect(),
            stopped: rollout.canaries_failed.as_ref().map(words),
            ..Self::new(request, rollout.up_to_date())
        }
    }
}
