//! Messages that are one transaction: whatever goes wrong in them, nothing has happened and nothing stays open.

use std::time::{Duration, Instant};

use tenantctl::db::{Commit, Db, Session, Undone};

use crate::library::pool_of_one;
use crate::support::{Database, psql, wait_until};

fn with_notes() -> (Database, Db) {
    let database = Database::empty();
    database.sql(
        "CREATE TABLE notes (id int PRIMARY KEY); CREATE TABLE links (note int REFERENCES notes DEFERRABLE \
         INITIALLY DEFERRED)",
    );
    let db = pool_of_one(&database);
    (database, db)
}

/// Sends the parts and, in the same trip, asks for the backend's number and what notes there are.
async fn send(session: &mut Session, parts: &[&str]) -> (Result<(), Undone>, Option<(String, String)>) {
    let question = async |session: &Session| {
        let asked = "SELECT pg_backend_pid(), (SELECT count(*) FROM notes)";
        let answers = session.text_query(asked).await.ok()?;
        let row = &answers.first()?.rows[0];
        Some((row[0].clone()?, row[1].clone()?))
    };
    session.in_one_trip(parts, Commit::Now, question).await
}

/// The next user gets the same connection, outside any transaction, and finds nothing.
async fn nothing_is_left(db: &Db, pid: &str) {
    let mut session = db.session().await.expect("a session");
    let (made, answer) = send(&mut session, &["SELECT 1"]).await;
    made.expect("an answer");
    assert_eq!(answer, Some((pid.to_owned(), "0".to_owned())));
}

#[tokio::test]
async fn the_question_is_answered_after_the_parts() {
    let (_database, db) = with_notes();
    let mut session = db.session().await.expect("a session");
    let parts = [
        "INSERT INTO notes VALUES (1)",
        "INSERT INTO notes VALUES (2) -- two\n",
    ];
    let (made, answer) = send(&mut session, &parts).await;
    made.expect("made");
    assert_eq!(answer.expect("an answer").1, "2");
}

#[tokio::test]
async fn a_part_that_fails_undoes_all_and_is_named() {
    let (_database, db) = with_notes();
    let insert = "INSERT INTO notes VALUES (1)";
    let cases: [(&str, &[&str], usize); 7] = [
        ("22012", &["SELECT 1/0", insert, insert], 0),
        ("23505", &[insert, insert, "SELECT 1"], 1),
        ("22012", &[insert, "SELECT 1; SELECT 2", "SELECT 1/(SELECT 0)"], 2),
        ("42601", &[insert, "SELECT 'é'; SELEKT", insert], 1),
        ("42P01", &[insert, "SELECT 1", "SELECT 1; SELECT FROM nowhere"], 2),
        ("23503", &[insert, "SELECT 1", "INSERT INTO links VALUES (9)"], 2),
        (
            "57014",
            &[insert, "SET LOCAL statement_timeout = 50", "SELECT pg_sleep(9)"],
            2,
        ),
    ];
    let mut pid = None;
    for (code, parts, failing) in cases {
        let mut session = db.session().await.expect("a session");
        let (made, answer) = send(&mut session, parts).await;
        let undone = made.expect_err("it fails");
        assert_eq!(undone.error.sqlstate(), Some(code), "{}", undone.error);
        assert_eq!(undone.part, failing, "{}", undone.error);
        let (number, notes) = answer.expect("the question is answered");
        assert_eq!(notes, "0");
        drop(session);
        nothing_is_left(&db, &number).await;
        assert_eq!(pid.get_or_insert(number.clone()), &number);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent_in_part() {
    let (database, db) = with_notes();
    let mut session = db.session().await.expect("a session");
    let (made, _) = send(&mut session, &["INSERT INTO notes VALUES (1)", "SELECT '\0'"]).await;
    assert!(!made.expect_err("a NUL byte").error.is_connection_lost());
    assert_eq!(database.sql("SELECT count(*) FROM notes"), "0");
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_leaves_nothing_and_is_not_used_again() {
    let (database, db) = with_notes();
    let mut session = db.session().await.expect("a session");
    let url = database.url().to_owned();
    let killer = std::thread::spawn(move || {
        let sleeping = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
        let count = format!("SELECT count(*) {sleeping}");
        wait_until("it sleeps", || psql(&url, &count).expect("counted") == "1");
        psql(&url, &format!("SELECT pg_terminate_backend(pid) {sleeping}")).expect("ended");
    });
    let (made, answer) = send(
        &mut session,
        &["INSERT INTO notes VALUES (1)", "SELECT pg_sleep(30)"],
    )
    .await;
    killer.join().expect("no panic");
    assert!(made.expect_err("it ended").error.is_connection_lost());
    assert_eq!(answer, None);
    drop(session);
    let mut session = db.session().await.expect("another session");
    let (made, answer) = send(&mut session, &["SELECT 1"]).await;
    made.expect("an answer");
    assert_eq!(answer.expect("an answer").1, "0");
}

#[tokio::test]
async fn one_that_nobody_waits_for_keeps_nobody_waiting() {
    let (_database, db) = with_notes();
    let mut session = db.session().await.expect("a session");
    let parts = ["INSERT INTO notes VALUES (1)", "SELECT pg_sleep(20)"];
    let given_up = tokio::time::timeout(Duration::from_millis(100), send(&mut session, &parts));
    assert!(given_up.await.is_err());
    drop(session);
    let started = Instant::now();
    let mut session = db.session().await.expect("a session");
    let (made, answer) = send(&mut session, &["SELECT 1"]).await;
    made.expect("an answer");
    assert_eq!(answer.expect("an answer").1, "0");
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn whoever_comes_next_finds_nothing_and_waits_for_no_cleaning() {
    let (database, db) = with_notes();
    let parts = [
        "SET work_mem = '77MB'; SELECT set_config('search_path', 'pg_catalog', false); SET ROLE pg_monitor",
        "RESET ROLE; CREATE TEMP TABLE leavings (); SELECT pg_advisory_lock(1)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    ];
    let mut session = db.session().await.expect("a session");
    let (made, answer) = send(&mut session, &parts).await;
    made.expect("made");
    let (pid, _) = answer.expect("an answer");
    drop(session);
    let mut session = db.session().await.expect("a session");
    let last = format!("SELECT query FROM pg_stat_activity WHERE pid = {pid}");
    assert!(database.sql(&last).starts_with("SELECT pg_backend_pid()"));
    let look = "SELECT current_setting('work_mem') <> '77MB' AND current_setting('search_path') <> 'pg_catalog' \
                AND to_regclass('leavings') IS NULL AND NOT EXISTS (SELECT FROM pg_cursors WHERE is_holdable) \
                AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())";
    let answer = session.text_query(look).await.expect("an answer");
    assert_eq!(answer[0].rows[0][0].as_deref(), Some("t"));
    let (made, _) = send(&mut session, &["PREPARE leavings AS SELECT 1"]).await;
    made.expect("made");
    drop(session);
    let session = db.session().await.expect("a session");
    let left = "SELECT count(*) FROM pg_prepared_statements WHERE from_sql";
    let answer = session.text_query(left).await.expect("an answer");
    assert_eq!(answer[0].rows[0][0].as_deref(), Some("0"));
}
