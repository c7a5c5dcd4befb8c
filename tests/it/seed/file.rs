//! SQL of one's own: where it comes from, what it may hold, and what is left when it fails.

use std::fs;

use crate::support::{Database, Fleet, Run, client, signal, wait_until};

/// Runs `seed` with this SQL in these tenants.
fn seed(fleet: &Fleet, sql: &str, into: &[&str], more: &[&str]) -> Run {
    fs::write(fleet.path("../demo.sql"), sql).expect("written");
    fleet.run(&[&["seed", "--file", "demo.sql"], more, &["--into"], into].concat())
}

fn customers(fleet: &Fleet, schema: &str) -> String {
    fleet.sql(&format!(
        "SELECT string_agg(id || ' ' || name, ', ' ORDER BY id) FROM {schema}.customers"
    ))
}

#[test]
fn a_template_of_ones_own_needs_sql_of_ones_own() {
    let fleet = Fleet::new(1);
    for arguments in [&["seed"][..], &["seed", "--into", "t01"]] {
        fleet
            .run(arguments)
            .exits(2)
            .says("there is no demo data for this template")
            .says("`--file`");
    }
    fleet.run(&["create", "early", "--seed"]).exits(2);
    assert_eq!(fleet.sql("SELECT count(*) FROM tenants"), "1");
    fleet.configure("[seed]\nfile = 'demo.sql'\n");
    let sql = "INSERT INTO customers SELECT n, :'tenant' || n FROM generate_series(1, :users) n ON CONFLICT DO NOTHING";
    fs::write(fleet.path("../demo.sql"), sql).expect("written");
    fleet.run(&["seed", "--into", "t01", "--users", "2"]).success();
    assert_eq!(customers(&fleet, "tenant_t01"), "1 t011, 2 t012");

    // Without a list there are three tenants, and a list has its own.
    fleet.run(&["seed", "--users", "1"]).success();
    assert_eq!(customers(&fleet, "tenant_demo_3"), "1 demo-31");
    fleet.configure("[seed]\nfile = 'demo.sql'\ntenants = 'demo.toml'\n");
    fs::write(
        fleet.path("../demo.toml"),
        "[[tenants]]\nslug = 'shop'\nplan = 'gold'\nmetadata = { size = 3 }\n",
    )
    .expect("written");
    fleet.run(&["seed", "--users", "1"]).success();
    assert_eq!(customers(&fleet, "tenant_shop"), "1 shop1");
    assert_eq!(
        fleet.sql("SELECT subscription_plan, metadata FROM tenants WHERE slug = 'shop'"),
        "gold|{\"size\": 3}"
    );
}

#[test]
fn a_list_with_mistakes_names_all_of_them() {
    let fleet = Fleet::new(0);
    fleet.configure("[seed]\nfile = 'demo.sql'\ntenants = 'demo.toml'\n");
    fs::write(fleet.path("../demo.sql"), "SELECT 1").expect("written");
    fs::write(
        fleet.path("../demo.toml"),
        "[[tenants]]\nslug = 'Bad Slug'\n\n[[tenants]]\nslug = 'fine'\nplam = 'pro'\n\n[[tenants]]\nslug = 3\n",
    )
    .expect("written");
    fleet
        .run(&["seed"])
        .exits(2)
        .says("3 of 3 rows cannot be used")
        .says("line 4  unknown key `plam`; did you mean `plan`?");
    assert_eq!(fleet.sql("SELECT count(*) FROM tenants"), "0");
}

#[test]
fn parameters_mean_what_psql_means() {
    let fleet = Fleet::new(1);
    fleet.sql("UPDATE tenants SET subscription_plan = $$o'clock \\ x$$");
    let sql = "-- :nothing\nINSERT INTO customers VALUES (:days, ':days'), (:users, :'until'::date - :days), \
               ((:seed)::bigint % 100, :'tenant' || '/' || :'plan'), ((ARRAY[7, 8, 9])[0 + :users - 3], :plan), \
               (1000, $$:'tenant'$$)";
    let numbers = [
        "--days",
        "40",
        "--users",
        "4",
        "--seed",
        "9000000003",
        "--until",
        "2026-03-01",
    ];
    seed(&fleet, sql, &["t01"], &numbers).success();
    assert_eq!(
        customers(&fleet, "tenant_t01"),
        "3 t01/o'clock \\ x, 4 2026-01-20, 7 o'clock \\ x, 40 :days, 1000 :'tenant'"
    );
}

#[test]
fn what_the_program_fills_in_psql_fills_in_as_well() {
    let fleet = Fleet::new(2);
    let sql = "INSERT INTO customers SELECT n, :'tenant' || ' ' || :'plan' || ' ' || (:'until'::date - n) || :seed \
               FROM generate_series(1, least(:users, :days)) AS n;";
    seed(&fleet, sql, &["t01"], &["--until", "2026-03-01"]).success();
    let output = client("psql")
        .args([fleet.database.url(), "-Xq", "-v", "ON_ERROR_STOP=1"])
        .args([
            "-v",
            "days=30",
            "-v",
            "users=5",
            "-v",
            "seed=1",
            "-v",
            "until=2026-03-01",
        ])
        .args(["-v", "tenant=t01", "-v", "plan=basic"])
        .args(["-c", "SET search_path = tenant_t02", "-f"])
        .arg(fleet.path("../demo.sql"))
        .output()
        .expect("psql runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(customers(&fleet, "tenant_t01"), customers(&fleet, "tenant_t02"));
}

#[test]
fn a_file_that_fails_leaves_nothing_and_says_where() {
    let fleet = Fleet::new(3);
    fleet.sql("INSERT INTO tenant_t02.customers VALUES (2, 'mine')");
    let sql =
        "INSERT INTO customers VALUES (1, 'a');\n\n-- a comment\nINSERT INTO customers\nVALUES (2, 'b');\n";
    let run = seed(&fleet, sql, &["t01", "t02", "t03"], &["--on-error", "continue"])
        .exits(3)
        .says("schema `tenant_t02`: file `demo.sql`, line 4")
        .says("customers_pkey");
    assert!(run.stderr.contains("1 of 3 tenants failed"), "{}", run.stderr);
    assert_eq!(customers(&fleet, "tenant_t01"), "1 a, 2 b");
    assert_eq!(customers(&fleet, "tenant_t02"), "2 mine");
    assert_eq!(customers(&fleet, "tenant_t03"), "1 a, 2 b");

    seed(
        &fleet,
        "INSERT INTO customers VALUES (5, 'e');\nINSERT INTO nowhere VALUES (1)",
        &["t01"],
        &[],
    )
    .exits(1)
    .says("line 2")
    .says("relation \"nowhere\" does not exist");
    seed(
        &fleet,
        "INSERT INTO customers VALUES (5, 'e');\nSELECT 1 +;\nSELECT 1",
        &["t01"],
        &[],
    )
    .exits(1)
    .says("line 2");
    assert_eq!(customers(&fleet, "tenant_t01"), "1 a, 2 b");
}

#[test]
fn what_cannot_be_run_is_refused_before_anybody_is_touched() {
    let fleet = Fleet::new(1);
    for (sql, words) in [
        ("SELECT 1;\nCOMMIT", "line 2: statement"),
        ("BEGIN; SELECT 1; END", "would end the tenant's transaction"),
        (
            "INSERT INTO customers VALUES (1, 'a');\nSELECT :dayz",
            "line 2: there is no parameter `:dayz`",
        ),
        (
            "SELECT :'until', :\"tenant\"",
            "there is no parameter `:\"tenant\"`",
        ),
        ("-- nothing\n", "holds no statement"),
        ("SELECT 'open", "never closed"),
        ("COPY customers FROM STDIN", "copies to or from the client"),
        ("SELECT 1; VACUUM customers", "cannot run inside a transaction"),
        (
            "SELECT 1;\nSAVEPOINT one",
            "line 2: there is nothing to go back to within a message",
        ),
    ] {
        seed(&fleet, sql, &["t01"], &[]).exits(2).says(words);
    }
    seed(&fleet, "SELECT :dayz", &["t01"], &[]).says("known parameters: :days, :users, :seed, :'until'");
    fleet
        .run(&["seed", "--file", "none.sql", "--into", "t01"])
        .exits(2)
        .says("cannot be read");
    assert_eq!(
        fleet.sql("SELECT count(*) FROM tenant_operations WHERE command = 'seed'"),
        "0"
    );
}

#[test]
fn sql_runs_in_the_tenant_and_leaves_nothing_on_the_connection() {
    let fleet = Fleet::new(3);
    let sql = "CREATE TEMP TABLE bag AS SELECT 1 AS id; INSERT INTO customers SELECT id, \
               current_setting('app.current_tenant') || ' ' || current_setting('work_mem') FROM bag; \
               SET work_mem = '77MB'; SET search_path = pg_catalog; SET lock_timeout = '1ms'";
    seed(&fleet, sql, &["t01", "t02", "t03"], &["--jobs", "1"]).success();
    let default = fleet.sql("SHOW work_mem");
    for tenant in ["tenant_t01", "tenant_t02", "tenant_t03"] {
        assert_eq!(customers(&fleet, tenant), format!("1 {tenant} {default}"));
    }
}

#[test]
fn rows_are_those_that_were_written_and_logins_those_of_the_last_statement() {
    let fleet = Fleet::new(1);
    let sql = "SELECT count(*) AS login FROM customers; \
               INSERT INTO customers SELECT n, 'x' FROM generate_series(1, 10) n RETURNING id; \
               UPDATE customers SET name = 'y' WHERE id < 4; \
               WITH gone AS (SELECT 5 AS id) DELETE FROM customers USING gone WHERE customers.id = gone.id; \
               SELECT 1 AS one, 'ada' AS login UNION ALL SELECT 2, 'bob' ORDER BY 1";
    let answer = seed(&fleet, sql, &["t01"], &["-o", "json"]).success().json();
    assert_eq!(answer["tenants"][0]["rows"], 14);
    assert_eq!(answer["tenants"][0]["logins"], serde_json::json!(["ada", "bob"]));
}

#[test]
fn deferred_constraints_are_settled_in_the_tenants_own_transaction() {
    let fleet = Fleet::new(1);
    fleet.sql(
        "ALTER TABLE tenant_t01.orders ALTER CONSTRAINT orders_customer_fkey DEFERRABLE INITIALLY DEFERRED",
    );
    seed(&fleet, "INSERT INTO orders VALUES (1, 99, 5)", &["t01"], &[])
        .exits(1)
        .says("orders_customer_fkey");
    assert_eq!(fleet.sql("SELECT count(*) FROM tenant_t01.orders"), "0");
    seed(
        &fleet,
        "INSERT INTO orders VALUES (1, 99, 5); INSERT INTO customers VALUES (99, 'late')",
        &["t01"],
        &[],
    )
    .success();
}

#[test]
fn a_tenant_that_works_goes_on_while_it_is_filled() {
    let database = Database::with_tenants(&["acme"]);
    database.sql(
        "INSERT INTO tenant_acme.users (email, name, role, password_hash) \
         VALUES ('ada.1@acme.example', 'Somebody', 'member', NULL)",
    );
    let run = database.run(&["seed", "--into", "acme", "--days", "3"]);
    // Data of one's own is kept, whatever demo data would like to be called.
    run.success();
    assert_eq!(
        database.sql("SELECT name FROM tenant_acme.users WHERE email = 'ada.1@acme.example'"),
        "Somebody"
    );
}

#[test]
fn a_run_that_is_cancelled_or_killed_leaves_nothing_of_the_tenant_under_way() {
    let fleet = Fleet::new(2);
    let sql = "INSERT INTO customers VALUES (1, 'a'); SELECT pg_sleep(CASE current_schema WHEN 'tenant_t02' THEN 60 ELSE 0 END)";
    fs::write(fleet.path("../demo.sql"), sql).expect("written");
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND pid <> pg_backend_pid() AND state = 'active' AND wait_event = 'PgSleep'";
    for signals in [&["INT", "INT"][..], &["KILL"]] {
        let child = fleet.program().spawn(&[
            "seed", "--file", "demo.sql", "--jobs", "1", "--into", "t01", "t02",
        ]);
        wait_until("the second tenant is under way", || fleet.sql(sleeping) == "1");
        for name in signals {
            signal(child.id(), name);
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        let run = Run::of(child);
        assert_eq!(run.code, if signals.len() > 1 { 130 } else { -9 }, "{run:?}");
        // A server that has nobody to answer to finds that out when it answers.
        fleet.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event = 'PgSleep'",
        );
        wait_until("nobody is under way", || fleet.sql(sleeping) == "0");
        assert_eq!(customers(&fleet, "tenant_t01"), "1 a");
        assert_eq!(customers(&fleet, "tenant_t02"), "");
        fleet.sql("DELETE FROM tenant_t01.customers");
    }
}
