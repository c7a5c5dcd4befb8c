//! The library as a service uses it, and the web service in `examples/`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tenantctl::client::{Client, ClientError, Options};
use tenantctl::db::{OpenTenantError, SessionError, Transaction};

use crate::support::Database;

fn client(database: &Database) -> Client {
    Client::connect(database.url(), Options::default()).expect("a valid URL")
}

/// A database with two tenants that have domains.
fn with_domains() -> Database {
    let database = Database::new();
    for slug in ["acme", "globex"] {
        let domain = format!("{slug}.example");
        database.run(&["create", slug, "--domain", &domain]).success();
    }
    database
}

#[tokio::test]
async fn a_tenant_is_found_by_its_host_whatever_its_case_and_port() {
    let database = with_domains();
    let tenants = client(&database);
    for host in [
        "acme.example",
        "ACME.Example",
        "acme.example:8443",
        "acme.example.",
        "acme.example.:8443",
    ] {
        let found = tenants.by_domain(host).await.expect("found");
        assert_eq!(found.slug.as_str(), "acme", "{host}");
    }
    let stranger = tenants.by_domain("nobody.example").await;
    assert!(matches!(stranger, Err(ClientError::NoSuchDomain(_))));
    for nonsense in ["a b; DROP TABLE tenants", "https://acme.example"] {
        let nonsense = tenants.by_domain(nonsense).await;
        assert!(matches!(nonsense, Err(ClientError::Domain(_))));
    }
}

#[tokio::test]
async fn a_tenant_is_found_by_its_id() {
    let database = with_domains();
    let tenants = client(&database);
    let acme = tenants.by_slug("acme").await.expect("found");
    assert_eq!(tenants.by_id(acme.id).await.expect("found"), acme);
    let stranger = tenants.by_id(uuid::Uuid::nil()).await.expect_err("unknown");
    assert!(matches!(stranger, ClientError::NoSuchId(_)));
    assert_eq!(
        stranger.to_string(),
        "no tenant has the id `00000000-0000-0000-0000-000000000000`"
    );
}

#[tokio::test]
async fn connections_are_opened_ahead_but_no_more_than_there_may_be() {
    let database = Database::new();
    for (pool_min, pool_max, open) in [(0, 3, 0), (2, 3, 2), (5, 3, 3)] {
        let options = Options {
            pool_min,
            pool_max: Some(pool_max),
            ..Options::default()
        };
        let tenants = Client::connect(database.url(), options).expect("a valid URL");
        tenants.warm().await.expect("connected");
        // Asking takes a connection too.
        let health = tenants.health().await.expect("an answer");
        assert_eq!(health.pool.open, open.max(1));
    }
}

#[tokio::test]
async fn a_suspended_tenant_is_not_served() {
    let database = with_domains();
    let id = client(&database).by_slug("acme").await.expect("found").id;
    database.run(&["suspend", "acme"]).success();
    let tenants = client(&database);
    assert!(matches!(tenants.by_id(id).await, Err(ClientError::Suspended(_))));
    let refused = tenants.by_domain("acme.example").await;
    assert!(matches!(refused, Err(ClientError::Suspended(_))));
    assert!(matches!(
        tenants.by_slug("acme").await,
        Err(ClientError::Suspended(_))
    ));
    let slugs: Vec<String> = tenants
        .all()
        .await
        .expect("read")
        .iter()
        .map(|tenant| tenant.slug.to_string())
        .collect();
    assert_eq!(slugs, ["globex"]);
}

#[tokio::test]
async fn work_is_committed_when_it_answers_and_undone_when_it_fails() {
    let database = with_domains();
    let tenants = client(&database);
    let acme = tenants.by_slug("acme").await.expect("found");
    let add = "INSERT INTO users (email, name) VALUES ('a@acme.example', 'A')";
    let failed: anyhow::Result<()> = tenants
        .transaction(&acme, async |tx| {
            tx.script(add).await?;
            anyhow::bail!("changed my mind")
        })
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "changed my mind");
    assert_eq!(database.sql("SELECT count(*) FROM tenant_acme.users"), "0");
    tenants
        .transaction(&acme, async |tx| Ok(tx.script(add).await?))
        .await
        .expect("done");
    assert_eq!(
        database.sql(
            "SELECT (SELECT count(*) FROM tenant_acme.users), (SELECT count(*) FROM tenant_globex.users)"
        ),
        "1|0"
    );
    let refused = tenants.read(&acme, async |tx| Ok(tx.script(add).await?)).await;
    assert!(format!("{:#}", refused.unwrap_err()).contains("read-only transaction"));
}

#[tokio::test]
async fn work_that_passes_over_a_failed_statement_is_not_told_to_be_done() {
    let database = with_domains();
    let options = Options {
        pool_max: Some(1),
        ..Options::default()
    };
    let tenants = Client::connect(database.url(), options).expect("a valid URL");
    let acme = tenants.by_slug("acme").await.expect("found");
    let add = "INSERT INTO users (email, name) VALUES ('a@acme.example', 'A')";
    let own_pid = async |tx: &Transaction<'_>| -> anyhow::Result<i32> {
        Ok(tx.query("SELECT pg_backend_pid()", &[]).await?[0].get(0))
    };
    let before = tenants.read(&acme, own_pid).await.expect("an answer");
    let lost = tenants
        .transaction(&acme, async |tx| {
            tx.script(add).await?;
            tx.script("SELECT 1/0").await.ok();
            Ok(())
        })
        .await
        .expect_err("nothing was done");
    assert_eq!(
        format!("{lost:#}"),
        "a statement of this transaction had failed, so nothing of it was done"
    );
    assert_eq!(database.sql("SELECT count(*) FROM tenant_acme.users"), "0");
    // What was made good again is committed, on the same connection.
    let after = tenants
        .transaction(&acme, async |tx| {
            tx.script(add).await?;
            tx.script("SAVEPOINT risky").await?;
            tx.script("SELECT 1/0").await.ok();
            tx.script("ROLLBACK TO risky").await?;
            own_pid(tx).await
        })
        .await
        .expect("done");
    assert_eq!(database.sql("SELECT count(*) FROM tenant_acme.users"), "1");
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_constraint_that_is_looked_at_last_keeps_the_connection() {
    let database = with_domains();
    database.sql(
        "CREATE TABLE tenant_acme.teams (id int PRIMARY KEY); \
         CREATE TABLE tenant_acme.players (team int REFERENCES tenant_acme.teams DEFERRABLE INITIALLY DEFERRED)",
    );
    let options = Options {
        pool_max: Some(1),
        ..Options::default()
    };
    let tenants = Client::connect(database.url(), options).expect("a valid URL");
    let acme = tenants.by_slug("acme").await.expect("found");
    let lost = tenants
        .transaction(&acme, async |tx| {
            Ok(tx.script("INSERT INTO players VALUES (1)").await?)
        })
        .await
        .expect_err("there is no such team");
    assert!(format!("{lost:#}").contains("(23503)"), "{lost:#}");
    let count: i64 = tenants
        .read(&acme, async |tx| {
            Ok(tx.query("SELECT count(*) FROM players", &[]).await?[0].get(0))
        })
        .await
        .expect("an answer");
    assert_eq!(count, 0);
    assert_eq!(tenants.health().await.expect("an answer").pool.open, 1);
}

#[tokio::test]
async fn errors_are_of_their_kind_and_say_everything_once() {
    let database = with_domains();
    let options = Options {
        pool_max: Some(1),
        pool_wait: Duration::from_millis(100),
        ..Options::default()
    };
    let tenants = Client::connect(database.url(), options.clone()).expect("a valid URL");
    let acme = tenants.by_slug("acme").await.expect("found");
    let busy = tenants.session().await.expect("a session");
    let exhausted = tenants
        .read(&acme, async |tx| Ok(tx.script("SELECT 1").await?))
        .await
        .expect_err("no connection is free");
    assert!(matches!(
        exhausted.downcast_ref(),
        Some(ClientError::Session(SessionError::PoolExhausted(_)))
    ));
    assert_eq!(
        format!("{exhausted:#}"),
        "no connection of the pool became free within 100 ms"
    );
    drop(busy);
    let away = Client::connect("postgresql://app@127.0.0.1:1/metrics", options).expect("a valid URL");
    let unreachable = anyhow::Error::new(away.all().await.expect_err("nobody listens"));
    assert_eq!(format!("{unreachable:#}").matches("cannot connect to").count(), 1);
    let unknown = anyhow::Error::new(tenants.by_slug("nobody").await.expect_err("unknown"));
    assert_eq!(format!("{unknown:#}"), "there is no tenant `nobody`");
}

#[tokio::test]
async fn two_requests_of_one_tenant_do_not_wait_for_each_other() {
    let database = with_domains();
    let tenants = client(&database);
    let acme = tenants.by_slug("acme").await.expect("found");
    let answer: i64 = tenants
        .transaction(&acme, async |_| {
            tenants
                .transaction(&acme, async |tx| {
                    Ok(tx.query("SELECT count(*) FROM users", &[]).await?[0].get(0))
                })
                .await
        })
        .await
        .expect("both go on");
    assert_eq!(answer, 0);
}

#[tokio::test]
async fn a_serialization_failure_is_tried_again() {
    let database = with_domains();
    let tenants = client(&database);
    let acme = tenants.by_slug("acme").await.expect("found");
    let attempts = AtomicU32::new(0);
    tenants
        .transaction(&acme, async |tx| {
            let sqlstate = if attempts.fetch_add(1, Ordering::Relaxed) == 0 { "40001" } else { "00000" };
            let raise = "DO $$ BEGIN IF current_setting('app.fail') = '40001' THEN RAISE 'once more' USING ERRCODE = '40001'; END IF; END $$";
            Ok(tx.script(&format!("SET LOCAL app.fail = '{sqlstate}'; {raise}")).await?)
        })
        .await
        .expect("done at last");
    assert_eq!(attempts.into_inner(), 2);
}

#[tokio::test]
async fn a_tenant_whose_schema_is_gone_is_an_error_and_not_another_schema() {
    let database = with_domains();
    let tenants = client(&database);
    let acme = tenants.by_slug("acme").await.expect("found");
    database.sql("CREATE TABLE public.users (id int); DROP SCHEMA tenant_acme CASCADE");
    let lost = tenants
        .read(&acme, async |tx| Ok(tx.script("SELECT FROM users").await?))
        .await;
    assert!(matches!(
        lost.unwrap_err().downcast_ref(),
        Some(ClientError::Open(OpenTenantError::SchemaMissing(_)))
    ));
}

#[tokio::test]
async fn health_tells_tenants_and_connections() {
    let database = with_domains();
    let options = Options {
        pool_max: Some(3),
        ..Options::default()
    };
    let tenants = Client::connect(database.url(), options).expect("a valid URL");
    let _busy = tenants.session().await.expect("a session");
    let health = tenants.health().await.expect("an answer");
    assert_eq!((health.tenants, health.pool.max, health.pool.open), (2, 3, 2));
    assert!(health.latency < Duration::from_secs(10));
}

/// The example, on a port of its own.
struct Web {
    child: Child,
    address: String,
}

impl Web {
    fn start(database: &Database) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_tenantctl"))
            .with_file_name("examples")
            .join("web");
        // `cargo test` has built it; when this program alone was asked for, it may not be there, or be an old one.
        let mut cargo = Command::new(env!("CARGO"));
        // What cargo tells of the package that it tests would have build scripts run again.
        for name in ["MANIFEST_DIR", "MANIFEST_LINKS", "PKG_NAME"] {
            cargo.env_remove(format!("CARGO_{name}"));
        }
        for part in ["", "_MAJOR", "_MINOR", "_PATCH", "_PRE"] {
            cargo.env_remove(format!("CARGO_PKG_VERSION{part}"));
        }
        let built = cargo
            .args(["build", "--quiet", "--locked", "--example", "web"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the example is built");
        let mut child = Command::new(program)
            .arg("127.0.0.1:0")
            .env("DATABASE_URL", database.url())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example runs");
        let mut line = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.trim().trim_start_matches("listening on http://").to_owned();
        Self { child, address }
    }

    /// The status and the body.
    fn get(&self, host: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .expect("a status");
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        (status, body.unwrap_or_default())
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn the_example_serves_each_host_its_own_tenant() {
    let database = with_domains();
    database.sql("INSERT INTO tenant_globex.users (email, name) VALUES ('g@globex.example', 'G')");
    let web = Web::start(&database);
    assert_eq!(
        web.get("acme.example", "/users"),
        (200, "0 users in tenant_acme\n".to_owned())
    );
    assert_eq!(
        web.get("Globex.example:80", "/users"),
        (200, "1 users in tenant_globex\n".to_owned())
    );
    assert_eq!(web.get("nobody.example", "/users").0, 404);
    database.run(&["suspend", "acme"]).success();
    assert_eq!(web.get("acme.example", "/users").0, 404);
    let (status, body) = web.get("acme.example", "/health");
    assert!(
        status == 200 && body.starts_with("1 tenants, answered in "),
        "{body}"
    );
}
