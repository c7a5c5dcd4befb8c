//! One job over many tenants.
//!
//! [`run`] starts the job for up to `jobs` tenants at once, tries again what often passes, hears the request to stop,
//! and accounts for every tenant in its [`Report`]. What the job does, and how its result is shown, is left to others.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/scene.rs"));
//! # fn main() -> anyhow::Result<()> {
//! # with_tenants(async |url| {
//! use tenantctl::client::{Client, Options};
//! use tenantctl::fleet::{self, Answer, OnError, Plan, Retry, Stop, Unobserved};
//!
//! let tenants = Client::connect(url, Options { retries: 0, ..Options::default() })?;
//! let everybody = tenants.all().await?;
//!
//! // Four at once, all of them whatever happens to some, and three more attempts after a deadlock.
//! let plan = Plan { jobs: 4, on_error: OnError::Continue, retry: Retry { times: 3 } };
//! let report = fleet::run(everybody, plan, &Stop::default(), &mut Unobserved, async |tenant| {
//!     if tenant.slug.as_str() == "globex" {
//!         return Ok(Answer::Skip("not theirs to count".to_owned()));
//!     }
//!     let users: i64 = tenants
//!         .read(tenant, async |tx| Ok(tx.query("SELECT count(*) FROM users", &[]).await?[0].get(0)))
//!         .await?;
//!     Ok(Answer::Done(users))
//! })
//! .await;
//!
//! for (slug, users) in report.done() {
//!     println!("{slug}: {users} users");
//! }
//! let counts = report.counts();
//! assert_eq!((counts.done, counts.skipped, counts.failed), (1, 1, 0));
//! # Ok(())
//! # })
//! # }
//! ```

mod event;
mod report;
mod retry;
mod stop;

use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

pub use self::event::{Blocker, Ending, Event, Observer, Unobserved};
pub use self::report::{Counts, Outcome, Report, TenantReport, causes, words};
pub(crate) use self::retry::Attempts;
pub use self::retry::{Retry, is_transient};
pub use self::stop::{Patience, Stop, Urgency};
use crate::tenant::{NewTenant, Slug, Tenant};

/// What a job is done for: a tenant, or one that is about to be.
pub trait Member {
    fn slug(&self) -> &Slug;
}

impl Member for Tenant {
    fn slug(&self) -> &Slug {
        &self.slug
    }
}

impl Member for NewTenant {
    fn slug(&self) -> &Slug {
        &self.slug
    }
}

/// What happens to the rest when one tenant fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Start no more.
    Stop,
    /// Start no more once that many have failed.
    StopAfter(u32),
    /// Go on with the others.
    Continue,
}

impl OnError {
    fn is_enough(self, failures: u32) -> bool {
        match self {
            Self::Stop => failures > 0,
            Self::StopAfter(limit) => failures >= limit,
            Self::Continue => false,
        }
    }
}

/// How a fleet is worked through.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The most tenants worked on at once.
    pub jobs: usize,
    pub on_error: OnError,
    pub retry: Retry,
}

/// What a job answers for one tenant.
#[derive(Debug)]
pub enum Answer<T> {
    Done(T),
    /// There was nothing to do.
    Skip(String),
}

/// Runs `job` for every member.
///
/// A job must leave the tenant as it was when it fails, since it may be run again. The first request to stop lets
/// running jobs finish; after the second, whoever cancels their statements makes them fail.
pub async fn run<M, T, Job>(
    members: Vec<M>,
    plan: Plan,
    stop: &Stop,
    observer: &mut dyn Observer,
    job: Job,
) -> Report<T>
where
    M: Member,
    Job: AsyncFn(&M) -> anyhow::Result<Answer<T>>,
{
    let _patience = stop.patience();
    let (events, mut heard) = mpsc::unbounded_channel();
    let mut waiting = members.into_iter();
    let mut running = FuturesUnordered::new();
    let mut finished = Vec::new();
    let mut failures = 0;
    let mut draining = false;
    let mut interrupted = false;

    loop {
        // Looked at before anything is started: the request may be older than this run, or have come with a report.
        if !interrupted && stop.urgency() >= Urgency::Drain {
            interrupted = true;
            draining = true;
            observer.observe(&Event::Draining {
                running: running.len(),
                not_started: waiting.len(),
            });
        }
        while !draining && running.len() < plan.jobs.max(1) {
            let Some(member) = waiting.next() else { break };
            observer.observe(&Event::Started {
                slug: member.slug().clone(),
            });
            running.push(attempt(member, plan.retry, &job, stop, events.clone()));
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            Some(event) = heard.recv() => observer.observe(&event),
            Some(report) = running.next() => {
                observer.observe(&finished_event(&report));
                failures += u32::from(matches!(report.outcome, Outcome::Failed(_)));
                if plan.on_error.is_enough(failures) && !draining {
                    draining = true;
                    observer.observe(&Event::Draining { running: running.len(), not_started: waiting.len() });
                }
                finished.push(report);
            }
            () = stop.reached(Urgency::Drain), if !interrupted => {}
        }
    }
    drop(running);

    Report {
        tenants: finished,
        interrupted,
    }
    .and(Report::of_not_started(
        waiting.map(|member| member.slug().clone()),
    ))
}

/// Does the job for one member, again after a pause as long as that may help.
async fn attempt<M, T, Job>(
    member: M,
    retry: Retry,
    job: &Job,
    stop: &Stop,
    mut events: mpsc::UnboundedSender<Event>,
) -> TenantReport<T>
where
    M: Member,
    Job: AsyncFn(&M) -> anyhow::Result<Answer<T>>,
{
    let started = Instant::now();
    let slug = member.slug().clone();
    let mut attempts = Attempts::at(&slug, retry, stop);
    let outcome = loop {
        match job(&member).await {
            Ok(Answer::Done(result)) => break Outcome::Done(result),
            Ok(Answer::Skip(reason)) => break Outcome::Skipped(reason),
            Err(error) => {
                if !attempts.another_after(error.as_ref(), &mut events).await {
                    break Outcome::Failed(error);
                }
            }
        }
    };
    TenantReport {
        slug,
        outcome,
        elapsed: started.elapsed(),
    }
}

fn finished_event<T>(report: &TenantReport<T>) -> Event {
    let ending = match &report.outcome {
        Outcome::Failed(error) => Ending::Failed(words(error)),
        Outcome::Skipped(reason) => Ending::Skipped(reason.clone()),
        Outcome::Done(_) | Outcome::NotStarted => Ending::Done,
    };
    Event::Finished {
        slug: report.slug.clone(),
        ending,
        elapsed: report.elapsed,
    }
}

#[cfg(test)]
mod tests;
