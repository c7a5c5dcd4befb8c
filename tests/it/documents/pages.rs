//! Blocks of README and docs that are no commands: configuration, SQL and lines of Rust.

use std::fs;
use std::path::Path;

use tenantctl::client::{Client, Options};

use super::blocks_of;
use super::typed::Block;
use crate::support::{Database, Program, Server, configured, psql};

/// README and every page of docs.
pub(super) fn pages() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec!["README.md".to_owned()];
    for folder in ["docs", "docs/apps"] {
        let entries = fs::read_dir(root.join(folder)).expect("readable").flatten();
        let names = entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()));
        pages.extend(names.filter(|name| name.ends_with(".md")));
    }
    pages
}

#[test]
fn every_block_of_configuration_is_taken_as_it_stands() {
    let database = Database::with_tenants(&["acme"]);
    let mut taken = 0;
    for page in pages() {
        for block in blocks_of(&page, "toml") {
            let text = block.text();
            let folder = tempfile::tempdir().expect("a folder");
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            std::os::unix::fs::symlink(root.join("fixtures"), folder.path().join("fixtures"))
                .expect("linked");
            let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
            let run = |arguments: &[&str]| database.program().folder(folder.path()).run(arguments);
            if text.starts_with("[[policy]]") {
                write("tenantctl.toml", "[retention]\narchive_dir = 'archive'\n");
                write("retention.toml", &text);
                run(&["cleanup", "--all", "--days", "30", "--dry-run"]).success();
            } else {
                write("tenantctl.toml", &text);
                run(&["list"]).success();
                run(&["health", "--fail-on", "never"]).success();
                let reviewed = run(&["lint", "--all"]);
                let has_folder = text.contains("[template]");
                assert_eq!(has_folder, reviewed.code != 2, "{page}: {}", reviewed.stderr);
            }
            taken += 1;
        }
    }
    assert!(taken > 5, "only {taken} blocks were found");
}

#[test]
fn a_comment_in_a_file_excuses_what_the_page_on_lint_says_it_excuses() {
    let block = blocks_of("docs/lint.md", "sql").remove(0).text();
    let folder = tempfile::tempdir().expect("a folder");
    let review = |text: &str| {
        fs::write(folder.path().join("V13__legacy.sql"), text).expect("written");
        Program::new()
            .folder(folder.path())
            .run(&["lint", "V13__legacy.sql"])
    };
    review(&block).success();
    let (_, statement) = block.split_once('\n').expect("two lines");
    review(statement).exits(4).says("1 finding");
}

#[test]
fn the_page_on_roles_works_on_a_server_of_ones_own() {
    let server = Server::start(&[]);
    let sql = |database: &str, sql: &str| psql(&server.url(database), sql).expect("runs");
    sql("postgres", "CREATE DATABASE metrics");
    let config = blocks_of("docs/roles.md", "toml").remove(0).text();
    let folder = configured(&config);
    let run = |arguments: &[&str]| {
        let program = Program::new().env("DATABASE_URL", server.url("metrics"));
        program.folder(folder.path()).run(arguments).success()
    };
    let blocks: Vec<String> = blocks_of("docs/roles.md", "sql")
        .iter()
        .map(Block::text)
        .collect();
    let [logins, application, by_hand] = blocks.as_slice() else {
        panic!("{} blocks", blocks.len());
    };
    run(&["init"]);
    run(&["init", "--roles", "apply"]);
    sql("metrics", by_hand);
    run(&["create", "acme"]);
    sql("metrics", logins);
    let works = application.replace('…', "SELECT count(*) FROM users;");
    assert!(works.contains("SELECT"), "{application}");
    sql("metrics", &works);
    // The tenant's role is the one that was made by hand, and reaches nothing else.
    let stranger = "SET ROLE app_acme; SELECT count(*) FROM public.tenants";
    psql(&server.url("metrics"), stranger).expect_err("refused");
}

#[test]
fn a_policy_sees_the_tenant_that_the_readme_sets() {
    let database = Database::with_tenants(&["acme"]);
    let set = blocks_of("README.md", "sql").remove(0).text();
    let seen = database.sql(&format!(
        "BEGIN; {set} SELECT current_setting('app.current_tenant')"
    ));
    assert_eq!(seen, "tenant_acme");
}

/// The lines that the README shows.
#[rustfmt::skip]
async fn users_of_acme(url: &str) -> anyhow::Result<i64> {
    let tenants = Client::connect(url, Options::default())?;
    let acme = tenants.by_domain("acme.example").await?;
    let users: i64 = tenants
        .read(&acme, async |tx| Ok(tx.query("SELECT count(*) FROM users", &[]).await?[0].get(0)))
        .await?;
    Ok(users)
}

#[tokio::test]
async fn the_readmes_lines_of_rust_count_a_tenants_users() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = blocks_of("README.md", "rust").remove(0).text();
    assert!(
        words(include_str!("pages.rs")).contains(&words(&shown)),
        "{shown}"
    );

    let database = Database::new();
    database
        .run(&["create", "acme", "--domain", "acme.example"])
        .success();
    database
        .sql("INSERT INTO tenant_acme.users (email, name, role) VALUES ('ada@acme.example', 'Ada', 'admin')");
    assert_eq!(users_of_acme(database.url()).await.expect("counted"), 1);
}
