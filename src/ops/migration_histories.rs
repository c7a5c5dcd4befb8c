//! What the schemas' own histories of migrations say: of one, of the registry and the template, of many tenants at a
//! time.

use std::collections::HashMap;

use crate::db::migrator::{HISTORY_TABLE, History};
use crate::db::{self, QuotedIdent, SchemaName, Session, Type};
use crate::tenant::{RegistryError, Tenant};

/// How many histories one query reads: each takes a place or two in the server's table of locks.
const GROUP: usize = 500;
/// How often histories are looked for again when one was dropped meanwhile.
const ATTEMPTS: usize = 3;

/// What was found where a tenant's history should be.
#[derive(Debug)]
pub(super) enum Found {
    History(History),
    NoHistory,
}

/// The history in a schema; `None` where there is none.
pub(super) async fn of_schema(session: &Session, schema: &SchemaName) -> Result<Option<History>, db::Error> {
    let look = format!("SELECT {}", History::is_there(schema.quoted()));
    if !db::is_so(&session.text_query(&look).await?, 0) {
        return Ok(None);
    }
    let answers = session.text_query(&History::question(schema.quoted())).await?;
    Ok(answers.first().map(History::from_answer))
}

/// The version that the history in a schema tells.
pub(super) async fn version(session: &Session, schema: &SchemaName) -> Result<Option<i64>, db::Error> {
    let question = format!("SELECT max(version) FROM {}.{HISTORY_TABLE}", schema.quoted());
    let answers = session.text_query(&question).await?;
    Ok(db::told(&answers, 0).and_then(|version| version.parse().ok()))
}

/// The histories of the registry and of the template; `None` where the template keeps none.
pub(super) async fn of_registry_and_template(
    session: &Session,
    template: &SchemaName,
) -> Result<(History, Option<History>), RegistryError> {
    let public = QuotedIdent::new("public");
    let found = session
        .text_query(&format!(
            "SELECT to_regclass('public.tenants') IS NOT NULL AND {}, {}",
            History::is_there(public),
            History::is_there(template.quoted())
        ))
        .await?;
    if !db::is_so(&found, 0) {
        return Err(RegistryError::NotInitialised);
    }
    let mut questions = vec![History::question(public)];
    if db::is_so(&found, 1) {
        questions.push(History::question(template.quoted()));
    }
    // Each question ends with a semicolon of its own.
    let answers = session.text_query(&questions.join("\n")).await?;
    let mut answers = answers.iter().map(History::from_answer);
    Ok((answers.next().unwrap_or_default(), answers.next()))
}

/// The history of every tenant whose schema is there.
pub(super) async fn of_tenants(
    session: &Session,
    tenants: &[&Tenant],
) -> Result<HashMap<SchemaName, Found>, db::Error> {
    let mut attempt = 1;
    loop {
        let read = read_once(session, tenants).await;
        match read {
            // A schema was dropped between the list and the reading.
            Err(error) if error.is_internal() && attempt < ATTEMPTS => attempt += 1,
            read => return read,
        }
    }
}

async fn read_once(session: &Session, tenants: &[&Tenant]) -> Result<HashMap<SchemaName, Found>, db::Error> {
    // By the index over names: the catalog itself grows with every tenant.
    const SCHEMAS: &str = "SELECT n.nspname::text, c.oid IS NOT NULL FROM pg_namespace n \
                           LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $1 AND c.relkind IN ('r', 'p')";
    let rows = session.query(SCHEMAS, &[(&HISTORY_TABLE, Type::NAME)]).await?;
    let there: HashMap<String, bool> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut found = HashMap::new();
    let mut with_history = Vec::new();
    for tenant in tenants {
        match there.get(tenant.schema.as_str()) {
            Some(true) => with_history.push(&tenant.schema),
            Some(false) => {
                found.insert(tenant.schema.clone(), Found::NoHistory);
            }
            None => {}
        }
    }
    for group in with_history.chunks(GROUP) {
        let arm = |(number, schema): (usize, &&SchemaName)| {
            format!(
                "SELECT {number}, version::int8, name::text, checksum::text FROM {}.{HISTORY_TABLE}",
                schema.quoted()
            )
        };
        let arms: Vec<String> = group.iter().enumerate().map(arm).collect();
        let rows = session.query(&arms.join(" UNION ALL "), &[]).await?;
        let mut histories: Vec<Vec<(i64, String, String)>> = vec![Vec::new(); group.len()];
        for row in &rows {
            let number: i32 = row.get(0);
            if let Some(history) = usize::try_from(number).ok().and_then(|at| histories.get_mut(at)) {
                let text = |column| row.get::<_, Option<String>>(column).unwrap_or_default();
                history.push((row.get(1), text(2), text(3)));
            }
        }
        for (schema, rows) in group.iter().zip(histories) {
            found.insert((*schema).clone(), Found::History(History::from_rows(rows)));
        }
    }
    Ok(found)
}
