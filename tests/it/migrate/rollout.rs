//! Who comes first, and what a failure means for the others.

use super::two_more;
use crate::support::{Fleet, Holder, Run, signal, wait_until};

/// A migration that leaves a row in a table of the whole database, with the time.
const TRACE: &str = "INSERT INTO public.trace (schema) VALUES (current_schema())";

fn with_trace(fleet: &Fleet) {
    fleet.sql("CREATE TABLE public.trace (at timestamptz DEFAULT clock_timestamp(), schema text)");
    fleet.file("V2__trace.sql", TRACE);
}

fn order(fleet: &Fleet) -> Vec<String> {
    let rows = fleet.sql("SELECT replace(schema, 'tenant_', '') FROM public.trace ORDER BY at");
    rows.lines().map(str::to_owned).collect()
}

/// Makes V2 fail in these tenants.
fn break_in(fleet: &Fleet, slugs: &[&str]) {
    for slug in slugs {
        fleet.sql(&format!(
            "ALTER TABLE tenant_{slug}.customers ADD COLUMN phone int"
        ));
    }
}

#[test]
fn the_registry_comes_first_then_the_template_then_canaries_then_the_others() {
    let fleet = Fleet::new(12);
    with_trace(&fleet);
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("a folder") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    std::fs::write(
        folder.path().join("V900__trace.sql"),
        "INSERT INTO public.trace (schema) VALUES ('registry')",
    )
    .expect("written");
    fleet.configure(&format!(
        "[registry]\nmigrations = '{}'\n",
        folder.path().display()
    ));
    let check = "INSERT INTO public.trace (schema) VALUES ('check')";
    fleet.sql(&format!(
        "CREATE FUNCTION public.check_it() RETURNS bool LANGUAGE plpgsql AS \
         $$ BEGIN RETURN (SELECT count(*) = 5 FROM public.trace); END $$ -- {check}"
    ));
    fleet
        .migrate(&[
            "--all",
            "--canary",
            "3",
            "--check-sql",
            "SELECT public.check_it()",
        ])
        .success();
    let order = order(&fleet);
    assert_eq!(order[..2], ["registry", "template"]);
    assert_eq!(order.len(), 14);
    assert_eq!(fleet.versions(), "2:12");
}

#[test]
fn the_largest_come_first_and_the_smallest_are_canaries() {
    let fleet = Fleet::new(4);
    with_trace(&fleet);
    for (slug, bytes) in [("t01", 5), ("t02", 900), ("t03", 70), ("t04", 100)] {
        fleet.sql(&format!(
            "INSERT INTO tenant_size_snapshots (taken_at, slug, table_name, table_bytes, index_bytes, toast_bytes) \
             VALUES (now(), '{slug}', 'customers', {bytes}, 0, 0)"
        ));
    }
    fleet
        .migrate(&["--all", "--jobs", "1", "--canary", "1"])
        .success();
    assert_eq!(order(&fleet), ["template", "t01", "t02", "t04", "t03"]);
}

#[test]
fn the_only_tenant_that_was_behind_is_named_when_it_fails() {
    let fleet = Fleet::new(3);
    fleet.file("V2__phone.sql", "ALTER TABLE customers ADD COLUMN phone text");
    fleet.migrate(&["t02", "t03"]).success();
    break_in(&fleet, &["t01"]);
    fleet
        .migrate(&["--all"])
        .exits(1)
        .says("error: tenant `t01`: migration `V2__phone` failed\n  caused by: ");
}

#[test]
fn a_check_that_is_not_true_keeps_the_others_from_starting() {
    let fleet = Fleet::new(9);
    two_more(&fleet);
    for (number, (check, words)) in (1..).zip([
        ("SELECT false", "answered `f`"),
        ("SELECT NULL::bool", "answered NULL"),
        ("SELECT 1 WHERE false", "answered no row"),
        ("SELECT 0", "answered `0`"),
        ("SELECT 'f'::text", "answered `f`"),
        ("SELECT phone::int FROM nowhere", "does not exist"),
        ("DELETE FROM customers", "read-only"),
    ]) {
        let arguments = ["--all", "--canary", "1", "--check-sql", check];
        fleet.migrate(&arguments).exits(1).says(words);
        assert_eq!(
            fleet.versions(),
            format!("1:{} 3:{number}", 9 - number),
            "{check}"
        );
        assert!(fleet.log().starts_with("failed: "), "{}", fleet.log());
        assert_eq!(fleet.log().matches("not_started").count(), 9 - number);
    }
    fleet.migrate(&["--all"]).success();
    assert_eq!(fleet.versions(), "3:9");
}

#[test]
fn a_check_needs_no_more_than_one_tenant_and_no_word_on_canaries() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    let check = |slugs: &[&str]| fleet.migrate(&[slugs, &["--check-sql", "SELECT false"]].concat());
    check(&["--all"]).exits(1).says("answered `f`");
    assert_eq!(fleet.versions(), "1:1 3:1");
    check(&["--all"]).exits(1).says("answered `f`");
    assert_eq!(fleet.versions(), "3:2");
}

#[test]
fn a_canary_that_is_dropped_meanwhile_is_not_asked() {
    let fleet = Fleet::new(3);
    two_more(&fleet);
    let key = "hashtextextended('tenantctl:tenant:tenant_t02', 0)";
    let holder = Holder::of(&fleet.database, &format!("SELECT pg_advisory_xact_lock({key})"));
    let child = fleet.start(&["--all", "--canary", "3", "--check-sql", "SELECT true"]);
    wait_until("the run waits for it", || fleet.database.somebody_waits());
    fleet.sql("DELETE FROM tenants WHERE slug = 't02'; DROP SCHEMA tenant_t02 CASCADE");
    holder.commit();
    let run = Run::of(child);
    run.success();
    assert_eq!(
        (fleet.versions().as_str(), fleet.log().as_str()),
        ("3:2", "done: t01 done, t02 skipped, t03 done")
    );
}

#[test]
fn a_check_that_is_true_lets_the_others_follow() {
    let fleet = Fleet::new(3);
    two_more(&fleet);
    let check = "SELECT count(*) = 1 FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND column_name = 'phone'";
    fleet
        .migrate(&["--all", "--canary", "2", "--check-sql", check])
        .success();
    assert_eq!(fleet.versions(), "3:3");
}

#[test]
fn a_canary_that_fails_keeps_the_others_from_starting() {
    let fleet = Fleet::new(12);
    two_more(&fleet);
    let all = fleet.slugs(12);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    break_in(&fleet, &all);
    let run = fleet.migrate(&["--all", "--on-error", "continue"]).exits(1);
    let run = run.says("stopped after the canaries").says("11");
    assert_eq!(run.stderr.matches("42701").count(), 1, "{}", run.stderr);
    assert_eq!(fleet.versions(), "1:12");
    assert_eq!(fleet.history("tenant_template"), "1,2,3");
}

#[test]
fn what_a_failure_means_for_the_others_is_a_choice() {
    let fleet = Fleet::new(6);
    two_more(&fleet);
    break_in(&fleet, &["t02", "t04", "t05"]);
    let one_by_one = ["--all", "--jobs", "1"];
    let run = |more: &[&str]| fleet.migrate(&[&one_by_one, more].concat());
    run(&[])
        .exits(1)
        .says("t02")
        .says("not started: 4 tenants: t03, t04, t05, t06");
    assert_eq!(fleet.versions(), "1:5 3:1");
    assert_eq!(
        fleet.log(),
        "failed: t01 done, t02 failed, t03 not_started, t04 not_started, t05 not_started, t06 not_started"
    );
    run(&["--max-failures", "2"]).exits(1).says("t04");
    assert_eq!(fleet.versions(), "1:4 3:2");
    run(&["--on-error", "continue"]).exits(3).says("t05");
    assert_eq!(fleet.versions(), "1:3 3:3");
    assert_eq!(
        fleet.log(),
        "partial: t02 failed, t04 failed, t05 failed, t06 done"
    );
    for slug in ["t02", "t04", "t05"] {
        fleet.sql(&format!("ALTER TABLE tenant_{slug}.customers DROP COLUMN phone"));
    }
    run(&[]).success();
    assert_eq!(fleet.versions(), "3:6");
    run(&["--max-failures", "2", "--on-error", "continue"]).exits(2);
}

#[test]
fn a_template_that_fails_keeps_every_tenant_as_it_was() {
    let fleet = Fleet::new(2);
    fleet.file("V2__wrong.sql", "CREATE TABLE fine (); SELECT 1 / 0");
    let before = fleet.everything();
    fleet
        .migrate(&["--all"])
        .exits(1)
        .says("tenant_template")
        .says("V2__wrong")
        .says("22012");
    assert_eq!(fleet.everything(), before);
    assert_eq!(fleet.log(), "failed");
}

#[test]
fn tenants_go_no_further_than_they_are_told() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    fleet.migrate(&["--all", "--to", "2"]).success();
    assert_eq!(
        (
            fleet.versions().as_str(),
            fleet.history("tenant_template").as_str()
        ),
        ("2:2", "1,2")
    );
    let before = fleet.everything();
    fleet
        .migrate(&["--all", "--to", "7"])
        .exits(2)
        .says("no file has version 7");
    fleet
        .migrate(&["--all", "--baseline", "7"])
        .exits(2)
        .says("no file has version 7");
    fleet
        .migrate(&["--all", "--to", "1"])
        .success()
        .says("nothing to do");
    fleet
        .migrate(&["--all", "--to", "2"])
        .success()
        .says("nothing to do");
    fleet.migrate(&["t01", "--to", "1", "--deep"]).success();
    assert_eq!(fleet.everything(), before);
    fleet.migrate(&["--all"]).success();
    assert_eq!(fleet.versions(), "3:2");
}

#[test]
fn committed_migrations_stay_when_a_later_one_fails() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    fleet.sql("CREATE TABLE tenant_t02.orders_customer ()");
    fleet.migrate(&["--all", "--jobs", "1"]).exits(3);
    assert_eq!(fleet.history("tenant_t02"), "1");
    fleet
        .migrate(&["--all", "--per-migration"])
        .exits(1)
        .says("V3__by_customer");
    assert_eq!(
        (fleet.history("tenant_t02").as_str(), fleet.versions().as_str()),
        ("1,2", "2:1 3:1")
    );
    assert_eq!(fleet.log(), "failed: t02 failed");
    fleet.sql("DROP TABLE tenant_t02.orders_customer");
    fleet.migrate(&["--all", "--per-migration"]).success();
    assert_eq!(fleet.versions(), "3:2");
}

#[test]
fn a_second_run_says_who_is_at_it_or_waits() {
    let fleet = Fleet::new(2);
    fleet.file("V2__slow.sql", "CREATE TABLE slow (); SELECT pg_sleep(1.5)");
    let first = fleet.start(&["--all", "--jobs", "1"]);
    let held = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1.5)%' AND wait_event = 'PgSleep' \
                AND datname = current_database()";
    wait_until("the first run is under way", || fleet.sql(held) != "0");
    fleet
        .migrate(&["--all"])
        .exits(6)
        .says("another run is migrating this database (pid ")
        .says("`--lock-wait 10m`");
    fleet.migrate(&["--all", "--lock-wait", "100ms"]).exits(6);
    let second = fleet.migrate(&["--all", "--lock-wait", "30s"]).success();
    assert!(second.stderr.contains("nothing to do"), "{}", second.stderr);
    Run::of(first).success();
    assert_eq!(fleet.versions(), "2:2");
    assert_eq!(fleet.log(), "done");
}

#[test]
fn the_first_signal_lets_tenants_finish_and_the_second_cancels_them() {
    let fleet = Fleet::new(3);
    fleet.file("V2__quick.sql", "CREATE TABLE quick ()");
    fleet.migrate(&["--all"]).success();
    fleet.file(
        "V3__slow.sql",
        "SELECT pg_sleep(CASE WHEN current_schema() = 'tenant_template' THEN 0 ELSE 1.5 END)",
    );
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    for (signals, log) in [(2, "interrupted: t01 failed, "), (1, "interrupted: t01 done, ")] {
        let child = fleet.start(&["--all", "--jobs", "1"]);
        wait_until("a tenant is under way", || fleet.sql(sleeping) != "0");
        for _ in 0..signals {
            signal(child.id(), "INT");
            std::thread::sleep(std::time::Duration::from_millis(150));
        }
        Run::of(child).exits(130);
        assert_eq!(fleet.log(), format!("{log}t02 not_started, t03 not_started"));
    }
    assert_eq!(fleet.versions(), "2:2 3:1");
}
