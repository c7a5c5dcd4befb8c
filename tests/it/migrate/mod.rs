//! Bringing a fleet forward: what is applied, in which order, and what is said of it.

mod dry_run;
mod durability;
mod faults;
mod history;
mod interrupted;
mod no_transaction;
mod retries;
mod rollout;
mod traffic;

use crate::support::{Database, Fleet};

/// Two migrations after the first.
fn two_more(fleet: &Fleet) {
    fleet
        .file("V2__phone.sql", "ALTER TABLE customers ADD COLUMN phone text;")
        .file(
            "V3__by_customer.sql",
            "CREATE INDEX orders_customer ON orders (customer)",
        );
}

#[test]
fn everything_pending_is_applied_and_recorded() {
    let fleet = Fleet::new(3);
    two_more(&fleet);
    let run = fleet.migrate(&["--all"]).success();
    insta::assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    FROM  TO  TENANTS  MIGRATIONS
    V1    V3        3  V2__phone V3__by_customer
    --- stderr
    template: 2 migrations applied (V2__phone, V3__by_customer)
    3 tenants now at V3
    ");
    assert_eq!(fleet.versions(), "3:3");
    for schema in ["tenant_template", "tenant_t01", "tenant_t03"] {
        assert_eq!(fleet.history(schema), "1,2,3");
    }
    let made = "SELECT (SELECT count(*) FROM pg_attribute WHERE attname = 'phone'), \
                (SELECT count(*) FROM pg_class WHERE relname = 'orders_customer')";
    assert_eq!(fleet.sql(made), "4|4");
    assert_eq!(fleet.log(), "done: t01 done, t02 done, t03 done");
    fleet.run(&["drift", "--all"]).success();
}

#[test]
fn where_nothing_is_pending_that_is_said_and_nothing_changes() {
    let fleet = Fleet::new(2);
    let before = fleet.everything();
    for arguments in [
        &["--all"][..],
        &["t01"],
        &["--all", "--deep"],
        &["--all", "--per-migration"],
    ] {
        let run = fleet.migrate(arguments).success().says("nothing to do");
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    assert_eq!(fleet.everything(), before);
}

#[test]
fn a_database_without_registry_is_no_fleet() {
    let database = Database::empty();
    database
        .run(&["migrate", "--all"])
        .exits(2)
        .says("tenantctl init");
}

#[test]
fn without_a_word_on_whom_nobody_is_migrated() {
    let fleet = Fleet::new(1);
    fleet.migrate(&[]).exits(2).says("--all");
    fleet.migrate(&["nobody"]).exits(2).says("`nobody`");
}

#[test]
fn a_fleet_of_nobody_gets_its_template_migrated() {
    let fleet = Fleet::new(0);
    two_more(&fleet);
    fleet
        .migrate(&["--all"])
        .success()
        .says("template: 2 migrations applied");
    assert_eq!(fleet.history("tenant_template"), "1,2,3");
    assert_eq!(fleet.log(), "done");
    fleet.run(&["create", "late"]).success();
    fleet.migrate(&["--all"]).success().says("nothing to do");
}

#[test]
fn what_was_done_for_the_template_is_not_called_nothing() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    let nobody = ["--all", "--exclude", "t01", "--exclude", "t02"];
    let run = fleet.migrate(&nobody).success();
    let run = run
        .says("template: 2 migrations applied")
        .says("no tenants match");
    assert!(!run.stderr.contains("nothing to do"), "{}", run.stderr);
    fleet
        .migrate(&nobody)
        .success()
        .says("nothing to do: no tenants match, and the template is at V3");
    fleet.migrate(&["--all"]).success().says("2 tenants now at V3");
}

#[test]
fn events_are_json_objects_a_line_with_the_summary_last() {
    let fleet = Fleet::new(3);
    two_more(&fleet);
    let run = fleet.migrate(&["--all", "-o", "json", "--jobs", "1"]).success();
    let lines: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .collect();
    let count = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((count("planned"), count("started"), count("finished")), (1, 3, 3));
    let summary = lines.last().expect("a summary");
    assert_eq!(summary["target"], 3);
    assert_eq!(
        summary["template"],
        serde_json::json!(["V2__phone", "V3__by_customer"])
    );
    let first = &summary["migrated"][0];
    assert_eq!(
        (&first["tenant"], &first["from"], &first["to"]),
        (&"t01".into(), &1.into(), &3.into())
    );
    let nothing = fleet.migrate(&["--all", "-o", "json"]).success();
    assert_eq!(nothing.stdout.lines().count(), 1, "{}", nothing.stdout);
    assert_eq!(nothing.json()["up_to_date"], 3);
}

#[test]
fn csv_has_a_line_for_every_tenant_that_was_moved_or_was_not() {
    let fleet = Fleet::new(3);
    two_more(&fleet);
    fleet.sql("CREATE TABLE tenant_t02.x (); CREATE INDEX orders_customer ON tenant_t02.orders (id)");
    let run = fleet
        .migrate(&["--all", "-o", "csv", "--on-error", "continue"])
        .exits(3);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "tenant,from,to,migrations,outcome,error");
    assert_eq!(lines[1], "t01,V1,V3,V2__phone V3__by_customer,done,");
    assert!(run.stdout.contains("t02,,,,failed,"), "{}", run.stdout);
    assert_eq!(lines.len(), 4, "{}", run.stdout);
}

#[test]
fn timestamps_are_versions_too() {
    let fleet = Fleet::new(2);
    fleet.file(
        "V20261121103000__later.sql",
        "ALTER TABLE customers ADD COLUMN later int",
    );
    fleet.migrate(&["--all"]).success().says("V20261121103000");
    assert_eq!(fleet.versions(), "20261121103000:2");
    fleet.migrate(&["--all"]).success().says("nothing to do");
    fleet
        .migrate(&["--all", "--deep"])
        .success()
        .says("nothing to do");
}

#[test]
fn tenants_are_chosen_by_slug_plan_region_and_state() {
    let fleet = Fleet::new(6);
    fleet.run(&["update", "t02", "--plan", "pro"]).success();
    fleet.run(&["update", "t03", "--region", "eu"]).success();
    fleet.run(&["suspend", "t04"]).success();
    two_more(&fleet);
    let at = |slug: &str| {
        fleet.sql(&format!(
            "SELECT schema_version FROM tenants WHERE slug = '{slug}'"
        ))
    };
    fleet.migrate(&["--all", "--plan", "pro"]).success();
    assert_eq!(fleet.versions(), "1:5 3:1");
    assert_eq!(at("t02"), "3");
    fleet.migrate(&["--all", "--region", "eu"]).success();
    fleet.migrate(&["t05"]).success();
    assert_eq!(
        (at("t03"), at("t05"), fleet.versions().as_str()),
        ("3".into(), "3".into(), "1:3 3:3")
    );
    fleet.migrate(&["--all", "--exclude", "t06"]).success();
    assert_eq!(
        (at("t01"), at("t04"), at("t06")),
        ("3".into(), "1".into(), "1".into())
    );
    fleet.migrate(&["--all", "--inactive"]).success();
    assert_eq!(fleet.versions(), "3:6");
}

#[test]
fn odd_names_of_schemas_stay_names() {
    let fleet = Fleet::new(0);
    fleet.configure("[tenants]\nprefix = \"x_\"\ntemplate = \"Tem\\\"pl'ate $1\"\n");
    fleet.run(&["init"]).success();
    fleet.run(&["create", "a-b", "c"]).success();
    fleet.sql("ALTER SCHEMA x_c RENAME TO \"o'd\"\"d $1-\\\"; UPDATE tenants SET schema_name = 'o''d\"d $1-\\' WHERE slug = 'c'");
    two_more(&fleet);
    fleet.file(
        "V4__concurrently.sql",
        "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY by_name ON customers (name)",
    );
    fleet.migrate(&["--all"]).success();
    assert_eq!(fleet.versions(), "4:2");
    assert_eq!(
        fleet.sql("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = 'by_name' AND indisvalid"),
        "3"
    );
    fleet
        .migrate(&["--all", "--deep"])
        .success()
        .says("nothing to do");
}

#[test]
fn what_one_file_sets_is_gone_for_the_next_file_and_the_next_tenant() {
    let fleet = Fleet::new(3);
    fleet
        .file(
            "V2__dumped.sql",
            "SELECT pg_catalog.set_config('search_path', '', false); Set work_mem = '77MB'; SET ROLE pg_monitor",
        )
        .file(
            "V3__next.sql",
            "CREATE TEMP TABLE aside AS SELECT current_setting('work_mem') AS setting, current_user::text AS role; \
             CREATE TABLE next AS SELECT * FROM aside",
        );
    fleet.migrate(&["--all", "--jobs", "1"]).success();
    assert_eq!(fleet.versions(), "3:3");
    for schema in ["tenant_template", "tenant_t01", "tenant_t02", "tenant_t03"] {
        assert_eq!(
            fleet.sql(&format!("SELECT * FROM {schema}.next")),
            "4MB|tenantctl"
        );
    }
}

#[test]
fn secrets_are_never_shown() {
    let fleet = Fleet::new(2);
    fleet.file(
        "V2__role.sql",
        "CREATE TABLE secret (word text); INSERT INTO secret VALUES ('hunter2'); \
         ALTER TABLE secret ADD CONSTRAINT no_secret CHECK (word <> 'hunter2')",
    );
    let url = format!("{}&password=s3cret-word", fleet.database.url());
    let run = fleet
        .program_at(&url)
        .env("SLOW_QUERY_THRESHOLD_MS", "1")
        .run(&["migrate", "--all", "-vv"]);
    assert_ne!(run.code, 0);
    let logged = fleet.sql(
        "SELECT o::text || r::text FROM tenant_operations o LEFT JOIN tenant_operation_results r ON true",
    );
    for shown in [&run.stdout, &run.stderr, &logged] {
        assert!(
            !shown.contains("s3cret-word") && !shown.contains("'hunter2'"),
            "{shown}"
        );
    }
}

#[test]
fn a_misspelt_slug_to_leave_out_keeps_everybody_as_they_are() {
    let fleet = Fleet::new(2);
    two_more(&fleet);
    let before = fleet.everything();
    for arguments in [&["--all"][..], &["--all", "--dry-run"], &["--all", "--deep"]] {
        fleet
            .migrate(&[arguments, &["--exclude", "t1"]].concat())
            .exits(2)
            .says("there is no tenant `t1`")
            .says("did you mean `t01`?");
    }
    assert_eq!(fleet.everything(), before);
}
