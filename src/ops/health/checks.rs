//! All checks: what they are called, and why anybody should care.

use super::HealthError;
use crate::words::nearest;

/// Something that is looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    /// Why it matters, in one line.
    pub why: &'static str,
}

macro_rules! checks {
    ($($constant:ident $name:literal $why:literal;)*) => {
        $(pub(super) const $constant: Check = Check { name: $name, why: $why };)*

        /// Every check, in the order in which findings of one severity are shown.
        pub const CHECKS: &[Check] = &[$($constant),*];
    };
}

checks! {
    LATENCY "latency" "every statement of every command waits this long";
    SERVER_VERSION "server-version" "bugs and security holes of this version are no longer mended";
    CONNECTIONS "connections" "when none is left, applications are refused";
    CONNECTION_LIMIT "connection-limit" "when it is reached, applications are refused though the server has room";
    IDLE_CONNECTIONS "idle-connections" "each holds memory, and every table that it has seen in its cache";
    POOL "pool" "commands over many tenants wait for connections, or take those of applications";
    LOCKS "locks" "creating, cloning or dropping a tenant fails when the table of locks is full";
    DUMP_LOCKS "dump-locks" "pg_dump locks every table at once, and fails when there is no room";
    AUTOVACUUM "autovacuum" "dead rows stay, tables grow, and transaction ids run out";
    AUTOVACUUM_WORKERS "autovacuum-workers" "tables wait long for their turn, as every worker looks at all of them";
    CATALOG_BLOAT "catalog-bloat" "every plan and every new connection reads the catalogs";
    SCHEMA_MISSING "schema-missing" "every request of these tenants fails";
    SCHEMA_EMPTY "schema-empty" "the tenant is there in name alone: every request for its tables fails";
    SCHEMA_UNREGISTERED "schema-unregistered" "no command reaches it: it is neither migrated nor backed up";
    LEFTOVER "leftover" "what was interrupted takes room in the catalogs until somebody removes it";
    MIGRATION_UNFINISHED "migration-unfinished" "the schema is between two versions, perhaps with an invalid index";
    RUN_UNFINISHED "run-unfinished" "the run was killed: some tenants may not have been reached";
    REGISTRY_BEHIND "registry-behind" "commands of this version expect tables that the registry lacks";
    TEMPLATE_BEHIND "template-behind" "new tenants are made from the old definition";
    VERSION_BEHIND "version-behind" "applications that expect the new schema fail for these tenants";
    VERSION_AHEAD "version-ahead" "these tenants were migrated from files that the template has not seen";
    VERSION_UNKNOWN "version-unknown" "migrate cannot tell what is pending for these tenants";
    DRIFT "drift" "migrations and queries that work for the others may fail for these tenants";
    DRIFT_UNKNOWN "drift-unknown" "since they were migrated nobody has looked whether they are like the template";
    SCHEMA_CHANGED "schema-changed" "somebody has changed the schema past the migrations";
    INDEX_INVALID "index-invalid" "every write keeps it up, and no query uses it";
    INDEX_UNUSED "index-unused" "every write keeps it up for nobody, once per tenant";
    INDEX_DUPLICATE "index-duplicate" "every write keeps up both, and one would do";
    CONSTRAINT_NOT_VALIDATED "constraint-not-validated" "rows from before may break it, and the planner does not trust it";
    NEVER_VACUUMED "never-vacuumed" "queries read rows that index-only scans would spare, and freezing is still to come";
    DEAD_ROWS "dead-rows" "every scan reads them, and the table grows in place of being reused";
    SEQUENCE_EXHAUSTED "sequence-exhausted" "when it has come to its end every insert fails";
    TRANSACTION_IDS "transaction-ids" "the server refuses all writes before they run out";
    MULTIXACTS "multixacts" "the server refuses row locks of several transactions before they run out";
    LONG_TRANSACTION "long-transaction" "VACUUM removes nothing that died since it began, in any tenant";
    IDLE_IN_TRANSACTION "idle-in-transaction" "it holds its locks and its connection while it does nothing";
    PREPARED_TRANSACTION "prepared-transaction" "it holds its locks and keeps VACUUM back, even over restarts";
    BLOCKED "blocked" "who waits holds a connection, and all who come behind wait as well";
    SLOW_STATEMENT "slow-statement" "it takes a connection, and the server's time from all other tenants";
    NOT_CHECKED "not-checked" "nobody knows whether anything is wrong there";
}

/// Which checks are left out.
#[derive(Debug, Clone, Default)]
pub struct Skip(Vec<&'static str>);

impl Skip {
    /// Leaves out the checks of these names.
    pub fn choose<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, HealthError> {
        let find = |name: &str| {
            let known = CHECKS.iter().find(|check| check.name == name);
            known
                .map(|check| check.name)
                .ok_or_else(|| HealthError::UnknownCheck {
                    name: name.to_owned(),
                    nearest: nearest(name, &CHECKS.iter().map(|check| check.name).collect::<Vec<_>>())
                        .map(str::to_owned),
                })
        };
        names.into_iter().map(find).collect::<Result<_, _>>().map(Self)
    }

    /// The names of what is left out.
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }

    pub(super) fn holds(&self, check: &Check) -> bool {
        self.0.contains(&check.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_check_names_the_nearest_one() {
        let error = Skip::choose(["index-unusd"]).expect_err("unknown");
        assert_eq!(error.to_string(), "there is no check `index-unusd`");
        assert_eq!(error.hint().as_deref(), Some("did you mean `index-unused`?"));
        let skip = Skip::choose(["blocked"]).expect("known");
        assert!(skip.holds(&BLOCKED) && !skip.holds(&POOL));
    }

    #[test]
    fn names_occur_once_and_reasons_fit_a_line() {
        for (number, check) in CHECKS.iter().enumerate() {
            assert!(
                CHECKS[number + 1..].iter().all(|other| other.name != check.name),
                "{}",
                check.name
            );
            assert!(check.why.len() <= 90, "{}", check.why);
        }
    }
}
