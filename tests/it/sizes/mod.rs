//! Sizes: measured, estimated, sorted, kept and shown.

mod growth;
mod page;
mod waiting;

use serde_json::Value;

use crate::support::{Database, PgBouncer, Program, Server, configured, psql, terminal};

/// Tenants of which the first has much, the second some, and the others nothing.
fn filled() -> Database {
    let database = Database::with_tenants(&["acme", "globex", "initech", "umbrella", "wayne"]);
    fill(&database, "tenant_acme", 20_000);
    fill(&database, "tenant_globex", 4_000);
    database.sql("VACUUM ANALYZE");
    database
}

/// Fills two tables, which nobody else makes larger.
fn fill(database: &Database, schema: &str, rows: u32) {
    database.sql(&format!(
        "ALTER TABLE {schema}.users SET (autovacuum_enabled = off); \
         ALTER TABLE {schema}.audit_logs SET (autovacuum_enabled = off); \
         INSERT INTO {schema}.users (email, name) SELECT 'u' || n || '@example.org', md5(n::text) \
         FROM generate_series(1, {rows}) n; \
         INSERT INTO {schema}.audit_logs (actor, action, resource) SELECT 'u' || n, 'sign-in', md5(n::text) \
         FROM generate_series(1, {rows}) n"
    ));
}

fn number(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| panic!("no whole number: {value}"))
}

fn names(json: &Value, key: &str) -> Vec<String> {
    let rows = json["rows"].as_array().expect("a list").iter();
    rows.map(|row| row[key].as_str().expect("a name").to_owned())
        .collect()
}

/// What PostgreSQL says of all tables in a schema, partitions one by one.
fn total_of(database: &Database, schema: &str) -> i64 {
    let sum = database.sql(&format!(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class \
         WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'm')"
    ));
    sum.parse().expect("a number")
}

#[test]
fn sizes_are_those_of_all_files_of_a_tenants_tables() {
    let database = filled();
    // Partitions at two depths, TOAST, an unlogged table with its extra fork, a materialized view, odd names.
    database.sql(
        "SET search_path = tenant_acme; \
         CREATE TABLE events (id int, day date, body text) PARTITION BY RANGE (day); \
         CREATE INDEX ON events (id); \
         CREATE TABLE events_march PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01'); \
         CREATE TABLE events_april PARTITION OF events FOR VALUES FROM ('2026-04-01') TO ('2026-05-01') \
           PARTITION BY LIST (id); \
         CREATE TABLE events_april_1 PARTITION OF events_april DEFAULT; \
         ALTER TABLE events_march ALTER body SET STORAGE EXTERNAL; \
         INSERT INTO events SELECT n, date '2026-03-01' + n % 61, repeat('x', 5000) FROM generate_series(1, 200) n; \
         CREATE UNLOGGED TABLE cache (id int PRIMARY KEY); \
         CREATE MATERIALIZED VIEW report AS SELECT * FROM events; \
         CREATE INDEX ON report (id); \
         CREATE TABLE \"a \"\"b\"\" ; --\" (id int); INSERT INTO \"a \"\"b\"\" ; --\" VALUES (1)",
    );
    database.sql("VACUUM ANALYZE tenant_acme.users");
    let json = database.run(&["sizes", "-o", "json"]).success().json();
    assert_eq!(
        (json["version"].as_i64(), json["method"].as_str()),
        (Some(1), Some("exact"))
    );
    for row in json["rows"].as_array().expect("a list") {
        let schema = row["schema"].as_str().expect("a schema");
        assert_eq!(
            number(&row["total_bytes"]),
            total_of(&database, schema),
            "{schema}"
        );
        let parts = ["table_bytes", "index_bytes", "toast_bytes"].map(|key| number(&row[key]));
        assert_eq!(parts.iter().sum::<i64>(), number(&row["total_bytes"]), "{schema}");
    }
    let json = database
        .run(&["sizes", "--tenant", "acme", "-o", "json"])
        .success()
        .json();
    let row = |name: &str| {
        let rows = json["rows"].as_array().expect("a list");
        rows.iter()
            .find(|row| row["table"] == name)
            .unwrap_or_else(|| panic!("no {name} in {json}"))
            .clone()
    };
    let of = |sql: &str| {
        database
            .sql(&format!("SET search_path = tenant_acme; SELECT {sql}"))
            .parse::<i64>()
    };
    let events = row("events");
    assert_eq!(events["partitions"], 2);
    assert_eq!(
        Ok(number(&events["total_bytes"])),
        of("sum(pg_total_relation_size(relid)) FROM pg_partition_tree('events')")
    );
    assert_eq!(
        Ok(number(&events["index_bytes"])),
        of("sum(pg_indexes_size(relid)) FROM pg_partition_tree('events')")
    );
    let toast = "sum(pg_total_relation_size(reltoastrelid)) FROM pg_class WHERE oid IN \
                 (SELECT relid FROM pg_partition_tree('events'))";
    assert!(number(&events["toast_bytes"]) > 100_000);
    assert_eq!(Ok(number(&events["toast_bytes"])), of(toast));
    for name in ["cache", "report", "users"] {
        let expected = of(&format!("pg_total_relation_size('{name}')"));
        assert_eq!(Ok(number(&row(name)["total_bytes"])), expected, "{name}");
    }
    assert_eq!(number(&row("users")["row_estimate"]), 20_000);
    assert_eq!(number(&row("a \"b\" ; --")["total_bytes"]), 8192);
    assert!(
        !names(&json, "table")
            .iter()
            .any(|name| name.starts_with("events_"))
    );
}

#[test]
fn people_see_a_table_that_fits_with_totals_median_and_skew() {
    let database = filled();
    let run = database.run(&["sizes"]).success();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["TENANT", "TOTAL", "TABLE", "INDEX", "TOAST", "ROWS", "SHARE"]
    );
    assert!(
        lines[1].starts_with("acme ") && lines[2].starts_with("globex "),
        "{}",
        run.stdout
    );
    assert_eq!(
        lines[7].split_whitespace().collect::<Vec<_>>(),
        ["TENANTS", "TABLES", "TOTAL", "MEDIAN", "LARGEST", "3"]
    );
    assert!(lines[8].trim_start().starts_with("5      45 "), "{}", run.stdout);
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{}",
        run.stdout
    );
    assert_eq!(run.stderr, "");
    let totals = database.run(&["sizes", "-o", "json"]).success().json()["totals"].clone();
    let all: Vec<i64> = ["acme", "globex", "initech", "umbrella", "wayne"]
        .map(|slug| total_of(&database, &format!("tenant_{slug}")))
        .into();
    let sum: i64 = all.iter().sum();
    assert_eq!(
        (number(&totals["total_bytes"]), number(&totals["median_bytes"])),
        (sum, all[2])
    );
    let share = totals["largest_3_share"].as_f64().expect("a share");
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let expected = all[..3].iter().sum::<i64>() as f64 / sum as f64;
    assert!((share - expected).abs() < 1e-9, "{share} and not {expected}");
}

#[test]
fn csv_has_bytes_as_numbers() {
    let database = filled();
    let run = database.run(&["sizes", "--top", "1", "-o", "csv"]).success();
    let (header, row) = run.stdout.trim_end().split_once('\n').expect("two lines");
    assert_eq!(
        header,
        "tenant,schema,tables,partitions,total_bytes,table_bytes,index_bytes,toast_bytes,row_estimate,share,changing_tables"
    );
    let total = total_of(&database, "tenant_acme");
    assert!(
        row.starts_with(&format!("acme,tenant_acme,9,0,{total},")),
        "{row}"
    );
    let run = database
        .run(&["sizes", "--by", "table", "--top", "1", "-o", "csv"])
        .success();
    assert!(
        run.stdout
            .starts_with("table,tenants,largest_tenant,largest_tenant_bytes,partitions,total_bytes,"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("\naudit_logs,5,acme,"), "{}", run.stdout);
}

#[test]
fn lines_are_sorted_narrowed_and_cut_while_totals_stay() {
    let database = filled();
    let json = |arguments: &[&str]| {
        let arguments = [&["sizes", "-o", "json"], arguments].concat();
        database.run(&arguments).success().json()
    };
    let all = json(&[])["totals"].clone();
    let two = json(&["--top", "2"]);
    assert_eq!(names(&two, "tenant"), ["acme", "globex"]);
    assert_eq!(two["totals"], all);
    let large = json(&["--min", "4MB"]);
    assert_eq!(
        (names(&large, "tenant"), &large["totals"]),
        (vec!["acme".to_owned()], &all).clone()
    );
    assert_eq!(
        names(&json(&["--sort", "name"]), "tenant"),
        ["acme", "globex", "initech", "umbrella", "wayne"]
    );
    database.sql("CREATE TABLE tenant_wayne.many (id int); INSERT INTO tenant_wayne.many SELECT generate_series(1, 90000); ANALYZE tenant_wayne.many");
    assert_eq!(
        names(&json(&["--sort", "rows", "--top", "1"]), "tenant"),
        ["wayne"]
    );
    assert_eq!(
        names(&json(&["--sort", "index", "--top", "1"]), "tenant"),
        ["acme"]
    );
    assert_eq!(names(&json(&["acme", "wayne"]), "tenant"), ["acme", "wayne"]);
    assert_eq!(json(&["--exclude", "acme"])["totals"]["tenants"], 4);
    let tables = json(&["--by", "table", "--top", "2"]);
    assert_eq!(names(&tables, "table"), ["audit_logs", "users"]);
    assert_eq!(tables["rows"][0]["tenants"], 5);
    assert_eq!(tables["rows"][0]["largest_tenant"], "acme");
    database
        .run(&["sizes", "--top", "1"])
        .success()
        .says("1 of 5 lines shown");
}

#[test]
fn with_many_tables_sizes_are_estimated_and_that_is_said() {
    let database = filled();
    let folder = configured("[sizes]\nexact_up_to = 44\n");
    let sizes = |arguments: &[&str]| {
        let arguments = [&["sizes"], arguments].concat();
        database.program().folder(folder.path()).run(&arguments).success()
    };
    sizes(&[])
        .says("sizes are the catalogs' estimates: 45 tables are more than 44 (`--exact` measures them all the same)");
    let json = sizes(&["-o", "json"]).json();
    assert_eq!(json["method"], "estimated");
    let pages = database.sql(
        "SELECT sum(relpages) * 8192 FROM pg_class c LEFT JOIN pg_index i ON indexrelid = c.oid \
         WHERE COALESCE(indrelid, c.oid) IN (SELECT unnest(ARRAY[oid, reltoastrelid]) FROM pg_class \
         WHERE relnamespace = 'tenant_acme'::regnamespace AND relkind = 'r')",
    );
    assert_eq!(number(&json["rows"][0]["total_bytes"]).to_string(), pages);
    assert_eq!(sizes(&["--exact", "-o", "json"]).json()["method"], "exact");
    assert_eq!(sizes(&["acme", "-o", "json"]).json()["method"], "exact");
    let run = database.run(&["sizes", "--estimate", "-o", "json"]).success();
    assert_eq!(run.json()["method"], "estimated");
    database.run(&["create", "new"]).success();
    database
        .run(&["sizes", "--estimate"])
        .success()
        .says("tables were never analyzed");
    database.run(&["sizes", "--estimate", "--exact"]).exits(2);
}

#[test]
fn a_terminal_shows_bars_and_eighty_columns_are_enough() {
    let database = filled();
    let output = terminal(&format!("{} sizes", env!("CARGO_BIN_EXE_tenantctl")))
        .env("DATABASE_URL", database.url())
        .env("NO_COLOR", "1")
        .output()
        .expect("script is part of util-linux");
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let bars: Vec<usize> = text
        .lines()
        .map(|line| line.chars().filter(|c| *c == '█').count())
        .collect();
    assert_eq!((bars[1], bars[3]), (10, 0), "{text}");
    assert!((1..6).contains(&bars[2]), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!database.run(&["sizes"]).stdout.contains('█'));
}

#[test]
fn nobody_to_measure_is_said_and_a_lost_schema_fails_alone() {
    let database = Database::new();
    let run = database.run(&["sizes"]).success();
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("", "no tenants match\n")
    );
    let json = database.run(&["sizes", "-o", "json"]).success().json();
    assert_eq!(
        (&json["rows"], &json["totals"]["total_bytes"]),
        (&serde_json::json!([]), &serde_json::json!(0))
    );
    database.run(&["create", "acme", "globex"]).success();
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    let run = database.run(&["sizes", "-o", "json"]).exits(3);
    assert_eq!(names(&run.json(), "tenant"), ["globex"]);
    assert_eq!(run.json()["failed"][0]["tenant"], "acme");
    run.says("schema `tenant_acme` does not exist");
    database.sql("CREATE SCHEMA tenant_acme");
    let json = database.run(&["sizes", "acme", "-o", "json"]).success().json();
    assert_eq!(json["rows"][0]["total_bytes"], 0);
    database
        .run(&["sizes", "nobody"])
        .exits(2)
        .says("there is no tenant `nobody`");
    database.run(&["sizes", "--tenant", "nobody"]).exits(2);
    database.run(&["suspend", "globex"]).success();
    let json = database
        .run(&["sizes", "--tenant", "globex", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["totals"]["tables"], 9);
    Database::empty().run(&["sizes"]).exits(2).says("tenantctl init");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let database = Database::new();
    for arguments in [
        &["--min", "big"][..],
        &["--since", "7"],
        &["--since", "soon"],
        &["--top", "0"],
        &["--by", "plan"],
        &["--limit", "-1GB"],
        &["--tenant", "acme", "globex"],
        &["--tenant", "acme", "--by", "table"],
        &["--sort", "growth"],
        &["--html", "/no/such/folder/page.html"],
        &["--html", "/"],
    ] {
        database.run(&[&["sizes"], arguments].concat()).exits(2);
    }
    let help = database.run(&["sizes", "--help"]).success().stdout;
    assert!(
        help.starts_with("Show how much room tenants take, and how they grow"),
        "{help}"
    );
}

#[test]
fn a_role_that_may_read_nothing_but_the_registry_measures_all() {
    let database = filled();
    let role = format!("reader_{}", database.name());
    database.sql(&format!(
        "CREATE ROLE \"{role}\" LOGIN; GRANT SELECT ON public.tenants, public.tenant_size_snapshots TO \"{role}\""
    ));
    let url = database.url().replace("://tenantctl@", &format!("://{role}@"));
    let run = Program::new()
        .env("DATABASE_URL", &url)
        .run(&["sizes", "-o", "json"])
        .success();
    assert_eq!(
        number(&run.json()["rows"][0]["total_bytes"]),
        total_of(&database, "tenant_acme")
    );
    Program::new()
        .env("DATABASE_URL", &url)
        .run(&["sizes", "--since", "7d", "-o", "json"])
        .success();
    Program::new()
        .env("DATABASE_URL", &url)
        .run(&["sizes", "--snapshot"])
        .exits(1)
        .says("permission denied");
    psql(
        database.url(),
        &format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""),
    )
    .expect("dropped");
}

#[test]
fn everything_works_through_a_pooler() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::start(&server);
    let database = Database::on(&server);
    let run = |arguments: &[&str]| {
        let program = Program::new().env("DATABASE_URL", bouncer.url(database.name()));
        program.run(arguments).success()
    };
    run(&["init"]);
    run(&["create", "acme", "globex"]);
    let json = run(&["sizes", "--snapshot", "--since", "7d", "-o", "json"]).json();
    assert_eq!(
        number(&json["rows"][0]["total_bytes"]),
        total_of(&database, "tenant_acme")
    );
    assert_eq!(database.sql("SELECT count(*) FROM tenant_size_snapshots"), "18");
}
