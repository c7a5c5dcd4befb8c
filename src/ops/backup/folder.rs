//! A folder of backups: what is in it, and which of it may go.
//!
//! The files are what counts. The index saves reading them: an entry of it holds as long as its file has the size and
//! the time that it had, and what is missing from it is read from the files.

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
use super::pack::{self, ENCRYPTED, EXTENSION, Identities};
use super::{BackupError, Taken};
use crate::ops::whole_file::{self, PARTIAL};
use crate::tenant::Slug;

/// The file with the index.
const INDEX: &str = "index.json";
const INDEX_VERSION: u32 = 1;

/// A backup in a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The file's name.
    pub file: String,
    pub bytes: u64,
    /// When the file was written last, in nanoseconds since 1970.
    modified: u64,
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
    pub server_version: String,
    pub tables: usize,
    /// How many rows there are, where the whole file was written or read.
    pub rows: Option<u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    version: u32,
    backups: Vec<Kept>,
}

/// Which backups of a tenant stay. One that any of the rules keeps stays, and the newest always does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep {
    /// So many of the newest.
    pub newest: Option<u32>,
    /// Those that are no older than so many days.
    pub days: Option<u32>,
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
        let known: HashMap<String, Kept> = self
            .index()
            .backups
            .into_iter()
            .map(|backup| (backup.file.clone(), backup))
            .collect();
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
                _ => {
                    is_stale = true;
                    backups.push(self.read(name, bytes, modified, identities));
                }
            }
        }
        is_stale |= known.len() != backups.len();
        backups.sort_by(|one, other| {
            (&one.slug, one.taken_at, &one.file).cmp(&(&other.slug, other.taken_at, &other.file))
        });
        if is_stale && let Err(error) = self.write_index(&backups) {
            tracing::debug!("the index of the folder is not written: {error}");
        }
        Ok(backups)
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

    fn index(&self) -> Index {
        let text = fs::read(self.0.join(INDEX)).unwrap_or_default();
        let index: Index = serde_json::from_slice(&text).unwrap_or_default();
        match index.version {
            INDEX_VERSION => index,
            _ => Index::default(),
        }
    }

    fn write_index(&self, backups: &[Kept]) -> io::Result<()> {
        let index = Index {
            version: INDEX_VERSION,
            backups: backups.to_vec(),
        };
        whole_file::write(&self.0.join(INDEX), &serde_json::to_vec_pretty(&index)?)
    }

    /// Puts backups that were taken now into the index, with what is known of them.
    pub fn add(&self, taken: &[Taken]) -> Result<(), BackupError> {
        let mut index = self.index();
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
            index.backups.retain(|other| other.file != kept.file);
            index.backups.push(kept);
        }
        self.write_index(&index.backups).map_err(self.failed())?;
        // What others have put there meanwhile, or taken away.
        self.list(&Identities::default()).map(drop)
    }

    /// The newest backup of that slug.
    pub fn latest(&self, slug: &Slug, identities: &Identities) -> Result<Kept, BackupError> {
        let mut of_slug = self.list(identities)?;
        of_slug.retain(|backup| backup.slug == slug.as_str());
        of_slug.pop().ok_or_else(|| BackupError::NoBackup {
            slug: slug.clone(),
            folder: self.0.clone(),
        })
    }

    /// Removes the backups of these tenants that no rule keeps, and says which.
    pub fn prune(&self, tenants: &[Uuid], keep: Keep, now: Timestamp) -> Result<Vec<String>, BackupError> {
        let mut removed = Vec::new();
        let backups = self.list(&Identities::default())?;
        for tenant in tenants {
            // What may be of another tenant of that name is nobody's to remove.
            let of_tenant: Vec<&Kept> = backups
                .iter()
                .filter(|backup| backup.head.as_ref().is_some_and(|head| head.tenant_id == *tenant))
                .collect();
            for backup in keep.superfluous(&of_tenant, now) {
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
        Ok(removed)
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

impl Kept {
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
        Self {
            tenant_id: manifest.tenant.id,
            schema: manifest.schema.clone(),
            schema_version: manifest.tenant.schema_version,
            fingerprint: manifest.fingerprint.clone(),
            database: manifest.database.clone(),
            server_version: manifest.server_version.clone(),
            tables: manifest.definition.tables.len(),
            rows,
        }
    }
}

impl Keep {
    /// Whether there is anything to do.
    pub fn is_everything(self) -> bool {
        self.newest.is_none() && self.days.is_none()
    }

    /// Those of a tenant's backups, the oldest first, that no rule keeps.
    fn superfluous<'a>(self, backups: &[&'a Kept], now: Timestamp) -> Vec<&'a Kept> {
        let many = backups.len();
        let is_young = |backup: &Kept, days: u32| {
            let day = jiff::SignedDuration::from_hours(24);
            backup.taken_at.is_none_or(|taken_at| {
                taken_at.duration_until(now) <= day * i32::try_from(days).unwrap_or(i32::MAX)
            })
        };
        let is_kept = |(at, backup): (usize, &Kept)| {
            let newer = many - 1 - at;
            newer == 0
                || self.newest.is_some_and(|newest| newer < newest as usize)
                || self.days.is_some_and(|days| is_young(backup, days))
        };
        match self.is_everything() {
            true => Vec::new(),
            false => backups
                .iter()
                .enumerate()
                .filter(|(at, backup)| !is_kept((*at, backup)))
                .map(|(_, backup)| *backup)
                .collect(),
        }
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

    fn kept(days_ago: i64) -> Kept {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
        Kept {
            file: format!("{days_ago}"),
            bytes: 0,
            modified: 0,
            slug: "acme".to_owned(),
            taken_at: Some(now - jiff::SignedDuration::from_hours(24 * days_ago)),
            encrypted: false,
            head: None,
            problem: None,
        }
    }

    fn gone(keep: Keep, ages: &[i64]) -> Vec<String> {
        let backups: Vec<Kept> = ages.iter().map(|age| kept(*age)).collect();
        let now = "2026-06-01T00:00:00Z".parse().expect("a time");
        keep.superfluous(&backups.iter().collect::<Vec<_>>(), now)
            .iter()
            .map(|backup| backup.file.clone())
            .collect()
    }

    #[test]
    fn the_newest_stays_whatever_the_rules_say() {
        let nothing = Keep {
            newest: Some(0),
            days: Some(0),
        };
        assert_eq!(gone(nothing, &[900, 800]), ["900"]);
        assert_eq!(gone(nothing, &[]), Vec::<String>::new());
    }

    #[test]
    fn a_backup_that_one_rule_keeps_stays() {
        let ages = [40, 20, 10, 3, 1];
        let newest = |newest| Keep {
            newest: Some(newest),
            days: None,
        };
        assert_eq!(gone(newest(2), &ages), ["40", "20", "10"]);
        let days = Keep {
            newest: None,
            days: Some(10),
        };
        assert_eq!(gone(days, &ages), ["40", "20"]);
        let both = Keep {
            newest: Some(4),
            days: Some(10),
        };
        assert_eq!(gone(both, &ages), ["40"]);
        assert_eq!(gone(Keep::default(), &ages), Vec::<String>::new());
    }

    #[test]
    fn a_name_tells_the_slug_and_the_moment() {
        let (slug, moment) = named("a-b-20260102T030405678Z.sql.zst.age").expect("a name of ours");
        assert_eq!(slug, "a-b");
        assert_eq!(moment, Some("2026-01-02T03:04:05.678Z".parse().expect("a time")));
        assert_eq!(named("notes.sql.zst"), None);
    }
}
