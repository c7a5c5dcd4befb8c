//! What a schema's history says, and how far that is.

use refinery_core::Migration;

use super::{HISTORY_TABLE, MigrateError, Migrations, Pending, changed, gone, is_versioned, too_late};
use crate::db::ident::{QuotedText, SchemaName};

/// How far a schema is, as its history tells beside the files. Migrations are named as in `V1__registry`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The last version applied.
    pub version: Option<i64>,
    /// Files that wait to be applied, in order.
    pub pending: Vec<String>,
    /// Applied from a file that has changed since: what was applied, and the file.
    pub diverged: Vec<(String, String)>,
    /// Applied, and the file is gone.
    pub missing: Vec<String>,
    /// Files never applied, and older than what was applied last.
    pub out_of_order: Vec<String>,
}

/// What a schema's history says was applied, in order.
#[derive(Debug, Clone, Default)]
pub struct History(Vec<Migration>);

impl History {
    pub(super) fn new(applied: Vec<Migration>) -> Self {
        Self(applied)
    }

    /// A history from the versions, names and checksums of its rows, in any order.
    pub fn from_rows(rows: impl IntoIterator<Item = (i64, String, String)>) -> Self {
        let row = |(version, name, checksum): (i64, String, String)| {
            let checksum = checksum.parse().ok()?;
            // When it was applied matters to nobody here.
            Some(Migration::applied(
                version,
                name,
                time::OffsetDateTime::UNIX_EPOCH,
                checksum,
            ))
        };
        let mut applied: Vec<Migration> = rows.into_iter().filter_map(row).collect();
        applied.sort();
        Self(applied)
    }

    pub(super) fn migrations(&self) -> &[Migration] {
        &self.0
    }

    /// Whether nothing was applied yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last version applied.
    pub fn version(&self) -> Option<i64> {
        self.0.last().map(Migration::version)
    }

    /// The history as one text; [`History::is_still`] has PostgreSQL make it too.
    pub fn digest(&self) -> String {
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The digest of a history to which these were added. They may be older than what it has.
    pub fn digest_with(digest: &str, added: &[Pending]) -> String {
        let mut lines: Vec<&str> = digest.lines().collect();
        lines.extend(added.iter().map(|pending| pending.line.as_str()));
        lines.sort_by_key(|line| {
            line.split(' ')
                .next()
                .and_then(|version| version.parse::<i64>().ok())
        });
        lines.join("\n")
    }

    /// SQL that says whether the history in a schema has this digest.
    pub fn is_still(schema: &SchemaName, digest: &str) -> String {
        format!(
            "(SELECT coalesce(string_agg(concat_ws(' ', version, name, checksum), E'\\n' ORDER BY version), '') \
             FROM {}.{HISTORY_TABLE}) = {}",
            schema.quoted(),
            QuotedText::new(digest)
        )
    }
}

pub(super) fn line(done: &Migration) -> String {
    format!("{} {} {}", done.version(), done.name(), done.checksum())
}

impl Migrations {
    /// The history of a schema that was brought to this version with these files; `None` where there is no such file.
    pub fn history_at(&self, version: i64) -> Option<History> {
        let applied = self.files.iter().filter(|file| file.version() <= version);
        self.has(version).then(|| History(applied.cloned().collect()))
    }

    /// Compares what was applied, in its order, with the files, by refinery's own rules.
    pub fn standing(&self, history: &History) -> Standing {
        let applied = history.migrations();
        let version = history.version();
        let mut standing = Standing {
            version,
            ..Standing::default()
        };
        for done in applied {
            match self.files.iter().find(|file| file.version() == done.version()) {
                None => standing.missing.push(done.to_string()),
                Some(file) if file != done => standing.diverged.push((done.to_string(), file.to_string())),
                Some(_) => {}
            }
        }
        for file in &self.files {
            if applied.iter().any(|done| done.version() == file.version()) {
                continue;
            }
            let is_older = version.is_some_and(|version| file.version() <= version);
            if is_older && is_versioned(file) {
                standing.out_of_order.push(file.to_string());
            } else {
                standing.pending.push(file.to_string());
            }
        }
        standing
    }
}

impl Standing {
    /// Whether nothing is left to do.
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.check().is_ok()
    }

    /// The same for somebody who wants to go no further than that version.
    #[must_use]
    pub fn up_to(mut self, version: Option<i64>, migrations: &Migrations) -> Self {
        if let Some(version) = version {
            let is_wanted = |file: &&Migration| file.version() <= version;
            let wanted: Vec<String> = migrations
                .files
                .iter()
                .filter(is_wanted)
                .map(ToString::to_string)
                .collect();
            self.pending.retain(|name| wanted.contains(name));
        }
        self
    }

    /// Refuses a history that does not fit the files, in the words of [`super::apply_in_tx`].
    pub fn check(&self) -> Result<(), MigrateError> {
        let problem = match (&self.missing[..], &self.diverged[..], &self.out_of_order[..]) {
            ([migration, ..], _, _) => gone(migration),
            (_, [(applied, file), ..], _) => changed(applied, file),
            (_, _, [file, ..]) => too_late(file),
            _ => return Ok(()),
        };
        Err(MigrateError::History(problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Migrations {
        let file = |name: &&str| Migration::unapplied(name, "SELECT 1").expect("a migration");
        Migrations::sorted(names.iter().map(file).collect(), false)
    }

    fn history(names: &[&str]) -> History {
        History::new(files(names).files)
    }

    #[test]
    fn a_history_that_is_behind_says_what_is_pending() {
        let standing = files(&["V10__c", "V1__a", "V2__b"]).standing(&history(&["V1__a"]));
        assert_eq!(standing.version, Some(1));
        assert_eq!(standing.pending, ["V2__b", "V10__c"]);
        assert!(standing.check().is_ok() && !standing.is_current());
    }

    #[test]
    fn a_history_that_does_not_fit_is_taken_apart() {
        let standing = files(&["V1__a", "V2__b", "V3__c"]).standing(&history(&["V1__x", "V3__c", "V4__d"]));
        assert_eq!(standing.diverged, [("V1__x".to_owned(), "V1__a".to_owned())]);
        assert_eq!(standing.missing, ["V4__d"]);
        assert_eq!(standing.out_of_order, ["V2__b"]);
        assert_eq!(standing.pending, [] as [&str; 0]);
        assert!(standing.check().is_err() && !standing.is_current());
    }
}
