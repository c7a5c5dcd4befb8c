use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::migrate_plan::{self, Statements};
use super::migrate_view::MigrateView;
use super::rehearse::RehearseArgs;
use crate::cli::args::{JobArgs, TenantSelection, parse_duration_flag};
use crate::context::Context;
use crate::db::{Access, Commit, TenantOptions};
use crate::error::{UsageError, fleet_status, worse};
use crate::exit::ExitStatus;
use crate::fleet::{OnError, words};
use crate::ops::forward::How;
use crate::ops::migrate::{self, Request, Rollout, RolloutError};
use crate::words;

/// Apply pending migrations to registry, template and every tenant
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
    let statements = match args.sql {
        true => Statements::Shown,
        false => Statements::LeftOut,
    };
    migrate_plan::check(cx, statements)?;
    let request = args.request(cx).await?;
    request.check()?;
    let db = cx.db().await?;
    let survey = migrate::survey(db, &request).await?;
    request.check_pending(&survey).map_err(RolloutError::from)?;
    if args.rehearsal.is_wanted() {
        return args.rehearsal.run(cx, request, survey).await;
    }
    if args.dry_run {
        return migrate_plan::run(cx, statements, &request, survey).await;
    }
    if survey.is_current() {
        cx.ui.summary(&MigrateView::new(&request, survey.current))?;
        cx.ui.note(nothing_to_do(&request, survey.current));
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
            let count = words::count(applied.len(), "migration");
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
        cx.ui.note(format!("{}{version}", words::count(moved, "tenant")));
    } else if counts.failed + counts.not_started == 0 {
        let has_moved = !registry.applied.is_empty() || !template.applied.is_empty();
        cx.ui.note(match has_moved {
            true => already_there(request, rollout.up_to_date()),
            false => nothing_to_do(request, rollout.up_to_date()),
        });
    }
    if rollout.corrected() > 0 {
        let count = words::count(rollout.corrected(), "tenant");
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

fn nothing_to_do(request: &Request, tenants: usize) -> String {
    let count = words::count(tenants, "tenant");
    match (request.target(), tenants) {
        (Some(version), 0) => format!("nothing to do: no tenants match, and the template is at V{version}"),
        (Some(version), _) => format!("nothing to do: {count} and the template are at V{version}"),
        (None, 0) => "nothing to do: no tenants match".to_owned(),
        (None, _) => format!("nothing to do: {count}"),
    }
}

/// What there was to do for tenants after registry or template: nothing.
fn already_there(request: &Request, tenants: usize) -> String {
    let count = words::count(tenants, "tenant");
    let are = if tenants == 1 { "is" } else { "are" };
    match (request.target(), tenants) {
        (_, 0) => "no tenants match".to_owned(),
        (Some(version), _) => format!("{count} {are} at V{version} already"),
        (None, _) => format!("nothing to do for {count}"),
    }
}
