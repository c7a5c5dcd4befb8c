//! The schemas in which migrations are rehearsed: how they are named, known again, and removed.
//!
//! A clone carries the rehearsal's number in its name and in a comment. As long as the rehearsal lives it holds an
//! advisory lock of that number, which ends with its connection however that ends. So whoever comes later removes what
//! a killed rehearsal has left, and nothing else: neither a clone in use nor somebody's schema of a similar name.

use std::time::Duration;

use crate::db::{
    self, Commit, Db, Hold, LockName, MAX_NAME_BYTES, QuotedText, SchemaName, Session, SessionError, Type,
    Undone,
};
use crate::ops::outside::{lock_for_dropping, what_needs_it};
use crate::tenant::Tenant;

/// How the names of clones begin.
const PREFIX: &str = "tenantctl_rehearsal_";
/// How their comments begin.
const MARKER: &str = "tenantctl rehearsal ";

/// The number of a rehearsal.
#[derive(Debug, Clone)]
pub(super) struct Id(String);

/// What became of a schema that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    Removed,
    /// Its rehearsal is under way.
    InUse,
    /// It is not there, or no clone of ours.
    NotOurs,
    /// Something outside depends on it.
    Needed,
}

impl Id {
    pub(super) fn random() -> Self {
        let mut number = uuid::Uuid::new_v4().simple().to_string();
        number.truncate(8);
        Self(number)
    }

    /// The number in a clone's name.
    fn of(schema: &str) -> Option<Self> {
        let (number, _) = schema.strip_prefix(PREFIX)?.split_once('_')?;
        let is_number = number.len() == 8 && number.chars().all(|c| c.is_ascii_hexdigit());
        is_number.then(|| Self(number.to_owned()))
    }

    /// The lock that the rehearsal holds as long as it lives.
    pub(super) fn lock(&self) -> LockName<'_> {
        LockName::Rehearsal(&self.0)
    }

    /// The schema in which a tenant's clone is made.
    pub(super) fn schema(&self, tenant: &Tenant) -> SchemaName {
        let mut name = format!("{PREFIX}{}_{}", self.0, tenant.slug.as_str().replace('-', "_"));
        // Slugs are ASCII, so that no character is cut in two.
        name.truncate(MAX_NAME_BYTES);
        SchemaName::new(name).expect("a short name with our prefix is a name")
    }

    /// The statement that marks a schema as this rehearsal's.
    pub(super) fn mark(&self, schema: &SchemaName, tenant: &Tenant, actor: &str) -> String {
        let comment = format!(
            "{MARKER}{} of {} by {actor}, begun {}. May be dropped at any time.",
            self.0,
            tenant.schema,
            jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ"),
        );
        format!(
            "COMMENT ON SCHEMA {} IS {}",
            schema.quoted(),
            QuotedText::new(&comment)
        )
    }

    /// SQL that says whether the schema bears this rehearsal's mark.
    fn is_marked(&self, schema: &SchemaName) -> String {
        format!(
            "EXISTS (SELECT FROM pg_namespace WHERE nspname = {} \
             AND starts_with(obj_description(oid, 'pg_namespace'), {}))",
            QuotedText::new(schema.as_str()),
            QuotedText::new(&format!("{MARKER}{} ", self.0))
        )
    }
}

/// Who asks for a clone's removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The rehearsal itself.
    Owner,
    Anybody,
}

/// Removes a clone in one message, so that it is done even where nobody waits for the answer.
pub(super) async fn remove(
    db: &Db,
    id: &Id,
    schema: &SchemaName,
    by: By,
    lock_timeout: Duration,
) -> Result<Removal, SessionError> {
    const IN_USE: usize = 1;
    const NOT_OURS: usize = 2;
    const NEEDED: usize = 4;
    let unless = |condition: &str| format!("SELECT 1 / (CASE WHEN {condition} THEN 1 ELSE 0 END)");
    let is_free = match by {
        By::Owner => "true".to_owned(),
        By::Anybody => id.lock().tried(Hold::Alone),
    };
    let parts = [
        format!(
            "SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {}",
            db::optional_limit_in_ms(lock_timeout)
        ),
        unless(&is_free),
        unless(&id.is_marked(schema)),
        lock_for_dropping(schema),
        unless(&format!("NOT EXISTS (\n{})", what_needs_it(schema))),
        format!("DROP SCHEMA {} CASCADE", schema.quoted()),
    ];
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut session = db.direct().await?;
    let (done, ()) = session.in_one_trip(&parts, Commit::Now, async |_| ()).await;
    match done {
        Ok(()) => Ok(Removal::Removed),
        Err(Undone { part, error }) => match (part, error.sqlstate()) {
            (IN_USE, Some("22012")) => Ok(Removal::InUse),
            (NOT_OURS, Some("22012")) => Ok(Removal::NotOurs),
            (NEEDED, Some("22012")) => Ok(Removal::Needed),
            _ => Err(error.into()),
        },
    }
}

/// All clones that are there, with their rehearsals' numbers.
async fn clones(session: &Session) -> Result<Vec<(Id, SchemaName)>, db::Error> {
    const STATEMENT: &str = "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname::text, $1) \
                             AND starts_with(obj_description(oid, 'pg_namespace'), $2) ORDER BY 1";
    let rows = session
        .query(STATEMENT, &[(&PREFIX, Type::TEXT), (&MARKER, Type::TEXT)])
        .await?;
    let clone = |row: &db::Row| {
        let name: String = row.get(0);
        Some((Id::of(&name)?, SchemaName::new(name).ok()?))
    };
    Ok(rows.iter().filter_map(clone).collect())
}

/// The clones whose rehearsal is no longer under way.
pub(in crate::ops) async fn leftovers(session: &Session) -> Result<Vec<SchemaName>, db::Error> {
    let mut left = Vec::new();
    for (id, schema) in clones(session).await? {
        if id.lock().holder(session).await?.is_none() {
            left.push(schema);
        }
    }
    Ok(left)
}

/// Removes what killed rehearsals have left. What cannot be removed now stays for the next who comes along.
pub async fn remove_leftovers(db: &Db, lock_timeout: Duration) -> Result<Vec<SchemaName>, SessionError> {
    let session = db.direct().await?;
    let clones = clones(&session).await?;
    drop(session);
    let mut removed = Vec::new();
    for (id, schema) in clones {
        match remove(db, &id, &schema, By::Anybody, lock_timeout).await {
            Ok(Removal::Removed) => removed.push(schema),
            Ok(Removal::Needed) => tracing::warn!(
                "schema `{schema}` is left of a rehearsal, and stays: something outside depends on it"
            ),
            Ok(Removal::InUse | Removal::NotOurs) => {}
            Err(error) => {
                tracing::warn!("schema `{schema}` is left of a rehearsal and could not be removed: {error}");
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_of_clones_have_a_number() {
        let number = |name: &str| Id::of(name).map(|id| id.0);
        assert_eq!(
            number("tenantctl_rehearsal_0123abcd_acme"),
            Some("0123abcd".to_owned())
        );
        for name in [
            "tenantctl_rehearsal_0123abcd",
            "tenantctl_rehearsal_0123abc_acme",
            "tenantctl_rehearsal_notes_old",
            "tenantctl_rehearsals_0123abcd_acme",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }
}
