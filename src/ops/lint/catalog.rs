//! The rules there are, and which of them apply.

use std::collections::BTreeMap;

use squawk_linter::Linter;

use super::LintError;
use crate::words::nearest;

pub(super) const NAMES_SCHEMA: &str = "names-schema";
pub(super) const CONCURRENTLY_IN_TRANSACTION: &str = "concurrently-in-transaction";
pub(super) const TRANSACTION_STATEMENT: &str = "transaction-statement";
pub(super) const NOT_REPEATABLE: &str = "no-transaction-not-repeatable";
pub(super) const HEAVY_LOCK: &str = "heavy-lock";
pub(super) const SESSION_SETTING: &str = "session-setting";
pub(super) const COPY_WITH_CLIENT: &str = "copy-with-client";
pub(super) const SYNTAX_ERROR: &str = "syntax-error";
pub(super) const UNKNOWN_COMMENT: &str = "unknown-comment";

/// The rules that are not squawk's.
const OURS: [&str; 9] = [
    NAMES_SCHEMA,
    CONCURRENTLY_IN_TRANSACTION,
    TRANSACTION_STATEMENT,
    NOT_REPEATABLE,
    HEAVY_LOCK,
    SESSION_SETTING,
    COPY_WITH_CLIENT,
    SYNTAX_ERROR,
    UNKNOWN_COMMENT,
];

/// squawk's rules that are off unless they are asked for, and why.
pub(super) const EXCLUDED: [(&str, &str); 8] = [
    // Said by rules of ours, which know how tenantctl runs a file.
    (
        "ban-concurrent-index-creation-in-transaction",
        CONCURRENTLY_IN_TRANSACTION,
    ),
    ("transaction-nesting", TRANSACTION_STATEMENT),
    ("ban-uncommitted-transaction", TRANSACTION_STATEMENT),
    (
        "prefer-robust-stmts",
        "a file runs once a tenant; see no-transaction-not-repeatable",
    ),
    (
        "require-timeout-settings",
        "tenantctl sets lock_timeout for every tenant",
    ),
    // A matter of taste, which blocks nobody.
    ("prefer-bigint-over-int", "taste"),
    ("prefer-bigint-over-smallint", "taste"),
    ("prefer-text-field", "taste"),
];

/// The rules that apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// All rules by name, and whether each is on.
    known: BTreeMap<String, bool>,
}

impl Default for Rules {
    fn default() -> Self {
        let squawks = Linter::with_all_rules().rules;
        let known = squawks
            .iter()
            .map(ToString::to_string)
            .chain(OURS.map(str::to_owned));
        let is_on = |name: &str| EXCLUDED.iter().all(|(excluded, _)| *excluded != name);
        Self {
            known: known.map(|name| (name.clone(), is_on(&name))).collect(),
        }
    }
}

impl Rules {
    /// The default rules without some and with others.
    pub fn choose(exclude: &[String], include: &[String]) -> Result<Self, LintError> {
        let mut rules = Self::default();
        let both = include.iter().find(|name| exclude.contains(name));
        if let Some(name) = both {
            return Err(LintError::InAndOut(name.clone()));
        }
        for (setting, names, is_on) in [("lint.exclude", exclude, false), ("lint.include", include, true)] {
            for name in names {
                match rules.known.get_mut(name) {
                    Some(rule) => *rule = is_on,
                    None => {
                        return Err(LintError::UnknownRule {
                            setting,
                            name: name.clone(),
                            nearest: rules.nearest(name),
                        });
                    }
                }
            }
        }
        Ok(rules)
    }

    /// All rules by name, those that are off among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    pub(super) fn is_on(&self, name: &str) -> bool {
        self.known.get(name).copied().unwrap_or(false)
    }

    pub(super) fn is_known(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The rule that was probably meant.
    pub(super) fn nearest(&self, unknown: &str) -> Option<String> {
        nearest(unknown, &self.names().collect::<Vec<_>>()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_rule_that_is_off_exists() {
        let rules = Rules::default();
        for (name, _) in EXCLUDED {
            assert!(rules.is_known(name) && !rules.is_on(name), "{name}");
        }
        for name in OURS {
            assert!(rules.is_on(name), "{name}");
        }
    }

    #[test]
    fn rules_are_switched_by_name() {
        let rules =
            Rules::choose(&names(&["ban-drop-column"]), &names(&["prefer-text-field"])).expect("known");
        assert!(!rules.is_on("ban-drop-column") && rules.is_on("prefer-text-field"));
    }

    #[test]
    fn an_unknown_rule_names_the_nearest_one() {
        let error = Rules::choose(&names(&["heavy-locks"]), &[]).expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "setting `lint.exclude`: there is no rule `heavy-locks`"
        );
        assert_eq!(error.hint().as_deref(), Some("did you mean `heavy-lock`?"));
        let error = Rules::choose(&names(&["heavy-lock"]), &names(&["heavy-lock"])).expect_err("both");
        assert!(error.to_string().contains("both"), "{error}");
    }
}
