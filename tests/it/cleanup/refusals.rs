//! What is refused, and that nothing has gone then.

use std::fs;

use super::{FILL, LOGS, ask, cleanup, each, fleet, logs, policy};
use crate::support::{Database, Fleet};

#[test]
fn windows_that_cannot_be_meant_are_refused() {
    let fleet = logs(1);
    for days in ["0", "-3", "36501", "x"] {
        cleanup(&fleet, &["--days", days])
            .exits(2)
            .says("a window has from 1 to 36500 days");
    }
    cleanup(&fleet, &[])
        .exits(2)
        .says("policies without a window of their own: old-logs");
    cleanup(&fleet, &["--days", "3", "--policy", "nope"])
        .exits(2)
        .says("there is no retention policy `nope`")
        .says("known are: old-logs");
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "2400");
}

#[test]
fn policies_are_held_against_the_template_before_anything_runs() {
    let fleet = logs(1);
    let good = policy("logs", "at", "");
    for (bad, says) in [
        (
            "[[policy]]\nname = 'p'\ntable = 'logs'",
            "policy `p`: it has no `column`",
        ),
        (
            &policy("nothing", "at", ""),
            "policy `old-nothing`: there is no table `nothing`",
        ),
        (
            "[[policy]]\nname = 'p'\ntable = 'logs'\ncolumn = 'on'",
            "policy `p`: table `logs` has no column `on`",
        ),
        (
            "[[policy]]\nname = 'p'\ntable = 'logs'\ncolumn = 'what'",
            "policy `p`: column `what` of table `logs` is of type text, which tells no time",
        ),
        (
            "[[policy]]\nname = 'p'\ntable = 'logs'\ncolumn = 'at'\nwhere = 'true) OR (true'",
            "policy `p`: its `where` is not one expression",
        ),
        (
            "[[policy]]\nname = 'p'\ntable = 'logs'\ncolumn = 'at'\nwhere = 'nobody > 3'",
            "policy `p`: column \"nobody\" does not exist (42703)",
        ),
        (
            "[[policy]]\nname = 'p'\ntable = 'logs'\ncolumn = 'at'\naction = 'redact'\nset = { what = \"1 +\" }",
            "policy `p`: syntax error",
        ),
        ("[[policy]]\nname = 'p'\ntabel = 'logs'", "there is no such key"),
    ] {
        fs::write(fleet.folder().join("retention.toml"), format!("{good}{bad}")).expect("written");
        cleanup(&fleet, &["--days", "60"]).exits(2).says(says);
    }
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "2400");
}

#[test]
fn a_registry_of_an_older_program_is_told_what_it_needs() {
    let fleet = logs(1);
    fleet.sql(
        "DROP TABLE tenant_cleanups, tenant_archives; DELETE FROM refinery_schema_history WHERE version > 5",
    );
    for flags in [&[][..], &["--dry-run"]] {
        cleanup(&fleet, &[&["--days", "60"], flags].concat())
            .exits(2)
            .says("no registry that this version knows")
            .says("run `tenantctl init`");
    }
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "2400");
}

#[test]
fn a_database_without_a_registry_is_said_to_have_none_whatever_the_policies() {
    let database = Database::empty();
    let without_policies = database.run(&["cleanup", "--days", "30"]);
    let fleet = Fleet::empty();
    let by_files = cleanup(&fleet, &["--days", "30"]);
    fs::write(fleet.folder().join("retention.toml"), policy("logs", "at", "")).expect("written");
    let with_policies = cleanup(&fleet, &["--days", "30"]);
    for run in [without_policies, by_files, with_policies] {
        run.exits(2)
            .says("this database has no registry of tenants")
            .says("run `tenantctl init`");
    }
}

#[test]
fn a_dry_run_of_a_policy_that_writes_is_told_what_to_leave_out() {
    let fleet = fleet(
        LOGS,
        1,
        &policy("logs", "at", "where = \"nextval('public.counter') > 0\""),
    );
    each(&fleet, FILL);
    fleet.sql("CREATE SEQUENCE public.counter");
    let run = cleanup(&fleet, &["--days", "60", "--dry-run"])
        .exits(2)
        .says("cannot execute nextval() in a read-only transaction (25006)")
        .says("hint: leave out of the policies what changes something by itself");
    assert!(!run.stderr.contains("--write"), "{}", run.stderr);
    assert_eq!(fleet.sql("SELECT is_called FROM public.counter"), "f");
}

#[test]
fn more_than_half_of_a_table_needs_a_yes() {
    let fleet = logs(1);
    cleanup(&fleet, &["--days", "10"])
        .exits(1)
        .says("policy `old-logs` would take 2,161 of 2,400 rows of `logs`, more than the 50 %");
    cleanup(&fleet, &["--days", "10", "--dry-run"])
        .success()
        .says("would need `--yes`");
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "2400");
    cleanup(&fleet, &["--days", "10", "--yes"]).success();
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "239");
}

#[test]
fn a_policy_that_needs_a_yes_keeps_no_other_from_its_work() {
    let tables = &format!("{LOGS}; CREATE TABLE visits (at timestamptz)");
    let fleet = fleet(
        tables,
        2,
        &(policy("logs", "at", "") + &policy("visits", "at", "max_fraction = 1")),
    );
    each(&fleet, FILL);
    each(
        &fleet,
        "INSERT INTO visits SELECT '2020-01-01' FROM generate_series(1, 3000)",
    );
    fleet.sql("DELETE FROM tenant_t02.logs");
    cleanup(&fleet, &["--days", "10"])
        .exits(3)
        .says("t01  policy `old-logs` would take 2,161 of 2,400 rows");
    assert_eq!(
        ask(
            &fleet,
            "t01",
            "SELECT (SELECT count(*) FROM logs), (SELECT count(*) FROM visits)"
        ),
        "2400|0"
    );
}

#[test]
fn a_small_table_may_be_emptied_by_age_without_anybody_there() {
    let fleet = fleet(LOGS, 1, &policy("logs", "at", ""));
    each(
        &fleet,
        "INSERT INTO logs (id, at) SELECT n, '2020-01-01' FROM generate_series(1, 1000) n",
    );
    cleanup(&fleet, &["--days", "10"]).success();
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "0");
}

#[test]
fn a_tenant_that_lacks_a_policys_table_fails_alone() {
    let fleet = logs(3);
    fleet.sql("ALTER TABLE tenant_t02.logs RENAME COLUMN at TO moment");
    cleanup(&fleet, &["--days", "60"])
        .exits(3)
        .says("1 of 3 tenants failed")
        .says("t02  policy `old-logs`: table `logs` has no column `at`");
    assert_eq!(ask(&fleet, "t02", "SELECT count(*) FROM logs"), "2400");
    assert_eq!(ask(&fleet, "t03", "SELECT count(*) FROM logs"), "1439");
}

#[test]
fn a_table_of_the_search_path_is_not_taken_for_the_tenants_own() {
    let fleet = fleet(LOGS, 2, &policy("logs", "at", ""));
    each(&fleet, FILL);
    fleet.sql("DROP TABLE tenant_t01.logs; CREATE TABLE public.logs (LIKE tenant_t02.logs)");
    fleet.sql("INSERT INTO public.logs SELECT * FROM tenant_t02.logs");
    cleanup(&fleet, &["--days", "60"])
        .exits(3)
        .says("policy `old-logs`: there is no table `logs`");
    assert_eq!(fleet.sql("SELECT count(*) FROM public.logs"), "2400");
}

#[test]
fn rows_that_row_security_hides_are_an_error_and_not_passed_over() {
    let fleet = logs(1);
    fleet.sql(
        "ALTER TABLE tenant_t01.logs ENABLE ROW LEVEL SECURITY; ALTER TABLE tenant_t01.logs FORCE ROW LEVEL SECURITY; \
         GRANT USAGE ON SCHEMA tenant_t01, tenant_template TO pg_monitor",
    );
    let role = format!("cleaner_{}", std::process::id());
    fleet.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA tenant_t01, tenant_template TO {role}; \
         GRANT ALL ON ALL TABLES IN SCHEMA public, tenant_t01, tenant_template TO {role}; \
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
    ));
    let run = fleet
        .program()
        .env("PGOPTIONS", format!("-c role={role}"))
        .run(&["cleanup", "--days", "60"]);
    let rows = ask(&fleet, "t01", "SELECT count(*) FROM logs");
    fleet.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    run.exits(1).says("row-level security policy for table \"logs\"");
    assert_eq!(rows, "2400");
}
