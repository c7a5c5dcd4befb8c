//! Files whose statements want no transaction.

use std::time::Duration;

use crate::support::{Database, Fleet, Holder, PgBouncer, Program, Proxy, Run, Server, psql, wait_until};

pub(super) const LINE: &str = "-- tenantctl: no-transaction\n";
pub(super) const SINGLY: &str =
    "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY by_amount ON orders (amount);";

pub(super) fn indexes(fleet: &Fleet, name: &str) -> String {
    fleet.sql(&format!(
        "SELECT string_agg(c.relnamespace::regnamespace || ' ' || i.indisvalid, ', ' ORDER BY c.relnamespace::regnamespace::text) \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname ~ '{name}'"
    ))
}

/// Somebody who keeps a table of a schema from everybody that waits for locks or snapshots.
pub(super) fn blocker(fleet: &Fleet, table: &str) -> Holder {
    let sql = format!("LOCK TABLE {table} IN ROW EXCLUSIVE MODE");
    // Idle, so that it holds no snapshot for which work in other schemas would wait.
    Holder::called("blocker", &fleet.database, &sql)
}

/// The backend that runs such a statement in the first tenant, once it waits for the blocker: in the template it can
/// wait as well, for whoever looks at the database just then.
pub(super) fn waiting(fleet: &Fleet, words: &str) -> String {
    let sql = format!(
        "SELECT a.pid FROM pg_stat_activity a JOIN pg_stat_activity b ON b.pid = ANY (pg_blocking_pids(a.pid)) \
         WHERE a.query ~* '{words}' AND a.datname = current_database() AND b.application_name = 'blocker'"
    );
    wait_until("the statement waits", || !fleet.sql(&sql).is_empty());
    fleet.sql(&sql)
}

pub(super) fn nobody_is_left_but(fleet: &Fleet, pid: &str) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tenantctl%' \
         AND datname = current_database() AND pid <> {pid}"
    );
    wait_until("the killed run's sessions end", || fleet.sql(&sql) == "0");
}

/// Starts a run that meets the blocker, and ends client and server processes while it waits.
pub(super) fn interrupt(fleet: &Fleet, table: &str, words: &str) {
    interrupt_at(fleet, blocker(fleet, &format!("tenant_t01.{table}")), words);
}

pub(super) fn interrupt_at(fleet: &Fleet, blocker: Holder, words: &str) {
    let mut child = fleet.start(&["--all", "--jobs", "1"]);
    let pid = waiting(fleet, words);
    child.kill().expect("killed");
    Run::of(child);
    fleet.sql(&format!("SELECT pg_terminate_backend({pid})"));
    blocker.commit();
    fleet.database.nobody_is_left();
}

#[test]
fn an_index_is_built_while_others_write() {
    let fleet = Fleet::new(2);
    fleet.file("V2__a.sql", "ALTER TABLE orders ADD COLUMN a int");
    fleet.file(
        "V3__singly.sql",
        &format!("-- A word before.\n{SINGLY}\nVACUUM orders"),
    );
    fleet.file("V4__b.sql", "ALTER TABLE orders ADD COLUMN b int");
    fleet.migrate(&["--all"]).success();
    assert_eq!(
        indexes(&fleet, "by_amount"),
        "tenant_t01 true, tenant_t02 true, tenant_template true"
    );
    assert_eq!(
        (fleet.versions().as_str(), fleet.history("tenant_t01").as_str()),
        ("4:2", "1,2,3,4")
    );
    assert_eq!(fleet.log(), "done: t01 done, t02 done");
    assert_eq!(
        fleet.sql("SELECT count(*) FROM tenant_unfinished_migrations"),
        "0"
    );
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn a_template_folder_may_hold_such_files_from_the_beginning() {
    let fleet = Fleet::new(0);
    let database = Database::empty();
    fleet.file("V2__singly.sql", SINGLY);
    let program = || fleet.program_at(database.url());
    // The connection with which the template's schema was made serves its files too.
    let alone = program().env("DATABASE_POOL_MAX", "1");
    alone.run(&["init"]).success();
    program().run(&["create", "a"]).success();
    program()
        .run(&["migrate", "--all"])
        .success()
        .says("nothing to do");
    assert_eq!(database.sql("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid WHERE relname = 'by_amount' AND indisvalid"), "2");
}

#[test]
fn a_server_that_is_away_is_not_taken_for_a_pooler() {
    let server = Server::start(&[]);
    let fleet = Fleet::on(&server, 1);
    fleet.file("V2__singly.sql", SINGLY);
    fleet.migrate(&["--all", "--exclude", "t01"]).success();
    let proxy = Proxy::start(&server);
    let key = "hashtextextended('tenantctl:tenant:tenant_t01', 0)";
    let holder = Holder::of(&fleet.database, &format!("SELECT pg_advisory_xact_lock({key})"));
    let url = proxy.url(fleet.database.name());
    let child = fleet.program_at(&url).spawn(&["migrate", "--all"]);
    // The next connection is that for the statements.
    wait_until("the run waits for the tenant", || fleet.database.somebody_waits());
    proxy.close();
    holder.commit();
    let run = Run::of(child);
    run.exits(5).says("cannot connect to");
    fleet.migrate(&["--all"]).success();
}

#[test]
fn a_statement_that_outlives_its_killed_run_is_waited_for() {
    let fleet = Fleet::new(1);
    fleet.file("V2__singly.sql", SINGLY);
    let blocker = blocker(&fleet, "tenant_t01.orders");
    let patiently = ["--all", "--lock-timeout", "60s"];
    let mut child = fleet.start(&patiently);
    let pid = waiting(&fleet, "^CREATE INDEX CONCURRENTLY");
    let oid = fleet.sql("SELECT 'tenant_t01.by_amount'::regclass::oid");
    child.kill().expect("killed");
    Run::of(child);
    nobody_is_left_but(&fleet, &pid);
    let next = fleet.start(&patiently);
    std::thread::sleep(Duration::from_millis(700));
    blocker.commit();
    Run::of(next).success();
    assert_eq!(
        indexes(&fleet, "by_amount"),
        "tenant_t01 true, tenant_template true"
    );
    assert_eq!(
        fleet.sql("SELECT 'tenant_t01.by_amount'::regclass::oid"),
        oid,
        "built once"
    );
    assert_eq!(fleet.versions(), "2:1");
    fleet.database.nobody_is_left();
}

/// What was seen of the schema under the lock may be undone, where the server has crashed and forgotten its last commits.
#[test]
fn no_statement_begins_once_the_lock_on_the_tenant_is_lost() {
    let fleet = Fleet::new(1);
    fleet.file(
        "V2__singly.sql",
        &format!("{LINE}CREATE TABLE one (id int);\nCREATE TABLE two (id int);"),
    );
    fleet.migrate(&["--all", "--exclude", "t01"]).success();
    let key = "hashtextextended('tenantctl:statements:tenant_t01', 0)";
    let lock = format!("SELECT pg_advisory_lock({key}), pg_sleep(60)");
    let run = std::thread::scope(|scope| {
        let other = scope.spawn(|| psql(fleet.database.url(), &lock));
        let sessions = |what: &str, condition: &str| {
            fleet.sql(&format!(
                "SELECT {what} FROM pg_stat_activity WHERE datname = current_database() AND {condition}"
            ))
        };
        let sleeps = "query ~ '^SELECT pg_advisory_lock.*pg_sleep'";
        wait_until("the statements are locked", || {
            sessions("count(*)", &format!("wait_event = 'PgSleep' AND {sleeps}")) == "1"
        });
        let child = fleet.start(&["--all", "--lock-timeout", "60s"]);
        wait_until("the run waits for them", || {
            sessions("count(*)", "query ~ '^SELECT pg_try_advisory_lock'") == "1"
        });
        let keeper = "state = 'idle in transaction' AND query ~ 'refinery_schema_history'";
        assert_eq!(sessions("count(pg_terminate_backend(pid))", keeper), "1");
        wait_until("the lock on the tenant is lost", || {
            sessions("count(*)", keeper) == "0"
        });
        sessions("pg_terminate_backend(pid)", sleeps);
        other.join().expect("joined").unwrap_err();
        Run::of(child)
    });
    run.exits(5).says("connection to the server was lost");
    assert_eq!(fleet.sql("SELECT to_regclass('tenant_t01.one')"), "");
    fleet.migrate(&["--all"]).success();
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn a_migration_committed_before_one_that_fails_is_in_the_registry_and_the_tenant_in_the_log() {
    let fleet = Fleet::new(2);
    fleet.file("V2__first.sql", "CREATE TABLE first ()");
    fleet.file("V3__singly.sql", SINGLY);
    fleet.file("V4__last.sql", "CREATE TABLE last ()");
    fleet.sql("CREATE TABLE tenant_t02.last ()");
    fleet.migrate(&["--all", "--jobs", "1"]).exits(3).says("V4__last");
    assert_eq!(
        (fleet.versions().as_str(), fleet.history("tenant_t02").as_str()),
        ("3:1 4:1", "1,2,3")
    );
    assert_eq!(fleet.log(), "partial: t01 done, t02 failed");
}

#[test]
fn an_index_without_a_name_is_refused_before_anything_is_touched() {
    let fleet = Fleet::new(1);
    fleet.file("V2__fine.sql", "CREATE TABLE fine ()");
    fleet.file(
        "V3__unnamed.sql",
        &format!("{LINE}CREATE INDEX CONCURRENTLY ON orders (amount)"),
    );
    let before = fleet.everything();
    fleet
        .migrate(&["--all"])
        .exits(2)
        .says("V3__unnamed")
        .says("no name");
    assert_eq!(fleet.everything(), before);
}

#[test]
fn a_statement_that_needs_the_line_and_has_not_got_it_is_told_so() {
    let fleet = Fleet::new(1);
    fleet.file(
        "V2__forgotten.sql",
        "CREATE INDEX CONCURRENTLY i ON orders (amount)",
    );
    fleet
        .migrate(&["--all"])
        .exits(1)
        .says("25001")
        .says("-- tenantctl: no-transaction");
}

#[test]
fn such_statements_take_as_long_as_they_take() {
    let fleet = Fleet::new(1);
    fleet.file("V2__slow.sql", &format!("{LINE}SELECT pg_sleep(0.8)"));
    fleet
        .program()
        .env("DATABASE_QUERY_TIMEOUT_MS", "300")
        .run(&["migrate", "--all"])
        .success();
    fleet.file("V3__slow.sql", &format!("{LINE}SELECT pg_sleep(5)"));
    fleet
        .migrate(&["--all", "--statement-timeout", "300ms"])
        .exits(1)
        .says("57014");
}

#[test]
fn behind_a_pooler_they_need_a_way_past_it() {
    let server = Server::start(&[]);
    // One keeps the lock of the run.
    let bouncer = PgBouncer::with_connections(&server, 2);
    let fleet = Fleet::on(&server, 3);
    let pooled = || -> Program { fleet.program_at(&bouncer.url(fleet.database.name())) };
    let direct = || pooled().env("DIRECT_URL", fleet.database.url());
    fleet.file(
        "V2__one.sql",
        "ALTER TABLE orders ADD COLUMN one int; SET work_mem = '77MB'",
    );
    pooled().run(&["migrate", "--all"]).success();
    assert_eq!(fleet.versions(), "2:3");
    let setting = psql(&bouncer.url(fleet.database.name()), "SHOW work_mem");
    assert_ne!(setting.expect("answers"), "77MB");
    fleet.file("V3__two.sql", "ALTER TABLE orders ADD COLUMN two int");
    direct().run(&["migrate", "--all"]).success();
    assert_eq!(fleet.versions(), "3:3");
    fleet.file("V4__singly.sql", SINGLY);
    let before = fleet.everything();
    let refused = pooled()
        .run(&["migrate", "--all"])
        .exits(1)
        .says("past the pooler")
        .says("DIRECT_URL");
    assert!(!refused.stderr.contains("trying for"), "{}", refused.stderr);
    assert_eq!(fleet.everything(), before);
    direct().run(&["migrate", "--all"]).success();
    assert_eq!(fleet.versions(), "4:3");
    assert_eq!(indexes(&fleet, "by_amount").matches("true").count(), 4);
}
