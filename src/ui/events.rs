//! What a fleet does, for programs: one JSON object a line on stdout, as it happens.

use std::io;

use serde_json::{Value, json};

use super::{safe, write_all};
use crate::fleet::{Ending, Event, Observer};
use crate::words::milliseconds;

/// Writes each event as a line.
#[derive(Debug, Default)]
pub(crate) struct EventLines;

impl Observer for EventLines {
    fn observe(&mut self, event: &Event) {
        let mut line = object(event);
        line["at"] = json!(jiff::Timestamp::now());
        // A reader that has gone away is no reason to stop the work.
        let _ = write_all(&mut io::stdout().lock(), &(safe::json(&line.to_string()) + "\n"));
    }
}

fn object(event: &Event) -> Value {
    match event {
        Event::Planned { tenants } => json!({ "event": "planned", "tenants": tenants }),
        Event::Started { slug } => json!({ "event": "started", "tenant": slug.as_str() }),
        Event::Step { slug, done, of, what } => {
            json!({ "event": "step", "tenant": slug.as_str(), "done": done, "of": of, "what": what })
        }
        Event::Retrying {
            slug,
            attempt,
            pause,
            reason,
        } => json!({
            "event": "retrying", "tenant": slug.as_str(), "attempt": attempt, "pause_ms": milliseconds(*pause),
            "reason": reason,
        }),
        Event::Blocked {
            slug,
            waiting,
            blocker,
        } => json!({
            "event": "blocked", "tenant": slug.as_str(), "waiting_ms": milliseconds(*waiting), "by": {
                "pid": blocker.pid, "who": blocker.who, "query": blocker.query, "age_ms": milliseconds(blocker.age),
            },
        }),
        Event::Finished {
            slug,
            ending,
            elapsed,
        } => {
            let (outcome, reason) = match ending {
                Ending::Done => ("done", None),
                Ending::Skipped(reason) => ("skipped", Some(reason)),
                Ending::Failed(reason) => ("failed", Some(reason)),
            };
            json!({
                "event": "finished", "tenant": slug.as_str(), "outcome": outcome, "reason": reason,
                "ms": milliseconds(*elapsed),
            })
        }
        Event::Draining { running, not_started } => {
            json!({ "event": "draining", "running": running, "not_started": not_started })
        }
    }
}
