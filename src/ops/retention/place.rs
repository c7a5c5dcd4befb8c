//! A tenant as retention works in it: every message is one short transaction that begins by looking whether it may.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::db::{
    self, Commit, Hold, LockName, OpenTenantError, Session, TOLD_VALUES, TOLD_ZONE, TenantOptions,
    TextResult, Transaction,
};
use crate::tenant::Tenant;

/// How long a batch waits for what somebody else holds, which `SKIP LOCKED` could not skip: rows that hang on others.
const PATIENCE: Duration = Duration::from_millis(50);

/// The words by which a statement ends its transaction where rows that it has redacted are due again.
pub(super) const DUE_AGAIN: &str = "tenantctl: due again";

/// Why a message had no effect.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// The tenant is not the one any more that it was.
    #[error("it was dropped meanwhile")]
    Gone,
    #[error("it is under legal hold")]
    Held,
    #[error("another run works on it")]
    Locked,
    #[error("rows would still be due once they are redacted, and change again in every run")]
    DueAgain,
    /// What the policies say changes something where they are only asked.
    #[error("{0}")]
    Writes(db::Error),
    #[error("{0}")]
    Sql(db::Error),
}

impl Halt {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DueAgain => Some(
                "nothing of that batch was changed; give the policy a `where` that leaves out what is redacted, such as \
                 `email NOT LIKE 'gone-%'`, or a `set` that makes no more of it",
            ),
            Self::Writes(_) => {
                Some("leave out of the policies what changes something by itself, such as `nextval`")
            }
            _ => None,
        }
    }

    /// Whether it will fail again unchanged.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::DueAgain | Self::Writes(_))
    }
}

/// An expression that ends the transaction with these words where the condition holds.
pub(super) fn is_not(condition: &str, words: &str) -> String {
    format!("(CASE WHEN {condition} THEN '{words}' END)::int")
}

/// What a message may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Look,
    Change,
}

#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) tenant: &'a Tenant,
    options: TenantOptions,
    /// How long another run may have the tenant to itself.
    patience: Duration,
}

/// Why nothing of the tenant may be deleted: what `legal_hold` in its metadata says, unless that is no.
pub fn legal_hold(metadata: &Value) -> Option<String> {
    match metadata.get("legal_hold")? {
        Value::Null | Value::Bool(false) => None,
        Value::String(words) if words.is_empty() => None,
        Value::String(words) => Some(format!("legal hold: {words}")),
        _ => Some("legal hold".to_owned()),
    }
}

impl<'a> Place<'a> {
    pub(super) fn new(tenant: &'a Tenant, options: &TenantOptions) -> Self {
        let patience = options.lock_timeout;
        let options = TenantOptions {
            lock_timeout: PATIENCE,
            ..options.clone()
        };
        Self {
            tenant,
            options,
            patience,
        }
    }

    /// Settings, the tenant's lock, and an error when the tenant is gone or held.
    fn opening(&self, intent: Intent, commit: Commit) -> String {
        let Tenant { slug, schema, .. } = self.tenant;
        let mut sql = format!(
            "/* tenant {slug} */ {}",
            db::local_settings(schema, &self.options)
        );
        // Rows that a policy hides from this role would stay without a word.
        let _ = write!(sql, "SET LOCAL row_security = off; {TOLD_ZONE}; {TOLD_VALUES}; ");
        if intent == Intent::Look {
            sql.push_str("SET LOCAL transaction_read_only = on; ");
        }
        sql.push_str(commit.setting());
        let _ = writeln!(
            sql,
            "SELECT coalesce((SELECT CASE \
                WHEN coalesce(metadata -> 'legal_hold', 'null') NOT IN ('null', 'false', '\"\"') THEN 'tenantctl: held' \
                WHEN NOT {} THEN 'tenantctl: locked' \
                ELSE '1' END FROM public.tenants WHERE {}), 'tenantctl: gone')::int;",
            LockName::Tenant(schema).tried(Hold::Shared),
            self.tenant.condition_sql(),
        );
        sql
    }

    /// Sends statements as one message, which is one transaction, and returns what each of them answered.
    pub(super) async fn ask(
        &self,
        session: &Session,
        intent: Intent,
        statements: &str,
    ) -> Result<Vec<TextResult>, Halt> {
        // What a crash of the server undoes is done again by the next run.
        let opening = self.opening(intent, Commit::Soon);
        let before = db::statements(&opening).map_or(0, |statements| statements.len());
        let mut answers = session
            .text_query(&format!("{opening}{statements}"))
            .await
            .map_err(|error| match (intent, error.sqlstate()) {
                (Intent::Look, Some("25006")) => Halt::Writes(error),
                _ => halt(error),
            })?;
        Ok(answers.split_off(before.min(answers.len())))
    }

    /// The same with the transaction left open.
    pub(super) async fn begin<'s>(
        &self,
        session: &'s mut Session,
        statements: &str,
    ) -> Result<(Transaction<'s>, Vec<TextResult>), Halt> {
        // Each statement sees what was committed before it.
        let opening = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; {}",
            self.opening(Intent::Change, Commit::Now)
        );
        let before = db::statements(&opening).map_or(0, |statements| statements.len());
        let (transaction, mut answers) = session
            .begin(&format!("{opening}{statements}"))
            .await
            .map_err(halt)?;
        let answers = answers.split_off(before.min(answers.len()));
        Ok((transaction, answers))
    }

    /// Waits before a tenant is tried again that another run has to itself; an error once that was long enough.
    pub(super) async fn wait(&self, session: &Session, waited: &mut Duration) -> Result<(), OpenTenantError> {
        const PAUSE: Duration = Duration::from_millis(100);
        if *waited >= self.patience {
            let lock = LockName::Tenant(&self.tenant.schema);
            return Err(lock.held(session).await?.into());
        }
        *waited += PAUSE;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

/// The guard's words are in what the server says of them.
fn halt(error: db::Error) -> Halt {
    if error.sqlstate() == Some("22P02") {
        let words = error.to_string();
        for (mark, halt) in [
            ("tenantctl: gone", Halt::Gone),
            ("tenantctl: held", Halt::Held),
            ("tenantctl: locked", Halt::Locked),
            (DUE_AGAIN, Halt::DueAgain),
        ] {
            if words.contains(mark) {
                return halt;
            }
        }
    }
    Halt::Sql(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_does_not_say_no_is_a_hold() {
        for metadata in [
            json!({}),
            json!({ "legal_hold": false }),
            json!({ "legal_hold": null }),
        ] {
            assert_eq!(legal_hold(&metadata), None, "{metadata}");
        }
        for metadata in [
            json!({ "legal_hold": true }),
            json!({ "legal_hold": 0 }),
            json!({ "legal_hold": { "until": "2027-01-01" } }),
        ] {
            assert_eq!(legal_hold(&metadata).as_deref(), Some("legal hold"), "{metadata}");
        }
        let named = json!({ "legal_hold": "case 17" });
        assert_eq!(legal_hold(&named).as_deref(), Some("legal hold: case 17"));
    }
}
