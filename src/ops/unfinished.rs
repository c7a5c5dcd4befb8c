//! How far migrations without transaction have come that were interrupted. That belongs to the schema as its history
//! does: a copy goes on where the original would, and a schema that is replaced or dropped leaves nothing of it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::db::migrator::Pending;
use crate::db::{self, SchemaName, Session, Statement, TokenKind, Transaction, Type, tokens, with_constants};
use crate::words::hex;

/// A migration that was begun in a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    pub version: i64,
    /// The statement that was begun last, counted from 1.
    pub statement: i32,
    /// A word for the statements before that one and, behind a space, one for itself. `None` where a program from before
    /// has begun it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<String>,
}

/// Where the statements of a file are to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    first: usize,
    is_begun: bool,
}

impl Beginning {
    /// The statements that are to be run with their numbers, and whether an interrupted run had begun them.
    pub(super) fn of(self, statements: &[Statement]) -> impl Iterator<Item = (usize, &Statement, bool)> {
        let numbered = (1..).zip(statements).skip(self.first - 1);
        numbered.map(move |(number, statement)| (number, statement, self.is_begun && number == self.first))
    }
}

/// Finds out where a file goes on: at the statement that was begun last, or at its first where those before that one were
/// others.
pub(super) fn beginning(
    unfinished: &[Unfinished],
    schema: &SchemaName,
    pending: &Pending,
    statements: &[Statement],
) -> Beginning {
    let begun = unfinished.iter().find(|begun| begun.version == pending.version);
    let beginning = begun.map(|begun| (begun.statement, begun.beginning(statements)));
    match beginning {
        Some((_, Some(beginning))) => return beginning,
        Some((number, None)) => tracing::warn!(
            "schema `{schema}`: {} was interrupted at statement {number} and has other statements now, so all of them \
             are run",
            pending.name
        ),
        None => {}
    }
    Beginning {
        first: 1,
        is_begun: false,
    }
}

impl Unfinished {
    /// Where these statements go on; `None` where others were done.
    fn beginning(&self, statements: &[Statement]) -> Option<Beginning> {
        let first = usize::try_from(self.statement).ok()?;
        if first == 0 || first > statements.len() {
            return None;
        }
        let Some((done, begun)) = self.texts.as_deref().and_then(|texts| texts.split_once(' ')) else {
            return Some(Beginning {
                first,
                is_begun: true,
            });
        };
        let now = texts(&statements[..first]);
        let (done_now, begun_now) = now.split_once(' ')?;
        (done_now == done).then_some(Beginning {
            first,
            // One that was corrected is another one.
            is_begun: begun_now == begun,
        })
    }
}

/// What is kept of statements of which the last is begun: [`Unfinished::texts`].
pub(super) fn texts(statements: &[Statement]) -> String {
    let word = |statements: &[Statement]| {
        let mut hash = Sha256::new();
        for statement in statements {
            hash_statement(statement, &mut hash);
        }
        hex(&hash.finalize()[..16])
    };
    let (done, begun) = statements.split_at(statements.len().saturating_sub(1));
    format!("{} {}", word(done), word(begun))
}

/// Spaces and comments are no part of it.
fn hash_statement(statement: &Statement, hash: &mut Sha256) {
    let cut = tokens(&statement.text).unwrap_or_default();
    for token in cut {
        if !matches!(token.kind, TokenKind::Space | TokenKind::Comment) {
            hash.update(token.text);
            hash.update([0]);
        }
    }
    hash.update([0]);
}

/// Those of a schema as they were at one time.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) migrations: Vec<Unfinished>,
    is_kept: bool,
}

impl Begun {
    /// SQL that says whether they are still the same; `None` where the registry knows of none.
    pub(super) fn are_still(&self, schema: &SchemaName) -> Option<String> {
        let lines = self.migrations.iter().map(|one| {
            let texts = one.texts.as_deref().map(|texts| format!(" {texts}"));
            format!("{} {}{}", one.version, one.statement, texts.unwrap_or_default())
        });
        let lines: Vec<String> = lines.collect();
        self.is_kept.then(|| {
            with_constants(
                "(SELECT coalesce(string_agg(concat_ws(' ', version, statement, to_jsonb(begun) ->> 'texts'), E'\\n' \
                 ORDER BY version), '') FROM public.tenant_unfinished_migrations AS begun WHERE schema_name = $1) = $2",
                &[Some(schema.as_str()), Some(&lines.join("\n"))],
            )
        })
    }
}

/// Those of a schema.
pub(super) async fn of(session: &Session, schema: &SchemaName) -> Result<Vec<Unfinished>, db::Error> {
    Ok(begun(session, schema).await?.migrations)
}

/// Those of a schema that is read afterwards: what was done since is then done once more, and not left out. Whoever
/// cannot do it once more asks in the end whether they are still the same.
pub(super) async fn begun(session: &Session, schema: &SchemaName) -> Result<Begun, db::Error> {
    // A registry from before has no texts.
    const STATEMENT: &str = "SELECT version, statement, to_jsonb(begun) ->> 'texts' \
                             FROM public.tenant_unfinished_migrations AS begun \
                             WHERE schema_name = $1 ORDER BY version";
    if kept(session).await? == Kept::Nothing {
        return Ok(Begun {
            migrations: Vec::new(),
            is_kept: false,
        });
    }
    let rows = session
        .query(STATEMENT, &[(&schema.as_str(), Type::TEXT)])
        .await?;
    let unfinished = rows.iter().map(|row| Unfinished {
        version: row.get(0),
        statement: row.get(1),
        texts: row.get(2),
    });
    Ok(Begun {
        migrations: unfinished.collect(),
        is_kept: true,
    })
}

/// Makes these the schema's, whatever one of its name had before.
pub(super) async fn set_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    unfinished: &[Unfinished],
) -> Result<(), db::Error> {
    match kept(transaction).await? {
        Kept::Nothing => Ok(()),
        Kept::Numbers => {
            let numbers = unfinished.iter().map(|one| Unfinished {
                texts: None,
                ..one.clone()
            });
            let numbers: Vec<Unfinished> = numbers.collect();
            transaction.script(&set_sql(schema, &numbers)).await
        }
        Kept::All => transaction.script(&set_sql(schema, unfinished)).await,
    }
}

fn set_sql(schema: &SchemaName, unfinished: &[Unfinished]) -> String {
    const DELETE: &str = "DELETE FROM public.tenant_unfinished_migrations WHERE schema_name = $1";
    let mut statements = vec![with_constants(DELETE, &[Some(schema.as_str())])];
    statements.extend(unfinished.iter().map(|one| insert_sql(schema, one)));
    statements.join(";\n")
}

fn insert_sql(schema: &SchemaName, unfinished: &Unfinished) -> String {
    const NUMBERS: &str = "INSERT INTO public.tenant_unfinished_migrations (schema_name, version, statement) \
                           VALUES ($1, $2, $3)";
    const ALL: &str = "INSERT INTO public.tenant_unfinished_migrations (schema_name, version, statement, texts) \
                       VALUES ($1, $2, $3, $4)";
    let (version, statement) = (unfinished.version.to_string(), unfinished.statement.to_string());
    let texts = unfinished.texts.as_deref();
    let values = [Some(schema.as_str()), Some(&version), Some(&statement), texts];
    with_constants(if texts.is_some() { ALL } else { NUMBERS }, &values)
}

/// The same as SQL for a message that holds more, for a schema that is made now; empty where there are none.
pub(super) fn begin_sql(schema: &SchemaName, unfinished: &[Unfinished]) -> String {
    match unfinished {
        [] => String::new(),
        some => format!("{};\n", set_sql(schema, some)),
    }
}

/// SQL that forgets a migration of the schema, which is done now.
pub(super) fn forget_sql(schema: &SchemaName, version: i64) -> String {
    const STATEMENT: &str =
        "DELETE FROM public.tenant_unfinished_migrations WHERE schema_name = $1 AND version = $2";
    with_constants(STATEMENT, &[Some(schema.as_str()), Some(&version.to_string())])
}

/// What a registry has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Nothing,
    Numbers,
    All,
}

/// A registry from before has no table for them, or none with texts.
async fn kept(session: &Session) -> Result<Kept, db::Error> {
    const STATEMENT: &str = "SELECT count(*), count(*) FILTER (WHERE attname = 'texts') FROM pg_catalog.pg_attribute \
                             WHERE attrelid = to_regclass('public.tenant_unfinished_migrations') \
                             AND attname IN ('statement', 'texts') AND NOT attisdropped";
    let row = session.query_opt(STATEMENT, &[]).await?;
    let found = row.map_or((0, 0), |row| (row.get::<_, i64>(0), row.get::<_, i64>(1)));
    Ok(match found {
        (0, _) => Kept::Nothing,
        (_, 0) => Kept::Numbers,
        _ => Kept::All,
    })
}
