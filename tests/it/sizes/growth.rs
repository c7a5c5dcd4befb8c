//! Snapshots, growth and what is to come.

use super::{fill, names, number, total_of};
use crate::support::{Database, Run};

/// Tenants that have been there for a year.
fn old(slugs: &[&str]) -> Database {
    let database = Database::with_tenants(slugs);
    database.sql("UPDATE tenants SET created_at = now() - interval '1 year'");
    database
}

fn sizes(database: &Database, arguments: &[&str]) -> Run {
    database.run(&[&["sizes"], arguments].concat()).success()
}

/// A snapshot of the past: so many bytes in one table of a tenant, so many days ago.
fn remember(database: &Database, slug: &str, days: f64, bytes: i64) {
    database.sql(&format!(
        "INSERT INTO tenant_size_snapshots (taken_at, slug, table_name, table_bytes, index_bytes, toast_bytes) \
         VALUES (now() - interval '1 day' * {days}, '{slug}', 'users', {bytes}, 0, 0)"
    ));
}

#[test]
fn a_snapshot_keeps_every_table_and_growth_is_told_by_tenant_and_table() {
    let database = old(&["acme", "globex"]);
    sizes(&database, &["--snapshot"]).says("kept a snapshot of 18 tables");
    let kept = database.sql(
        "SELECT count(*), count(DISTINCT taken_at), sum(table_bytes + index_bytes + toast_bytes), bool_and(is_exact) \
         FROM tenant_size_snapshots WHERE slug = 'acme'",
    );
    let before = total_of(&database, "tenant_acme");
    assert_eq!(kept, format!("9|1|{before}|t"));
    database.sql("UPDATE tenant_size_snapshots SET taken_at = taken_at - interval '10 days'");
    fill(&database, "tenant_acme", 5_000);
    database.sql("CREATE TABLE tenant_acme.fresh AS SELECT generate_series(1, 1000)");
    let grown = total_of(&database, "tenant_acme") - before;

    let json = sizes(&database, &["--since", "7d", "--sort", "growth", "-o", "json"]).json();
    assert_eq!(names(&json, "tenant"), ["acme", "globex"]);
    assert_eq!(number(&json["rows"][0]["growth"]["bytes"]), grown);
    assert_eq!(json["rows"][1]["growth"]["bytes"], 0);
    let per_day = number(&json["rows"][0]["growth"]["bytes_per_day"]);
    assert!(
        (per_day - grown / 10).abs() <= grown / 1000,
        "{per_day} a day, {grown} in ten"
    );
    assert_eq!(number(&json["totals"]["growth"]["bytes"]), grown);

    let json = sizes(
        &database,
        &["--by", "table", "--since", "7d", "--sort", "growth", "-o", "json"],
    )
    .json();
    let growth = |name: &str| {
        let rows = json["rows"].as_array().expect("a list");
        let row = rows.iter().find(|row| row["table"] == name).expect("the table");
        number(&row["growth"]["bytes"])
    };
    let fresh = database.sql("SELECT pg_total_relation_size('tenant_acme.fresh')");
    assert_eq!((growth("fresh").to_string(), growth("sessions")), (fresh, 0));
    assert_eq!(growth("users") + growth("audit_logs") + growth("fresh"), grown);

    let run = sizes(&database, &["--since", "7d"]);
    let words: Vec<&str> = run.stdout.split_whitespace().take(7).collect();
    assert_eq!(
        words,
        ["TENANT", "TOTAL", "GROWTH", "PER", "DAY", "SHARE", "acme"]
    );
    let run = sizes(
        &database,
        &[
            "--tenant", "acme", "--since", "7d", "--top", "1", "--sort", "growth", "-o", "csv",
        ],
    );
    assert!(
        run.stdout
            .lines()
            .next()
            .is_some_and(|line| line.ends_with("growth_since,growth_bytes,growth_bytes_per_day")),
        "{}",
        run.stdout
    );
}

#[test]
fn the_last_snapshot_that_is_old_enough_counts_or_the_oldest_there_is() {
    let database = old(&["acme"]);
    let now = total_of(&database, "tenant_acme");
    sizes(&database, &["--since", "7d"])
        .says("there are no exact snapshots to compare with; `--snapshot` takes one");
    for (days, bytes) in [(40.0, 1), (9.0, 2), (5.0, 3), (1.0, 4)] {
        remember(&database, "acme", days, bytes);
    }
    for (since, before) in [("7d", 2), ("24h", 4), ("3d", 3), ("4w", 1), ("52w", 1)] {
        let json = sizes(&database, &["--since", since, "-o", "json"]).json();
        assert_eq!(
            number(&json["rows"][0]["growth"]["bytes"]),
            now - before,
            "{since}"
        );
    }
}

#[test]
fn young_tenants_grew_from_nothing_and_namesakes_from_before_do_not_count() {
    let database = old(&["acme", "globex"]);
    remember(&database, "acme", 10.0, 1_000);
    // A tenant of the same name was dropped since.
    remember(&database, "globex", 10.0, 900_000_000);
    database.sql("UPDATE tenants SET created_at = now() - interval '2 days' WHERE slug = 'globex'");
    let all = total_of(&database, "tenant_acme") + total_of(&database, "tenant_globex");
    let json = sizes(&database, &["--since", "7d", "--sort", "name", "-o", "json"]).json();
    assert_eq!(
        number(&json["rows"][1]["growth"]["bytes"]),
        total_of(&database, "tenant_globex")
    );
    assert_eq!(number(&json["totals"]["growth"]["bytes"]), all - 1_000);
}

#[test]
fn estimates_are_compared_with_estimates_only() {
    let database = old(&["acme"]);
    database.sql("ANALYZE");
    sizes(&database, &["--snapshot", "--estimate"]);
    database.sql("UPDATE tenant_size_snapshots SET taken_at = taken_at - interval '8 days'");
    sizes(&database, &["--since", "7d"]).says("there are no exact snapshots to compare with");
    let json = sizes(&database, &["--since", "7d", "--estimate", "-o", "json"]).json();
    assert_eq!(json["rows"][0]["growth"]["bytes"], 0);
}

#[test]
fn a_limit_has_a_day_where_there_is_enough_history() {
    let database = old(&["acme", "globex", "initech", "umbrella"]);
    let now = total_of(&database, "tenant_acme");
    // A thousand bytes a day, no change at all, two moments only.
    for days in 1..=20 {
        remember(&database, "acme", f64::from(days), now - 1_000 * i64::from(days));
        remember(&database, "globex", f64::from(days), now);
    }
    remember(&database, "initech", 5.0, 10);
    let limit = (now + 30_000).to_string();
    let json = sizes(&database, &["--limit", &limit, "--sort", "name", "-o", "json"]).json();
    let state = |row: usize| {
        json["rows"][row]["limit"]["state"]
            .as_str()
            .expect("a state")
            .to_owned()
    };
    assert_eq!(
        [state(0), state(1), state(2)],
        ["expected", "not_expected", "unknown"]
    );
    let expected = database.sql("SELECT (now() + interval '30 days')::date");
    let at = json["rows"][0]["limit"]["at"].as_str().expect("a time");
    assert!(at.starts_with(&expected), "{at}, not {expected}");
    assert_eq!(json["rows"][0]["limit"]["bytes"].to_string(), limit);

    let run = sizes(&database, &["--limit", "1kB", "--sort", "name"]);
    assert!(
        run.stdout
            .lines()
            .nth(1)
            .is_some_and(|line| line.ends_with("reached")),
        "{}",
        run.stdout
    );
    let run = sizes(&database, &["acme", "--limit", &limit, "-o", "csv"]);
    assert!(
        run.stdout.contains(&format!(",{limit},expected,{expected}")),
        "{}",
        run.stdout
    );

    // All together: a tenant that has never been measured leaves no moment that tells of all.
    let total = ["--total-limit", "1TB", "-o", "json"];
    assert_eq!(
        sizes(&database, &total).json()["totals"]["limit"]["state"],
        "unknown"
    );
    let two = [&["acme", "globex"], &total[..]].concat();
    assert_eq!(
        sizes(&database, &two).json()["totals"]["limit"]["state"],
        "not_expected"
    );
    let two = [
        "acme",
        "globex",
        "--total-limit",
        &(2 * now + 10_000).to_string(),
        "-o",
        "json",
    ];
    assert_eq!(
        sizes(&database, &two).json()["totals"]["limit"]["state"],
        "expected"
    );
}

#[test]
fn snapshots_that_are_old_enough_go() {
    let database = old(&["acme"]);
    remember(&database, "acme", 401.0, 1);
    remember(&database, "acme", 399.0, 1);
    sizes(&database, &["--snapshot", "-q"]);
    assert_eq!(
        database.sql("SELECT count(DISTINCT taken_at) FROM tenant_size_snapshots"),
        "2"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let keep = |text: &str| std::fs::write(folder.path().join("tenantctl.toml"), text).expect("written");
    keep("[sizes]\nkeep = '0'\n");
    database
        .program()
        .folder(folder.path())
        .run(&["sizes", "--snapshot"])
        .success();
    assert_eq!(
        database.sql("SELECT count(DISTINCT taken_at) FROM tenant_size_snapshots"),
        "3"
    );
    keep("[sizes]\nkeep = '4w'\n");
    database
        .program()
        .folder(folder.path())
        .run(&["sizes", "--snapshot"])
        .success();
    assert_eq!(
        database.sql("SELECT count(DISTINCT taken_at) FROM tenant_size_snapshots"),
        "3"
    );
}

#[test]
fn a_registry_of_an_older_program_is_told_what_it_needs() {
    let database = old(&["acme"]);
    database.sql(
        "ALTER TABLE tenant_size_snapshots DROP COLUMN is_exact; \
         DELETE FROM refinery_schema_history WHERE version >= 5",
    );
    sizes(&database, &[]);
    for flags in [&["--snapshot"][..], &["--since", "7d"]] {
        database
            .run(&[&["sizes"], flags].concat())
            .exits(2)
            .says("tenantctl init");
    }
}

#[test]
fn growth_that_is_shown_can_be_sorted_by() {
    let database = old(&["acme", "globex"]);
    sizes(&database, &["--snapshot"]);
    database.sql("UPDATE tenant_size_snapshots SET taken_at = taken_at - interval '10 days'");
    fill(&database, "tenant_globex", 5_000);
    let json = sizes(&database, &["--limit", "50GB", "--sort", "growth", "-o", "json"]).json();
    assert_eq!(names(&json, "tenant"), ["globex", "acme"]);
}
