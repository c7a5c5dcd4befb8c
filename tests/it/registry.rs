//! `list`, `show`, `resolve`, `update`, `suspend` and `resume`.

use crate::support::Database;

fn three() -> Database {
    let database = Database::new();
    for (slug, plan, region) in [
        ("acme", "pro", "eu"),
        ("globex", "basic", "us"),
        ("initech", "pro", "us"),
    ] {
        let domain = format!("{slug}.example");
        database
            .run(&[
                "create", slug, "--plan", plan, "--region", region, "--domain", &domain, "--quiet",
            ])
            .success();
    }
    database
}

#[test]
fn list_shows_active_tenants_in_order() {
    let database = three();
    database.run(&["suspend", "globex"]).success();
    insta::assert_snapshot!(database.run(&["list"]).shown(), @"
    exit 0
    --- stdout
    SLUG     DOMAIN           PLAN  REGION  STATUS  SCHEMA          CREATED AT
    acme     acme.example     pro   eu      active  tenant_acme     0000-00-00 00:00
    initech  initech.example  pro   us      active  tenant_initech  0000-00-00 00:00
    --- stderr
    2 tenants, 1 suspended not shown (--inactive)
    ");
    let json = database
        .run(&["list", "--inactive", "--output", "json"])
        .success()
        .json();
    let slugs: Vec<&str> = json["tenants"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|t| t["slug"].as_str())
        .collect();
    assert_eq!(slugs, ["acme", "globex", "initech"]);
    assert_eq!(json["tenants"][1]["status"], "suspended");
}

#[test]
fn plans_and_regions_that_no_tenant_has_are_named_to_whoever_chose_by_them() {
    let database = three();
    database.run(&["suspend", "globex"]).success();
    for command in ["list", "migrate --all", "cleanup --days 30 --dry-run", "sizes"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let with = |more: &[&str]| database.run(&[&arguments[..], &["--quiet"], more].concat());
        let run = with(&["--plan", "por", "--plan", "pro", "--region", "ue"]).success();
        let words = "warning: no tenant has the plan `por`\nwarning: no tenant is of the region `ue`\n";
        assert_eq!(run.stderr, words, "{command}");
        // The tenants of this plan are suspended, and of that region only some.
        assert_eq!(
            with(&["--plan", "basic", "--region", "us"]).success().stderr,
            "",
            "{command}"
        );
    }
}

#[test]
fn list_narrows_by_plan_region_and_exclusion() {
    let database = three();
    let listed = |arguments: &[&str]| {
        let run = database
            .run(&[&["list", "-o", "csv"], arguments].concat())
            .success();
        run.stdout
            .lines()
            .skip(1)
            .filter_map(|line| line.split(',').next().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--plan", "pro"]), ["acme", "initech"]);
    assert_eq!(listed(&["--plan", "pro", "--region", "us"]), ["initech"]);
    assert_eq!(
        listed(&["--plan", "pro", "--plan", "basic", "--exclude", "acme"]),
        ["globex", "initech"]
    );
    assert_eq!(listed(&["--plan", "none"]), Vec::<String>::new());
}

#[test]
fn list_of_nothing_says_so_and_stays_valid() {
    let database = Database::new();
    let run = database.run(&["list"]).success().says("no tenants");
    assert_eq!(run.stdout, "");
    assert_eq!(
        database.run(&["list", "-o", "json"]).success().json()["tenants"],
        serde_json::json!([])
    );
    assert_eq!(
        database.run(&["list", "-o", "csv"]).success().stdout,
        "slug,domain,plan,region,status,schema,created_at\n"
    );
}

#[test]
fn show_tells_everything_about_a_tenant() {
    let database = three();
    database.sql("CREATE TABLE tenant_acme.people (id int)");
    insta::assert_snapshot!(database.run(&["show", "acme"]).shown(), @"
    exit 0
    --- stdout
    FIELD           VALUE
    slug            acme
    name            acme
    domain          acme.example
    schema          tenant_acme
    plan            pro
    region          eu
    status          active
    metadata        -
    schema_version  4
    created_at      0000-00-00 00:00
    updated_at      0000-00-00 00:00
    suspended_at    -
    id              [id]
    tables          10
    --- stderr
    ");
    let json = database.run(&["show", "acme", "-o", "json"]).success().json();
    assert_eq!(json["tenant"]["domain"], "acme.example");
    assert_eq!(
        (&json["tables"], &json["schema_exists"]),
        (&10.into(), &true.into())
    );
}

#[test]
fn show_warns_of_a_schema_that_is_missing() {
    let database = Database::with_tenants(&["acme"]);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    database
        .run(&["show", "acme"])
        .success()
        .says("schema `tenant_acme` does not exist; bring it back with `tenantctl restore FILE --replace`");
}

#[test]
fn an_unknown_tenant_is_refused_with_the_nearest_one() {
    let database = Database::with_tenants(&["acme"]);
    for command in ["show", "suspend", "resume"] {
        let run = database.run(&[command, "acne"]).exits(2);
        assert_eq!(
            run.stderr,
            "error: there is no tenant `acne`\n\nhint: did you mean `acme`?\n"
        );
    }
    database
        .run(&["update", "acne", "--plan", "pro"])
        .exits(2)
        .says("did you mean `acme`?");
    database
        .run(&["drop", "--no-backup", "acne", "--yes"])
        .exits(2)
        .says("did you mean `acme`?");
    database
        .run(&["show", "zzzzzz"])
        .exits(2)
        .says("`tenantctl list --inactive` shows all tenants");
}

#[test]
fn resolve_prints_the_schema_and_nothing_else() {
    let database = three();
    let run = database.run(&["resolve", "ACME.example"]).success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("tenant_acme\n", ""));
    assert_eq!(
        database.run(&["resolve", "acme.example."]).success().stdout,
        "tenant_acme\n"
    );
    database.run(&["resolve", "acme.example.:443"]).success();
    database.run(&["resolve", "."]).exits(2);
    let json = database
        .run(&["resolve", "acme.example", "-o", "json"])
        .success()
        .json();
    assert_eq!((&json["slug"], &json["found"]), (&"acme".into(), &true.into()));
}

#[test]
fn resolve_says_no_for_unknown_and_suspended_tenants() {
    let database = three();
    let run = database
        .run(&["resolve", "nobody.example"])
        .exits(4)
        .says("no tenant has the domain");
    assert_eq!(run.stdout, "");
    database.run(&["suspend", "acme"]).success();
    database
        .run(&["resolve", "acme.example"])
        .exits(4)
        .says("tenant `acme` is suspended");
    let json = database
        .run(&["resolve", "acme.example", "-o", "json"])
        .exits(4)
        .json();
    assert_eq!(
        (&json["found"], &json["status"]),
        (&false.into(), &"suspended".into())
    );
    database.run(&["resolve", "https://acme.example/"]).exits(2);
}

#[test]
fn update_changes_what_is_named_and_keeps_the_rest() {
    let database = three();
    database
        .run(&[
            "update",
            "acme",
            "--plan",
            "enterprise",
            "--name",
            "Acme Inc.",
            "--no-region",
            "--metadata",
            r#"{"a": 1, "b": 2}"#,
        ])
        .success();
    database
        .run(&["update", "acme", "--metadata", r#"{"a": null, "c": {"d": null}}"#])
        .success();
    assert_eq!(
        database.sql("SELECT subscription_plan, name, region, domain, metadata, updated_at > created_at FROM tenants WHERE slug = 'acme'"),
        r#"enterprise|Acme Inc.||acme.example|{"b": 2, "c": {"d": null}}|t"#
    );
    database
        .run(&["update", "acme", "--domain", "globex.EXAMPLE"])
        .exits(1)
        .says("already belongs");
    database.run(&["update", "acme"]).exits(2);
    database
        .run(&["update", "acme", "--domain", "a.example", "--no-domain"])
        .exits(2);
}

#[test]
fn update_dry_run_shows_the_outcome_and_changes_nothing() {
    let database = three();
    let before = database.sql("SELECT * FROM tenants ORDER BY slug");
    let run = database
        .run(&["update", "acme", "--plan", "gold", "--dry-run"])
        .success();
    assert!(run.stdout.contains("gold"), "{}", run.stdout);
    let json = database
        .run(&["update", "acme", "--plan", "gold", "--dry-run", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["dry_run"], true);
    assert_eq!(database.sql("SELECT * FROM tenants ORDER BY slug"), before);
}

#[test]
fn suspend_and_resume_are_there_and_back() {
    let database = three();
    database.run(&["suspend", "acme", "globex"]).success();
    assert_eq!(
        database.sql("SELECT slug, is_active, status, deleted_at IS NOT NULL FROM tenants ORDER BY slug"),
        "acme|f|suspended|t\nglobex|f|suspended|t\ninitech|t|active|f"
    );
    let again = database.run(&["suspend", "acme"]).success();
    assert!(again.stdout.contains("no"), "{}", again.stdout);
    database.run(&["resume", "acme"]).success();
    assert_eq!(
        database.sql("SELECT status, deleted_at FROM tenants WHERE slug = 'acme'"),
        "active|"
    );
    database.run(&["suspend", "initech", "--dry-run"]).success();
    assert_eq!(
        database.sql("SELECT status FROM tenants WHERE slug = 'initech'"),
        "active"
    );
}

#[test]
fn an_application_that_flips_is_active_keeps_the_row_consistent() {
    let database = three();
    database.sql("UPDATE tenants SET is_active = false WHERE slug = 'acme'");
    assert_eq!(
        database.sql("SELECT status, deleted_at IS NOT NULL FROM tenants WHERE slug = 'acme'"),
        "suspended|t"
    );
    database.sql("UPDATE tenants SET is_active = true WHERE slug = 'acme'");
    assert_eq!(
        database.sql("SELECT status, deleted_at IS NULL FROM tenants WHERE slug = 'acme'"),
        "active|t"
    );
    database.sql("UPDATE tenants SET status = 'suspended' WHERE slug = 'acme'");
    assert_eq!(
        database.sql("SELECT is_active FROM tenants WHERE slug = 'acme'"),
        "f"
    );
}

#[test]
fn the_registry_refuses_what_would_be_no_tenant() {
    let database = Database::new();
    let insert = |slug: &str, schema: &str, rest: &str| {
        crate::support::psql(
            database.url(),
            &format!(
                "INSERT INTO tenants (slug, name, schema_name, subscription_plan, metadata) \
                      VALUES ('{slug}', 'n', '{schema}', 'basic', '{rest}')"
            ),
        )
    };
    assert!(insert("ok", "tenant_ok", "{}").is_ok());
    for (slug, schema, metadata) in [
        ("Not Ok", "tenant_x", "{}"),
        ("x", "public", "{}"),
        ("x", "pg_x", "{}"),
        ("x", "", "{}"),
        ("x", "tenant_ok", "{}"),
        ("x", "tenant_x", "[]"),
    ] {
        assert!(
            insert(slug, schema, metadata).is_err(),
            "{slug} {schema} {metadata} was accepted"
        );
    }
}

#[test]
fn a_row_that_holds_more_than_can_be_read_is_named() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    for (column, value) in [
        ("created_at", "infinity"),
        ("created_at", "20000-01-01"),
        ("metadata", r#"{"a": 1e400}"#),
        ("metadata", &deep),
    ] {
        database.sql(&format!(
            "UPDATE tenants SET {column} = '{value}' WHERE slug = 'acme'"
        ));
        for arguments in [&["list"][..], &["show", "acme"]] {
            let run = database
                .run(arguments)
                .exits(1)
                .says("correct it in `public.tenants`");
            let words =
                format!("row `acme` of the registry cannot be used: its `{column}` is out of range: ");
            assert!(run.stderr.contains(&words), "{value}: {}", run.stderr);
        }
        database.run(&["show", "globex"]).success();
        database.sql("UPDATE tenants SET created_at = now(), metadata = '{}'");
    }
}

#[test]
fn a_database_without_a_registry_is_named_as_such() {
    let database = Database::empty();
    for arguments in [
        &["list"][..],
        &["show", "a"],
        &["create", "a"],
        &["exec", "--all", "-s", "select 1"],
        &["resolve", "a.b"],
    ] {
        database.run(arguments).exits(2).says("run `tenantctl init`");
    }
}

#[test]
fn a_foreign_table_is_told_from_a_missing_one_and_from_a_broken_trigger() {
    let database = Database::with_tenants(&["acme"]);
    for (body, words) in [
        (
            "INSERT INTO audit VALUES (1)",
            "relation \"audit\" does not exist (42P01)",
        ),
        (
            "NEW.nothing := 1",
            "record \"new\" has no field \"nothing\" (42703)",
        ),
    ] {
        database.sql(&format!(
            "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {body}; RETURN NEW; END'; \
             CREATE OR REPLACE TRIGGER broken BEFORE UPDATE ON tenants FOR EACH ROW EXECUTE FUNCTION broken()"
        ));
        database
            .run(&["update", "acme", "--plan", "pro"])
            .exits(1)
            .says(words);
    }
    let foreign = Database::empty();
    foreign.sql("CREATE TABLE tenants (id int)");
    foreign
        .run(&["list"])
        .exits(2)
        .says("`public.tenants` of this database is no registry");
}

#[test]
fn the_version_of_a_schema_is_no_update_of_the_tenant() {
    let database = Database::with_tenants(&["acme"]);
    let updated = || database.sql("SELECT updated_at FROM tenants WHERE slug = 'acme'");
    let before = updated();
    database.sql("UPDATE tenants SET schema_version = 1, schema_fingerprint = NULL WHERE slug = 'acme'");
    assert_eq!(updated(), before);
    database.sql("UPDATE tenants SET region = 'eu' WHERE slug = 'acme'");
    assert_ne!(updated(), before);
}

#[test]
fn the_results_of_a_run_go_with_the_run() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let results = || database.sql("SELECT slug FROM tenant_operation_results ORDER BY 1");
    assert_eq!(results(), "acme\nglobex");
    database.sql("DELETE FROM tenant_operations");
    assert_eq!(results(), "");
}

#[test]
fn a_misspelt_slug_to_leave_out_is_an_error() {
    let database = Database::with_tenants(&["acme", "globex"]);
    for which in [&["--all"][..], &["globex"]] {
        let run = database.run(&[&["drift", "--exclude", "acm"], which].concat());
        run.exits(2)
            .says("there is no tenant `acm`")
            .says("did you mean `acme`?");
    }
    database
        .run(&["drift", "acne", "--exclude", "acm"])
        .exits(2)
        .says("`acne`, `acm`");
    database.run(&["list", "--exclude", "acm"]).exits(2);
    database.run(&["suspend", "acme"]).success();
    let run = database
        .run(&["list", "--exclude", "acme", "-o", "csv"])
        .success();
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
}
