//! Reading a schema's definition: a fixed number of queries, sent one behind the other without waiting for answers.

use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::{join, try_join_all};

use super::Blueprint;
use super::catalog::{
    ALIASES, DEPENDENCIES, FAMILIES, INVENTORY, LIMITS, MEMBERS, OF_ONE_SCHEMA, ROWS, SETTINGS, SOURCES,
    Source, extras, resets,
};
use super::inventory::Inventory;
use super::late::late;
use super::macros::{Names, Writer};
use super::object::Address;
use super::order::{Catalogs, Dependency};
use super::rows::{Contents, Table};
use super::stamp;
use super::text::OwnName;
use crate::db::{
    self, Db, QuotedText, Row, SchemaMissing, SchemaName, Session, SessionError, Transaction, told,
};

/// Why a schema's definition could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{0}")]
    Missing(#[from] SchemaMissing),
    #[error("schema `{0}` was changed while it was being read")]
    Changing(SchemaName),
    #[error("the catalogs answered with something unexpected: {0}")]
    Unexpected(String),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

/// How often a schema that changes meanwhile is read anew.
const ATTEMPTS: usize = 3;

/// How long to wait for a helper: a pooler may have no second connection to the server before we let go of the first.
const PATIENCE: Duration = Duration::from_millis(200);

/// What follows may be about rows by the million, and is planned as ever.
const AFTER_CATALOGS: &str = "SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT; \
                              SET LOCAL timezone TO DEFAULT";

/// The sources of what is named with its schema where that is not in the search path.
const NAMESPACES: [&str; 10] = [
    "types",
    "texts",
    "functions",
    "aggregates",
    "operators",
    "operator_families",
    "operator_classes",
    "sequences",
    "tables",
    "views",
];

/// Reads a schema in a snapshot of its own, which a second session may help with.
///
/// PostgreSQL's deparsers look at the catalogs as they are and not as the snapshot has them. So the schema's stamp is
/// taken before and after: when it is the same, nothing changed in between.
pub async fn read(
    session: &mut Session,
    mut helper: Option<Session>,
    schema: &SchemaName,
) -> Result<Blueprint, ReadError> {
    for _ in 0..ATTEMPTS {
        match read_once(session, helper.take(), schema).await {
            Ok(blueprint) if is_unchanged(session, &blueprint).await? => return Ok(blueprint),
            Ok(_) | Err(ReadError::Changing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ReadError::Changing(schema.clone()))
}

/// Reads a schema in a snapshot, without asking whether the catalogs were still the same at its end.
async fn read_once(
    session: &mut Session,
    helper: Option<Session>,
    schema: &SchemaName,
) -> Result<Blueprint, ReadError> {
    const OPENING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let Some(mut helper) = helper else {
        let (transaction, _) = session.begin(OPENING).await?;
        let result = read_in_tx(&transaction, schema).await;
        return transaction.end(result).await;
    };
    let (transaction, answers) = session
        .begin(&format!("{OPENING}; SELECT pg_export_snapshot()"))
        .await?;
    let snapshot = QuotedText::new(told(&answers, 0).unwrap_or_default());
    let opening = format!("{OPENING}; SET TRANSACTION SNAPSHOT {snapshot}; {SETTINGS} {OF_ONE_SCHEMA}");
    let result = match tokio::time::timeout(PATIENCE, helper.begin(&opening)).await {
        Ok(Ok((helping, _))) => {
            let result = read_by(&[&transaction, &helping], schema).await;
            helping.rollback().await.ok();
            result
        }
        late => {
            tracing::debug!("nobody helps: {late:?}");
            // What it still waits for must not come later, when we need that connection again.
            drop(helper);
            read_by(&[&transaction], schema).await
        }
    };
    transaction.end(result).await
}

/// Whether the schema is still what the blueprint says, seen by a session that is in no transaction.
pub async fn is_unchanged(session: &mut Session, blueprint: &Blueprint) -> Result<bool, db::Error> {
    let (transaction, _) = session
        .begin(&format!("BEGIN READ ONLY; {SETTINGS} {OF_ONE_SCHEMA}"))
        .await?;
    let stamp = stamp_of(&transaction, blueprint.oid).await;
    let stamp = transaction.end(stamp).await?;
    Ok(stamp.is_some_and(|stamp| stamp == blueprint.stamp))
}

async fn stamp_of(transaction: &Transaction<'_>, oid: u32) -> Result<Option<String>, db::Error> {
    let inventory = Inventory::take(transaction, vec![oid]).await?;
    let path = String::new();
    let rows = transaction
        .query(&stamp::query(&inventory), &inventory.params(&path))
        .await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// The stamp of a schema as the caller's transaction sees it; `None` where there is no such schema.
pub async fn stamp_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<Option<String>, db::Error> {
    let opening = format!(
        "{SETTINGS} {OF_ONE_SCHEMA} SELECT oid FROM pg_namespace WHERE nspname = {}",
        QuotedText::new(schema.as_str())
    );
    let answers = transaction.text_query(&opening).await?;
    let Some(oid) = told(&answers, 0).and_then(|oid| oid.parse().ok()) else {
        return Ok(None);
    };
    let stamp = stamp_of(transaction, oid).await?;
    transaction.script(AFTER_CATALOGS).await?;
    Ok(stamp)
}

/// The stamp of a schema as a session sees it that is in no snapshot.
pub async fn stamp_now(db: &Db, schema: &SchemaName) -> Result<Option<String>, SessionError> {
    let mut session = db.direct().await?;
    let (transaction, _) = session.begin("BEGIN READ ONLY").await?;
    let stamp = stamp_in_tx(&transaction, schema).await;
    Ok(transaction.end(stamp).await?)
}

/// Reads a schema within the caller's transaction, whose search path it leaves changed.
pub async fn read_in_tx(transaction: &Transaction<'_>, schema: &SchemaName) -> Result<Blueprint, ReadError> {
    let blueprint = read_by(&[transaction], schema).await?;
    transaction.script(AFTER_CATALOGS).await?;
    Ok(blueprint)
}

/// The tables of a schema that hold rows, without the rest of its definition. Leaves the search path changed.
pub async fn tables_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<Vec<Table>, ReadError> {
    let found = find(transaction, schema).await?;
    let statement = found.writer().expand(ROWS);
    let path = String::new();
    let rows = transaction
        .query(&statement, &found.inventory.params(&path))
        .await?;
    transaction.script(AFTER_CATALOGS).await?;
    Ok(Contents::from_rows(&rows).tables)
}

/// Reads a schema in transactions that see the same: planning the queries is most of the work in a new session, and
/// they take turns at it.
async fn read_by(transactions: &[&Transaction<'_>], schema: &SchemaName) -> Result<Blueprint, ReadError> {
    let transaction = transactions[0];
    let found = find(transaction, schema).await?;
    let writer = found.writer();
    let Found {
        oid,
        ref role,
        ref inventory,
        ..
    } = found;
    let members = if inventory.may_hold("members") {
        transaction
            .query(MEMBERS, &inventory.params(&String::new()))
            .await?
    } else {
        Vec::new()
    };
    let own_name = OwnName::new(schema.as_str(), members.iter().map(|row| row.get(0)).collect());
    let own_first = format!("{}, pg_catalog", schema.quoted());
    let without_own = "pg_catalog".to_owned();
    let mut statements: Vec<String> = vec![stamp::query(inventory)];
    statements.extend([LIMITS, ROWS, ALIASES, DEPENDENCIES].map(|sql| writer.expand(sql)));
    statements.push("SELECT 'pg_rewrite'::regclass::oid, 'pg_type'::regclass::oid".to_owned());
    let has_families = inventory.may_hold("children");
    if has_families {
        statements.push(writer.expand(FAMILIES));
    }
    let sources = inventory.sources();
    let first_of_sources = statements.len();
    statements.extend(sources.iter().map(|source| question(source, &writer)));
    // What extensions keep in the schema has to be named with it; `merged` tells why the other way is needed as well.
    let again = statements[first_of_sources..]
        .iter()
        .filter(|_| own_name.is_shared());
    let asked = statements.iter().chain(again).enumerate();
    let answers = try_join_all(asked.map(async |(number, statement)| {
        let path = match own_name.is_shared() && number < statements.len() {
            true => &without_own,
            false => &own_first,
        };
        let params = inventory.params(path);
        let transaction = transactions[number % transactions.len()];
        let (reset, rows) = join(
            transaction.script("SET LOCAL search_path = pg_catalog"),
            transaction.query(statement, &params),
        )
        .await;
        reset.and(rows)
    }))
    .await
    .map_err(|error| {
        // A deparser was sent after something that is no longer there.
        if error.is_internal() {
            tracing::debug!("{error}");
            ReadError::Changing(schema.clone())
        } else {
            error.into()
        }
    })?;
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_default();

    let stamp = next().first().map_or_else(String::new, |row| row.get(0));
    let limits = next();
    let contents = Contents::from_rows(&next());
    let aliases = next().iter().map(dependency).collect();
    let dependencies: Vec<Dependency> = next().iter().map(dependency).collect();
    let catalogs = next()
        .first()
        .map_or(Catalogs { rules: 0, types: 0 }, |row| Catalogs {
            rules: row.get(0),
            types: row.get(1),
        });
    let (late, misplaced) = if has_families {
        late(&next())
    } else {
        Default::default()
    };
    let (refused, notes) = in_words(&limits);
    let may_be_kept = !own_name.is_shared() && misplaced.is_empty() && inventory.holds_all_of(&dependencies);
    let mut blueprint = Blueprint {
        schema: schema.clone(),
        own_name,
        oid,
        role: role.clone(),
        objects: Vec::new(),
        contents,
        aliases,
        dependencies,
        catalogs,
        late,
        refused,
        notes,
        resets: Vec::new(),
        rewritten: Vec::new(),
        unclear: Vec::new(),
        stamp,
        may_be_kept,
    };
    blueprint.notes.extend(
        misplaced
            .iter()
            .map(|table| format!("the columns that table {table} inherits come before its own in the copy")),
    );
    let answers: Vec<Vec<Row>> = answers.collect();
    let (found, relative) = answers.split_at(sources.len());
    let rows = || sources.iter().zip(found);
    let named = rows().filter(|(source, _)| NAMESPACES.contains(&source.name));
    let named = named.flat_map(|(source, rows)| {
        let is_relation = matches!(source.name, "tables" | "views" | "sequences");
        rows.iter().map(move |row| (row.get("name"), is_relation))
    });
    for mistaken in blueprint.own_name.learn(named) {
        let words = format!("{mistaken} is called like something that an extension keeps in the schema");
        blueprint.refused.push(words);
    }
    for (number, (source, rows)) in rows().enumerate() {
        for (at, row) in rows.iter().enumerate() {
            let relative = relative.get(number).and_then(|rows| rows.get(at));
            blueprint.add(
                row,
                relative.filter(|relative| is_same(row, relative)),
                source.extras,
            )?;
        }
    }
    blueprint
        .objects
        .sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    Ok(blueprint)
}

/// A schema that is there, and what is in it.
struct Found {
    oid: u32,
    /// That of the server, as a number.
    version: i32,
    role: String,
    inventory: Inventory,
}

impl Found {
    fn writer(&self) -> Writer<'_> {
        Writer::new(self.version, Names::Relative, &self.inventory)
    }
}

/// Looks for a schema, with settings for questions to the catalogs.
async fn find(transaction: &Transaction<'_>, schema: &SchemaName) -> Result<Found, ReadError> {
    let opening = format!(
        "{SETTINGS} {OF_ONE_SCHEMA} SELECT oid, current_setting('server_version_num'), quote_ident(current_user) FROM pg_namespace WHERE nspname = {}",
        QuotedText::new(schema.as_str()),
    );
    let answers = transaction.text_query(&opening).await?;
    let (Some(oid), Some(version), Some(role)) = (told(&answers, 0), told(&answers, 1), told(&answers, 2))
    else {
        return Err(SchemaMissing(schema.clone()).into());
    };
    let unexpected = |_| ReadError::Unexpected(format!("{oid}, {version}"));
    let oid = oid.parse().map_err(unexpected)?;
    Ok(Found {
        oid,
        version: version.parse().map_err(unexpected)?,
        role: role.to_owned(),
        inventory: Inventory::take(transaction, vec![oid]).await?,
    })
}

/// What is in a schema that is there, as [`find`] finds it.
pub(super) async fn inventory_of(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<Inventory, ReadError> {
    Ok(find(transaction, schema).await?.inventory)
}

/// Everything that is asked about a schema, on a server of this version.
pub(super) fn questions(version: i32) -> impl Iterator<Item = String> {
    static ANYTHING: LazyLock<Inventory> = LazyLock::new(Inventory::default);
    let writer = Writer::new(version, Names::Relative, &ANYTHING);
    [INVENTORY, MEMBERS, LIMITS, ROWS, ALIASES, DEPENDENCIES, FAMILIES]
        .into_iter()
        .map(move |sql| writer.expand(sql))
        .chain(SOURCES.iter().map(move |source| question(source, &writer)))
}

/// What the query for limits has answered: what cannot be copied, and what does not follow.
pub(super) fn in_words(limits: &[Row]) -> (Vec<String>, Vec<String>) {
    let (refused, noted): (Vec<&Row>, Vec<&Row>) = limits.iter().partition(|row| row.get(0));
    let words = |rows: Vec<&Row>| rows.into_iter().map(|row| row.get(1)).collect();
    (words(refused), words(noted))
}

/// The query of a source with what else is said of its objects.
///
/// It is parsed with nothing but `pg_catalog` in sight, so that it means what it says whatever the schema calls its own
/// types and functions. Then, before the first row, the schema comes first in the path of those that deparse.
fn question(source: &Source, writer: &Writer<'_>) -> String {
    let (mut columns, join) = extras(source, writer);
    if source.extras.grants() && source.extras.owners() {
        columns.push_str(&format!(", {} AS resets", resets(source, writer)));
    }
    format!(
        "SELECT o.*{columns} FROM (\n{}) o{join}\n WHERE (SELECT set_config('search_path', $5, true)) IS NOT NULL",
        writer.expand(source.sql)
    )
}

/// Whether both rows are about one thing.
fn is_same(one: &Row, other: &Row) -> bool {
    let of = |row: &Row| {
        let oid = |column: &str| row.try_get::<_, Option<u32>>(column).ok().flatten();
        (row.get::<_, String>("kind"), oid("id"), oid("parent_id"))
    };
    of(one) == of(other)
}

fn dependency(row: &Row) -> Dependency {
    // Aliases are about rows as a whole.
    let sub = |at: usize| if at < row.len() { row.get(at) } else { 0 };
    let address = |at: usize| Address {
        class: row.get(at),
        id: row.get(at + 1),
        sub: sub(4 + at / 2),
    };
    (address(0), address(2))
}
