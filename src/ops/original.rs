//! What tenants are made from: a schema's definition, read once and ready to be made again under any number of names.
//! What a copy of a tenant needs of that as well stands here too.

use super::making::{first_failing, opening};
use super::migration_histories;
use super::unfinished::{self, Begun};
use crate::blueprint::{
    self, Blueprint, CannotCopy, ReadError, Shape, Statement, Surroundings, Table, UnclearText,
};
use crate::db::migrator::{HISTORY_TABLE, History};
use crate::db::{self, SchemaName, Session, Type};
use crate::tenant::fingerprints;

/// A schema that others are made from.
#[derive(Debug)]
pub struct Original {
    blueprint: Blueprint,
    before_rows: Vec<Statement>,
    rows: Vec<String>,
    after_rows: Vec<Statement>,
    /// What fills the materialized views that the original has filled.
    refreshes: Vec<Statement>,
    /// The version that the schema's own history tells.
    pub version: Option<i64>,
    pub fingerprint: Option<String>,
    /// What the schema's own history said before the rest was read.
    history: Option<History>,
    /// What was interrupted in it before the rest was read.
    begun: Begun,
}

/// Why a schema cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    #[error("the template, schema `{0}`, does not exist")]
    NoTemplate(SchemaName),
    #[error("schema `{schema}` has no table `{table}`, whose rows belong into every tenant")]
    NoReferenceTable { schema: SchemaName, table: String },
    #[error("{0}")]
    CannotCopy(#[from] CannotCopy),
    #[error("reading schema `{schema}`")]
    Read { schema: SchemaName, source: ReadError },
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl OriginalError {
    pub(super) fn reading(schema: &SchemaName, source: ReadError) -> Self {
        let schema = schema.clone();
        Self::Read { schema, source }
    }

    /// Somebody has changed the schema since it was read.
    pub(super) fn changed(schema: &SchemaName) -> Self {
        Self::reading(schema, ReadError::Changing(schema.clone()))
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoTemplate(_) => Some("run `tenantctl init`, or name another schema in `tenants.template`"),
            Self::NoReferenceTable { .. } => Some("correct `template.reference_tables`"),
            Self::CannotCopy(error) => error.hint(),
            Self::Read {
                source: ReadError::Changing(_),
                ..
            } => Some("wait until nobody changes the schema, and try again"),
            Self::Read { .. } | Self::Sql(_) => None,
        }
    }
}

impl Original {
    /// Reads the template. Rows of the history and of `reference_tables` go along with the definition.
    ///
    /// Where it has to be read, a second session helps if there is one.
    pub async fn template(
        session: &mut Session,
        second: impl AsyncFnOnce() -> Option<Session>,
        schema: &SchemaName,
        reference_tables: &[String],
        unclear: UnclearText,
    ) -> Result<Self, OriginalError> {
        let history = migration_histories::of_schema(session, schema).await?;
        let begun = unfinished::begun(session, schema).await?;
        let (blueprint, fingerprint) = match known(session, schema).await? {
            Some((blueprint, fingerprint)) => (blueprint, Some(fingerprint)),
            None => {
                let read = async {
                    let surroundings = blueprint::surroundings(session, schema).await?;
                    let blueprint = blueprint::read(session, second().await, schema).await?;
                    Ok::<_, ReadError>((surroundings, blueprint))
                };
                let (surroundings, blueprint) = read.await.map_err(|source| match source {
                    ReadError::Missing(missing) => OriginalError::NoTemplate(missing.0),
                    source => OriginalError::reading(schema, source),
                })?;
                let fingerprint = fingerprint(session, &blueprint, &surroundings).await?;
                (blueprint, fingerprint)
            }
        };
        let reference_tables = reference_tables_of(&blueprint, reference_tables)?;
        let shape = if reference_tables.is_empty() {
            Shape::Empty
        } else {
            Shape::WithRows
        };
        let script = blueprint.script(shape, unclear)?;
        let rows = blueprint
            .table(HISTORY_TABLE)
            .into_iter()
            .chain(reference_tables)
            .flat_map(|table| [vec![table.copy(schema)], table.continue_sequences(schema)].concat())
            .collect();
        Ok(Self {
            before_rows: script.before_rows,
            rows,
            after_rows: script.after_rows,
            refreshes: script.refreshes,
            version: history.as_ref().and_then(History::version),
            fingerprint,
            history,
            begun,
            blueprint,
        })
    }

    /// Fails where there is no such schema, or it lacks one of these tables.
    pub async fn is_there(
        session: &Session,
        schema: &SchemaName,
        reference_tables: &[String],
    ) -> Result<(), OriginalError> {
        const SCHEMA: &str = "SELECT FROM pg_namespace WHERE nspname = $1";
        const TABLE: &str = "SELECT name FROM unnest($2::text[]) WITH ORDINALITY AS wanted (name, place) \
                             WHERE NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                             WHERE n.nspname = $1 AND c.relkind = 'r' AND name IN (c.relname, quote_ident(c.relname))) \
                             ORDER BY place LIMIT 1";
        let name = schema.as_str();
        if session.query_opt(SCHEMA, &[(&name, Type::TEXT)]).await?.is_none() {
            return Err(OriginalError::NoTemplate(schema.clone()));
        }
        let params: [db::Param<'_>; 2] = [(&name, Type::TEXT), (&reference_tables, Type::TEXT_ARRAY)];
        match session.query_opt(TABLE, &params).await? {
            Some(missing) => Err(OriginalError::NoReferenceTable {
                schema: schema.clone(),
                table: missing.get(0),
            }),
            None => Ok(()),
        }
    }

    /// What the schema's definition says.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// What a person should know who makes copies of it, in words.
    pub fn notes(&self) -> Vec<String> {
        notes(&self.blueprint, "the template", "each tenant")
    }

    /// A statement that fails with a division by zero where the schema was migrated since it was read, or that was begun:
    /// the rows of its history, which are copied, would be others than those of what is made.
    pub fn guard(&self) -> String {
        let schema = self.blueprint.schema();
        let history = self.history.as_ref();
        let conditions: Vec<String> = history
            .map(|history| History::is_still(schema, &history.digest()))
            .into_iter()
            .chain(self.begun.are_still(schema))
            .collect();
        match conditions.as_slice() {
            [] => "SELECT 1".to_owned(),
            some => format!("SELECT 1 / (CASE WHEN {} THEN 1 ELSE 0 END)", some.join(" AND ")),
        }
    }

    /// What the registry has to know of `schema` besides its row, as SQL.
    pub fn unfinished(&self, schema: &SchemaName) -> String {
        unfinished::begin_sql(schema, &self.begun.migrations)
    }

    /// Everything that makes `schema`, as one message. Expects the schema not to be there.
    pub fn sql(&self, schema: &SchemaName) -> String {
        let mut sql = opening(schema);
        let statements = self
            .statements(schema)
            .map(|(_, statement)| statement)
            .collect::<Vec<_>>()
            .join(";\n");
        sql.push_str(&statements);
        sql
    }

    /// The same as single statements, each with what it makes.
    fn statements<'a>(&'a self, schema: &'a SchemaName) -> impl Iterator<Item = (String, String)> + 'a {
        let written = |statement: &Statement| (statement.what.clone(), statement.sql(schema));
        self.before_rows
            .iter()
            .map(written)
            .chain(self.rows.iter().map(|sql| ("rows".to_owned(), sql.clone())))
            .chain(self.after_rows.iter().map(written))
            .chain(self.refreshes.iter().map(written))
    }

    /// Finds out which statement fails, in a transaction that begins with `settings` and is rolled back.
    pub async fn failing_statement(
        &self,
        session: &mut Session,
        settings: &str,
        schema: &SchemaName,
    ) -> Result<Option<String>, db::Error> {
        let (transaction, _) = session.begin(&format!("BEGIN; {settings}")).await?;
        let failing = first_failing(&transaction, schema, self.statements(schema)).await;
        transaction.rollback().await?;
        failing
    }
}

/// What the registry knows of the schema, as long as the schema stays as it is.
async fn known(session: &mut Session, schema: &SchemaName) -> Result<Option<(Blueprint, String)>, db::Error> {
    match fingerprints::definition(session, schema).await? {
        Some((definition, fingerprint)) if blueprint::is_comparable(&fingerprint) => {
            let restored = blueprint::restored(session, &definition).await?;
            Ok(restored.map(|blueprint| (blueprint, fingerprint)))
        }
        _ => Ok(None),
    }
}

/// The fingerprint of a schema that was read. It is taken once for as long as the schema stays as it is.
async fn fingerprint(
    session: &mut Session,
    blueprint: &Blueprint,
    surroundings: &Surroundings,
) -> Result<Option<String>, db::Error> {
    let (schema, stamp) = (blueprint.schema(), blueprint.stamp());
    let known = fingerprints::known(session, schema, stamp).await?;
    let known = known.filter(|known| blueprint::is_comparable(known));
    let kept = blueprint::kept(surroundings, blueprint);
    if known.is_some() && kept.is_none() {
        return Ok(known);
    }
    let fingerprint = match &known {
        Some(known) => Some(known.clone()),
        None => blueprint::fingerprints(session, std::slice::from_ref(schema))
            .await?
            .remove(schema),
    };
    // Somebody may have changed the schema since it was read.
    if let Some(fingerprint) = &fingerprint
        && (known.is_some() || blueprint::is_unchanged(session, blueprint).await?)
        && let Err(error) = fingerprints::remember(session, schema, stamp, fingerprint, kept.as_deref()).await
    {
        tracing::debug!("the registry does not keep the definition: {error}");
    }
    Ok(fingerprint)
}

/// The tables of these names, which must be there.
pub(super) fn reference_tables_of<'a>(
    blueprint: &'a Blueprint,
    names: &[String],
) -> Result<Vec<&'a Table>, OriginalError> {
    names
        .iter()
        .map(|name| {
            blueprint
                .table(name)
                .ok_or_else(|| OriginalError::NoReferenceTable {
                    schema: blueprint.schema().clone(),
                    table: name.clone(),
                })
        })
        .collect()
}

/// What a person should know who makes a copy, in words. `whose` is the original and `copy` what becomes of it.
pub(super) fn notes(blueprint: &Blueprint, whose: &str, copy: &str) -> Vec<String> {
    let mut notes = blueprint.notes().to_vec();
    if !blueprint.rewritten().is_empty() {
        notes.push(format!(
            "{whose}'s own name becomes {copy}'s in {}",
            blueprint.rewritten().join(", ")
        ));
    }
    for place in blueprint.unclear() {
        notes.push(format!("{whose}'s name stays as it is in {place}"));
    }
    notes
}
