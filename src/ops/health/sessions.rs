//! What other sessions do: transactions that do not end, and who waits for whom.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Ask, Row};
use super::checks;
use super::finding::{Finding, Severity};
use super::words::{excerpt, verb};
use super::{Asking, HealthError};
use crate::db::{QuotedIdent, QuotedText};
use crate::words::{count, grouped, span};

/// Who has waited so long is in distress.
const TOO_LONG_BLOCKED: i64 = 60;
/// Transactions this many times older than the limit are worse.
const FAR_TOO_LONG: i64 = 12;

/// Transactions that are open for too long.
pub(super) async fn transactions(ask: &Ask, asking: &Asking<'_>) -> Result<Vec<Finding>, HealthError> {
    let limits = &asking.request.limits;
    let [long, idle] = [limits.long_transaction, limits.idle_in_transaction].map(|limit| limit.as_secs());
    let seconds = i64::try_from(long.min(idle)).unwrap_or(i64::MAX);
    let [long, idle] = [long, idle].map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let question = include_str!("sql/sessions.sql").replace("{seconds}", &seconds.to_string());
    let rows = ask.rows(&question).await?;
    let finding = |row: &Row| {
        let (is_idle, age, since) = (row.flag(3), row.number(4), row.number(5));
        let (check, limit, so_long, doing) = if is_idle && since >= idle {
            (
                &checks::IDLE_IN_TRANSACTION,
                idle,
                since,
                "idle in a transaction for",
            )
        } else if age >= long {
            (&checks::LONG_TRANSACTION, long, age, "in a transaction for")
        } else {
            return None;
        };
        let severity = match so_long >= limit.saturating_mul(FAR_TOO_LONG) && limit > 0 {
            true => Severity::Critical,
            false => Severity::Warning,
        };
        let summary = format!(
            "{} is {doing} {}: {}",
            who(row.number(0), row.text(1), row.text(2)),
            span(so_long),
            excerpt(row.text(6))
        );
        Some(
            Finding::new(severity, check, summary)
                .run(format!("SELECT pg_terminate_backend({});", row.number(0)))
                .about(row.list(7)),
        )
    };
    let mut found: Vec<Finding> = rows.iter().filter_map(finding).collect();
    found.extend(prepared(ask, long).await?);
    Ok(found)
}

async fn prepared(ask: &Ask, long: i64) -> Result<Vec<Finding>, HealthError> {
    let question = include_str!("sql/prepared.sql").replace("{seconds}", &long.to_string());
    let rows = ask.rows(&question).await?;
    let finding = |row: &Row| {
        let summary = format!(
            "transaction {} of {} is prepared for {}",
            row.text(0),
            row.text(1),
            span(row.number(2))
        );
        Finding::new(Severity::Warning, &checks::PREPARED_TRANSACTION, summary).run(format!(
            "ROLLBACK PREPARED {}; -- or COMMIT PREPARED",
            QuotedText::new(row.text(0))
        ))
    };
    Ok(rows.iter().map(finding).collect())
}

/// The process of a transaction that is prepared and has none.
const PREPARED: i64 = 0;

/// Somebody at the head of a queue.
#[derive(Default)]
struct Head {
    who: String,
    state: String,
    query: String,
    waiting: BTreeSet<i64>,
    longest: i64,
    tenants: BTreeSet<String>,
    relation: String,
}

/// Who waits for a lock, under the one whom all of them wait for in the end.
pub(super) async fn blocked(ask: &Ask, asking: &Asking<'_>) -> Result<Vec<Finding>, HealthError> {
    let rows = ask.rows(include_str!("sql/blocked.sql")).await?;
    let limit = i64::try_from(asking.request.limits.blocked.as_secs()).unwrap_or(i64::MAX);
    let mut before: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for row in &rows {
        before.entry(row.number(0)).or_default().push(row.number(4));
    }
    let mut heads: BTreeMap<i64, Head> = BTreeMap::new();
    for row in &rows {
        for pid in heads_of(row.number(4), &before) {
            let head = heads.entry(pid).or_default();
            if pid == row.number(4) {
                head.who = who(pid, row.text(5), row.text(6));
                head.state = row.text(7).to_owned();
                head.query = excerpt(row.text(8));
            }
            head.waiting.insert(row.number(0));
            if row.number(1) >= head.longest {
                head.longest = row.number(1);
                head.relation = row.text(3).to_owned();
            }
            head.tenants.extend(row.optional(2).map(str::to_owned));
        }
    }
    let finding = |(pid, head): (i64, Head)| {
        if head.longest < limit {
            return None;
        }
        let severity = match head.longest >= TOO_LONG_BLOCKED {
            true => Severity::Critical,
            false => Severity::Warning,
        };
        let on = match head.relation.as_str() {
            "" => String::new(),
            relation => format!(" on {relation}"),
        };
        let doing = [head.state.as_str(), head.query.as_str()];
        let doing: Vec<&str> = doing.into_iter().filter(|words| !words.is_empty()).collect();
        let summary = format!(
            "{} {} for {}{on}, the longest for {} ({})",
            count(head.waiting.len(), "session"),
            verb(head.waiting.len(), "waits", "wait"),
            match head.who.as_str() {
                _ if pid == PREPARED => "a prepared transaction".to_owned(),
                "" => format!("pid {pid}"),
                _ => head.who,
            },
            span(head.longest),
            match doing[..] {
                _ if pid == PREPARED => "it has no session".to_owned(),
                [] => "hidden from this role".to_owned(),
                _ => doing.join(": "),
            }
        );
        Some(
            Finding::new(severity, &checks::BLOCKED, summary)
                .run(match pid {
                    PREPARED => "SELECT gid, prepared FROM pg_prepared_xacts; -- and then ROLLBACK PREPARED"
                        .to_owned(),
                    _ => format!("SELECT pg_terminate_backend({pid});"),
                })
                .about(head.tenants.into_iter().collect()),
        )
    };
    Ok(heads.into_iter().filter_map(finding).collect())
}

/// Whoever waits for nobody, going from one who is waited for. In a circle it is the first.
fn heads_of(pid: i64, before: &BTreeMap<i64, Vec<i64>>) -> BTreeSet<i64> {
    let (mut heads, mut seen, mut next) = (BTreeSet::new(), BTreeSet::new(), vec![pid]);
    while let Some(pid) = next.pop() {
        if !seen.insert(pid) {
            continue;
        }
        match before.get(&pid) {
            Some(others) => next.extend(others),
            None => {
                heads.insert(pid);
            }
        }
    }
    if heads.is_empty() {
        heads.insert(pid);
    }
    heads
}

fn who(pid: i64, role: &str, application: &str) -> String {
    let words = [role, application].into_iter().filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    match words.is_empty() {
        true => format!("pid {pid}"),
        false => format!("pid {pid} ({})", words.join(", ")),
    }
}

/// What the role may not see of others' sessions.
pub(super) async fn hidden(ask: &Ask, asking: &Asking<'_>) -> Result<Vec<Finding>, HealthError> {
    let row = ask.row(include_str!("sql/hidden.sql")).await?;
    if row.flag(0) || row.number(1) == 0 {
        return Ok(Vec::new());
    }
    let checks = [
        &checks::LONG_TRANSACTION,
        &checks::IDLE_IN_TRANSACTION,
        &checks::IDLE_CONNECTIONS,
    ];
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    let summary = format!(
        "{}: what {} of {} do is hidden from this role",
        names.join(", "),
        count(row.number(1), "session"),
        match row.number(2) {
            1 => "another role".to_owned(),
            many => format!("{} other roles", grouped(many)),
        }
    );
    Ok(vec![
        Finding::new(Severity::Note, &checks::NOT_CHECKED, summary).run(format!(
            "GRANT pg_read_all_stats TO {};",
            QuotedIdent::new(&asking.readable.role)
        )),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_queue_is_who_waits_for_nobody() {
        let before: BTreeMap<i64, Vec<i64>> =
            [(1, vec![2]), (2, vec![3, 4]), (5, vec![6]), (6, vec![5])].into();
        let heads = |pid| heads_of(pid, &before).into_iter().collect::<Vec<_>>();
        assert_eq!(heads(1), [3, 4]);
        assert_eq!(heads(3), [3]);
        assert_eq!(heads(5), [5]);
    }
}
