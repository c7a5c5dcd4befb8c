//! Demo data: which tenants get it, that it is the same whenever it is made, and that it comes whole or not at all.

mod file;
mod password;

use crate::support::{Database, Holder, Program};

/// A day that has passed, so that no test depends on today.
const UNTIL: [&str; 2] = ["--until", "2026-11-01"];

/// A checksum of all rows of all tables in a tenant's schema.
pub(super) fn checksum(database: &Database, schema: &str) -> String {
    let tables = database.sql(&format!(
        "SELECT relname FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r' \
         AND relname <> 'refinery_schema_history' ORDER BY 1"
    ));
    let arms: Vec<String> = tables
        .lines()
        .map(|table| {
            format!(
                "SELECT '{table}' || ' ' || count(*) || ' ' || \
                 coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') FROM \"{schema}\".\"{table}\" AS t"
            )
        })
        .collect();
    assert!(!arms.is_empty(), "no tables in {schema}");
    database.sql(&arms.join(" UNION ALL "))
}

fn count(database: &Database, table: &str) -> u64 {
    database
        .sql(&format!("SELECT count(*) FROM {table}"))
        .parse()
        .expect("a number")
}

#[test]
fn seed_makes_a_tenant_of_each_plan_with_users_of_each_role_and_a_month_of_work() {
    let database = Database::new();
    let run = database
        .program()
        .env("SEED_ADMIN_PASSWORD", "correct horse battery staple")
        .run(&[&["seed", "--output", "json"], &UNTIL[..]].concat())
        .success();
    let answer = run.json();
    let tenants: Vec<&str> = answer["tenants"]
        .as_array()
        .expect("tenants")
        .iter()
        .map(|tenant| tenant["tenant"].as_str().expect("a slug"))
        .collect();
    assert_eq!(tenants, ["demo-basic", "demo-enterprise", "demo-pro"]);
    assert_eq!(
        database.sql(
            "SELECT string_agg(subscription_plan, ' ' ORDER BY slug) FROM tenants WHERE domain IS NOT NULL"
        ),
        "basic enterprise pro"
    );
    for schema in ["tenant_demo_basic", "tenant_demo_pro", "tenant_demo_enterprise"] {
        assert_eq!(
            database.sql(&format!(
                "SELECT string_agg(DISTINCT role, ' ' ORDER BY role) FROM {schema}.users WHERE deleted_at IS NULL"
            )),
            "admin manager member owner viewer"
        );
        assert_eq!(
            database.sql(&format!(
                "SELECT count(*) FROM {schema}.users WHERE deleted_at IS NULL"
            )),
            "5"
        );
        assert_eq!(
            database.sql(&format!(
                "SELECT min(session_start) >= '2026-10-02 00:00+00', max(session_start) < '2026-11-01 00:00+00', \
                 count(DISTINCT (session_start AT TIME ZONE 'UTC')::date) > 20 FROM {schema}.metrics_sessions"
            )),
            "t|t|t"
        );
        assert!(count(&database, &format!("{schema}.dashboard_configs")) >= 5);
    }
    let total: u64 = ["tenant_demo_basic", "tenant_demo_pro", "tenant_demo_enterprise"]
        .iter()
        .map(|schema| {
            let tables = checksum(&database, schema);
            tables
                .lines()
                .map(|line| {
                    line.split(' ')
                        .nth(1)
                        .expect("a count")
                        .parse::<u64>()
                        .expect("a number")
                })
                .sum::<u64>()
        })
        .sum();
    assert_eq!(answer["rows"], total);
}

#[test]
fn the_answer_for_people_fits_and_csv_has_a_line_for_each_tenant() {
    let database = Database::new();
    let arguments = [&["seed", "--days", "2"], &UNTIL[..]].concat();
    let program = || database.program().env("SEED_ADMIN_PASSWORD", "chosen");
    let run = program().run(&arguments).success();
    assert!(run.stdout.starts_with("TENANT "), "{}", run.stdout);
    assert!(run.stdout.contains("ada.1@demo-pro.example"), "{}", run.stdout);
    assert!(
        run.stdout.lines().all(|line| line.chars().count() <= 80),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("rows in 3 tenants"), "{}", run.stderr);
    assert!(!run.stdout.contains("chosen") && !run.stderr.contains("chosen"));
    let csv = program()
        .run(&[&arguments[..], &["-o", "csv"]].concat())
        .success();
    let mut lines = csv.stdout.lines();
    assert_eq!(
        lines.next(),
        Some("tenant,created,rows,duration_ms,login,password")
    );
    let first = lines.next().expect("a tenant");
    assert!(first.starts_with("demo-basic,no,0,"), "{first}");
    assert!(first.ends_with(",ada.1@demo-basic.example,"), "{first}");
    assert_eq!(lines.count(), 2);
}

#[test]
fn twice_is_the_same_as_once() {
    let database = Database::new();
    let arguments = [&["seed", "--days", "10"], &UNTIL[..]].concat();
    database.run(&arguments).success();
    let schemas = ["tenant_demo_basic", "tenant_demo_pro", "tenant_demo_enterprise"];
    let before = schemas.map(|schema| checksum(&database, schema));
    let run = database
        .run(&arguments)
        .success()
        .says("nothing new in 3 tenants");
    assert!(run.stdout.contains("demo-pro "), "{}", run.stdout);
    assert_eq!(schemas.map(|schema| checksum(&database, schema)), before);
}

#[test]
fn the_same_seed_makes_the_same_rows_in_another_database_and_another_seed_others() {
    let databases = [Database::new(), Database::new(), Database::new()];
    for (database, number) in databases.iter().zip(["7", "7", "8"]) {
        database
            .program()
            .env("SEED_ADMIN_PASSWORD", "chosen")
            .run(
                &[
                    &["seed", "--tenants", "1", "--days", "5", "--seed", number],
                    &UNTIL[..],
                ]
                .concat(),
            )
            .success();
    }
    let [one, same, other] = databases
        .each_ref()
        .map(|database| checksum(database, "tenant_demo_basic"));
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn a_later_end_adds_its_days_and_leaves_the_others_as_they_are() {
    let database = Database::new();
    let run = |days: &str, until: &str| {
        database
            .program()
            .env("SEED_ADMIN_PASSWORD", "chosen")
            .run(&["seed", "--tenants", "1", "--days", days, "--until", until])
            .success()
    };
    let sessions = || {
        database.sql(
            "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY id)) FROM tenant_demo_basic.metrics_sessions AS t \
             WHERE session_start < '2026-11-01 00:00+00'",
        )
    };
    run("10", "2026-11-01");
    let before = sessions();
    run("13", "2026-11-04");
    assert_eq!(sessions(), before);
    let added = "SELECT count(*) > 0 FROM tenant_demo_basic.metrics_sessions WHERE session_start >= '2026-11-01 00:00+00'";
    assert_eq!(database.sql(added), "t");
}

#[test]
fn more_tenants_than_the_list_has_go_on_with_its_plans_and_those_that_are_there_stay() {
    let database = Database::new();
    let arguments = |number| {
        [
            &["seed", "--days", "1", "--users", "1", "--tenants", number],
            &UNTIL[..],
        ]
        .concat()
    };
    database.run(&arguments("2")).success();
    let before = database.sql("SELECT slug, id, updated_at FROM tenants ORDER BY 1");
    database.run(&["update", "demo-pro", "--plan", "gold"]).success();
    database.run(&arguments("7")).success();
    assert_eq!(
        database.sql("SELECT string_agg(slug || ':' || subscription_plan, ' ' ORDER BY slug) FROM tenants"),
        "demo-4:basic demo-5:pro demo-6:enterprise demo-7:basic demo-basic:basic demo-enterprise:enterprise demo-pro:gold"
    );
    let id = before.lines().next().expect("a tenant").to_owned();
    assert!(
        database
            .sql("SELECT slug, id, updated_at FROM tenants ORDER BY 1")
            .contains(&id)
    );
}

#[test]
fn into_fills_the_tenants_that_are_named_and_creates_none() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    let into = [&["seed", "--days", "2", "--into", "acme", "globex"], &UNTIL[..]].concat();
    database.run(&into).success();
    assert_eq!(database.sql("SELECT count(*) FROM tenants"), "3");
    assert!(count(&database, "tenant_acme.users") >= 5);
    assert!(count(&database, "tenant_globex.users") >= 5);
    assert_eq!(count(&database, "tenant_initech.users"), 0);

    database
        .run(&["seed", "--into", "acme", "nobody"])
        .exits(2)
        .says("nobody");
    database.run(&["suspend", "initech"]).success();
    database
        .run(&["seed", "--into", "initech"])
        .exits(2)
        .says("suspended");
    database
        .run(&["seed", "--into", "initech", "--inactive", "--days", "1"])
        .success();
    assert!(count(&database, "tenant_initech.users") >= 5);
}

#[test]
fn all_tenants_are_filled_only_after_agreement() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let all = ["seed", "--all", "--days", "1", "--exclude", "globex"];
    database.run(&all).exits(2).says("this needs confirmation");
    assert_eq!(count(&database, "tenant_acme.users"), 0);
    database.run(&[&all[..], &["--yes"]].concat()).success();
    assert!(count(&database, "tenant_acme.users") >= 5);
    assert_eq!(count(&database, "tenant_globex.users"), 0);
    database
        .run(&["seed", "--plan", "basic"])
        .exits(2)
        .says("nothing to choose tenants from");
    database.run(&["seed", "--all", "--tenants", "3"]).exits(2);
}

#[test]
fn a_dry_run_says_who_is_meant_and_changes_nothing() {
    let database = Database::with_tenants(&["demo-pro"]);
    let run = database.run(&["seed", "--dry-run"]).success();
    assert_eq!(
        run.stdout,
        "TENANT           IS THERE\ndemo-basic       no\ndemo-enterprise  no\ndemo-pro         yes\n"
    );
    run.says("3 tenants would be filled, 2 of them created");
    assert_eq!(database.sql("SELECT count(*) FROM tenants"), "1");
    assert_eq!(count(&database, "tenant_demo_pro.users"), 0);
    assert_eq!(
        database.sql("SELECT count(*) FROM tenant_operations WHERE command = 'seed'"),
        "0"
    );
}

#[test]
fn numbers_and_days_that_cannot_be_are_refused() {
    for arguments in [
        ["--days", "0"],
        ["--days", "401"],
        ["--users", "0"],
        ["--users", "1001"],
        ["--seed", "-1"],
        ["--tenants", "0"],
        ["--until", "yesterday"],
        ["--until", "1999-12-31"],
        ["--until", "2100-01-01"],
        ["--app", "nothing"],
    ] {
        Program::new()
            .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
            .run(&[&["seed"], &arguments[..]].concat())
            .exits(2);
    }
}

#[test]
fn without_a_date_data_ends_today_by_the_servers_clock() {
    let database = Database::new();
    let today = database.sql("SELECT (now() AT TIME ZONE 'UTC')::date");
    let run = database
        .program()
        .env("PGOPTIONS", "-c TimeZone=Pacific/Kiritimati")
        .run(&["seed", "--tenants", "1", "--days", "1", "-o", "json"])
        .success();
    let tomorrow = database.sql("SELECT (now() AT TIME ZONE 'UTC')::date");
    let until = run.json()["until"].as_str().expect("a date").to_owned();
    assert!(until == today || until == tomorrow, "{until}");
}

#[test]
fn a_tenant_that_another_run_changes_is_locked() {
    let database = Database::with_tenants(&["acme"]);
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('tenantctl:tenant:tenant_acme', 0))";
    let holder = Holder::of(&database, lock);
    database
        .run(&["seed", "--into", "acme"])
        .exits(6)
        .says("schema `tenant_acme` is locked by another run (pid ");
    holder.commit();
    database.run(&["seed", "--into", "acme", "--days", "1"]).success();
}

#[test]
fn a_tenant_without_its_schema_fails_and_the_others_do_not() {
    let database = Database::with_tenants(&["acme", "globex"]);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    let run = database
        .run(&[
            "seed",
            "--into",
            "acme",
            "globex",
            "--days",
            "1",
            "--on-error",
            "continue",
            "-o",
            "json",
        ])
        .exits(3)
        .says("schema `tenant_acme` does not exist")
        .says("hint: bring it back with `tenantctl restore FILE --replace`");
    assert_eq!(run.json()["failed"][0]["tenant"], "acme");
    assert!(count(&database, "tenant_globex.users") >= 5);
    assert_eq!(
        database.sql(
            "SELECT o.outcome || ': ' || string_agg(r.slug || ' ' || r.outcome, ', ' ORDER BY r.slug) \
             FROM tenant_operations o JOIN tenant_operation_results r ON r.operation_id = o.id \
             WHERE o.command = 'seed' GROUP BY o.id"
        ),
        "partial: acme failed, globex done"
    );
}

#[test]
fn create_fills_its_tenants_when_told_to() {
    let database = Database::new();
    let run = database
        .run(&["create", "acme", "globex", "--seed", "-o", "json"])
        .success();
    let answer = run.json();
    assert_eq!(answer["created"].as_array().map(Vec::len), Some(2));
    let seeded = &answer["seed"];
    assert_eq!(seeded["tenants"][0]["logins"][0], "ada.1@acme.example");
    assert!(
        seeded["password"]
            .as_str()
            .is_some_and(|password| password.len() >= 20)
    );
    assert!(count(&database, "tenant_acme.users") >= 5);
    assert!(count(&database, "tenant_globex.users") >= 5);
    let plain = database.run(&["create", "initech", "-o", "json"]).success();
    assert_eq!(plain.json().get("seed"), None);
}

#[test]
fn a_suspended_demo_tenant_is_skipped_and_the_others_are_filled() {
    let database = Database::with_tenants(&["demo-pro"]);
    database.run(&["suspend", "demo-pro"]).success();
    let arguments = ["seed", "--days", "1", "--users", "1"];
    let skipped = "skipped `demo-pro`: it is suspended; `tenantctl resume demo-pro` brings it back";
    let run = database
        .run(&[&arguments[..], &["--dry-run"]].concat())
        .success()
        .says(skipped)
        .says("2 tenants would be filled, 2 of them created");
    assert!(!run.stdout.contains("demo-pro"), "{}", run.stdout);
    for filled in ["yes", "no"] {
        let run = database
            .run(&[&arguments[..], &["-o", "json"]].concat())
            .success()
            .says(skipped);
        let answer = run.json();
        assert_eq!(answer["skipped"], serde_json::json!(["demo-pro"]));
        assert_eq!(answer["tenants"].as_array().map(Vec::len), Some(2));
        assert_eq!(answer["tenants"][0]["created"], filled == "yes");
    }
    assert_eq!(count(&database, "tenant_demo_pro.users"), 0);
    assert!(count(&database, "tenant_demo_basic.users") > 0);
}

#[test]
fn tenants_that_were_created_are_answered_for_when_seeding_cannot_begin() {
    let database = Database::new();
    database.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no seeding today'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON tenant_operations FOR EACH ROW WHEN (NEW.command = 'seed') \
         EXECUTE FUNCTION refuse()",
    );
    let created = database
        .run(&["create", "acme", "--seed", "-o", "json"])
        .exits(1)
        .says("no seeding today")
        .json();
    assert_eq!(created["created"][0]["slug"], "acme");
    assert_eq!(created["seed"]["not_started"], serde_json::json!(["acme"]));
    let seeded = database
        .run(&["seed", "--days", "1", "-o", "json"])
        .exits(1)
        .says("no seeding today")
        .json();
    assert_eq!(
        seeded["not_started"],
        serde_json::json!(["demo-basic", "demo-enterprise", "demo-pro"])
    );
}

#[test]
fn a_demo_tenant_that_could_not_be_created_is_accounted_for() {
    let database = Database::new();
    database.sql("CREATE SCHEMA tenant_demo_pro");
    let run = database
        .run(&["seed", "--days", "1", "-o", "json", "--on-error", "continue"])
        .exits(3)
        .says("1 of 3 tenants failed to be created");
    let answer = run.json();
    assert_eq!(answer["failed"][0]["tenant"], "demo-pro");
    assert_eq!(answer["tenants"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_database_without_a_registry_is_named() {
    let database = Database::empty();
    database.run(&["seed"]).exits(2).says("tenantctl init");
}
