//! How a schema is made within a transaction, and why it was not.

use crate::blueprint::{MEANING, Statement};
use crate::db::{self, OWN_ZONE, SchemaName, Session, Transaction};
use crate::tenant::NewTenant;
use crate::tenant::registry::{RegistryError, Rivals};

/// Why a schema was not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error("schema `{0}` already exists, and no tenant is registered for it")]
    Exists(SchemaName),
    #[error("creating {}schema `{schema}`", object.as_ref().map(|object| format!("{object} in ")).unwrap_or_default())]
    Failed {
        schema: SchemaName,
        /// What could not be made, where that is known: `index users_email`.
        object: Option<String>,
        source: db::Error,
    },
}

impl MakeError {
    pub(super) fn new(schema: &SchemaName, object: Option<String>, source: db::Error) -> Self {
        match source.sqlstate() {
            Some("42P06") => Self::Exists(schema.clone()),
            _ => Self::Failed {
                schema: schema.clone(),
                object,
                source,
            },
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(schema) => Some(format!(
                "look whose it is: it may be all that is left of a tenant; choose another slug, or keep it with \
                 `pg_dump -n` and only then remove it by hand: DROP SCHEMA {} CASCADE",
                schema.quoted()
            )),
            Self::Failed {
                source, object: None, ..
            } if source.sqlstate() == Some("42501") => {
                Some("grant the connecting role CREATE on this database".to_owned())
            }
            Self::Failed { source, .. } if source.sqlstate() == Some("42501") => Some(
                "PostgreSQL has some kinds of objects made by superusers only, and refuses what refers to things that \
                 the connecting role has no right to; connect as a role that may"
                    .to_owned(),
            ),
            Self::Failed { .. } => None,
        }
    }
}

/// What would keep a tenant from being made, by what is there already.
pub(super) fn obstacle<E>(rivals: Rivals, new: &NewTenant) -> Option<E>
where
    E: From<RegistryError> + From<MakeError>,
{
    match rivals.problem(new) {
        Some(problem) => Some(problem.into()),
        None => rivals
            .has_schema
            .then(|| MakeError::Exists(new.schema.clone()).into()),
    }
}

/// Makes a schema up to its rows within the caller's transaction, in one message. What fails is looked for again, one by
/// one.
pub(super) async fn make(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    statements: &[Statement],
) -> Result<(), MakeError> {
    let written = || {
        statements
            .iter()
            .map(|statement| (statement.what.clone(), statement.sql(schema)))
    };
    let failed = |object, source| MakeError::new(schema, object, source);
    let sent = |source| failed(None, source);
    let texts: Vec<String> = written().map(|(_, statement)| statement).collect();
    transaction.script("SAVEPOINT unmade").await.map_err(sent)?;
    let made = transaction
        .script(&format!("{}{}", opening(schema), texts.join(";\n")))
        .await;
    let Err(source) = made else { return Ok(()) };
    let mut object = None;
    if source.lies_in_the_statement() {
        transaction.script("ROLLBACK TO unmade").await.map_err(sent)?;
        object = first_failing(transaction, schema, written()).await.ok().flatten();
    }
    Err(failed(object, source))
}

/// Makes the schema statement by statement within the caller's transaction, up to the one that fails. What it answers
/// is what that would have made.
pub(super) async fn first_failing(
    session: &Session,
    schema: &SchemaName,
    statements: impl Iterator<Item = (String, String)>,
) -> Result<Option<String>, db::Error> {
    session.script(&opening(schema)).await?;
    for (what, statement) in statements {
        if session.script(&statement).await.is_err() {
            return Ok(Some(what));
        }
    }
    Ok(None)
}

/// Makes the schema and sets what would else change the meaning of what follows.
pub(super) fn opening(schema: &SchemaName) -> String {
    format!(
        "CREATE SCHEMA {name};\n\
         SET LOCAL search_path = {name}, pg_catalog;\n\
         SET LOCAL client_min_messages = warning;\n\
         SET LOCAL row_security = off;\n\
         {OWN_ZONE};\n\
         {MEANING}",
        name = schema.quoted()
    )
}
