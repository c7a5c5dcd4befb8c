//! The files of a folder of migrations, as files: which there are, and what the next one is called. What is in them is
//! refinery's and the server's business.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::whole_file;

/// The longest name of a migration, which leaves room for version and ending in a file's name.
const MAX_NAME_BYTES: usize = 200;

/// A file named like `V1__name.sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationFile {
    pub version: i64,
    /// The version as it was written, which may begin with zeros.
    digits: String,
    /// As the history has it: `V1__name`.
    pub migration: String,
    pub path: PathBuf,
}

/// How the version of a new file is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// One more than the newest, or the time where that is what the newest is.
    AsBefore,
    Timestamp,
}

/// Why there is no new file.
#[derive(Debug, thiserror::Error)]
pub enum NewFileError {
    #[error("nothing remains of `{0}` for the name of a file")]
    NoName(String),
    #[error("this name is too long for a file: {0} bytes, {MAX_NAME_BYTES} are possible")]
    LongName(usize),
    #[error("folder `{}` cannot be read: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("no version follows {0}")]
    LastVersion(i64),
    #[error("file `{}` cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl NewFileError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoName(_) => Some("say what the migration does, such as `add_orders`"),
            Self::LongName(_) => Some("say it in a few words, and the rest in a comment"),
            Self::Folder { .. } => {
                Some("make the folder, or correct `template.migrations` or `--migrations`")
            }
            Self::LastVersion(_) | Self::Write { .. } => None,
        }
    }
}

/// The migrations in a folder and below it, by version.
pub fn list(folder: &Path) -> io::Result<Vec<MigrationFile>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.extend(MigrationFile::read(path));
            }
        }
    }
    found.sort_by(|one, other| (one.version, &one.path).cmp(&(other.version, &other.path)));
    Ok(found)
}

impl MigrationFile {
    /// Takes a file's name apart by refinery's rule. Other files are none of ours.
    fn read(path: PathBuf) -> Option<Self> {
        let stem = path.file_name()?.to_str()?.strip_suffix(".sql")?;
        let (head, name) = stem.split_once("__")?;
        let (prefix, digits) = head.split_at_checked(1)?;
        let fits = matches!(prefix, "V" | "U")
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !fits || name.is_empty() {
            return None;
        }
        let version = digits.parse().ok()?;
        Some(Self {
            version,
            digits: digits.to_owned(),
            migration: format!("{prefix}{version}__{name}"),
            path,
        })
    }
}

/// Makes the next file of the folder. `text` is given the migration's name.
pub fn create(
    folder: &Path,
    name: &str,
    numbering: Numbering,
    text: impl FnOnce(&str) -> String,
) -> Result<MigrationFile, NewFileError> {
    let stem = file_stem(name)?;
    let unreadable = |source| NewFileError::Folder {
        folder: folder.to_owned(),
        source,
    };
    // Two at once would find the same version free. Some file systems have no locks.
    let alone = fs::File::open(folder).map_err(unreadable)?;
    alone.lock().ok();
    let files = list(folder).map_err(unreadable)?;
    let digits = next_version(&files, numbering, Timestamp::now())?;
    let path = folder.join(format!("V{digits}__{stem}.sql"));
    let version = digits.parse().unwrap_or_default();
    let migration = format!("V{version}__{stem}");
    match whole_file::write(&path, text(&migration).as_bytes()) {
        Ok(()) => Ok(MigrationFile {
            version,
            digits,
            migration,
            path,
        }),
        Err(source) => Err(NewFileError::Write { path, source }),
    }
}

/// The words of a name in lower case, parted by `_`.
fn file_stem(name: &str) -> Result<String, NewFileError> {
    let words = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase);
    let stem = words.collect::<Vec<_>>().join("_");
    match stem.len() {
        0 => Err(NewFileError::NoName(name.to_owned())),
        1..=MAX_NAME_BYTES => Ok(stem),
        long => Err(NewFileError::LongName(long)),
    }
}

/// The version after the newest, with as many digits where the others begin with zeros.
fn next_version(
    files: &[MigrationFile],
    numbering: Numbering,
    now: Timestamp,
) -> Result<String, NewFileError> {
    let newest = files.last();
    let last = newest.map_or(0, |file| file.version);
    let next = last.checked_add(1).ok_or(NewFileError::LastVersion(last))?;
    if numbering == Numbering::Timestamp || newest.is_some_and(|file| is_timestamp(&file.digits)) {
        let time = now.strftime("%Y%m%d%H%M%S").to_string();
        // Two within a second, or a clock that is behind.
        return Ok(time.parse().unwrap_or(next).max(next).to_string());
    }
    let is_padded = files.iter().any(|file| file.digits.starts_with('0'));
    let width = newest.filter(|_| is_padded).map_or(0, |file| file.digits.len());
    Ok(format!("{next:0width$}"))
}

/// Whether a version is a time as in `20261121093000`.
fn is_timestamp(digits: &str) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok());
    digits.len() == 14
        && part(0, 4).is_some_and(|year| (1970..=2999).contains(&year))
        && part(4, 6).is_some_and(|month| (1..=12).contains(&month))
        && part(6, 8).is_some_and(|day| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(files: &[&str], numbering: Numbering) -> String {
        let mut files: Vec<MigrationFile> = files
            .iter()
            .filter_map(|name| MigrationFile::read(PathBuf::from(name)))
            .collect();
        files.sort_by_key(|file| file.version);
        let now = "2026-11-21T09:30:00Z".parse().expect("a time");
        next_version(&files, numbering, now).expect("a version")
    }

    #[test]
    fn the_next_version_looks_like_those_before_it() {
        use Numbering::{AsBefore, Timestamp};
        assert_eq!(next(&[], AsBefore), "1");
        assert_eq!(next(&["V1__a.sql", "V10__b.sql", "V9__c.sql"], AsBefore), "11");
        assert_eq!(next(&["V001__a.sql", "V009__b.sql"], AsBefore), "010");
        assert_eq!(next(&["V099__a.sql", "V999__b.sql"], AsBefore), "1000");
        assert_eq!(next(&["V1__a.sql"], Timestamp), "20261121093000");
        assert_eq!(next(&["V20260101000000__a.sql"], AsBefore), "20261121093000");
        assert_eq!(next(&["V20261121093000__a.sql"], AsBefore), "20261121093001");
        assert_eq!(
            next(&["V1__a.sql", "notes.sql", "V2_b.sql", "Vx__c.sql"], AsBefore),
            "2"
        );
    }

    #[test]
    fn a_name_becomes_the_name_of_a_file() {
        let stem = |name: &str| file_stem(name).map_err(|error| error.to_string());
        assert_eq!(stem("Add orders").as_deref(), Ok("add_orders"));
        assert_eq!(stem("../etc/Größe--2 ").as_deref(), Ok("etc_größe_2"));
        assert_eq!(
            stem(" -- ").expect_err("no name"),
            "nothing remains of ` -- ` for the name of a file"
        );
        assert!(stem(&"x".repeat(201)).is_err());
    }

    #[test]
    fn a_padded_file_has_the_migrations_plain_name() {
        let file = MigrationFile::read(PathBuf::from("sub/V007__add_x.sql")).expect("a migration");
        assert_eq!((file.version, file.migration.as_str()), (7, "V7__add_x"));
    }
}
