//! Who keeps whom waiting, looked up while tenants are migrated.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use crate::db::{self, Db, Session, without_secrets};
use crate::fleet::{Blocker, Event, Observer};
use crate::tenant::Slug;

/// How often to look, and how often at most when waits are short.
const INTERVAL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(50);
/// How much of the blocking statement is shown.
const SHOWN: usize = 60;

/// Tells of each wait for a lock once, until it is dropped. A wait lasts no longer than `limit`; zero is for ever.
pub(super) async fn blockers(db: &Db, limit: Duration, observer: &RefCell<&mut dyn Observer>) -> Infallible {
    let mut told: HashMap<String, i32> = HashMap::new();
    let interval = match limit {
        Duration::ZERO => INTERVAL,
        limit => (limit / 3).clamp(SHORTEST, INTERVAL),
    };
    let mut session = None;
    loop {
        tokio::time::sleep(interval).await;
        match look(db, &mut session).await {
            Ok(waits) => {
                told.retain(|slug, pid| {
                    waits
                        .iter()
                        .any(|(other, _, by)| other.as_str() == slug && by.pid == *pid)
                });
                for (slug, waiting, blocker) in waits {
                    if told.insert(slug.to_string(), blocker.pid) != Some(blocker.pid) {
                        observer.borrow_mut().observe(&Event::Blocked {
                            slug,
                            waiting,
                            blocker,
                        });
                    }
                }
            }
            // Nobody's work depends on it.
            Err(error) => {
                tracing::debug!("looking for blockers: {error:#}");
                session = None;
            }
        }
    }
}

/// Looks with a connection of its own, since those of the pool may all be waiting.
async fn look(db: &Db, session: &mut Option<Session>) -> anyhow::Result<Vec<(Slug, Duration, Blocker)>> {
    let session = match session {
        Some(session) => session,
        None => session.insert(db.apart(&[]).await?),
    };
    let rows = session.query(include_str!("../sql/blockers.sql"), &[]).await?;
    let seconds = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0));
    let wait = |row: &db::Row| {
        Some((
            row.get::<_, String>(0).parse().ok()?,
            seconds(row.get(1)),
            Blocker {
                pid: row.get(2),
                who: row.get(3),
                query: without_secrets(row.get(4), SHOWN),
                age: seconds(row.get(5)),
            },
        ))
    };
    Ok(rows.iter().filter_map(wait).collect())
}
