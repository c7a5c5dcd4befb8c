//! A project to start from: an application's files in a folder, and a configuration that names them.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::tenant::App;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    #[error("{} already there: {}", if .0.len() == 1 { "a file is" } else { "files are" }, listed(.0))]
    Exist(Vec<PathBuf>),
    #[error("`{}` cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl ScaffoldError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Exist(_) => Some("nothing was changed; name another folder, or move them away"),
            Self::Write { .. } => None,
        }
    }
}

fn listed(paths: &[PathBuf]) -> String {
    let shown = paths.iter().map(|path| format!("`{}`", path.display()));
    shown.collect::<Vec<_>>().join(", ")
}

/// The files of a project, by their paths within it.
pub fn files(app: App) -> Vec<(PathBuf, String)> {
    let migrations = app.migrations();
    let migrations = migrations
        .texts()
        .map(|(name, sql)| (Path::new("template").join(format!("{name}.sql")), sql.to_owned()));
    let others = [
        ("tenantctl.toml", configuration(app)),
        ("README.md", readme(app)),
        ("tenants.toml", app.tenants().to_owned()),
        ("seed.sql", app.seed().to_owned()),
        ("retention.toml", app.retention().to_owned()),
    ];
    others
        .into_iter()
        .map(|(name, text)| (PathBuf::from(name), text))
        .chain(migrations)
        .collect()
}

/// Writes the files below `folder`, all of them or none.
pub fn write(folder: &Path, files: &[(PathBuf, String)]) -> Result<(), ScaffoldError> {
    check(folder, files)?;
    let mut made = Made::default();
    for (path, text) in files {
        let path = folder.join(path);
        let result = made.file(&path, text);
        if let Err(source) = result {
            made.undo();
            return Err(match source.kind() {
                io::ErrorKind::AlreadyExists => ScaffoldError::Exist(vec![path]),
                _ => ScaffoldError::Write { path, source },
            });
        }
    }
    Ok(())
}

/// Refuses to touch what is there. Migrations of somebody else's in `template/` would be run with these.
pub fn check(folder: &Path, files: &[(PathBuf, String)]) -> Result<(), ScaffoldError> {
    let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
    let mut there: Vec<PathBuf> = files
        .iter()
        .map(|(path, _)| folder.join(path))
        .filter(is_there)
        .collect();
    let template = folder.join("template");
    if there.is_empty() && fs::read_dir(&template).is_ok_and(|mut entries| entries.next().is_some()) {
        there.push(template);
    }
    match there.is_empty() {
        true => Ok(()),
        false => Err(ScaffoldError::Exist(there)),
    }
}

/// What was made, in its order.
#[derive(Default)]
struct Made {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    fn file(&mut self, path: &Path, text: &str) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            let missing: Vec<PathBuf> = folder
                .ancestors()
                .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
                .map(Path::to_owned)
                .collect();
            for folder in missing.into_iter().rev() {
                fs::create_dir(&folder)?;
                self.folders.push(folder);
            }
        }
        let mut file = File::create_new(path)?;
        self.files.push(path.to_owned());
        file.write_all(text.as_bytes())
    }

    /// Takes everything back, as far as that is possible.
    fn undo(&self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn configuration(app: App) -> String {
    format!(
        r#"# Configuration of tenantctl for the application `{app}`. Relative paths are meant from this file's folder; every key
# there is, with its default, is in tenantctl's `config.example.toml`.

[database]
# Where the database is. DATABASE_URL in the environment wins over it.
#: url = "postgresql://app@localhost/{app}"

[template]
# Migrations of the schema that every tenant gets. Add to them with `tenantctl new NAME`.
migrations = "template"

[seed]
# Demo tenants and their data, for `tenantctl seed`.
tenants = "tenants.toml"
file = "seed.sql"

# What `tenantctl cleanup` removes, and when, is in `retention.toml` beside this file.
"#
    )
}

fn readme(app: App) -> String {
    format!(
        "{}
## This project

It was written by `tenantctl init --scaffold --app {app}`. What is in it is yours to change.

| file | is for |
|---|---|
| `tenantctl.toml` | the configuration; found by itself when tenantctl runs in this folder |
| `template/` | migrations that make the schema of every tenant |
| `tenants.toml`, `seed.sql` | demo tenants and their data |
| `retention.toml` | what `tenantctl cleanup` removes in time |

```sh
export DATABASE_URL=postgresql://localhost/{app}
tenantctl init               # the registry and the template
tenantctl seed               # demo tenants with a month of data
tenantctl list
tenantctl new 'add a table'  # the next migration; then edit it
tenantctl lint
tenantctl migrate --all
```
",
        without_links(app.readme())
    )
}

/// The text without links to files beside which it no longer stands.
fn without_links(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once("](../") {
        let (Some((ahead, label)), Some((_, behind))) = (before.rsplit_once('['), after.split_once(')'))
        else {
            break;
        };
        kept.push_str(ahead);
        kept.push_str(label);
        rest = behind;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_their_labels() {
        assert_eq!(
            without_links("[a](b), [`c`](../../c.md) and [d](../d), [e"),
            "[a](b), `c` and d, [e"
        );
        assert_eq!(without_links("]( [x](../y"), "]( [x](../y");
    }

    #[test]
    fn what_cannot_be_written_whole_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = [
            (PathBuf::from("new/a"), "a".to_owned()),
            (PathBuf::from("new/a/b"), "b".to_owned()),
        ];
        let error = write(folder.path(), &files).expect_err("a file is no folder");
        assert!(
            matches!(error, ScaffoldError::Write { .. } | ScaffoldError::Exist(_)),
            "{error}"
        );
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
    }
}
