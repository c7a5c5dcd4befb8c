//! Finds the programs of PostgreSQL on this machine. Runs nothing but `--version` and `pg_config --bindir`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::{Finding, Looked};
use super::{Env, LocalError};

/// The oldest major version that will do.
pub const OLDEST: u32 = 14;

/// A folder with `postgres`, `initdb` and `pg_ctl` that really run, and their major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    pub dir: PathBuf,
    pub version: u32,
}

impl Binaries {
    /// The first usable programs: in the explicit folder and nowhere else when there is one, else on PATH, where
    /// `pg_config` says, and in the usual places of the common systems.
    pub fn find(explicit: Option<&Path>, env: &Env<'_>) -> Result<Self, LocalError> {
        search(explicit, env, None)
    }

    /// The same for one major version, because data is only readable by the version that made it.
    pub fn find_version(version: u32, explicit: Option<&Path>, env: &Env<'_>) -> Result<Self, LocalError> {
        search(explicit, env, Some(version))
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

fn search(explicit: Option<&Path>, env: &Env<'_>, wanted: Option<u32>) -> Result<Binaries, LocalError> {
    let path: Vec<PathBuf> = env("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let places: Box<dyn Iterator<Item = PathBuf>> = match explicit {
        Some(dir) => Box::new(std::iter::once(dir.to_owned())),
        None => {
            let said = path.clone();
            Box::new(
                path.into_iter()
                    .filter(|dir| dir.is_absolute())
                    .chain(std::iter::once_with(move || pg_config(&said)).flatten())
                    .chain(std::iter::once_with(usual_places).flatten()),
            )
        }
    };
    let mut looked: Vec<Looked> = Vec::new();
    for dir in places {
        let place = dir.display().to_string();
        if looked.iter().any(|before| before.place == place) {
            continue;
        }
        let finding = match inspect(&dir) {
            Ok(found) if wanted.map_or(found.version >= OLDEST, |version| found.version == version) => {
                return Ok(found);
            }
            Ok(found) => Finding::Version(found.version),
            Err(finding) => finding,
        };
        looked.push(Looked { place, finding });
    }
    Err(LocalError::NoBinaries { wanted, looked })
}

/// What is in a folder, once the links in it are followed: PATH often holds links to some of the programs only.
fn inspect(dir: &Path) -> Result<Binaries, Finding> {
    let postgres = dir.join("postgres");
    if postgres.symlink_metadata().is_err() {
        return Err(Finding::Nothing);
    }
    let postgres = postgres.canonicalize().map_err(|_| Finding::DoesNotRun)?;
    let dir = postgres.parent().ok_or(Finding::Nothing)?;
    for program in ["initdb", "pg_ctl", "postgres"] {
        if !dir.join(program).is_file() {
            return Err(Finding::Lacks(program));
        }
    }
    let output = Command::new(dir.join("postgres"))
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|_| Finding::DoesNotRun)?;
    let version = major_version(&String::from_utf8_lossy(&output.stdout));
    match version {
        Some(version) if output.status.success() => Ok(Binaries {
            dir: dir.to_owned(),
            version,
        }),
        _ => Err(Finding::DoesNotRun),
    }
}

fn pg_config(path: &[PathBuf]) -> Option<PathBuf> {
    let program = path
        .iter()
        .map(|dir| dir.join("pg_config"))
        .find(|program| program.is_file())?;
    let output = Command::new(program)
        .arg("--bindir")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let dir = PathBuf::from(said.trim_end());
    (output.status.success() && dir.is_absolute()).then_some(dir)
}

/// Where the packages of Homebrew and Postgres.app, or of Debian, Red Hat and Alpine put their programs, the newest
/// first.
fn usual_places() -> Vec<PathBuf> {
    let places: &[(&str, &str, &str)] = if cfg!(target_os = "macos") {
        &[
            ("/opt/homebrew/opt", "postgresql@", "bin"),
            ("/usr/local/opt", "postgresql@", "bin"),
            ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
        ]
    } else {
        &[
            ("/usr/lib/postgresql", "", "bin"),
            ("/usr", "pgsql-", "bin"),
            ("/usr/libexec", "postgresql", ""),
        ]
    };
    let numbered = places
        .iter()
        .flat_map(|(parent, prefix, below)| versions(parent, prefix, below));
    numbered
        .chain(["/usr/bin", "/usr/local/pgsql/bin"].map(PathBuf::from))
        .collect()
}

/// The folders `parent/<prefix><number>/<below>`, or the pattern itself when there is none, for it was looked for.
fn versions(parent: &str, prefix: &str, below: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name());
    let mut found: Vec<(u32, PathBuf)> = names
        .filter_map(|name| {
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, Path::new(parent).join(&name).join(below)))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    if found.is_empty() {
        return vec![Path::new(parent).join(format!("{prefix}*")).join(below)];
    }
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// The major version out of `postgres (PostgreSQL) 15.4 (Debian 15.4-1)`, also of betas and development versions.
fn major_version(said: &str) -> Option<u32> {
    let (_, number) = said.split_once("(PostgreSQL) ")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

/// How PostgreSQL is installed on the system that an `/etc/os-release` describes; without one on macOS.
pub(super) fn install_command(os_release: &str) -> Option<&'static str> {
    if cfg!(target_os = "macos") {
        return Some("brew install postgresql@17");
    }
    let field = |name: &str| {
        let value = os_release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().trim().trim_matches(['"', '\''])
    };
    let ids = field("ID")
        .split_whitespace()
        .chain(field("ID_LIKE").split_whitespace());
    ids.into_iter().find_map(|id| match id {
        "debian" | "ubuntu" => Some("apt-get install postgresql"),
        "fedora" | "rhel" | "centos" | "rocky" | "almalinux" | "ol" | "amzn" => {
            Some("dnf install postgresql-server")
        }
        "alpine" => Some("apk add postgresql"),
        "arch" | "manjaro" => Some("pacman -S postgresql"),
        "suse" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" | "sles" => {
            Some("zypper install postgresql-server")
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn fake(dir: &Path, said: &str) {
        for program in ["initdb", "pg_ctl", "postgres"] {
            let path = dir.join(program);
            fs::write(&path, format!("#!/bin/sh\necho '{said}'\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn the_major_version_is_read_from_what_every_build_says() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.4 (Debian 15.4-1)"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 18beta2\n"), Some(18));
        assert_eq!(major_version("postgres (PostgreSQL) 17"), Some(17));
        assert_eq!(major_version("psql: not found"), None);
    }

    #[test]
    fn the_install_command_follows_the_system() {
        assert_eq!(
            install_command("NAME=x\nID=debian\n"),
            Some("apt-get install postgresql")
        );
        assert_eq!(
            install_command("ID=mint\nID_LIKE=\"ubuntu debian\"\n"),
            Some("apt-get install postgresql")
        );
        assert_eq!(
            install_command("ID=\"rocky\"\nID_LIKE=\"rhel centos\"\n"),
            Some("dnf install postgresql-server")
        );
        assert_eq!(install_command("ID=alpine\n"), Some("apk add postgresql"));
        assert_eq!(install_command("ID=plan9\n"), None);
    }

    #[test]
    fn an_empty_explicit_folder_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = Binaries::find(Some(dir.path()), &|_| Some(String::new())).unwrap_err();
        assert!(
            error.to_string().contains(dir.path().to_str().unwrap()),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("install"), "{error:?}");
    }

    #[test]
    fn a_link_leads_to_the_folder_that_holds_all_the_programs() {
        let (real, links) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fake(real.path(), "postgres (PostgreSQL) 16.1");
        symlink(real.path().join("postgres"), links.path().join("postgres")).unwrap();
        let found = Binaries::find(None, &|_| links.path().to_str().map(str::to_owned)).unwrap();
        assert_eq!(
            found,
            Binaries {
                dir: real.path().canonicalize().unwrap(),
                version: 16
            }
        );
    }

    #[test]
    fn old_dangling_and_broken_programs_are_passed_over() {
        let dirs: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
        fake(dirs[0].path(), "postgres (PostgreSQL) 13.9");
        symlink("/nonexistent/postgres", dirs[1].path().join("postgres")).unwrap();
        fake(dirs[2].path(), "shim: no version is set");
        fake(dirs[3].path(), "postgres (PostgreSQL) 14.2");
        let path = std::env::join_paths(dirs.iter().map(tempfile::TempDir::path))
            .unwrap()
            .into_string()
            .unwrap();
        assert_eq!(Binaries::find(None, &|_| Some(path.clone())).unwrap().version, 14);

        let error = Binaries::find(Some(dirs[0].path()), &|_| None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("(version 13)"), "{error}");
        let error = Binaries::find_version(15, Some(dirs[3].path()), &|_| None).unwrap_err();
        assert!(error.to_string().contains("no PostgreSQL 15"), "{error}");
    }
}
