use std::fs;

use crate::support::{Database, Run};

/// Runs `create --from-file` on a file of this name and text.
fn create(database: &Database, name: &str, text: &str, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), text).expect("written");
    let arguments = [&["create", "--from-file", name], more].concat();
    database.program().folder(folder.path()).run(&arguments)
}

fn registered(database: &Database) -> String {
    database.sql(
        "SELECT concat_ws('|', slug, name, domain, subscription_plan, region, metadata) FROM tenants ORDER BY slug",
    )
}

#[test]
fn tenants_of_a_csv_file_are_created_with_what_it_says() {
    let database = Database::new();
    let text = "\u{feff}slug,name,domain,plan,metadata\r\n\
                acme,\"Acme, Inc.\",acme.example,pro,\"{\"\"crm\"\": 42}\"\r\n\
                globex,,,,\r\n";
    let run = create(
        &database,
        "tenants.csv",
        text,
        &["--plan", "starter", "--region", "eu"],
    )
    .success();
    insta::assert_snapshot!(run.shown(), @r#"
    exit 0
    --- stdout
    SLUG    SCHEMA         PLAN
    acme    tenant_acme    pro
    globex  tenant_globex  starter
    --- stderr
    created 2 tenants
    "#);
    assert_eq!(
        registered(&database),
        "acme|Acme, Inc.|acme.example|pro|eu|{\"crm\": 42}\nglobex|globex|starter|eu|{}"
    );
    assert_eq!(
        database.sql("SELECT DISTINCT details ->> 'from_file' FROM tenant_operations"),
        "tenants.csv"
    );
}

#[test]
fn tenants_come_from_json_and_from_standard_input_too() {
    let database = Database::new();
    create(
        &database,
        "tenants.json",
        r#"[{"slug": "a", "domain": "a.example"}, {"slug": "b", "metadata": {"x": null}}]"#,
        &[],
    )
    .success();
    let lines = "\n{\"slug\": \"c\", \"plan\": \"pro\"}\n{\"slug\": \"d\"}\n";
    for (input, slugs) in [(lines, "a b c d"), ("slug\ne\n", "a b c d e")] {
        database
            .program()
            .input(input)
            .run(&["create", "--from-file", "-"])
            .success();
        assert_eq!(
            database.sql("SELECT string_agg(slug, ' ' ORDER BY slug) FROM tenants"),
            slugs
        );
    }
    assert!(registered(&database).contains("b|b|basic|{\"x\": null}\nc|c|pro|{}"));
}

#[test]
fn all_that_is_wrong_with_a_file_is_said_before_anything_is_created() {
    let database = Database::new();
    let text = "slug,domain,plan,metadata\n\
                good,good.example,pro,{}\n\
                Acme Corp,,,\n\
                a-b,https://a.example,,[1]\n\
                a_b,GOOD.example,,\n\
                good,,,\n";
    let run = create(&database, "tenants.csv", text, &[]).exits(2);
    insta::assert_snapshot!(run.shown(), @r#"
    exit 2
    --- stdout
    --- stderr
    error: file `tenants.csv`: 4 of 5 rows cannot be used
      line 3  slug `Acme Corp` holds 'A': only a-z, 0-9, `-` and `_` are allowed; use `acme-corp` instead
      line 4  metadata must be a JSON object, as in '{"crm_id": 42}'
      line 4  domain `https://a.example` holds ':': give the host name alone, without scheme, port or path
      line 5  slug `a_b` would share the schema `tenant_a_b` with `a-b` on line 4
      line 5  domain `GOOD.example` is on line 2 already
      line 6  slug `good` is on line 2 already

    hint: nothing was created; correct these rows and try again
    "#);
    assert_eq!(database.state(), (String::new(), String::new()));
    let run = create(&database, "tenants.csv", "slug,domian\na,\n", &[]).exits(2);
    insta::assert_snapshot!(run.stderr, @r"
    error: file `tenants.csv`: line 1: unknown column `domian`; did you mean `domain`?

    hint: begin the file with a line such as `slug,name,domain,plan,region,metadata`; only `slug` must be there
    ");
    create(
        &database,
        "tenants.jsonl",
        "{\"slug\": \"a\"}\n{\"slug\": \"b\n",
        &[],
    )
    .exits(2)
    .says("line 2  this is not JSON");
    create(&database, "tenants.csv", "slug\n", &[])
        .exits(2)
        .says("file `tenants.csv`: it names no tenant");
    database
        .run(&["create", "--from-file", "/nonexistent.csv"])
        .exits(2)
        .says("cannot be read");
    assert_eq!(database.state(), (String::new(), String::new()));
}

#[test]
fn a_file_stands_alone_and_names_each_tenant_itself() {
    let database = Database::new();
    let more: [&[&str]; 3] = [&["acme"], &["--name", "Acme"], &["--domain", "acme.example"]];
    for more in more {
        create(&database, "tenants.csv", "slug\nglobex\n", more)
            .exits(2)
            .says("cannot be used with");
    }
    assert_eq!(database.state(), (String::new(), String::new()));
}

#[test]
fn rows_of_tenants_that_exist_fail_or_are_skipped_as_asked() {
    let database = Database::with_tenants(&["a"]);
    let text = "slug,plan\na,pro\nb,pro\n";
    create(&database, "tenants.csv", text, &["--dry-run"])
        .exits(1)
        .says("tenant `a` already exists");
    create(&database, "tenants.csv", text, &["--on-error", "continue"])
        .exits(3)
        .says("tenant `a` already exists");
    create(&database, "tenants.csv", text, &["--if-not-exists"])
        .success()
        .says("skipped `b`: it already exists");
    assert_eq!(registered(&database), "a|a|basic|{}\nb|b|pro|{}");
}

#[test]
fn a_file_of_thousands_is_looked_through_at_once() {
    let database = Database::new();
    let rows: String = (0..20_000)
        .map(|number| format!("t{number},\"Tenant\n{number}\",t{number}.example\n"))
        .collect();
    let text = format!("slug,name,domain\n{rows}Bad,,\n");
    let run = create(&database, "tenants.csv", &text, &[]).exits(2);
    run.says("1 of 20,001 rows cannot be used\n  line 40002  slug `Bad`");
}
