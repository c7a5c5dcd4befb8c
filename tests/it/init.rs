use std::fs;

use crate::support::{Database, Program, Run};

#[test]
fn init_makes_registry_and_template_and_says_so() {
    let database = Database::empty();
    let run = database.run(&["init"]).success();
    insta::assert_snapshot!(run.shown(), @"
    exit 0
    --- stdout
    registry is now at V8: 8 migrations applied (V1__registry, V2__known_fingerprints, V3__unfinished_migrations, V4__known_definitions, V5__size_snapshots, V6__cleanups, V7__light_bookkeeping, V8__texts_of_unfinished_migrations)
    template `tenant_template` is now at V4: 4 migrations applied (V1__users, V2__metrics, V3__dashboards, V4__audit_and_jobs)
    --- stderr
    ");
    let tables = database.sql(
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class \
                               WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    );
    assert_eq!(
        tables,
        "refinery_schema_history tenant_archives tenant_cleanups tenant_known_fingerprints tenant_operation_results \
         tenant_operations tenant_size_snapshots tenant_unfinished_migrations tenants"
    );
}

#[test]
fn init_a_second_time_changes_nothing() {
    let database = Database::new();
    let run = database.run(&["init", "--output", "json"]).success();
    assert_eq!(
        run.json(),
        serde_json::json!({
            "version": 1,
            "dry_run": false,
            "registry": { "version": 8, "applied": [] },
            "template": {
                "schema": "tenant_template", "app": "metrics", "managed": true, "left_as_is": false, "version": 4, "applied": [],
            },
        })
    );
}

#[test]
fn init_dry_run_leaves_the_database_empty() {
    let database = Database::empty();
    let run = database.run(&["init", "--dry-run"]).success();
    insta::assert_snapshot!(run.stdout, @r"
    registry would be brought to V8: 8 migrations (V1__registry, V2__known_fingerprints, V3__unfinished_migrations, V4__known_definitions, V5__size_snapshots, V6__cleanups, V7__light_bookkeeping, V8__texts_of_unfinished_migrations)
    template `tenant_template` would be brought to V4: 4 migrations (V1__users, V2__metrics, V3__dashboards, V4__audit_and_jobs)
    ");
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
        "0"
    );
    assert_eq!(
        database.sql("SELECT to_regnamespace('tenant_template') IS NULL"),
        "t"
    );
}

#[test]
fn ten_inits_at_once_all_succeed() {
    let database = Database::empty();
    let children: Vec<_> = (0..10)
        .map(|_| database.program().spawn(&["init", "-o", "json"]))
        .collect();
    let mut applied = [0, 0];
    for child in children {
        let answer = Run::of(child).success().json();
        for (sum, part) in applied.iter_mut().zip(["registry", "template"]) {
            *sum += answer[part]["applied"].as_array().map_or(0, Vec::len);
        }
    }
    assert_eq!(applied, [8, 4]);
}

#[test]
fn init_waits_for_another_run_only_so_long() {
    let database = Database::empty();
    let url = database.url().to_owned();
    let holder = std::thread::spawn(move || {
        crate::support::psql(
            &url,
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('tenantctl:registry', 0)); SELECT pg_sleep(600)",
        )
    });
    let held = "FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = \
                (SELECT oid FROM pg_database WHERE datname = current_database())";
    crate::support::wait_until("the lock is held", || {
        database.sql(&format!("SELECT count(*) {held}")) == "1"
    });
    for wait in ["200ms", "0", "10us"] {
        let run = database
            .run(&["init", "--lock-wait", wait])
            .exits(6)
            .says("the registry is locked by another run");
        assert!(run.stderr.contains("pid "), "{}", run.stderr);
    }
    database.sql(&format!("SELECT pg_terminate_backend(pid) {held}"));
    holder.join().expect("no panic").expect_err("it was ended");
    database.run(&["init"]).success();
}

#[test]
fn init_leaves_a_foreign_tenants_table_alone() {
    let database = Database::empty();
    database.sql("CREATE TABLE tenants (id int)");
    database
        .run(&["init"])
        .exits(1)
        .says("that tenantctl did not make");
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
        "1"
    );
}

#[test]
fn init_refuses_files_that_changed_after_they_were_applied() {
    let database = Database::empty();
    let folder = tempfile::tempdir().expect("a folder");
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), folder.path().join(file.file_name())).expect("copied");
    }
    let file = folder.path().join("V1__registry.sql");
    let original = fs::read_to_string(&file).expect("read");
    let migrations = folder.path().to_str().expect("UTF-8");
    database.run(&["init", "--migrations", migrations]).success();
    database.run(&["init"]).success();

    fs::write(&file, original + "-- changed\n").expect("written");
    for dry_run in [&[][..], &["--dry-run"]] {
        database
            .run(&[&["init", "--migrations", migrations], dry_run].concat())
            .exits(1)
            .says("`V1__registry` was applied, and file");
    }
}

#[test]
fn a_migration_that_fails_leaves_nothing_behind() {
    let database = Database::empty();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("V1__first.sql"), "CREATE TABLE first (id int)").expect("written");
    fs::write(
        folder.path().join("V2__second.sql"),
        "CREATE TABLE first (id int)",
    )
    .expect("written");
    let run = database
        .run(&["init", "--migrations", folder.path().to_str().expect("UTF-8")])
        .exits(1);
    assert!(
        run.stderr.contains("relation \"first\" already exists (42P07)"),
        "{}",
        run.stderr
    );
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
        "0"
    );
}

#[test]
fn refinery_itself_finds_nothing_to_do_in_the_registry() {
    let database = Database::new();
    let history = database.sql("SELECT checksum FROM refinery_schema_history ORDER BY version");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files = refinery_core::load_sql_migrations(folder).expect("files");
    files.sort();
    let checksums: Vec<String> = files.iter().map(|file| file.checksum().to_string()).collect();
    assert_eq!(history, checksums.join("\n"));
}

#[test]
fn a_folder_without_migrations_is_refused_before_connecting() {
    let folder = tempfile::tempdir().expect("a folder");
    for flag in ["--migrations", "--template-migrations"] {
        Program::new()
            .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
            .run(&["init", flag, folder.path().to_str().expect("UTF-8")])
            .exits(2)
            .says("V1__name.sql");
    }
}

#[test]
fn init_in_csv_has_a_line_for_the_registry_and_one_for_the_template() {
    let database = Database::new();
    let run = database.run(&["init", "-o", "csv"]).success();
    assert_eq!(
        run.stdout,
        "part,schema,version,applied\nregistry,public,8,\ntemplate,tenant_template,4,\n"
    );
}
