//! A run: each tenant in its turn, from what is due in it to what came of that.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Context as _;
use jiff::Timestamp;

use super::archive::Archives;
use super::pace::Pace;
use super::place::{Halt, Place, legal_hold};
use super::policy::{Rule, Unfit};
use super::shape::{Shape, Unit};
use super::shapes::Shapes;
use super::statement::Job;
use super::survey::Due;
use super::taken::Taken;
use super::work::Work;
use super::{Excess, Request, TooMuch, preview};
use crate::db::{self, Db, SchemaMissing};
use crate::fleet::Answer;
use crate::tenant::{Slug, Tenant, registry};

/// What all tenants of a run have in common.
pub(super) struct Run<'a> {
    pub(super) db: &'a Db,
    pub(super) request: &'a Request,
    pub(super) rules: Vec<Rule>,
    pub(super) shapes: Shapes,
    pub(super) now: Timestamp,
    pub(super) pace: Pace<'a>,
    /// The run's own part of archives' names.
    pub(super) name: String,
    pub(super) taken: RefCell<BTreeMap<Slug, Vec<Taken>>>,
    pub(super) not_reached: RefCell<BTreeSet<Slug>>,
}

impl Run<'_> {
    /// Cleans one tenant when its turn comes.
    pub(super) async fn tenant(&self, tenant: &Tenant) -> anyhow::Result<Answer<()>> {
        if self.pace.is_over() {
            self.not_reached.borrow_mut().insert(tenant.slug.clone());
            return Ok(Answer::Skip("the run was over before its turn".to_owned()));
        }
        if let Some(hold) = legal_hold(&tenant.metadata) {
            return Ok(Answer::Skip(hold));
        }
        let result = self.clean(tenant).await;
        let Err(error) = result else {
            return Ok(Answer::Done(()));
        };
        if let Some(halt @ (Halt::Gone | Halt::Held)) = error.downcast_ref::<Halt>() {
            return Ok(Answer::Skip(halt.to_string()));
        }
        let is_gone = async || anyhow::Ok(registry::is_gone(&self.db.direct().await?, tenant).await?);
        match is_gone().await {
            Ok(true) => Ok(Answer::Skip(Halt::Gone.to_string())),
            Ok(false) => Err(error),
            // What is missing in a tenant may be missing because it was dropped, and nobody can tell.
            Err(unknown) if error.is::<Unfit>() || error.is::<SchemaMissing>() => Err(unknown),
            Err(_) => Err(error),
        }
    }

    async fn clean(&self, tenant: &Tenant) -> anyhow::Result<()> {
        let mut session = self.db.direct().await?.unlimited();
        let place = Place::new(tenant, &self.request.options);
        let shape = self.shapes.of(&session, &tenant.schema).await?;
        if !shape.is_there {
            return Err(SchemaMissing(tenant.schema.clone()).into());
        }
        let mut jobs = Vec::new();
        for rule in &self.rules {
            if let Some(window) = rule.window(self.now, &tenant.plan) {
                jobs.push(Job::new(rule, &shape, &tenant.schema, window)?);
            }
        }
        let archives = match (&self.request.archive_dir, self.request.dry_run) {
            (Some(folder), false) if jobs.iter().any(|job| job.rule.archives()) => {
                Some(Archives::open(&mut session, folder, &self.name, tenant).await?)
            }
            _ => None,
        };
        let mut work = Work {
            db: self.db,
            place: &place,
            session,
            pace: &self.pace,
            archives,
        };
        if self.request.dry_run {
            let mut taken = preview::of(&work, &jobs).await?;
            for (job, taken) in jobs.iter().zip(&mut taken) {
                taken.needs_yes = self.excess(&work, job, taken.own.rows).await?.is_some();
            }
            self.taken.borrow_mut().insert(tenant.slug.clone(), taken);
            return Ok(());
        }
        self.take_all(&mut work, &jobs, tenant).await?;
        if let Some(archives) = &work.archives {
            archives.finish(&work.session).await?;
        }
        if self.request.vacuum {
            self.vacuum(&mut work, &shape, tenant).await?;
        }
        Ok(())
    }

    async fn take_all(&self, work: &mut Work<'_>, jobs: &[Job<'_>], tenant: &Tenant) -> anyhow::Result<()> {
        let places: Vec<(&Job<'_>, &Unit)> = jobs
            .iter()
            .flat_map(|job| job.table.units.iter().map(move |unit| (job, unit)))
            .collect();
        let found = work.survey_all(Some(reached(tenant)), &places).await;
        if found.is_err() {
            // It was undone with what was surveyed.
            work.try_change(&reached(tenant)).await.ok();
        }
        let mut found = found?.into_iter();
        let mut surveys = Vec::new();
        let mut excesses = Vec::new();
        for job in jobs {
            let units: Units<'_> = job.table.units.iter().zip(found.by_ref()).collect();
            match self.excess(work, job, due(&units)).await? {
                None => surveys.push((job, units)),
                Some(excess) => excesses.push(excess),
            }
        }
        let mut has_taken = false;
        for (job, mut units) in surveys {
            let started = Instant::now();
            // What kept rows here may have gone.
            if has_taken && units.iter().any(|(_, due)| due.kept > 0) {
                units = work.survey_table(job).await?;
                if let Some(excess) = self.excess(work, job, due(&units)).await? {
                    excesses.push(excess);
                    continue;
                }
            }
            let mut taken = Taken::nothing(job);
            let result = self.take(work, job, units, &mut taken).await;
            taken.elapsed = started.elapsed();
            has_taken |= taken.all().rows > 0;
            let mut all = self.taken.borrow_mut();
            let of_tenant = all.entry(tenant.slug.clone()).or_default();
            match of_tenant.iter_mut().find(|known| known.policy == taken.policy) {
                Some(known) => known.tried_again(taken),
                None => of_tenant.push(taken),
            }
            result.with_context(|| format!("policy `{}`", job.rule.name()))?;
        }
        match excesses.is_empty() {
            true => Ok(()),
            false => Err(TooMuch(excesses).into()),
        }
    }

    async fn take(
        &self,
        work: &mut Work<'_>,
        job: &Job<'_>,
        units: Units<'_>,
        taken: &mut Taken,
    ) -> anyhow::Result<()> {
        let units = work.whole_partitions(job, units, taken).await?;
        for (unit, due) in units {
            if due.rows > 0 && !self.pace.is_over() {
                work.take(job, unit, due, taken).await?;
                continue;
            }
            taken.left += due.rows;
            taken.kept += due.kept;
        }
        Ok(())
    }

    /// What the policy would take where these are more rows of a table than may go.
    async fn excess(&self, work: &Work<'_>, job: &Job<'_>, due: u64) -> anyhow::Result<Option<Excess>> {
        let limits = &self.request.limits;
        let Some(limit) = limits.max_fraction else {
            return Ok(None);
        };
        let limit = job.rule.settings.max_fraction.unwrap_or(limit);
        if due <= limits.free_rows || limit >= 1.0 {
            return Ok(None);
        }
        let total = work.total(&job.table.units).await?;
        let is_more = due as f64 > limit * total;
        Ok(is_more.then(|| Excess {
            policy: job.rule.name().to_owned(),
            table: job.table.name.clone(),
            due,
            total: total as u64,
            share: limit * 100.0,
        }))
    }

    /// Makes the room of rows that went free for others.
    async fn vacuum(&self, work: &mut Work<'_>, shape: &Shape, tenant: &Tenant) -> anyhow::Result<()> {
        let tables: BTreeSet<String> = {
            let all = self.taken.borrow();
            let taken = all.get(&tenant.slug).into_iter().flatten();
            let with_rows = taken.filter(|taken| taken.all().rows > 0);
            with_rows
                .flat_map(|taken| std::iter::once(&taken.table).chain(taken.along.keys()))
                .cloned()
                .collect()
        };
        for table in shape.tables.iter().filter(|table| tables.contains(&table.told)) {
            if self.pace.is_over() {
                break;
            }
            let vacuum = format!("VACUUM (ANALYZE, SKIP_LOCKED) {}", table.full_name);
            let time_left = self.pace.time_left().unwrap_or_default();
            match work.session.script_within(&vacuum, time_left).await {
                Err(error) if self.pace.is_late() => {
                    tracing::info!(
                        "the time is over before {} was vacuumed: {error}",
                        table.full_name
                    );
                }
                done => done.with_context(|| format!("vacuuming {}", table.full_name))?,
            }
        }
        Ok(())
    }
}

/// A table in parts, and what is due in each.
type Units<'u> = Vec<(&'u Unit, Due)>;

fn due(units: &Units<'_>) -> u64 {
    units.iter().map(|(_, due)| due.rows).sum()
}

/// Writes down that the tenant's turn came, whatever comes of it: one that takes all the time of every run must not keep
/// the others from theirs.
fn reached(tenant: &Tenant) -> String {
    const STATEMENT: &str = "INSERT INTO public.tenant_cleanups (tenant_id, reached_at) \
                             SELECT id, clock_timestamp() FROM public.tenants WHERE id = $1 \
                             ON CONFLICT (tenant_id) DO UPDATE SET reached_at = EXCLUDED.reached_at";
    db::with_constants(STATEMENT, &[Some(&tenant.id.to_string())])
}
