//! What can go wrong between a private server and the machine it is to run on.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::binaries::{OLDEST, install_command};

/// Why the private server could not be found, made, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("no {} found, looked in {}", Wanted(*.wanted), List(.looked))]
    NoBinaries {
        wanted: Option<u32>,
        looked: Vec<Looked>,
    },
    #[error("PostgreSQL does not run as root, and there is no user {} to run it as", .tried.join(" or "))]
    NoUser { tried: Vec<String> },
    #[error("PostgreSQL does not run as root, and the user {name} is another name for it")]
    UserIsRoot { name: String },
    #[error("only root can run the server as {wanted}, this is {current}")]
    NotRoot { wanted: String, current: String },
    #[error("the user {user}, whom the server runs as, cannot enter {}", .folder.display())]
    CannotEnter { user: String, folder: PathBuf },
    #[error("no folder for the server's data: neither XDG_DATA_HOME nor HOME is set")]
    NoHome,
    #[error("the path {} is not UTF-8", .0.display())]
    PathNotUtf8(PathBuf),
    #[error("{name:?} is not the name of a setting")]
    BadSetting { name: String },
    #[error("the socket folder {} is not a private folder of {user}", .path.display())]
    UnsafeSocketFolder { path: PathBuf, user: String },
    #[error("there is no server in {}", .0.display())]
    Missing(PathBuf),
    #[error("{program} failed: {output}")]
    Failed { program: &'static str, output: String },
    #[error("the server did not start, its log {} ends with:\n{lines}", .log.display())]
    NotStarted { log: PathBuf, lines: String },
    #[error("the server (process {pid}) did not stop within {seconds} seconds")]
    NotStopped { pid: i32, seconds: u64 },
    #[error("the server runs but was not ready within {seconds} seconds")]
    NotReady { seconds: u64 },
    #[error("could not {doing} {}", .path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl LocalError {
    /// What the user can do about it, when there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoBinaries {
                wanted: Some(version),
                ..
            } => Some(format!(
                "the data was made by PostgreSQL {version}: install that version, name its bin folder, or remove the data"
            )),
            Self::NoBinaries { wanted: None, .. } => {
                let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
                Some(match install_command(&os_release) {
                    Some(command) => {
                        format!("install PostgreSQL with `{command}`, or name the folder of its programs")
                    }
                    None => "install PostgreSQL, or name the folder that holds initdb, pg_ctl and postgres"
                        .to_owned(),
                })
            }
            Self::NoUser { .. } | Self::UserIsRoot { .. } => {
                Some("name an unprivileged system user, or run this as one".to_owned())
            }
            Self::NotRoot { .. } => Some("leave the user out, or run this as root".to_owned()),
            Self::CannotEnter { .. } => {
                Some("choose a data folder that every user can enter, such as one below /var/lib".to_owned())
            }
            Self::NoHome => Some("name a data folder".to_owned()),
            Self::UnsafeSocketFolder { path, .. } => Some(format!(
                "remove {}, or choose a data folder with a shorter path",
                path.display()
            )),
            Self::NotStopped { .. } => {
                Some("close the connections that are open, and stop it again".to_owned())
            }
            _ => None,
        }
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// A place where the programs were looked for, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub place: String,
    pub finding: Finding,
}

/// What was found in a place that did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    Nothing,
    Lacks(&'static str),
    DoesNotRun,
    Version(u32),
}

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        match &self.finding {
            Finding::Nothing => Ok(()),
            Finding::Lacks(program) => write!(f, " (without {program})"),
            Finding::DoesNotRun => write!(f, " (does not run)"),
            Finding::Version(version) => write!(f, " (version {version})"),
        }
    }
}

struct Wanted(Option<u32>);

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => write!(f, "PostgreSQL {version}, which the data was made by,"),
            None => write!(f, "PostgreSQL {OLDEST} or newer"),
        }
    }
}

struct List<'a>(&'a [Looked]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, looked) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            looked.fmt(f)?;
        }
        Ok(())
    }
}
