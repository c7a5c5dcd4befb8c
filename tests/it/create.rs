use crate::support::{Database, Run, configured};

#[test]
fn create_makes_the_row_and_the_schema() {
    let database = Database::new();
    let run = database
        .run(&["create", "acme", "--plan", "pro", "--domain", "acme.example"])
        .success();
    insta::assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    SLUG  SCHEMA       PLAN
    acme  tenant_acme  pro
    --- stderr
    ");
    assert_eq!(
        database.state(),
        ("acme tenant_acme".to_owned(), "tenant_acme".to_owned())
    );
    assert_eq!(
        database.sql("SELECT name, domain, subscription_plan, status, is_active FROM tenants"),
        "acme|acme.example|pro|active|t"
    );
    assert_eq!(
        database.sql(
            "SELECT command || ' ' || slug FROM tenant_operations o JOIN tenant_operation_results r \
             ON r.operation_id = o.id WHERE o.outcome = 'done' AND r.outcome = 'done'"
        ),
        "create acme"
    );
}

#[test]
fn create_answers_in_json() {
    let database = Database::new();
    let json = database
        .run(&[
            "create",
            "acme",
            "--metadata",
            r#"{"crm": 42}"#,
            "--region",
            "eu",
            "--name",
            "Acme \"Corp\"",
            "-o",
            "json",
        ])
        .success()
        .json();
    let tenant = &json["created"][0];
    assert_eq!(json["version"], 1);
    assert_eq!(tenant["slug"], "acme");
    assert_eq!(tenant["schema"], "tenant_acme");
    assert_eq!(tenant["name"], "Acme \"Corp\"");
    assert_eq!(tenant["metadata"]["crm"], 42);
    assert_eq!(tenant["region"], "eu");
    assert_eq!(tenant["domain"], serde_json::Value::Null);
}

#[test]
fn many_tenants_are_created_in_one_call() {
    let database = Database::new();
    let slugs: Vec<String> = (0..60).map(|number| format!("t{number}")).collect();
    let arguments: Vec<&str> = ["create"]
        .into_iter()
        .chain(slugs.iter().map(String::as_str))
        .collect();
    database.run(&arguments).success().says("created 60 tenants");
    assert_eq!(
        database.sql("SELECT count(*) FROM tenants t JOIN pg_namespace n ON n.nspname = t.schema_name"),
        "60"
    );
}

#[test]
fn a_tenant_that_exists_is_left_alone() {
    let database = Database::with_tenants(&["acme"]);
    let before = database.sql("SELECT * FROM tenants");
    let run = database.run(&["create", "acme", "--plan", "pro"]).exits(1);
    insta::assert_snapshot!(run.stderr, @r"
    error: tenant `acme` already exists

    hint: see it with `tenantctl show acme`, or pass `--if-not-exists`
    ");
    database
        .run(&["create", "acme", "--if-not-exists"])
        .success()
        .says("skipped `acme`: it already exists");
    assert_eq!(database.sql("SELECT * FROM tenants"), before);
}

#[test]
fn of_twenty_that_create_one_slug_at_once_one_wins() {
    let database = Database::new();
    let children: Vec<_> = (0..20)
        .map(|_| database.program().spawn(&["create", "acme"]))
        .collect();
    let runs: Vec<Run> = children.into_iter().map(Run::of).collect();
    assert_eq!(runs.iter().filter(|run| run.code == 0).count(), 1);
    for run in runs.iter().filter(|run| run.code != 0) {
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(
            run.stderr.contains("tenant `acme` already exists"),
            "{}",
            run.stderr
        );
    }
    assert_eq!(
        database.state(),
        ("acme tenant_acme".to_owned(), "tenant_acme".to_owned())
    );
    assert_eq!(
        database.sql("SELECT outcome, count(*) FROM tenant_operations GROUP BY 1 ORDER BY 1"),
        "done|1\nfailed|19"
    );
}

#[test]
fn slugs_that_fold_to_one_schema_cannot_both_exist() {
    let database = Database::with_tenants(&["a-b"]);
    database
        .run(&["create", "a_b"])
        .exits(1)
        .says("schema `tenant_a_b` already belongs to another tenant");
    database
        .run(&["create", "x-y", "x_y"])
        .exits(2)
        .says("would share the schema");
    assert_eq!(database.state().0, "a-b tenant_a_b");
}

#[test]
fn a_domain_belongs_to_one_tenant_whatever_its_case() {
    let database = Database::new();
    database
        .run(&["create", "one", "--domain", "acme.example"])
        .success();
    database
        .run(&["create", "two", "--domain", "ACME.example"])
        .exits(1)
        .says("domain `ACME.example` already belongs");
    assert_eq!(
        database.state(),
        ("one tenant_one".to_owned(), "tenant_one".to_owned())
    );
}

#[test]
fn a_schema_that_somebody_else_made_is_not_taken_over() {
    let database = Database::new();
    database.sql("CREATE SCHEMA tenant_acme; CREATE TABLE tenant_acme.precious (id int)");
    database
        .run(&["create", "acme"])
        .exits(1)
        .says("schema `tenant_acme` already exists");
    assert_eq!(database.state(), (String::new(), "tenant_acme".to_owned()));
}

#[test]
fn bad_arguments_are_refused_before_anything_is_touched() {
    let database = Database::new();
    let long = "a".repeat(57);
    let cases: [(&[&str], &str); 11] = [
        (&["create"], "required"),
        (&["create", "Acme"], "use `acme` instead"),
        (&["create", "acme; drop schema public"], "only a-z, 0-9"),
        (&["create", "template"], "the template's schema"),
        (&["create", &long], "at most 56 characters"),
        (&["create", "good", "Bad"], "use `bad` instead"),
        (
            &["create", "a", "b", "--domain", "a.example"],
            "belongs to one tenant",
        ),
        (
            &["create", "a", "--domain", "https://a.example"],
            "give the host name alone",
        ),
        (&["create", "a", "--metadata", "[1]"], "must be a JSON object"),
        (&["create", "a", "--plan", " "], "cannot be empty"),
        (&["create", "a", "--jobs", "0"], "--jobs"),
    ];
    for (arguments, words) in cases {
        database.run(arguments).exits(2).says(words);
    }
    assert_eq!(database.state(), (String::new(), String::new()));
}

#[test]
fn a_dry_run_refuses_what_a_run_would_refuse_in_the_same_words() {
    let database = Database::new();
    database
        .run(&["create", "a-b", "--domain", "acme.example"])
        .success();
    database.sql("CREATE SCHEMA tenant_precious");
    let cases: [(&[&str], &str); 4] = [
        (&["create", "a-b"], "tenant `a-b` already exists"),
        (
            &["create", "a_b"],
            "tenant `a_b`: schema `tenant_a_b` already belongs to another tenant",
        ),
        (
            &["create", "new", "--domain", "ACME.example"],
            "tenant `new`: domain `ACME.example` already belongs to another tenant",
        ),
        (
            &["create", "precious"],
            "tenant `precious`: schema `tenant_precious` already exists, and no tenant is registered for it",
        ),
    ];
    let before = database.state();
    for (arguments, words) in cases {
        let tried = database
            .run(&[arguments, &["--dry-run"]].concat())
            .exits(1)
            .says(words);
        let done = database.run(arguments).exits(1).says(words);
        assert_eq!(
            tried.stderr,
            done.stderr.clone() + "dry run: nothing was changed\n"
        );
    }
    assert_eq!(database.state(), before);
    let json = database
        .run(&[
            "create",
            "a-b",
            "new",
            "--dry-run",
            "--if-not-exists",
            "-o",
            "json",
        ])
        .success()
        .json();
    assert_eq!(json["existing"], serde_json::json!(["a-b"]));
    assert_eq!(json["would_create"][0]["slug"], "new");
}

#[test]
fn a_dry_run_wants_a_template_with_the_tables_whose_rows_go_along() {
    let database = Database::new();
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("tenantctl.toml");
    std::fs::write(&config, "[template]\nreference_tables = [\"missing\"]\n").expect("written");
    let config = config.to_str().expect("a path in UTF-8");
    let mut cases = vec![(
        vec!["create", "new", "--config", config],
        "has no table `missing`",
    )];
    for _ in 0..2 {
        for (arguments, words) in &cases {
            database.run(arguments).exits(2).says(words);
            database
                .run(&[&arguments[..], &["--dry-run"]].concat())
                .exits(2)
                .says(words);
        }
        database.sql("DROP SCHEMA IF EXISTS tenant_template CASCADE");
        cases = vec![(
            vec!["create", "new"],
            "the template, schema `tenant_template`, does not exist",
        )];
    }
}

#[test]
fn a_default_plan_that_no_tenant_can_have_is_a_mistake_of_the_configuration() {
    let database = Database::new();
    let folder = configured("[tenants]\ndefault_plan = \"\"\n");
    database
        .program()
        .folder(folder.path())
        .run(&["create", "new"])
        .exits(2)
        .says("setting `tenants.default_plan`: a plan cannot be empty");
}

#[test]
fn csv_is_one_table_with_the_outcome_of_everybody() {
    let database = Database::with_tenants(&["b"]);
    let run = database
        .run(&["create", "a", "b", "c", "--jobs", "1", "-o", "csv"])
        .exits(1);
    assert_eq!(
        run.stdout,
        "slug,schema,plan,outcome,error\na,tenant_a,basic,created,\nb,,,failed,tenant `b` already exists\n\
         c,,,not_started,\n"
    );
    let run = database
        .run(&["create", "b", "d", "--if-not-exists", "--dry-run", "-o", "csv"])
        .success();
    assert_eq!(
        run.stdout,
        "slug,schema,plan,outcome,error\nb,,,existing,\nd,tenant_d,basic,would_create,\n"
    );
    let run = database
        .run(&["create", "b", "e", "--if-not-exists", "--seed", "-o", "csv"])
        .success();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "slug,schema,plan,outcome,error,rows,duration_ms,login,password"
    );
    assert_eq!(lines[1], "b,,,existing,,,,,");
    assert!(lines[2].starts_with("e,tenant_e,basic,created,,"), "{}", lines[2]);
    assert!(lines[2].contains(",ada.1@e.example,"), "{}", lines[2]);
    assert_eq!(lines.len(), 3, "{}", run.stdout);
}

#[test]
fn create_dry_run_changes_nothing() {
    let database = Database::with_tenants(&["acme"]);
    let run = database.run(&["create", "acme", "globex", "--dry-run"]).exits(1);
    assert!(run.stdout.contains("tenant_globex"), "{}", run.stdout);
    assert_eq!(database.state().0, "acme tenant_acme");
}

#[test]
fn the_first_failure_stops_the_rest_unless_told_to_continue() {
    let database = Database::with_tenants(&["b"]);
    let run = database
        .run(&["create", "a", "b", "c", "d", "--jobs", "1"])
        .exits(1);
    insta::assert_snapshot!(run.shown(), @"
    exit 1
    --- stdout
    SLUG  SCHEMA    PLAN
    a     tenant_a  basic
    --- stderr
    error: 1 of 4 tenants failed to be created
      b  tenant `b` already exists
    not started: 2 tenants: c, d

    hint: see it with `tenantctl show b`, or pass `--if-not-exists`
    ");
    let again = ["create", "b", "c", "--jobs", "1", "-o", "json"];
    let json = database.run(&again).exits(1).json();
    let failed = serde_json::json!([{ "tenant": "b", "error": "tenant `b` already exists" }]);
    assert_eq!(
        (&json["failed"], &json["not_started"]),
        (&failed, &serde_json::json!(["c"]))
    );
    let run = database
        .run(&["create", "b", "c", "d", "--jobs", "1", "--on-error", "continue"])
        .exits(3);
    assert!(
        run.stderr.contains("1 of 3 tenants failed to be created"),
        "{}",
        run.stderr
    );
    assert_eq!(
        database.sql("SELECT string_agg(slug, ' ' ORDER BY slug) FROM tenants"),
        "a b c d"
    );
}

#[test]
fn hostile_values_are_stored_as_they_are_and_shown_harmlessly() {
    let database = Database::new();
    let name = "Robert'); DROP TABLE tenants;--\u{1b}[31m";
    database.run(&["create", "bobby", "--name", name]).success();
    assert_eq!(database.sql("SELECT name FROM tenants"), name);
    let run = database.run(&["show", "bobby"]).success();
    assert!(
        run.stdout.contains("DROP TABLE tenants;--\\u{1b}[31m"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains('\u{1b}'));
}

#[test]
fn a_role_that_may_not_create_schemas_is_told_so() {
    let database = Database::new();
    let role = format!("weak_{}", std::process::id());
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; \
         GRANT USAGE ON SCHEMA tenant_template TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA tenant_template TO {role}"
    ));
    let run = database
        .program()
        .env(
            "DATABASE_URL",
            database.url().replacen("tenantctl@", &format!("{role}@"), 1),
        )
        .run(&["create", "acme"]);
    database.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    run.exits(1)
        .says("grant the connecting role CREATE on this database");
    assert_eq!(database.state(), (String::new(), String::new()));
}
