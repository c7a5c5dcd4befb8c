//! What `cleanup` removes: the table `[retention]`, and the policies in it or in a file of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use super::duration::WrittenDuration;
use super::file::explain;

/// The name under which a file of policies is looked for beside the configuration. Any other has to be there.
const FILE_NAME: &str = "retention.toml";

/// The table as it was written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RetentionTable {
    batch_size: Option<u32>,
    max_batch_ms: Option<u32>,
    max_fraction: Option<f64>,
    free_rows: Option<u64>,
    max_replica_lag: Option<WrittenDuration>,
    pub(super) archive_dir: Option<PathBuf>,
    pub(super) file: Option<PathBuf>,
    policy: Vec<WrittenPolicy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PolicyFile {
    policy: Vec<WrittenPolicy>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPolicy {
    name: String,
    table: String,
    column: Option<String>,
    days: Option<i64>,
    #[serde(default)]
    days_by_plan: BTreeMap<String, i64>,
    r#where: Option<String>,
    batch_size: Option<u32>,
    max_fraction: Option<f64>,
    #[serde(default)]
    action: WrittenAction,
    #[serde(default)]
    set: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenAction {
    #[default]
    Delete,
    Archive,
    Redact,
}

/// How old rows go.
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionSettings {
    pub batch_size: u32,
    pub max_batch: Duration,
    /// The largest part of a table that goes without `--yes`.
    pub max_fraction: f64,
    /// So many rows of a table go without it, whatever part they are.
    pub free_rows: u64,
    /// Batches wait while a replica is further behind; zero for never.
    pub max_replica_lag: Duration,
    pub archive_dir: Option<PathBuf>,
    pub policies: Vec<PolicySettings>,
}

/// Which rows of a table go, and after how long.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySettings {
    pub name: String,
    pub table: String,
    pub column: String,
    /// The window that the policy has whatever the command line says.
    pub days: Option<u32>,
    pub days_by_plan: BTreeMap<String, u32>,
    pub condition: Option<String>,
    pub batch_size: Option<u32>,
    pub max_fraction: Option<f64>,
    pub action: PolicyAction,
}

/// What becomes of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyAction {
    Delete,
    /// They go to a file first.
    Archive,
    /// They stay, with these columns set to these expressions.
    Redact(BTreeMap<String, String>),
}

impl PolicyAction {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Archive => "archive",
            Self::Redact(_) => "redact",
        }
    }
}

/// The policies of an application that the program carries.
pub fn policies_of(text: &str) -> Result<Vec<PolicySettings>, ConfigError> {
    resolved(parse(Path::new("the program's own policies"), text)?)
}

/// Policies as they are meant, no two of one name.
fn resolved(written: Vec<WrittenPolicy>) -> Result<Vec<PolicySettings>, ConfigError> {
    let mut policies: Vec<PolicySettings> = Vec::new();
    for policy in written {
        let policy = policy.resolve()?;
        if policies.iter().any(|other| other.name == policy.name) {
            return Err(ConfigError::general(format!(
                "two retention policies are named `{}`",
                policy.name
            )));
        }
        policies.push(policy);
    }
    Ok(policies)
}

impl RetentionTable {
    /// Reads the policies where they are: in the configuration, and in the file beside it.
    pub(super) fn resolve(self, folder: Option<&Path>) -> Result<RetentionSettings, ConfigError> {
        let usual = folder.unwrap_or(Path::new("")).join(FILE_NAME);
        let beside = match &self.file {
            Some(file) => read(file, *file != usual)?,
            None if folder.is_some() => read(&usual, false)?,
            None => None,
        };
        let mut written = self.policy;
        written.extend(beside.unwrap_or_default());
        let policies = resolved(written)?;
        let settings = RetentionSettings {
            batch_size: self.batch_size.unwrap_or(5000),
            max_batch: Duration::from_millis(self.max_batch_ms.unwrap_or(200).into()),
            max_fraction: self.max_fraction.unwrap_or(0.5),
            free_rows: self.free_rows.unwrap_or(1000),
            max_replica_lag: self.max_replica_lag.map_or(Duration::from_secs(30), |lag| lag.0),
            archive_dir: self.archive_dir,
            policies,
        };
        if settings.batch_size == 0 || settings.max_batch.is_zero() {
            return Err(ConfigError::general(
                "settings `retention.batch_size` and `retention.max_batch_ms` must be at least 1",
            ));
        }
        check_fraction("setting `retention.max_fraction`", settings.max_fraction)?;
        let archives = |policy: &&PolicySettings| policy.action == PolicyAction::Archive;
        match settings.policies.iter().find(archives) {
            Some(policy) if settings.archive_dir.is_none() => Err(ConfigError::general(format!(
                "retention policy `{}` archives rows, and `retention.archive_dir` is not set",
                policy.name
            ))),
            _ => Ok(settings),
        }
    }
}

fn check_fraction(what: &str, fraction: f64) -> Result<(), ConfigError> {
    if fraction > 0.0 && fraction <= 1.0 {
        return Ok(());
    }
    Err(ConfigError::general(format!(
        "{what} must be more than 0 and at most 1"
    )))
}

fn read(path: &Path, must_exist: bool) -> Result<Option<Vec<WrittenPolicy>>, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text).map(Some),
        Err(error) if !must_exist && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::in_file(
            path,
            None,
            None,
            format!("cannot be read: {error}"),
        )),
    }
}

fn parse(path: &Path, text: &str) -> Result<Vec<WrittenPolicy>, ConfigError> {
    toml::from_str::<PolicyFile>(text)
        .map(|file| file.policy)
        .map_err(|error| explain(path, text, &error))
}

impl WrittenPolicy {
    fn resolve(self) -> Result<PolicySettings, ConfigError> {
        let name = self.name;
        let wrong = |message: String| ConfigError::general(format!("retention policy `{name}`: {message}"));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(wrong("a name has small letters, digits and `-`".to_owned()));
        }
        let days = |days: i64| {
            u32::try_from(days)
                .ok()
                .filter(|days| (1..=MAX_DAYS).contains(days))
                .ok_or_else(|| wrong(format!("days must be from 1 to {MAX_DAYS}, not {days}")))
        };
        let Some(column) = self.column.filter(|column| !column.is_empty()) else {
            return Err(wrong("it has no `column` to tell how old a row is".to_owned()));
        };
        if self.batch_size == Some(0) {
            return Err(wrong("batch_size must be at least 1".to_owned()));
        }
        if let Some(fraction) = self.max_fraction {
            check_fraction(&format!("retention policy `{name}`: max_fraction"), fraction)?;
        }
        let action = match (self.action, self.set.is_empty()) {
            (WrittenAction::Delete, true) => PolicyAction::Delete,
            (WrittenAction::Archive, true) => PolicyAction::Archive,
            (WrittenAction::Redact, false) => PolicyAction::Redact(self.set),
            (WrittenAction::Redact, true) => {
                return Err(wrong(
                    "`redact` needs `set`, the columns and their values".to_owned(),
                ));
            }
            (_, false) => return Err(wrong("only `redact` has `set`".to_owned())),
        };
        Ok(PolicySettings {
            table: self.table,
            column,
            days: self.days.map(days).transpose()?,
            days_by_plan: self
                .days_by_plan
                .into_iter()
                .map(|(plan, number)| Ok((plan, days(number)?)))
                .collect::<Result<_, ConfigError>>()?,
            condition: self.r#where,
            batch_size: self.batch_size,
            max_fraction: self.max_fraction,
            action,
            name,
        })
    }
}

/// A hundred years: more is a slip of the finger.
pub const MAX_DAYS: u32 = 36_500;

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<RetentionSettings, String> {
        let table: RetentionTable = toml::from_str(text).map_err(|error| error.to_string())?;
        table.resolve(None).map_err(|error| error.to_string())
    }

    #[test]
    fn a_policy_says_what_is_wrong_with_it() {
        for (keys, wrong) in [
            ("", "it has no `column`"),
            ("column = ''", "it has no `column`"),
            ("column = 'c'\ndays = 0", "days must be from 1 to 36500, not 0"),
            ("column = 'c'\ndays = -3", "days must be from 1 to 36500, not -3"),
            ("column = 'c'\ndays_by_plan = { pro = 0 }", "not 0"),
            ("column = 'c'\nbatch_size = 0", "batch_size must be at least 1"),
            ("column = 'c'\naction = 'redact'", "`redact` needs `set`"),
            ("column = 'c'\nset = { a = 'NULL' }", "only `redact` has `set`"),
            (
                "column = 'c'\nmax_fraction = 1.5",
                "max_fraction must be more than 0",
            ),
            (
                "column = 'c'\naction = 'archive'",
                "`retention.archive_dir` is not set",
            ),
        ] {
            let error = resolved(&format!("[[policy]]\nname = 'p'\ntable = 't'\n{keys}")).expect_err(keys);
            assert!(error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn the_policies_of_every_application_can_be_read() {
        for app in crate::tenant::App::ALL {
            let policies = policies_of(app.retention()).expect("valid");
            assert!(!policies.is_empty(), "{}", app.name());
        }
        assert_eq!(resolved("").expect("valid").policies, []);
    }

    #[test]
    fn a_file_of_policies_that_is_named_must_be_there() {
        let folder = Path::new("/nonexistent/tenantctl");
        let resolved = |file: Option<&str>| {
            let table = RetentionTable {
                file: file.map(|file| folder.join(file)),
                ..RetentionTable::default()
            };
            table.resolve(Some(folder)).map_err(|error| error.to_string())
        };
        for usual in [None, Some("retention.toml")] {
            assert_eq!(resolved(usual).expect("optional").policies, []);
        }
        for named in [
            "policies.toml",
            "/nonexistent/x/retention.toml",
            "../retention.toml",
        ] {
            let error = resolved(Some(named)).expect_err(named);
            assert!(error.contains("cannot be read"), "{error}");
        }
    }

    #[test]
    fn two_policies_do_not_share_a_name() {
        let one = "[[policy]]\nname = 'p'\ntable = 't'\ncolumn = 'c'\n";
        let error = resolved(&one.repeat(2)).expect_err("twice");
        assert_eq!(error, "two retention policies are named `p`");
    }
}
