//! The library's sessions and transactions, as a service would use them.

use std::time::{Duration, Instant};

use tenantctl::blueprint;
use tenantctl::db::conn::{ConnectTarget, Env};
use tenantctl::db::{
    Access, Db, OpenTenantError, PoolOptions, SchemaName, SessionError, StatementLimits, TenantOptions,
};

use crate::support::Database;

/// A pool of a single connection, so that every user meets what the one before left.
pub(crate) fn pool_of_one(database: &Database) -> Db {
    let target =
        ConnectTarget::resolve(Some(database.url()), &Env::new(&|_| None), None).expect("a valid URL");
    let limits = StatementLimits {
        timeout: Duration::from_secs(10),
        slow: Duration::ZERO,
    };
    let options = PoolOptions {
        min: 0,
        max: Some(1),
        wait: Duration::from_millis(300),
        connect_wait: Duration::ZERO,
        limits,
    };
    Db::new(target, None, options)
}

fn tenant(access: Access) -> TenantOptions {
    TenantOptions {
        access,
        search_path: vec!["public".to_owned()],
        lock_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(1),
    }
}

fn schema(name: &str) -> SchemaName {
    SchemaName::new(name).expect("a valid name")
}

async fn text(db: &Db, sql: &str) -> String {
    let session = db.session().await.expect("a session");
    let answers = session.text_query(sql).await.expect("an answer");
    answers[0].rows[0][0].clone().unwrap_or_default()
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_undone() {
    let database = Database::empty();
    let db = pool_of_one(&database);
    let mut session = db.session().await.expect("a session");
    let (transaction, _) = session
        .begin("BEGIN; CREATE TABLE lost (id int)")
        .await
        .expect("begun");
    drop(transaction);
    drop(session);
    assert_eq!(
        text(&db, "SELECT count(*) FROM pg_class WHERE relname = 'lost'").await,
        "0"
    );
}

#[tokio::test]
async fn a_prepared_statement_does_not_reach_the_next_user() {
    let database = Database::empty();
    let db = pool_of_one(&database);
    let session = db.session().await.expect("a session");
    session.script("PREPARE p AS SELECT 1").await.expect("prepared");
    drop(session);
    assert_eq!(
        text(&db, "SELECT count(*) FROM pg_prepared_statements").await,
        "0"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_no_lost_connection() {
    let database = Database::empty();
    let db = pool_of_one(&database);
    let session = db.session().await.expect("a session");
    let error = session.script("SELECT '\0'").await.expect_err("a NUL byte");
    assert!(!error.is_connection_lost(), "{error}");
    session.script("SELECT 1").await.expect("an answer");
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_keeps_nobody_waiting() {
    let database = Database::empty();
    let db = pool_of_one(&database);
    let session = db.session().await.expect("a session");
    let given_up = tokio::time::timeout(Duration::from_millis(100), session.script("SELECT pg_sleep(20)"));
    assert!(given_up.await.is_err());
    drop(session);
    let started = Instant::now();
    assert_eq!(text(&db, "SELECT 1").await, "1");
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_pool_that_is_in_use_says_so_after_the_agreed_time() {
    let database = Database::empty();
    let db = pool_of_one(&database);
    let _taken = db.session().await.expect("a session");
    assert!(matches!(db.session().await, Err(SessionError::PoolExhausted(_))));
}

#[tokio::test]
async fn a_tenants_transaction_sees_its_schema_and_leaves_no_trace() {
    let database = Database::with_tenants(&["acme", "globex"]);
    let db = pool_of_one(&database);
    let look = "SELECT current_schema() || ' ' || current_setting('statement_timeout')";
    let before = text(&db, look).await;
    for name in ["tenant_acme", "tenant_globex"] {
        let mut session = db.session().await.expect("a session");
        let options = tenant(Access::ReadWrite);
        let transaction = session
            .open_tenant(&schema(name), &options)
            .await
            .expect("opened");
        let answers = transaction.text_query(look).await.expect("an answer");
        assert_eq!(
            answers[0].rows[0][0].as_deref(),
            Some(format!("{name} 1s").as_str())
        );
        transaction
            .script("CREATE TABLE notes (id int)")
            .await
            .expect("made");
        transaction.commit().await.expect("committed");
    }
    assert_eq!(text(&db, look).await, before);
    assert_eq!(database.sql("SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'notes'"),
               "tenant_acme tenant_globex");
}

#[tokio::test]
async fn writers_exclude_each_other_and_readers_share() {
    let database = Database::with_tenants(&["acme"]);
    let (one, two) = (pool_of_one(&database), pool_of_one(&database));
    let (mut first, mut second) = (
        one.session().await.expect("a session"),
        two.session().await.expect("a session"),
    );
    let acme = schema("tenant_acme");

    let reading = first
        .open_tenant(&acme, &tenant(Access::ReadOnly))
        .await
        .expect("opened");
    let beside = second
        .open_tenant(&acme, &tenant(Access::ReadOnly))
        .await
        .expect("readers share");
    beside.rollback().await.expect("ended");
    let refused = second.open_tenant(&acme, &tenant(Access::ReadWrite)).await;
    assert!(matches!(refused, Err(OpenTenantError::Locked(_))));
    drop(refused);
    reading.rollback().await.expect("ended");
    let writing = second
        .open_tenant(&acme, &tenant(Access::ReadWrite))
        .await
        .expect("free again");
    writing.rollback().await.expect("ended");

    let nobody = second
        .open_tenant(&schema("tenant_nobody"), &tenant(Access::ReadOnly))
        .await;
    assert!(matches!(nobody, Err(OpenTenantError::SchemaMissing(_))));
}

#[tokio::test]
async fn a_limit_on_fingerprints_holds_for_their_questions() {
    let database = Database::with_tenants(&["acme"]);
    let db = pool_of_one(&database);
    let mut session = db.session().await.expect("a session");
    let (transaction, _) = session.begin("BEGIN").await.expect("begun");
    let schemas = [schema("tenant_acme")];
    for (limit, shown) in [(Duration::from_secs(30), "30s"), (Duration::ZERO, "0")] {
        let taken = blueprint::fingerprints_within(&transaction, &schemas, limit).await;
        assert_eq!(taken.expect("taken").len(), 1);
        let answers = transaction
            .text_query("SHOW statement_timeout")
            .await
            .expect("shown");
        assert_eq!(answers[0].rows[0][0].as_deref(), Some(shown));
    }
}
