//! Migrating many tenants, and finding that there is nothing to migrate, against floors measured in the same run.
//!
//! The floor of `migrate` is a loop that sends the migrations and their history rows, as they were written by hand, as
//! one message and one transaction a tenant over four connections. Each of its commits waits for the disk; a run of
//! `migrate` waits once, at its end. Rounds of both take turns.

#[expect(dead_code, reason = "not every benchmark needs all of it")]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use self::support::{Server, Verdict, floor, judge, median, median_of, run, say, slugs};

const JOBS: usize = 4;
const BATCH: usize = 1000;
const ROUNDS: usize = 3;
const BEGINNING: [&str; 4] = [
    include_str!("../tenant_template/V1__users.sql"),
    include_str!("../tenant_template/V2__metrics.sql"),
    include_str!("../tenant_template/V3__dashboards.sql"),
    include_str!("../tenant_template/V4__audit_and_jobs.sql"),
];

/// Five ordinary days.
const MIGRATIONS: [(&str, &str); 5] = [
    (
        "V2__nickname",
        "ALTER TABLE users ADD COLUMN nickname varchar(100)",
    ),
    (
        "V3__labels",
        "CREATE TABLE labels (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, \
         created_at timestamptz NOT NULL DEFAULT now()); CREATE INDEX labels_name_idx ON labels (name)",
    ),
    (
        "V4__nickname_index",
        "CREATE INDEX users_nickname_idx ON users (nickname) WHERE nickname IS NOT NULL",
    ),
    (
        "V5__label_color",
        "ALTER TABLE labels ADD COLUMN color text NOT NULL DEFAULT 'grey', \
         ADD CONSTRAINT labels_color_check CHECK (color <> '')",
    ),
    (
        "V6__backfill",
        "UPDATE users SET nickname = name WHERE nickname IS NULL; COMMENT ON TABLE labels IS 'Words on things'",
    ),
];

fn main() -> ExitCode {
    let server = Server::start(&[("max_locks_per_transaction", "512")]);
    let files = tempfile::tempdir().expect("a folder");
    let write = |name: &str, sql: &str| {
        std::fs::write(files.path().join(format!("{name}.sql")), sql).expect("written");
    };
    write("V1__beginning", &BEGINNING.join("\n"));
    let config = files.path().join("tenantctl.toml");
    let folder = files.path().display();
    std::fs::write(&config, format!("[template]\nmigrations = \"{folder}\"\n")).expect("written");
    let tenantctl = || {
        let mut command = server.tenantctl();
        command.arg("--config").arg(&config);
        command
    };
    run(tenantctl().arg("init"));
    for round in 0..=ROUNDS {
        for who in ["ours", "floor"] {
            run(tenantctl()
                .args(["create", "--quiet"])
                .args(slugs(who, round, BATCH)));
        }
    }
    for (name, sql) in MIGRATIONS {
        write(name, sql);
    }
    run(server.psql().args(["-c", "VACUUM ANALYZE"]));

    let mut ratios = Vec::new();
    let settled = || run(server.psql().args(["-c", "CHECKPOINT"]));
    for round in 0..=ROUNDS {
        settled();
        let ours = run(tenantctl()
            .args(["migrate", "--quiet", "--canary", "0"])
            .args(slugs("ours", round, BATCH)));
        settled();
        let floor = by_hand(&server, round);
        say(&format!(
            "migrate {BATCH}: {:.0}/s, floor {:.0}/s",
            BATCH as f64 / ours.as_secs_f64(),
            BATCH as f64 / floor.as_secs_f64()
        ));
        // The first round warms both up, and migrates the template.
        if round > 0 {
            ratios.push(floor.as_secs_f64() / ours.as_secs_f64());
        }
    }
    // The floor leaves the registry behind.
    run(tenantctl().args(["migrate", "--quiet", "--all", "--deep"]));
    let few = nothing_pending(&server, &mut || tenantctl());
    let deep = status_deep(&server, &mut || tenantctl());
    run(server.psql().args([
        "-c",
        "INSERT INTO public.tenants (slug, name, schema_name, subscription_plan, schema_version) \
         SELECT 'x' || n, 'x', 'tenant_x' || n, 'basic', 6 FROM generate_series(1, 8000) n",
    ]));
    let many = nothing_pending(&server, &mut || tenantctl());
    judge(vec![
        Verdict {
            name: "migrate, tenants a second to the floor's",
            figure: median_of(ratios),
            bound: 0.95,
            unit: "",
            at_least: true,
        },
        at_most("nothing pending, 8,000 tenants, beyond psql", few, 15.0, "ms"),
        at_most("nothing pending, 16,000 tenants, beyond psql", many, 40.0, "ms"),
        at_most(
            "status --deep, 1,000 tenants, to one query in psql",
            deep,
            1.2,
            "",
        ),
    ])
}

fn at_most(name: &'static str, figure: f64, bound: f64, unit: &'static str) -> Verdict {
    Verdict {
        name,
        figure,
        bound,
        unit,
        at_least: false,
    }
}

fn by_hand(server: &Server, round: usize) -> Duration {
    let row = |(name, sql): &(&str, &str)| {
        let file = refinery_core::Migration::unapplied(name, sql).expect("a file's name");
        let (version, name, checksum) = (file.version(), file.name(), file.checksum());
        format!("({version}, '{name}', '2026-01-01T00:00:00Z', '{checksum}')")
    };
    let files: Vec<&str> = MIGRATIONS.iter().map(|(_, sql)| *sql).collect();
    let rows: Vec<String> = MIGRATIONS.iter().map(row).collect();
    let sql = format!(
        "{}; INSERT INTO refinery_schema_history VALUES {}",
        files.join("; "),
        rows.join(", ")
    );
    floor(&server.url(), JOBS, BATCH, |number| {
        let schema = format!("tenant_floor_{round}_{number}");
        format!("BEGIN; SET LOCAL search_path = {schema}; {sql}; COMMIT")
    })
}

/// Milliseconds that a run with nothing to do takes beyond psql's count of the tenants.
fn nothing_pending(server: &Server, tenantctl: &mut dyn FnMut() -> std::process::Command) -> f64 {
    let mut beyond = Vec::new();
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..21 {
        let floor = run(server.psql().args(["-c", "SELECT count(*) FROM public.tenants"]));
        let our = run(tenantctl().args(["migrate", "--quiet", "--all"]));
        beyond.push((our.as_secs_f64() - floor.as_secs_f64()) * 1000.0);
        ours.push(our);
        floors.push(floor);
    }
    say(&format!(
        "nothing pending: {:.1} ms, psql {:.1} ms",
        median(ours).as_secs_f64() * 1000.0,
        median(floors).as_secs_f64() * 1000.0
    ));
    median_of(beyond)
}

/// `status --deep` as a ratio to one query over all histories.
fn status_deep(server: &Server, tenantctl: &mut dyn FnMut() -> std::process::Command) -> f64 {
    let slugs = slugs("ours", 1, BATCH);
    let arms: Vec<String> = slugs
        .iter()
        .map(|slug| {
            let schema = format!("tenant_{}", slug.replace('-', "_"));
            format!("SELECT '{schema}', version, name, checksum FROM {schema}.refinery_schema_history")
        })
        .collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), arms.join("\nUNION ALL\n")).expect("written");
    let mut ratios = Vec::new();
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        let floor = run(server.psql().arg("-f").arg(file.path()));
        let our = run(tenantctl().args(["status", "--quiet", "--deep"]).args(&slugs));
        ratios.push(our.as_secs_f64() / floor.as_secs_f64());
        ours.push(our);
        floors.push(floor);
    }
    say(&format!(
        "status --deep: {:.0} ms, one query {:.0} ms",
        median(ours).as_secs_f64() * 1000.0,
        median(floors).as_secs_f64() * 1000.0
    ));
    median_of(ratios)
}
