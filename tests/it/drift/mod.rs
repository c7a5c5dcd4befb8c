//! Drift: found, named and mended.

mod cases;
mod fingerprints;
mod mend;
mod partitions;
mod renamed;
mod stable;
mod types_in_use;
mod versions;

use self::cases::{CHANGES, Case};
use crate::support::{Database, psql, run_script};

/// What must still be there when a tenant has been brought back.
const ROWS: &str = "INSERT INTO users (email, note) VALUES ('ada@example.com', 'Hi'); \
                    INSERT INTO orders (user_id, amount, placed) VALUES (1, 10, '2026-03-01')";

/// A database whose template is ours, and a tenant for every case.
fn database(cases: &[Case]) -> Database {
    let database = Database::new();
    for role in ["drift_reader", "drift_owner"] {
        database.sql(&format!(
            "DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        ));
    }
    database.sql("DROP SCHEMA tenant_template CASCADE; CREATE SCHEMA tenant_template");
    in_schema(&database, "tenant_template", include_str!("template.sql"));
    let slugs: Vec<&str> = cases.iter().map(|case| case.slug).collect();
    if !slugs.is_empty() {
        database
            .run(&[&["create", "--quiet"], slugs.as_slice()].concat())
            .success();
    }
    for case in cases {
        let schema = schema_of(case.slug);
        in_schema(&database, &schema, ROWS);
        in_schema(&database, &schema, &case.change.replace("{schema}", &schema));
    }
    database
}

fn schema_of(slug: &str) -> String {
    format!("tenant_{}", slug.replace('-', "_"))
}

/// Runs SQL with psql, a schema first in the search path.
fn in_schema(database: &Database, schema: &str, sql: &str) {
    let sql = format!("SET client_min_messages = warning; SET search_path = {schema}; {sql}");
    psql(database.url(), &sql).unwrap_or_else(|error| panic!("{schema}: {error}"));
}

/// Brings tenants back with the statements that are printed. Says who is not.
fn mended(database: &Database, slugs: &[&str], flags: &[&str]) -> Vec<String> {
    let arguments = [&["drift", "--all", "--sql", "-o", "json"], flags].concat();
    let json = database.run(&arguments).exits(4).json();
    let tenants = json["tenants"].as_array().expect("a list").iter();
    let mut wrong: Vec<String> = tenants
        .filter(|tenant| slugs.contains(&tenant["tenant"].as_str().expect("a slug")))
        .filter_map(|tenant| {
            let sql = tenant["sql"].as_str().unwrap_or_default();
            let error = run_script(database.url(), sql).err()?;
            Some(format!("{}: {error}{sql}", tenant["tenant"]))
        })
        .collect();
    let after = database.run(&["drift", "--all", "-o", "json"]).json();
    for slug in slugs {
        let left = listed(&after, slug);
        if !left.is_empty() {
            wrong.push(format!("{slug} still: {left:#?}"));
        }
    }
    wrong
}

/// What is listed of one tenant, `change kind name` a line.
fn listed(json: &serde_json::Value, slug: &str) -> Vec<String> {
    let tenants = json["tenants"].as_array().expect("a list");
    let tenant = tenants.iter().find(|tenant| tenant["tenant"] == slug);
    let tenant = tenant.unwrap_or_else(|| panic!("{slug} is not in {json}"));
    let differences = tenant["differences"].as_array().expect("a list").iter();
    differences
        .map(|difference| {
            let word = |key: &str| difference[key].as_str().expect("a word").to_owned();
            format!("{} {} {}", word("change"), word("kind"), word("name"))
        })
        .collect()
}

#[test]
fn every_change_is_called_by_its_name_and_mended() {
    let database = database(CHANGES);
    let json = database.run(&["drift", "--all", "-o", "json"]).exits(4).json();
    let has_unlogged_sequences =
        database.sql("SELECT current_setting('server_version_num')::int >= 150000") == "t";
    let mut wrong = Vec::new();
    for case in CHANGES {
        let schema = schema_of(case.slug);
        let expected: Vec<String> = case
            .drift
            .iter()
            .filter(|line| has_unlogged_sequences || !(case.slug == "unlogged" && line.contains("sequence")))
            .map(|line| line.replace("{schema}", &schema))
            .collect();
        let found = listed(&json, case.slug);
        if found != expected {
            wrong.push(format!("{}: {found:#?}", case.slug));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let slugs: Vec<&str> = CHANGES.iter().map(|case| case.slug).collect();
    let wrong = mended(&database, &slugs, &[]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for slug in slugs {
        let schema = schema_of(slug);
        let rows = database.sql(&format!(
            "SELECT count(*), (SELECT count(*) FROM {schema}.orders) FROM {schema}.users"
        ));
        let expected = if slug == "table-dropped" { "1|0" } else { "1|1" };
        assert_eq!(rows, expected, "{slug}");
    }
    database.run(&["drift", "--all"]).success();
}

#[test]
fn new_tenants_are_as_the_template() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let run = database.run(&["drift", "--all"]).success();
    insta::assert_snapshot!(run.shown(), @"
    exit 0
    --- stdout
    --- stderr
    no drift: compared 2 tenants with schema `tenant_template`
    ");
}

#[test]
fn drift_is_listed_in_each_form() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    in_schema(
        &database,
        "tenant_acme",
        "DROP INDEX users_email_key; ALTER TABLE users ADD COLUMN legacy text",
    );
    in_schema(&database, "tenant_globex", "COMMENT ON TABLE users IS 'People'");
    let run = database.run(&["drift", "--all"]).exits(4);
    insta::assert_snapshot!(run.shown(), @"
    exit 4
    --- stdout
    TENANT  CHANGE     OBJECT
    acme    missing    index users_email_key
    acme    extra      column users.legacy
    globex  different  comment TABLE users
    --- stderr
    drift in 2 of 3 tenants, compared with schema `tenant_template`
    ");
    let run = database
        .run(&["drift", "acme", "globex", "--quiet", "--verbose"])
        .exits(4);
    insta::assert_snapshot!(run.shown(), @"
    exit 4
    --- stdout
    acme: missing index users_email_key
      expected  CREATE UNIQUE INDEX users_email_key ON users USING btree (lower(email)) WHERE (deleted_at IS NULL)
    acme: extra column users.legacy
      found     ALTER TABLE users ADD COLUMN legacy text
    globex: different comment TABLE users
      expected  COMMENT ON TABLE users IS 'User accounts of the tenant: role, single sign-on, activity'
      found     COMMENT ON TABLE users IS 'People'
    --- stderr
    ");
    let run = database.run(&["drift", "acme", "-o", "csv"]).exits(4);
    insta::assert_snapshot!(run.shown(), @"
    exit 4
    --- stdout
    tenant,change,kind,name,expected,found
    acme,missing,index,users_email_key,CREATE UNIQUE INDEX users_email_key ON users USING btree (lower(email)) WHERE (deleted_at IS NULL),
    acme,extra,column,users.legacy,,ALTER TABLE users ADD COLUMN legacy text
    --- stderr
    drift in 1 of 1 tenant, compared with schema `tenant_template`
    ");
    let mut json = database
        .run(&["drift", "globex", "initech", "-o", "json"])
        .exits(4)
        .json();
    for tenant in json["tenants"].as_array_mut().expect("a list") {
        assert_eq!(tenant["fingerprint"].as_str().map(str::len), Some(34));
        tenant["fingerprint"] = "…".into();
    }
    insta::assert_snapshot!(format!("{json:#}"), @r#"
    {
      "against": "tenant_template",
      "failed": [],
      "not_started": [],
      "skipped": [],
      "tenants": [
        {
          "differences": [
            {
              "change": "different",
              "expected": "COMMENT ON TABLE users IS 'User accounts of the tenant: role, single sign-on, activity'",
              "found": "COMMENT ON TABLE users IS 'People'",
              "kind": "comment",
              "name": "TABLE users"
            }
          ],
          "fingerprint": "…",
          "schema": "tenant_globex",
          "tenant": "globex"
        },
        {
          "differences": [],
          "fingerprint": "…",
          "schema": "tenant_initech",
          "tenant": "initech"
        }
      ],
      "version": 1
    }
    "#);
}

#[test]
fn another_tenant_can_be_what_counts() {
    let database = Database::with_tenants(&["acme", "globex"]);
    for schema in ["tenant_acme", "tenant_globex"] {
        in_schema(&database, schema, "ALTER TABLE users ADD COLUMN nickname text");
    }
    database
        .run(&["drift", "--all", "--against", "acme"])
        .success()
        .says("no drift");
    in_schema(
        &database,
        "tenant_globex",
        "ALTER TABLE users ADD COLUMN legacy text",
    );
    let json = database
        .run(&["drift", "--all", "--against", "acme", "-o", "json"])
        .exits(4)
        .json();
    assert_eq!(json["against"], "tenant_acme");
    assert_eq!(listed(&json, "acme"), [""; 0]);
    assert_eq!(listed(&json, "globex"), ["extra column users.legacy"]);
    database
        .run(&["drift", "--all", "--against", "acmee"])
        .exits(2)
        .says("`acme`");
}

#[test]
fn a_missing_schema_is_a_failure_of_its_own() {
    let database = Database::with_tenants(&["acme", "globex"]);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    let run = database.run(&["drift", "--all"]).exits(3);
    insta::assert_snapshot!(run.shown(), @"
    exit 3
    --- stdout
    --- stderr
    no drift: compared 1 tenant with schema `tenant_template`
    error: 1 of 2 tenants failed to be compared
      acme  schema `tenant_acme` does not exist

    hint: bring it back with `tenantctl restore FILE --replace`, or remove the tenant with `tenantctl drop`
    ");
    database.run(&["drift", "acme"]).exits(1).says("does not exist");
    database.sql("DROP SCHEMA tenant_template CASCADE");
    database
        .run(&["drift", "globex"])
        .exits(2)
        .says("the template, schema `tenant_template`, does not exist");
}

#[test]
fn no_tenants_are_no_drift() {
    let database = Database::new();
    database
        .run(&["drift", "--all"])
        .success()
        .says("no tenants match");
    database.run(&["drift"]).exits(2).says("--all");
}

#[test]
fn the_registry_keeps_the_fingerprints() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let kept = || database.sql("SELECT slug, schema_fingerprint, updated_at FROM tenants ORDER BY 1");
    let before = kept();
    database.run(&["drift", "--all"]).success();
    assert_eq!(kept(), before, "what did not change is not written");
    in_schema(&database, "tenant_globex", "DROP INDEX users_email_key");
    let json = database.run(&["drift", "--all", "-o", "json"]).exits(4).json();
    for (number, slug) in ["acme", "globex"].into_iter().enumerate() {
        assert_eq!(
            json["tenants"][number]["fingerprint"],
            database.sql(&format!(
                "SELECT schema_fingerprint FROM tenants WHERE slug = '{slug}'"
            ))
        );
    }
    assert_ne!(kept(), before);
}

#[test]
fn a_role_that_may_only_read_gets_the_answer() {
    let database = Database::with_tenants(&["acme", "globex"]);
    in_schema(
        &database,
        "tenant_acme",
        "ALTER TABLE users DROP CONSTRAINT users_name_check, \
        ADD CONSTRAINT users_name_check CHECK (name <> '')",
    );
    database.sql(
        "DO $$ BEGIN CREATE ROLE drift_visitor LOGIN; \
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
         GRANT SELECT ON tenants TO drift_visitor",
    );
    let before = database.sql("SELECT schema_fingerprint FROM tenants ORDER BY slug");
    let url = database.url().replace("//tenantctl@", "//drift_visitor@");
    let json = database
        .program()
        .env("DATABASE_URL", url)
        .run(&["drift", "--all", "-o", "json"])
        .exits(4)
        .json();
    assert_eq!(
        listed(&json, "acme"),
        ["different check users_name_check ON users"]
    );
    assert_eq!(listed(&json, "globex"), [""; 0]);
    assert_eq!(
        database.sql("SELECT schema_fingerprint FROM tenants ORDER BY slug"),
        before
    );
}

#[test]
fn two_runs_at_once_do_not_hinder_each_other() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    for (schema, limit) in [("tenant_acme", 30), ("tenant_globex", 40)] {
        let change = format!(
            "ALTER TABLE users ADD CONSTRAINT users_short CHECK (length(name) < {limit}), \
            DROP CONSTRAINT users_name_check, ADD CONSTRAINT users_name_check CHECK (length(name) > 1)"
        );
        in_schema(&database, schema, &change);
    }
    let runs: Vec<_> = (0..2)
        .map(|_| database.program().spawn(&["drift", "--all"]))
        .collect();
    let runs: Vec<_> = runs.into_iter().map(crate::support::Run::of).collect();
    assert_eq!(runs[0].code, 4, "{}", runs[0].stderr);
    // How long it takes is said to those who wait.
    assert_eq!((runs[0].code, &runs[0].stdout), (runs[1].code, &runs[1].stdout));
}
