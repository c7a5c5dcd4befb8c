//! A migration whose statements want no transaction, such as `CREATE INDEX CONCURRENTLY`.
//!
//! One session holds the tenant's lock in a transaction that does nothing else until it writes the history. Another, a
//! connection of its own whose settings came with the login, runs the statements. Before each of them the first is asked
//! whether it is still there, and the registry is told which one comes. So a run that was interrupted goes on where it
//! was, and what PostgreSQL left half-built there is removed first.

use std::time::{Duration, Instant};

use super::{ForwardError, How, Place, Reached, closing, guarded, opening, stale_or};
use crate::db::migrator::{Concurrent, Pending, records};
use crate::db::{self, Db, LockName, NO_TRANSACTION_LIMIT, SchemaName, Session, Statement, Type};
use crate::ops::unfinished;

/// Applies one migration statement by statement.
pub(super) async fn run(
    db: &Db,
    place: Place<'_>,
    pending: &Pending,
    before: &Reached,
    how: &How,
) -> Result<(), ForwardError> {
    let done = std::slice::from_ref(pending);
    let mut keeper = db.direct().await?;
    let begin = format!("BEGIN; {NO_TRANSACTION_LIMIT}; {}", opening(place, how));
    let (transaction, _) = keeper.begin(&begin).await?;
    let result = async {
        transaction
            .script(&guarded(place, before))
            .await
            .map_err(stale_or)?;
        let statements = pending.statements().map_err(|error| ForwardError::Unreadable {
            migration: pending.name.clone(),
            source: error,
        })?;
        // A search path in which the schema is missing would lead elsewhere without a word.
        let hand = hand(db, place, &statements, pending, how).await?;
        run_statements(&transaction, &hand, place, pending, &statements).await?;
        transaction
            .script(&format!(
                "{}; {}; {}",
                records(place.schema, done),
                unfinished::forget_sql(place.schema, pending.version),
                closing(place, &before.and(done)),
            ))
            .await?;
        Ok(())
    }
    .await;
    transaction.end(result).await
}

/// The connection that runs the statements.
pub(in crate::ops) async fn hand(
    db: &Db,
    place: Place<'_>,
    statements: &[Statement],
    pending: &Pending,
    how: &How,
) -> Result<Session, ForwardError> {
    let mut settings = db::settings(place.schema, &how.options);
    if statements
        .iter()
        .any(|statement| Concurrent::of(statement).is_some())
    {
        // Those wait for others without making anybody wait, and leave something behind when they give up.
        settings.retain(|(name, _)| *name != "lock_timeout");
        settings.push(("lock_timeout", "0".to_owned()));
    }
    let Some(session) = db.apart_in(place.schema, &settings).await? else {
        return Err(ForwardError::Pooler(pending.name.clone()));
    };
    // The server does not look whether its client is still there while a statement runs.
    let session = session.unlimited();
    alone(&session, place, how).await?;
    Ok(session)
}

/// Waits for a statement that a killed run has left behind. Asking again and again holds no snapshot, for which such a
/// statement would wait in its turn.
async fn alone(hand: &Session, place: Place<'_>, how: &How) -> Result<(), ForwardError> {
    const PAUSE: Duration = Duration::from_millis(100);
    let lock = LockName::Statements(place.schema);
    let question = format!("SELECT pg_try_advisory_lock({})", lock.key());
    let limit = how.options.lock_timeout;
    let started = Instant::now();
    loop {
        let row = hand.query_opt(&question, &[]).await?;
        if row.is_some_and(|row| row.get(0)) {
            return Ok(());
        }
        if !limit.is_zero() && started.elapsed() >= limit {
            return Err(lock.held(hand).await?.into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn run_statements(
    keeper: &Session,
    hand: &Session,
    place: Place<'_>,
    pending: &Pending,
    statements: &[Statement],
) -> Result<(), ForwardError> {
    let unfinished = unfinished::of(hand, place.schema).await?;
    let beginning = unfinished::beginning(&unfinished, place.schema, pending, statements);
    for (number, statement, is_resumed) in beginning.of(statements) {
        let failed = |source| ForwardError::FailedSingly {
            migration: pending.name.clone(),
            statement: number,
            source,
        };
        keeps(keeper).await?;
        mark(hand, place, pending, &statements[..number]).await?;
        if let Ready::Done = clear(hand, place, statement, is_resumed).await.map_err(failed)? {
            continue;
        }
        hand.script(&statement.text).await.map_err(failed)?;
    }
    Ok(())
}

/// Fails when the session that holds the tenant's lock has ended. What it has seen of the schema then counts for
/// nothing: somebody else may be at it, and a server that crashed has forgotten the commits of its last moments.
async fn keeps(keeper: &Session) -> Result<(), db::Error> {
    keeper.script("SELECT 1").await
}

/// Writes down that the last of these statements is begun.
async fn mark(
    hand: &Session,
    place: Place<'_>,
    pending: &Pending,
    statements: &[Statement],
) -> Result<(), db::Error> {
    const STATEMENT: &str = "INSERT INTO public.tenant_unfinished_migrations (schema_name, version, statement, texts) \
                             VALUES ($1, $2, $3, $4) ON CONFLICT (schema_name, version) \
                             DO UPDATE SET statement = EXCLUDED.statement, texts = EXCLUDED.texts";
    let number = i32::try_from(statements.len()).unwrap_or(i32::MAX);
    hand.execute(
        STATEMENT,
        &[
            (&place.schema.as_str(), Type::TEXT),
            (&pending.version, Type::INT8),
            (&number, Type::INT4),
            (&unfinished::texts(statements), Type::TEXT),
        ],
    )
    .await?;
    Ok(())
}

/// Whether a statement is still to be run.
pub(in crate::ops) enum Ready {
    ToRun,
    Done,
}

/// Removes what an interrupted statement has left, and finds out whether it had come to its end.
pub(in crate::ops) async fn clear(
    hand: &Session,
    place: Place<'_>,
    statement: &Statement,
    is_resumed: bool,
) -> Result<Ready, db::Error> {
    let Some(concurrent) = Concurrent::of(statement) else {
        return Ok(Ready::ToRun);
    };
    match &concurrent {
        Concurrent::CreateIndex(name) => match is_valid(hand, &within(place.schema, name)).await? {
            Some(false) => {
                let name = within(place.schema, name);
                tracing::info!(
                    "schema `{}`: index {name} was left half-built and is built anew",
                    place.schema
                );
                hand.script(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"))
                    .await?;
                Ok(Ready::ToRun)
            }
            Some(true) if is_resumed => Ok(Ready::Done),
            _ => Ok(Ready::ToRun),
        },
        Concurrent::DropIndex(name) => match is_valid(hand, &within(place.schema, name)).await? {
            None if is_resumed => Ok(Ready::Done),
            _ => Ok(Ready::ToRun),
        },
        Concurrent::Reindex => {
            for name in leavings(hand, place).await? {
                hand.script(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"))
                    .await?;
            }
            Ok(Ready::ToRun)
        }
        Concurrent::Detach(name) if is_resumed => detach(hand, &within(place.schema, name)).await,
        Concurrent::Detach(_) | Concurrent::Unnamed => Ok(Ready::ToRun),
    }
}

/// A name as it was written, for something in the schema and nowhere else: behind the schema the search path has others.
fn within(schema: &SchemaName, name: &str) -> String {
    match db::tokens(name).as_deref() {
        Ok([_]) => format!("{}.{name}", schema.quoted()),
        _ => name.to_owned(),
    }
}

/// Whether an index is valid; `None` where there is none of that name.
async fn is_valid(hand: &Session, name: &str) -> Result<Option<bool>, db::Error> {
    const STATEMENT: &str = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)";
    let row = hand.query_opt(STATEMENT, &[(&name, Type::TEXT)]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// The indexes that interrupted `REINDEX CONCURRENTLY` have left in the schema.
async fn leavings(hand: &Session, place: Place<'_>) -> Result<Vec<String>, db::Error> {
    const STATEMENT: &str = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_index i \
                             JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                             WHERE n.nspname = $1 AND NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'";
    let rows = hand
        .query(STATEMENT, &[(&place.schema.as_str(), Type::TEXT)])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Ends a detachment that was interrupted between its two transactions.
async fn detach(hand: &Session, name: &str) -> Result<Ready, db::Error> {
    const STATEMENT: &str = "SELECT inhparent::regclass::text, inhdetachpending FROM pg_inherits \
                             WHERE inhrelid = to_regclass($1)";
    match hand.query_opt(STATEMENT, &[(&name, Type::TEXT)]).await? {
        None => Ok(Ready::Done),
        Some(row) if row.get(1) => {
            let parent: String = row.get(0);
            hand.script(&format!("ALTER TABLE {parent} DETACH PARTITION {name} FINALIZE"))
                .await?;
            Ok(Ready::Done)
        }
        Some(_) => Ok(Ready::ToRun),
    }
}
