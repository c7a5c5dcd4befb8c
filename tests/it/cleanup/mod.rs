//! `cleanup`: what has outlived its retention goes, and nothing else.

mod actions;
mod applications;
mod connections;
mod deletes;
mod kills;
mod partitions;
mod redacting;
mod refusals;
mod related;
mod running;

use std::fs;

use crate::support::{Database, Fleet, Run};

/// Tables with a past: `logs` of a hundred days, one row an hour.
const LOGS: &str = "CREATE TABLE logs (id int PRIMARY KEY, what text NOT NULL DEFAULT 'x', at timestamptz, \
                    done boolean NOT NULL DEFAULT false)";
/// Half of a hundred days in each tenant.
const FILL: &str =
    "INSERT INTO logs (id, at) SELECT n, now() - n * interval '1 hour' FROM generate_series(1, 2400) AS n";

/// So many tenants with these tables, and these policies.
fn fleet(tables: &str, tenants: usize, policies: &str) -> Fleet {
    if tables == LOGS {
        return configured(Fleet::with(LOGS, tenants), policies);
    }
    filled(Fleet::empty(), tables, tenants, policies)
}

fn configured(fleet: Fleet, policies: &str) -> Fleet {
    fleet.configure("[retention]\narchive_dir = 'archive'\n");
    fs::write(fleet.folder().join("retention.toml"), policies).expect("written");
    fleet
}

fn filled(fleet: Fleet, tables: &str, tenants: usize, policies: &str) -> Fleet {
    let fleet = configured(fleet, policies);
    fleet.file("V1__beginning.sql", tables);
    fleet.run(&["init", "--quiet"]).success();
    let slugs = fleet.slugs(tenants);
    let slugs: Vec<&str> = slugs.iter().map(String::as_str).collect();
    fleet
        .run(&[&["create", "--quiet"], &slugs[..]].concat())
        .success();
    fleet
}

/// The usual tenants with the usual policy: logs of more than so many days go.
fn logs(tenants: usize) -> Fleet {
    let fleet = fleet(LOGS, tenants, &policy("logs", "at", ""));
    each(&fleet, FILL);
    fleet
}

fn policy(table: &str, column: &str, more: &str) -> String {
    format!("[[policy]]\nname = 'old-{table}'\ntable = '{table}'\ncolumn = '{column}'\n{more}\n")
}

/// Runs SQL in every tenant.
fn each(fleet: &Fleet, sql: &str) {
    fleet
        .run(&[
            "exec",
            "--all",
            "--inactive",
            "--write",
            "--yes",
            "--quiet",
            "-s",
            sql,
        ])
        .success();
}

fn cleanup(fleet: &Fleet, arguments: &[&str]) -> Run {
    fleet.run(&[&["cleanup"], arguments].concat())
}

/// What a query answers in a tenant.
fn ask(fleet: &Fleet, tenant: &str, sql: &str) -> String {
    in_schema(&fleet.database, tenant, sql)
}

fn in_schema(database: &Database, tenant: &str, sql: &str) -> String {
    database.sql(&format!("SET search_path = tenant_{tenant}; {sql}"))
}

#[test]
fn rows_older_than_the_window_go_and_all_others_stay() {
    let fleet = logs(2);
    let run = cleanup(&fleet, &["--days", "60"]).success();
    assert!(run.stderr.contains("1,922 rows removed"), "{}", run.stderr);
    for tenant in ["t01", "t02"] {
        assert_eq!(
            ask(&fleet, tenant, "SELECT count(*), max(id) FROM logs"),
            "1439|1439"
        );
    }
    cleanup(&fleet, &["--days", "60"])
        .success()
        .says("0 rows removed");
}

#[test]
fn what_has_no_date_or_one_without_end_stays() {
    let fleet = fleet(LOGS, 1, &policy("logs", "at", "max_fraction = 1"));
    each(
        &fleet,
        "INSERT INTO logs (id, at) VALUES (1, NULL), (2, '-infinity'), (3, 'infinity'), (4, '2020-01-01')",
    );
    cleanup(&fleet, &["--days", "1"]).success();
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT string_agg(id::text, ',' ORDER BY id) FROM logs"
        ),
        "1,2,3"
    );
}

#[test]
fn times_without_a_zone_are_taken_for_utc_and_a_date_for_its_whole_day() {
    let tables = "CREATE DOMAIN moment AS timestamp; CREATE DOMAIN beginning AS moment; \
                  CREATE TABLE plain (id int, at beginning); CREATE TABLE days (id int, at date)";
    let policies = policy("plain", "at", "max_fraction = 1") + &policy("days", "at", "max_fraction = 1");
    let fleet = fleet(tables, 1, &policies);
    each(
        &fleet,
        "INSERT INTO plain SELECT n, (now() AT TIME ZONE 'UTC') - interval '10 days' + n * interval '1 hour' \
         FROM unnest(ARRAY[-1, 1]) AS n; \
         INSERT INTO days SELECT n, (now() AT TIME ZONE 'UTC')::date - 10 + n FROM unnest(ARRAY[-1, 0, 1]) AS n",
    );
    // Whoever reads a time without a zone as local would be hours off.
    fleet.sql(&format!(
        "ALTER DATABASE \"{}\" SET timezone = 'Pacific/Kiritimati'",
        fleet.database.name()
    ));
    cleanup(&fleet, &["--days", "10"]).success();
    assert_eq!(ask(&fleet, "t01", "SELECT id FROM plain"), "1");
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT string_agg(id::text, ',' ORDER BY id) FROM days"
        ),
        "0,1"
    );
}

#[test]
fn the_nearest_word_on_days_counts() {
    let policies = policy("logs", "at", "days = 90\ndays_by_plan = { pro = 95 }");
    let fleet = fleet(LOGS, 2, &policies);
    each(&fleet, FILL);
    fleet.run(&["update", "t02", "--plan", "pro"]).success();
    let rows = |tenant: &str| ask(&fleet, tenant, "SELECT count(*) FROM logs");
    cleanup(&fleet, &["--days", "60"]).success();
    assert_eq!((rows("t01"), rows("t02")), ("2159".to_owned(), "2279".to_owned()));
    cleanup(&fleet, &["--policy", "old-logs", "--days", "80"]).success();
    assert_eq!((rows("t01"), rows("t02")), ("1919".to_owned(), "1919".to_owned()));
}

#[test]
fn a_condition_narrows_a_policy_down() {
    let fleet = fleet(LOGS, 1, &policy("logs", "at", "where = \"done -- or so\""));
    each(&fleet, &format!("{FILL}; UPDATE logs SET done = id % 2 = 0"));
    cleanup(&fleet, &["--days", "60"]).success();
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT count(*) FILTER (WHERE done), count(*) FROM logs"
        ),
        "719|1919"
    );
}

#[test]
fn a_dry_run_counts_what_would_go_and_changes_nothing() {
    let fleet = logs(2);
    let before = ask(
        &fleet,
        "t01",
        "SELECT md5(string_agg(logs::text, '' ORDER BY id)) FROM logs",
    );
    let run = cleanup(&fleet, &["--days", "60", "--dry-run", "-o", "json"]).success();
    let json = run.json();
    assert_eq!(run.stdout.lines().count(), 1);
    assert_eq!(json["dry_run"], true);
    assert_eq!(json["rows"], 1922);
    assert_eq!(json["tenants"][1]["policies"][0]["rows"], 961);
    assert!(
        json["bytes"].as_u64().is_some_and(|bytes| bytes > 1922 * 28),
        "{json}"
    );
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT md5(string_agg(logs::text, '' ORDER BY id)) FROM logs"
        ),
        before
    );
    assert_eq!(fleet.sql("SELECT count(*) FROM tenant_cleanups"), "0");
    assert_eq!(
        fleet.sql("SELECT count(*) FROM tenant_operations WHERE command = 'cleanup'"),
        "0"
    );
}

#[test]
fn the_account_has_a_form_for_people_programs_and_spreadsheets() {
    let fleet = logs(2);
    fleet
        .run(&["update", "t02", "--metadata", "{\"legal_hold\": \"case 17\"}"])
        .success();
    let run = cleanup(&fleet, &["--days", "60"]).success();
    let table: Vec<&str> = run.stdout.lines().collect();
    assert!(table[0].starts_with("TENANT  POLICY    OLDER THAN"), "{table:?}");
    assert!(table[1].starts_with("t01     old-logs  20"), "{table:?}");
    assert!(
        run.stderr.contains("windows are counted from 20"),
        "{}",
        run.stderr
    );
    let json = cleanup(&fleet, &["--days", "50", "-o", "json"]).success().json();
    assert_eq!(json["skipped"][0]["tenant"], "t02");
    assert_eq!(json["skipped"][0]["reason"], "legal hold: case 17");
    assert_eq!(json["policies"][0]["rows"], 240);
    let csv = cleanup(&fleet, &["--days", "40", "-o", "csv"]).success().stdout;
    assert!(
        csv.starts_with("tenant,policy,table,action,cut_off,rows,bytes,kept,locked,left,elapsed_ms\nt01,old-logs,logs,delete,"),
        "{csv}"
    );
}

#[test]
fn a_policy_that_is_named_runs_alone() {
    let tables = &format!("{LOGS}; CREATE TABLE visits (id int, at timestamptz)");
    let policies = policy("logs", "at", "") + &policy("visits", "at", "days = 10");
    let fleet = fleet(tables, 2, &policies);
    each(
        &fleet,
        &format!("{FILL}; INSERT INTO visits SELECT id, at FROM logs"),
    );
    let rows = |tenant: &str| {
        ask(
            &fleet,
            tenant,
            "SELECT (SELECT count(*) FROM logs), (SELECT count(*) FROM visits)",
        )
    };
    let arguments = ["--policy", "old-logs", "--days", "60"];
    let json = cleanup(&fleet, &[&arguments[..], &["-o", "json"]].concat())
        .success()
        .json();
    assert_eq!(json["policies"].as_array().map(Vec::len), Some(1), "{json}");
    for tenant in ["t01", "t02"] {
        assert_eq!(rows(tenant), "1439|2400");
    }
    // The window of the command line counts for who is named with it.
    cleanup(&fleet, &["--policy", "old-visits", "--days", "90"]).success();
    for tenant in ["t01", "t02"] {
        assert_eq!(rows(tenant), "1439|2159");
    }
}

#[test]
fn a_tenant_whose_schema_is_gone_fails_alone_and_is_said_to_have_none() {
    let fleet = logs(2);
    fleet.database.sql("DROP SCHEMA tenant_t01 CASCADE");
    cleanup(&fleet, &["--days", "60", "--yes"])
        .exits(3)
        .says("schema `tenant_t01` does not exist")
        .says("tenantctl restore");
    assert_eq!(
        ask(
            &fleet,
            "t02",
            "SELECT count(*) FROM logs WHERE at < now() - interval '60 days'"
        ),
        "0"
    );
}

#[test]
fn the_summary_says_of_several_policies_what_they_do_and_what_they_share() {
    let delete = policy("logs", "at", "max_fraction = 1");
    let other = delete.replace("old-logs", "more-logs");
    let redact =
        other.clone() + "action = 'redact'\nset = { what = \"'gone'\" }\nwhere = \"what <> 'gone'\"\n";
    for (policies, said, is_shared) in [
        (delete.clone(), "removed (", false),
        (redact.clone(), "redacted (", false),
        (delete.clone() + &other, "removed (", true),
        (delete.clone() + &redact, "removed or redacted (", true),
    ] {
        let fleet = configured(fleet(LOGS, 1, ""), &policies);
        each(&fleet, FILL);
        let run = cleanup(&fleet, &["--days", "60", "--dry-run"])
            .success()
            .says(&format!("would be {said}"));
        let note = "a row that more than one policy would take is counted by each of them";
        assert_eq!(run.stderr.contains(note), is_shared, "{}", run.stderr);
    }
}
