use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::*;
use crate::exit::ExitStatus;

struct Somebody(Slug);

impl Member for Somebody {
    fn slug(&self) -> &Slug {
        &self.0
    }
}

#[derive(Default)]
struct Heard(Vec<String>);

impl Observer for Heard {
    fn observe(&mut self, event: &Event) {
        self.0.push(match event {
            Event::Planned { tenants } => format!("{tenants} planned"),
            Event::Started { slug } => format!("started {slug}"),
            Event::Step { what, .. } => format!("doing {what}"),
            Event::Retrying { slug, attempt, .. } => format!("retrying {slug} after {attempt}"),
            Event::Blocked { slug, .. } => format!("{slug} is blocked"),
            Event::Finished { slug, .. } => format!("finished {slug}"),
            Event::Draining { not_started, .. } => format!("draining, {not_started} not started"),
        });
    }
}

fn members(slugs: &[&str]) -> Vec<Somebody> {
    slugs
        .iter()
        .map(|slug| Somebody(slug.parse().expect("a slug")))
        .collect()
}

fn plan(jobs: usize, on_error: OnError) -> Plan {
    Plan {
        jobs,
        on_error,
        retry: Retry { times: 2 },
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_run_at_once_and_the_report_is_sorted() {
    let running = Cell::new(0_usize);
    let most = Cell::new(0_usize);
    let job = async |_: &Somebody| {
        running.set(running.get() + 1);
        most.set(most.get().max(running.get()));
        tokio::time::sleep(Duration::from_millis(10)).await;
        running.set(running.get() - 1);
        Ok(Answer::Done(()))
    };
    let names = ["e", "d", "c", "b", "a"];
    let report = run(
        members(&names),
        plan(2, OnError::Stop),
        &Stop::default(),
        &mut Unobserved,
        job,
    )
    .await;
    assert_eq!(most.get(), 2);
    let order: Vec<&str> = report.done().map(|(slug, ())| slug.as_str()).collect();
    assert_eq!(order, ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn a_failure_stops_new_tenants_and_names_those_not_started() {
    let job = async |member: &Somebody| match member.0.as_str() {
        "b" => Err(anyhow::anyhow!("no")),
        _ => Ok(Answer::Done(())),
    };
    let mut heard = Heard::default();
    let stop = Stop::default();
    let report = run(
        members(&["a", "b", "c", "d"]),
        plan(1, OnError::Stop),
        &stop,
        &mut heard,
        job,
    )
    .await;
    assert_eq!(
        report.counts(),
        Counts {
            done: 1,
            failed: 1,
            not_started: 2,
            skipped: 0
        }
    );
    assert_eq!(
        report.not_started().map(Slug::as_str).collect::<Vec<_>>(),
        ["c", "d"]
    );
    assert!(heard.0.contains(&"draining, 2 not started".to_owned()));
}

#[tokio::test]
async fn a_failure_leaves_the_others_alone_when_told_to_continue() {
    let job = async |member: &Somebody| match member.0.as_str() {
        "b" => Err(anyhow::anyhow!("no")),
        "c" => Ok(Answer::Skip("nothing to do".to_owned())),
        _ => Ok(Answer::Done(())),
    };
    let report = run(
        members(&["a", "b", "c", "d"]),
        plan(1, OnError::Continue),
        &Stop::default(),
        &mut Unobserved,
        job,
    )
    .await;
    assert_eq!(
        report.counts(),
        Counts {
            done: 2,
            failed: 1,
            not_started: 0,
            skipped: 1
        }
    );
}

#[tokio::test]
async fn a_request_to_stop_lets_the_running_tenant_finish() {
    let stop = Stop::default();
    let job = async |_: &Somebody| {
        stop.signal();
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(Answer::Done(()))
    };
    let report = run(
        members(&["a", "b", "c"]),
        plan(1, OnError::Continue),
        &stop,
        &mut Unobserved,
        job,
    )
    .await;
    assert_eq!(
        report.counts(),
        Counts {
            done: 1,
            failed: 0,
            not_started: 2,
            skipped: 0
        }
    );
    assert!(report.interrupted);
}

#[tokio::test]
async fn a_run_that_is_told_to_stop_before_it_begins_starts_nobody() {
    let stop = Stop::default();
    stop.signal();
    let mut heard = Heard::default();
    let report = run(
        members(&["a", "b", "c"]),
        plan(2, OnError::Stop),
        &stop,
        &mut heard,
        async |_: &Somebody| Ok(Answer::Done(())),
    )
    .await;
    assert_eq!(report.counts().not_started, 3);
    assert_eq!(report.exit_status(), ExitStatus::Interrupted);
    assert_eq!(heard.0, ["draining, 3 not started"]);
}

#[tokio::test]
async fn a_request_to_stop_that_comes_with_a_report_is_heard() {
    let stop = Stop::default();
    let job = async |_: &Somebody| {
        stop.signal();
        Ok(Answer::Done(()))
    };
    let report = run(
        members(&["a", "b", "c"]),
        plan(1, OnError::Stop),
        &stop,
        &mut Unobserved,
        job,
    )
    .await;
    assert_eq!((report.counts().done, report.counts().not_started), (1, 2));
    assert!(report.interrupted);
}

#[tokio::test]
async fn an_ordinary_failure_is_not_tried_again() {
    let calls = RefCell::new(0);
    let job = async |_: &Somebody| -> anyhow::Result<Answer<()>> {
        *calls.borrow_mut() += 1;
        Err(anyhow::anyhow!("no"))
    };
    run(
        members(&["a"]),
        plan(1, OnError::Stop),
        &Stop::default(),
        &mut Unobserved,
        job,
    )
    .await;
    assert_eq!(*calls.borrow(), 1);
}

#[tokio::test]
async fn an_empty_fleet_has_an_empty_report() {
    let job = async |_: &Somebody| Ok(Answer::Done(()));
    let report = run(
        Vec::new(),
        plan(4, OnError::Stop),
        &Stop::default(),
        &mut Unobserved,
        job,
    )
    .await;
    assert_eq!(report.counts(), Counts::default());
}

#[tokio::test]
async fn a_run_stops_after_as_many_failures_as_it_may_have() {
    let job = async |member: &Somebody| match member.0.as_str() {
        "a" | "c" => Err(anyhow::anyhow!("no")),
        _ => Ok(Answer::Done(())),
    };
    let report = run(
        members(&["a", "b", "c", "d"]),
        plan(1, OnError::StopAfter(2)),
        &Stop::default(),
        &mut Unobserved,
        job,
    )
    .await;
    assert_eq!(
        report.counts(),
        Counts {
            done: 1,
            failed: 2,
            not_started: 1,
            skipped: 0
        }
    );
}
