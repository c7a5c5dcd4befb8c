//! Files that are there as a whole or not at all, whoever reads them and whenever the program is killed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// How the names of files end that are not whole yet.
pub const PARTIAL: &str = ".partial";

/// Writes a file beside its name and renames it once nothing of it can be lost.
pub fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let partial = partial(path);
    let written = File::create_new(&partial).and_then(|mut file| {
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    });
    if written.is_err() {
        // The first error says what happened.
        fs::remove_file(&partial).ok();
    }
    written.and_then(|()| sync_folder(path))
}

/// A name beside this one that nobody else has, and that no collector of such files takes for one of them.
fn partial(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}{PARTIAL}", Uuid::new_v4().simple()))
}

/// Makes the names in a file's folder last.
pub fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.prom");
        write(&path, b"old").expect("written");
        write(&path, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"new");
        assert_eq!(names(folder.path()), ["report.prom"]);
    }

    #[test]
    fn a_file_that_cannot_be_written_stays_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        fs::create_dir(&path).expect("a folder of that name");
        write(&path, b"new").expect_err("a folder is no file");
        assert_eq!(names(folder.path()), ["report"]);
    }
}
