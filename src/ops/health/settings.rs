//! Whether what the server is set to is enough for so many schemas.

use std::time::Duration;

use super::checks;
use super::finding::{Finding, Severity};
use super::{Asking, Fleet, Server};
use crate::db;
use crate::words::{count, grouped};

/// The end of support by major version: the second Thursday of November, five years on.
const END_OF_LIFE: [(i64, &str, i64); 5] = [
    (14, "2026-11-12", 1_794_441_600),
    (15, "2027-11-11", 1_825_891_200),
    (16, "2028-11-09", 1_857_340_800),
    (17, "2029-11-08", 1_888_790_400),
    (18, "2030-11-14", 1_920_844_800),
];
/// Shares of a limit that are used.
const NEARLY_FULL: (f64, f64) = (0.8, 0.95);
/// Tables that one worker of autovacuum can look after in good time.
const TABLES_A_WORKER: i64 = 5_000;

/// The settings beside what they have to be enough for.
pub(super) fn judge(asking: &Asking<'_>, server: &Server, fleet: &Fleet) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(far_away(server.latency));
    found.extend(end_of_life(server));
    found.extend(connections(server));
    found.extend(pool(asking, server));
    found.extend(locks(asking, server, fleet));
    found.extend(autovacuum(server, fleet));
    found
}

fn far_away(latency: Duration) -> Option<Finding> {
    const SLOW: Duration = Duration::from_millis(20);
    const VERY_SLOW: Duration = Duration::from_millis(100);
    let severity = match latency {
        _ if latency >= VERY_SLOW => Severity::Warning,
        _ if latency >= SLOW => Severity::Note,
        _ => return None,
    };
    let summary = format!("a round trip to the server takes {} ms", latency.as_millis());
    Some(Finding::new(severity, &checks::LATENCY, summary).run("run tenantctl on a machine near the server"))
}

fn end_of_life(server: &Server) -> Option<Finding> {
    let (major, day, _) = END_OF_LIFE
        .iter()
        .find(|(major, _, end)| *major == server.major && server.now >= *end)?;
    let summary = format!("PostgreSQL {major} is no longer supported since {day}");
    Some(
        Finding::new(Severity::Warning, &checks::SERVER_VERSION, summary)
            .run("plan an upgrade: https://www.postgresql.org/support/versioning/"),
    )
}

fn connections(server: &Server) -> Vec<Finding> {
    let mut found = Vec::new();
    let nearly_full = |used: i64, limit: i64| {
        let share = used as f64 / limit.max(1) as f64;
        Severity::of(&share, &NEARLY_FULL.0, &NEARLY_FULL.1)
    };
    let room = server.max_connections - server.reserved;
    if let Some(severity) = nearly_full(server.connections, room) {
        let summary = format!(
            "{} of {room} connections are in use ({} more are reserved)",
            server.connections, server.reserved
        );
        found.push(
            Finding::new(severity, &checks::CONNECTIONS, summary)
                .run("put PgBouncer before the server, or raise max_connections"),
        );
    }
    for (what, used, limit, change) in [
        (
            "this database",
            server.in_database,
            server.database_limit,
            "ALTER DATABASE … CONNECTION LIMIT …".to_owned(),
        ),
        (
            "this role",
            server.of_role,
            server.role_limit,
            format!(
                "ALTER ROLE {} CONNECTION LIMIT …",
                db::QuotedIdent::new(&server.role)
            ),
        ),
    ] {
        if limit < 0 {
            continue;
        }
        if let Some(severity) = nearly_full(used, limit) {
            let summary = format!("{used} of the {limit} connections that {what} may have are in use");
            found.push(Finding::new(severity, &checks::CONNECTION_LIMIT, summary).run(change));
        }
    }
    const MANY: i64 = 10;
    if server.idle >= MANY && server.idle * 2 > room {
        let summary = format!("{} of {} connections are idle", server.idle, server.connections);
        found.push(
            Finding::new(Severity::Note, &checks::IDLE_CONNECTIONS, summary)
                .run("put PgBouncer in transaction mode before the server, or lower the applications' pools"),
        );
    }
    found
}

fn pool(asking: &Asking<'_>, server: &Server) -> Option<Finding> {
    let limits = [
        (server.max_connections - server.reserved, server.connections),
        (server.database_limit, server.in_database),
        (server.role_limit, server.of_role),
    ];
    // One of those in use is ours.
    let free = limits
        .iter()
        .filter(|(limit, _)| *limit >= 0)
        .map(|(limit, used)| limit - used + 1)
        .min()?;
    let pool = i64::try_from(asking.pool).unwrap_or(i64::MAX);
    (pool > free).then(|| {
        let summary = format!(
            "`database.pool_max` is {pool}, and the server has {} free for this role",
            count(free, "connection")
        );
        Finding::new(Severity::Warning, &checks::POOL, summary).run(format!(
            "set database.pool_max to {}, or DATABASE_POOL_MAX",
            (free / 2).max(1)
        ))
    })
}

fn locks(asking: &Asking<'_>, server: &Server, fleet: &Fleet) -> Vec<Finding> {
    let mut found = Vec::new();
    let jobs = i64::try_from(asking.request.jobs.min(asking.pool))
        .unwrap_or(1)
        .max(1);
    let at_once = jobs * fleet.locks;
    // Applications need some of it too.
    let share = at_once as f64 / server.lock_table.max(1) as f64;
    let wanted =
        (2 * at_once * server.locks_per_transaction / server.lock_table.max(1)).max(1) / 64 * 64 + 64;
    let severity = if fleet.locks > server.lock_table {
        Some(Severity::Critical)
    } else {
        (share > 0.5).then_some(Severity::Warning)
    };
    if let Some(severity) = severity {
        let summary = format!(
            "{} at once take {} locks, {} each; the server has room for {}",
            count(jobs, "tenant"),
            grouped(at_once),
            grouped(fleet.locks),
            grouped(server.lock_table)
        );
        found.push(
            Finding::new(severity, &checks::LOCKS, summary)
                .run(format!("ALTER SYSTEM SET max_locks_per_transaction = {wanted};"))
                .run("-- then restart the server; until then lower fleet.jobs"),
        );
    }
    if fleet.tables > server.lock_table {
        let summary = format!(
            "the database has {} tables, and the server room for {} locks",
            grouped(fleet.tables),
            grouped(server.lock_table)
        );
        found.push(
            Finding::new(Severity::Note, &checks::DUMP_LOCKS, summary)
                .run("dump tenants one by one, or raise max_locks_per_transaction"),
        );
    }
    found
}

fn autovacuum(server: &Server, fleet: &Fleet) -> Vec<Finding> {
    let mut found = Vec::new();
    for (is_on, name) in [
        (server.autovacuum, "autovacuum"),
        (server.track_counts, "track_counts"),
    ] {
        if !is_on {
            found.push(
                Finding::new(Severity::Warning, &checks::AUTOVACUUM, format!("{name} is off"))
                    .run(format!("ALTER SYSTEM SET {name} = on;"))
                    .run("SELECT pg_reload_conf();"),
            );
        }
    }
    if fleet.tables > TABLES_A_WORKER * server.autovacuum_workers {
        let workers = server.autovacuum_workers;
        let worker = if workers == 1 { "worker" } else { "workers" };
        let summary = format!(
            "{workers} {worker} of autovacuum for {} tables",
            grouped(fleet.tables)
        );
        let wanted = fleet.tables.div_euclid(TABLES_A_WORKER) + 1;
        found.push(
            Finding::new(Severity::Note, &checks::AUTOVACUUM_WORKERS, summary)
                .run(format!("ALTER SYSTEM SET autovacuum_max_workers = {wanted};"))
                .run(match server.major {
                    ..18 => "-- then restart the server; raise autovacuum_vacuum_cost_limit as well",
                    _ => {
                        "-- then reload the configuration; raise autovacuum_vacuum_cost_limit as well, and \
                         autovacuum_worker_slots where there are fewer, which takes a restart"
                    }
                }),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_old_from_the_day_its_support_ends() {
        let summary = |major, now| {
            let server = Server {
                major,
                now,
                ..Server::default()
            };
            end_of_life(&server).map(|finding| finding.summary)
        };
        for (major, day, end) in END_OF_LIFE {
            let midnight = format!("{day}T00:00:00Z")
                .parse::<jiff::Timestamp>()
                .expect("a day");
            assert_eq!(midnight.as_second(), end, "{major}");
            assert_eq!(summary(major, end - 1), None);
            assert!(summary(major, end).is_some_and(|summary| summary.ends_with(day)));
        }
        assert_eq!(summary(19, i64::MAX), None);
    }

    #[test]
    fn a_server_far_away_is_a_note_and_then_a_warning() {
        let severity = |ms| far_away(Duration::from_millis(ms)).map(|finding| finding.severity);
        assert_eq!(severity(5), None);
        assert_eq!(severity(20), Some(Severity::Note));
        assert_eq!(severity(150), Some(Severity::Warning));
    }
}
