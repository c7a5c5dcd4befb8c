//! A folder of backups: what is in it, and which of it may go.
//!
//! The files are what counts. The index saves reading them: an entry of it holds as long as its file has the size and
//! the time that it had, and what is missing from it is read from the files. Several runs may be at one folder: each adds
//! to the index what it has found out, and takes nothing away from what another one knows.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::format::Manifest;
use super::home::Home;
use super::keep::Keep;
use super::pack::{self, ENCRYPTED, EXTENSION, Identities};
use super::{BackupError, Taken};
use crate::ops::whole_file::{self, PARTIAL};
use crate::tenant::Slug;

/// The file with the index.
const INDEX: &str = "index.json";
/// The file that whoever changes the index locks. It stays, so that all of them lock the same one.
const INDEX_LOCK: &str = ".index.json.lock";
const INDEX_VERSION: u32 = 2;

/// A backup in a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The file's name.
    pub file: String,
    pub bytes: u64,
    /// When the file was written last, in nanoseconds since 1970.
    pub(super) modified: u64,
    pub slug: String,
    pub taken_at: Option<Timestamp>,
    pub encrypted: bool,
    /// What the manifest says; `None` where it cannot be read.
    pub head: Option<Head>,
    /// Why it cannot.
    pub problem: Option<String>,
}

/// What the index keeps of a manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub tenant_id: Uuid,
    pub schema: String,
    pub schema_version: Option<i64>,
    pub fingerprint: String,
    pub database: String,
    pub system: Option<String>,
    pub server_version: String,
    pub tables: usize,
    /// The tables whose rows are not in it.
    pub left_out: Vec<String>,
    /// How many rows there are, where the whole file was written or read.
    pub rows: Option<u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    version: u32,
    backups: Vec<Kept>,
}

/// A folder with backups in it.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The path of one of its files.
    pub fn path(&self, backup: &Kept) -> PathBuf {
        self.0.join(&backup.file)
    }

    fn failed(&self) -> impl Fn(io::Error) -> BackupError {
        let folder = self.0.clone();
        move |source| BackupError::Folder {
            folder: folder.clone(),
            source,
        }
    }

    /// Everything in the folder, sorted by slug and time. The index is brought up to date where that is possible.
    pub fn list(&self, identities: &Identities) -> Result<Vec<Kept>, BackupError> {
        let known = self.known();
        let mut is_stale = false;
        let mut backups = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(self.failed())? {
            let entry = entry.map_err(self.failed())?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if !name.ends_with(EXTENSION) && !name.ends_with(ENCRYPTED) {
                continue;
            }
            // It may be gone by now.
            let Ok(metadata) = entry.metadata() else { continue };
            let (bytes, modified) = (metadata.len(), nanoseconds(&metadata));
            match known.get(&name) {
                Some(known)
                    if known.bytes == bytes && known.modified == modified && known.problem.is_none() =>
                {
                    backups.push(known.clone());
                }
                known => {
                    let found = self.read(name, bytes, modified, identities);
                    is_stale |= known != Some(&found);
                    backups.push(found);
                }
            }
        }
        is_stale |= known.len() != backups.len();
        sort(&mut backups);
        if !is_stale {
            return Ok(backups);
        }
        match self.update_index(&backups) {
            Ok(indexed) => Ok(indexed),
            Err(error) => {
                tracing::debug!("the index of the folder is not written: {error}");
                Ok(backups)
            }
        }
    }

    /// What is known of a file that the index does not know.
    fn read(&self, name: String, bytes: u64, modified: u64, identities: &Identities) -> Kept {
        let encrypted = name.ends_with(ENCRYPTED);
        let (slug, moment) = named(&name).unwrap_or_default();
        let mut kept = Kept {
            bytes,
            modified,
            slug,
            taken_at: moment,
            encrypted,
            head: None,
            problem: None,
            file: name,
        };
        match pack::open(&self.0.join(&kept.file), identities) {
            Ok(reader) => kept.take(reader.manifest(), None),
            Err(error) => kept.problem = Some(error.to_string()),
        }
        kept
    }

    /// What the index says, by file.
    fn known(&self) -> HashMap<String, Kept> {
        let backups = self.index().backups.into_iter();
        backups.map(|backup| (backup.file.clone(), backup)).collect()
    }

    fn index(&self) -> Index {
        let text = fs::read(self.0.join(INDEX)).unwrap_or_default();
        let index: Index = serde_json::from_slice(&text).unwrap_or_default();
        match index.version {
            INDEX_VERSION => index,
            _ => Index::default(),
        }
    }

    /// Puts into the index what was found out of these files, unless more is known of them, and takes out what is gone.
    /// Says what is in it now.
    fn update_index(&self, found: &[Kept]) -> io::Result<Vec<Kept>> {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.0.join(INDEX_LOCK))?;
        // Some network file systems have no locks.
        flock(&lock, FlockOperation::LockExclusive).ok();
        let mut known = self.known();
        for found in found {
            match known.get(&found.file) {
                Some(kept) if kept.is_same_file(found) && kept.knowledge() > found.knowledge() => {}
                _ => {
                    known.insert(found.file.clone(), found.clone());
                }
            }
        }
        let mut backups: Vec<Kept> = known.into_values().collect();
        backups.retain(|kept| fs::exists(self.path(kept)).unwrap_or(true));
        sort(&mut backups);
        let index = Index {
            version: INDEX_VERSION,
            backups,
        };
        whole_file::write(&self.0.join(INDEX), &serde_json::to_vec_pretty(&index)?)?;
        Ok(index.backups)
    }

    /// Puts backups that were taken now into the index, with what is known of them.
    pub fn add(&self, taken: &[Taken]) -> Result<(), BackupError> {
        let mut added = Vec::new();
        for taken in taken {
            let Some(name) = taken.file.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let Ok(metadata) = fs::metadata(&taken.file) else {
                continue;
            };
            let mut kept = Kept {
                file: name.to_owned(),
                bytes: metadata.len(),
                modified: nanoseconds(&metadata),
                slug: String::new(),
                taken_at: None,
                encrypted: name.ends_with(ENCRYPTED),
                head: None,
                problem: None,
            };
            kept.take_head(&taken.slug, taken.taken_at, taken.head.clone());
            added.push(kept);
        }
        self.update_index(&added).map_err(self.failed())?;
        // What others have put there meanwhile, or taken away.
        self.list(&Identities::default()).map(drop)
    }

    /// The newest backup of that slug in this database; one without the rows of some tables only where there is no other.
    pub fn latest(&self, slug: &Slug, home: &Home, identities: &Identities) -> Result<Kept, BackupError> {
        let mut of_slug = self.list(identities)?;
        of_slug.retain(|backup| backup.slug == slug.as_str());
        let elsewhere = of_slug.last().and_then(|backup| backup.head.clone());
        of_slug.retain(|backup| backup.head.as_ref().is_none_or(|head| head.is_of(home)));
        let complete = of_slug.iter().rposition(Kept::is_complete);
        let latest = match complete {
            Some(at) => Some(of_slug.swap_remove(at)),
            None => of_slug.pop(),
        };
        latest.ok_or_else(|| match elsewhere {
            Some(head) => BackupError::OfAnotherDatabase {
                slug: slug.clone(),
                folder: self.0.clone(),
                database: head.database,
            },
            None => BackupError::NoBackup {
                slug: slug.clone(),
                folder: self.0.clone(),
            },
        })
    }

    /// Removes the backups of these tenants that no rule keeps. Which those are is in `removed`, whatever happens.
    pub fn prune(
        &self,
        tenants: &[Uuid],
        keep: Keep,
        now: Timestamp,
        removed: &mut Vec<String>,
    ) -> Result<(), BackupError> {
        let backups = self.list(&Identities::default())?;
        for tenant in tenants {
            // What may be of another tenant of that name is nobody's to remove.
            let of_tenant: Vec<&Kept> = backups
                .iter()
                .filter(|backup| backup.head.as_ref().is_some_and(|head| head.tenant_id == *tenant))
                .collect();
            // One without the rows of some tables replaces none that has all of them.
            let (complete, partial): (Vec<&Kept>, Vec<&Kept>) =
                of_tenant.into_iter().partition(|backup| backup.is_complete());
            let superfluous = [complete, partial].map(|backups| keep.superfluous(&backups, now));
            for backup in superfluous.concat() {
                match fs::remove_file(self.path(backup)) {
                    Ok(()) => removed.push(backup.file.clone()),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(self.failed()(error)),
                }
            }
        }
        if !removed.is_empty() {
            self.list(&Identities::default())?;
        }
        Ok(())
    }

    /// Removes what runs that were killed have left. What somebody is at has a lock.
    pub fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_ours = [EXTENSION, ENCRYPTED]
                .iter()
                .any(|end| name.ends_with(&format!("{end}{PARTIAL}")))
                || name.starts_with(&format!(".{INDEX}.")) && name.ends_with(PARTIAL);
            if !is_ours {
                continue;
            }
            let Ok(file) = File::open(&path) else { continue };
            // A file that was just made has no lock yet.
            let is_fresh = file
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|time| time.elapsed().is_ok_and(|age| age.as_secs() < 10));
            if !is_fresh && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                tracing::debug!("`{}` is left of a run that was killed", path.display());
                fs::remove_file(&path).ok();
            }
        }
    }
}

fn sort(backups: &mut [Kept]) {
    backups.sort_by(|one, other| {
        (&one.slug, one.taken_at, &one.file).cmp(&(&other.slug, other.taken_at, &other.file))
    });
}

impl Kept {
    /// Whether the rows of all tables are in it, as far as is known.
    pub(super) fn is_complete(&self) -> bool {
        self.head.as_ref().is_none_or(|head| head.left_out.is_empty())
    }

    fn is_same_file(&self, other: &Self) -> bool {
        self.file == other.file && self.bytes == other.bytes && self.modified == other.modified
    }

    /// How much is known of it: nothing, what the manifest says, and how many rows there are as well.
    fn knowledge(&self) -> u8 {
        match &self.head {
            None => 0,
            Some(Head { rows: None, .. }) => 1,
            Some(Head { rows: Some(_), .. }) => 2,
        }
    }

    fn take(&mut self, manifest: &Manifest, rows: Option<u64>) {
        self.take_head(
            &manifest.tenant.slug,
            manifest.taken_at,
            Head::new(manifest, rows),
        );
    }

    fn take_head(&mut self, slug: &str, taken_at: Timestamp, head: Head) {
        slug.clone_into(&mut self.slug);
        self.taken_at = Some(taken_at);
        self.head = Some(head);
    }
}

impl Head {
    pub(super) fn new(manifest: &Manifest, rows: Option<u64>) -> Self {
        let Home { database, system } = Home::told_by(manifest);
        Self {
            tenant_id: manifest.tenant.id,
            schema: manifest.schema.clone(),
            schema_version: manifest.tenant.schema_version,
            fingerprint: manifest.fingerprint.clone(),
            database,
            system,
            left_out: manifest.definition.left_out.clone(),
            server_version: manifest.server_version.clone(),
            tables: manifest.definition.tables.len(),
            rows,
        }
    }

    fn is_of(&self, home: &Home) -> bool {
        let own = Home {
            database: self.database.clone(),
            system: self.system.clone(),
        };
        own.is(home)
    }
}

fn nanoseconds(metadata: &fs::Metadata) -> u64 {
    let since = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The slug and the moment in a file's name.
fn named(name: &str) -> Option<(String, Option<Timestamp>)> {
    let stem = name.split(EXTENSION).next()?;
    let (slug, moment) = stem.rsplit_once('-')?;
    let digits: String = moment.chars().filter(char::is_ascii_digit).collect();
    let part = |from: usize, to: usize| digits.get(from..to);
    let written = format!(
        "{}-{}-{}T{}:{}:{}.{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?,
        part(14, 17)?
    );
    Some((slug.to_owned(), written.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(folder: &Folder, name: &str, rows: Option<Option<u64>>) -> Kept {
        fs::write(folder.0.join(name), "").expect("written");
        Kept {
            file: name.to_owned(),
            head: rows.map(|rows| Head {
                tenant_id: Uuid::nil(),
                schema: "tenant_acme".to_owned(),
                schema_version: None,
                fingerprint: String::new(),
                database: String::new(),
                system: None,
                left_out: Vec::new(),
                server_version: String::new(),
                tables: 1,
                rows,
            }),
            bytes: 0,
            modified: 0,
            slug: "acme".to_owned(),
            taken_at: None,
            encrypted: false,
            problem: None,
        }
    }

    #[test]
    fn what_one_run_knows_of_a_file_another_does_not_take_from_the_index() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(place.path());
        let known = |name: &str, rows| known(&folder, name, rows);
        let written = known("a", Some(Some(7)));
        folder
            .update_index(std::slice::from_ref(&written))
            .expect("written");
        // Somebody who cannot read it, or has not read all of it, and somebody who has seen another file only.
        for found in [known("a", None), known("a", Some(None)), known("b", Some(None))] {
            let index = folder.update_index(&[found]).expect("written");
            assert_eq!(index[0], written);
        }
        assert_eq!(folder.index().backups.len(), 2);
        // Of a file that has changed nothing old is true.
        let changed = Kept {
            bytes: 1,
            ..known("a", None)
        };
        let index = folder
            .update_index(std::slice::from_ref(&changed))
            .expect("written");
        assert_eq!(index[0], changed);
        fs::remove_file(place.path().join("a")).expect("removed");
        assert_eq!(folder.update_index(&[]).expect("written").len(), 1);
    }

    #[test]
    fn runs_that_add_to_the_index_at_once_lose_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(place.path());
        std::thread::scope(|scope| {
            for number in 0..32 {
                let folder = &folder;
                scope.spawn(move || {
                    let added = known(folder, &number.to_string(), Some(Some(7)));
                    folder.update_index(&[added]).expect("written");
                });
            }
        });
        assert_eq!(folder.index().backups.len(), 32);
    }

    #[test]
    fn a_name_tells_the_slug_and_the_moment() {
        let (slug, moment) = named("a-b-20260102T030405678Z.sql.zst.age").expect("a name of ours");
        assert_eq!(slug, "a-b");
        assert_eq!(moment, Some("2026-01-02T03:04:05.678Z".parse().expect("a time")));
        assert_eq!(named("notes.sql.zst"), None);
    }
}
