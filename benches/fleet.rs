//! Making and comparing many tenants, against floors measured in the same run.
//!
//! The floor of `create` is the least that a program can do: a loop that sends the template's migrations, as they were
//! written by hand, as one message and one transaction a tenant over four connections. Rounds of both take turns, so that
//! the ratios hold when the machine's speed drifts.

#[expect(dead_code, reason = "not every benchmark needs all of it")]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use self::support::{Server, Verdict, floor, judge, median, median_of, run, say, slugs};

const JOBS: usize = 4;
const BATCH: usize = 150;
const ROUNDS: usize = 3;
const TEMPLATE: [&str; 4] = [
    include_str!("../tenant_template/V1__users.sql"),
    include_str!("../tenant_template/V2__metrics.sql"),
    include_str!("../tenant_template/V3__dashboards.sql"),
    include_str!("../tenant_template/V4__audit_and_jobs.sql"),
];

/// The history that refinery keeps, which is part of the template.
const HISTORY: &str = "CREATE TABLE refinery_schema_history (version bigint PRIMARY KEY, name varchar(255), \
                       applied_on varchar(255), checksum varchar(255)); \
                       INSERT INTO refinery_schema_history VALUES (1, 'users', '2026-01-01T00:00:00Z', '1'), \
                       (2, 'metrics', '2026-01-01T00:00:00Z', '2'), (3, 'dashboards', '2026-01-01T00:00:00Z', '3'), \
                       (4, 'audit_and_jobs', '2026-01-01T00:00:00Z', '4')";

fn main() -> ExitCode {
    let server = Server::start(&[("max_locks_per_transaction", "256")]);
    run(server.tenantctl().arg("init"));
    let mut verdicts = vec![list(&server), create_many(&server), create_one(&server)];
    verdicts.push(clone_a_million(&server));
    verdicts.push(drift(&server));
    judge(verdicts)
}

/// `list` of a hundred tenants as a whole process, as a ratio to psql with the query that it stands for.
fn list(server: &Server) -> Verdict {
    const WARM_UP: usize = 5;
    let slugs = (0..100).map(|number| format!("listed-{number}"));
    run(server.tenantctl().args(["create", "--quiet"]).args(slugs));
    let (mut ratios, mut ours, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..WARM_UP + 40 {
        let our = run(server.tenantctl().arg("list"));
        let floor = run(server.psql().args(["-c", "select * from tenants"]));
        if round >= WARM_UP {
            ratios.push(our.as_secs_f64() / floor.as_secs_f64());
            ours.push(our);
            floors.push(floor);
        }
    }
    say(&format!(
        "list of 100: {:.1} ms, psql {:.1} ms",
        median(ours).as_secs_f64() * 1000.0,
        median(floors).as_secs_f64() * 1000.0
    ));
    Verdict {
        name: "list to psql with its query",
        figure: median_of(ratios),
        bound: 2.5,
        unit: "",
        at_least: false,
    }
}

/// Tenants a second, as a ratio to the floor.
fn create_many(server: &Server) -> Verdict {
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let slugs = slugs("many", round, BATCH);
        let ours = run(server
            .tenantctl()
            .args(["create", "--quiet", "--jobs", "4"])
            .args(slugs));
        let floor = by_hand(server, round);
        say(&format!(
            "create {BATCH}: {:.1}/s, floor {:.1}/s",
            BATCH as f64 / ours.as_secs_f64(),
            BATCH as f64 / floor.as_secs_f64()
        ));
        // The first round warms both up.
        if round > 0 {
            ratios.push(floor.as_secs_f64() / ours.as_secs_f64());
        }
    }
    Verdict {
        name: "create, tenants a second to the floor's",
        figure: median_of(ratios),
        bound: 0.95,
        unit: "",
        at_least: true,
    }
}

fn by_hand(server: &Server, round: usize) -> Duration {
    let template = TEMPLATE.join("\n");
    floor(&server.url(), JOBS, BATCH, |number| {
        let schema = format!("floor_{round}_{number}");
        format!(
            "BEGIN; CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}; {template}; {HISTORY}; COMMIT"
        )
    })
}

/// Milliseconds that one create takes beyond psql with the same statements.
fn create_one(server: &Server) -> Verdict {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let (mut ours, mut floors, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..11 {
        let schema = format!("psql_{round}");
        let sql = format!(
            "BEGIN; CREATE SCHEMA {schema}; SET LOCAL search_path = {schema};\n{}\n;{HISTORY};COMMIT;",
            TEMPLATE.join("\n")
        );
        std::fs::write(file.path(), sql).expect("written");
        let floor = run(server.psql().arg("-f").arg(file.path()));
        let our = run(server
            .tenantctl()
            .args(["create", "--quiet"])
            .arg(format!("one-{round}")));
        beyond.push((our.as_secs_f64() - floor.as_secs_f64()) * 1000.0);
        ours.push(our);
        floors.push(floor);
    }
    say(&format!(
        "one create: {:.0} ms, psql with the same statements {:.0} ms",
        median(ours).as_secs_f64() * 1000.0,
        median(floors).as_secs_f64() * 1000.0
    ));
    Verdict {
        name: "one create beyond psql, whole process",
        figure: median_of(beyond),
        bound: 60.0,
        unit: "ms",
        at_least: false,
    }
}

fn sql(server: &Server, statements: &str) {
    run(server.psql().args(["-c", statements]));
}

/// A clone of a million rows in the template's tables, as a ratio to INSERT … SELECT between what pg_dump makes before the
/// rows and what it makes after them.
fn clone_a_million(server: &Server) -> Verdict {
    const ROWS: &str = "SET search_path = tenant_large; \
        INSERT INTO users (email, name) SELECT n || '@example.com', 'User ' || n FROM generate_series(1, 200) n; \
        INSERT INTO metrics_sessions (user_id, session_start, session_end) \
        SELECT users.id, at, at + interval '1 h' FROM users, generate_series(timestamptz '2026-01-01', '2026-04-10', '1 day') at; \
        INSERT INTO tool_metrics (metrics_session_id, tool_name, recorded_at, duration_ms) \
        SELECT id, 'tool ' || n, session_start + n * interval '1 min', n * 100 \
        FROM metrics_sessions, generate_series(1, 50) n ORDER BY session_start, n";
    const COPY: &str = "INSERT INTO users SELECT * FROM tenant_large.users; \
        INSERT INTO metrics_sessions (id, user_id, category, project, session_start, session_end, active_ms, \
        productivity_score, tool_usage, metadata, created_at, updated_at) \
        SELECT id, user_id, category, project, session_start, session_end, active_ms, \
        productivity_score, tool_usage, metadata, created_at, updated_at FROM tenant_large.metrics_sessions; \
        INSERT INTO tool_metrics OVERRIDING SYSTEM VALUE SELECT * FROM tenant_large.tool_metrics";
    run(server.tenantctl().args(["create", "--quiet", "large"]));
    sql(server, ROWS);
    sql(server, "VACUUM ANALYZE");
    let before = server.dump("tenant_large", "pre-data");
    let after = server.dump("tenant_large", "post-data");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let (mut ratios, mut ours, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..6 {
        let schema = format!("plain_{round}");
        let copy = format!("SET search_path = {schema}; {COPY};");
        let parts = [
            &before.replace("tenant_large", &schema),
            &copy,
            &after.replace("tenant_large", &schema),
        ];
        std::fs::write(file.path(), parts.map(String::as_str).join("\n")).expect("written");
        sql(server, "CHECKPOINT");
        let floor = run(server
            .psql()
            .arg("--single-transaction")
            .arg("-f")
            .arg(file.path()));
        sql(server, &format!("DROP SCHEMA {schema} CASCADE"));
        sql(server, "CHECKPOINT");
        let our = run(server
            .tenantctl()
            .args(["clone", "--quiet", "large", "large-copy"]));
        run(server
            .tenantctl()
            .args(["drop", "--quiet", "--yes", "--no-backup", "large-copy"]));
        // The first round warms both up.
        if round > 0 {
            ratios.push(floor.as_secs_f64() / our.as_secs_f64());
            ours.push(our);
            floors.push(floor);
        }
    }
    say(&format!(
        "clone of a million rows: {:.2} s, plain {:.2} s",
        median(ours).as_secs_f64(),
        median(floors).as_secs_f64()
    ));
    Verdict {
        name: "clone of a million rows to INSERT … SELECT",
        figure: median_of(ratios),
        bound: 0.9,
        unit: "",
        at_least: true,
    }
}

/// Four queries that hash the most of what a fingerprint covers, for all tenants at once.
const HASHES: [&str; 4] = [
    "SELECT c.relnamespace, md5(string_agg(concat(c.relname, a.attname, format_type(a.atttypid, a.atttypmod), \
     a.attnotnull, pg_get_expr(d.adbin, d.adrelid)), ',' ORDER BY c.relname, a.attnum)) \
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind = 'r' GROUP BY 1",
    "SELECT connamespace, md5(string_agg(conname || pg_get_constraintdef(oid), ',' ORDER BY conname)) \
     FROM pg_constraint GROUP BY 1",
    "SELECT c.relnamespace, md5(string_agg(pg_get_indexdef(c.oid), ',' ORDER BY c.relname)) \
     FROM pg_class c WHERE c.relkind = 'i' GROUP BY 1",
    "SELECT c.relnamespace, md5(string_agg(pg_get_triggerdef(t.oid), ',' ORDER BY c.relname, t.tgname)) \
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal GROUP BY 1",
];

/// The fingerprints of a thousand tenants, as a ratio to hashing the most of them in psql. Of the machine for which the
/// bound was set, 1.25 s and 2.5 s are known.
fn drift(server: &Server) -> Verdict {
    // A database of its own, so that there are no more than a thousand.
    sql(server, "CREATE DATABASE drift");
    let tenantctl = || {
        let mut command = server.tenantctl();
        command.env("DATABASE_URL", server.url_of("drift"));
        command
    };
    run(tenantctl().args(["init", "--quiet"]));
    let slugs: Vec<String> = (0..1000).map(|number| format!("drift-{number}")).collect();
    run(tenantctl().args(["create", "--quiet"]).args(&slugs));
    run(server.psql_on("drift").args(["-c", "VACUUM ANALYZE"]));
    let (mut ratios, mut ours, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        let floor = HASHES
            .map(|query| run(server.psql_on("drift").args(["-c", query])))
            .iter()
            .sum::<Duration>();
        let our = run(tenantctl().args(["drift", "--quiet", "--all"]));
        ratios.push(our.as_secs_f64() / floor.as_secs_f64());
        ours.push(our);
        floors.push(floor);
    }
    say(&format!(
        "drift of 1,000: {:.2} s, four hashing queries {:.2} s",
        median(ours).as_secs_f64(),
        median(floors).as_secs_f64()
    ));
    Verdict {
        name: "drift of 1,000 tenants to four hashing queries",
        figure: median_of(ratios),
        bound: 2.0,
        unit: "",
        at_least: false,
    }
}
