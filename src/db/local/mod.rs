//! A private PostgreSQL server of this user, for trying out, demonstrations and tests.
//!
//! It listens on a socket in a folder that only its owner can enter, and trusts whoever gets there. [`LocalServer`] is
//! the whole of it; a test harness can put a [`Cluster`] together from its parts. Everything here blocks. What is then
//! put into the database, and what is said about it, is up to the callers.

mod binaries;
mod cluster;
mod error;
mod folders;
mod owner;
mod postmaster;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use self::binaries::{Binaries, OLDEST};
pub use self::cluster::Cluster;
pub use self::error::{Finding, LocalError, Looked};
pub use self::folders::Folders;
pub use self::owner::Owner;
pub use self::postmaster::{State, StopMode};

/// The environment, as the caller sees it.
pub type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The one database user, a superuser.
pub const USER: &str = "tenantctl";

/// What may be decided about the private server. By default everything is found out.
#[derive(Debug, Clone, Default)]
pub struct LocalOptions {
    /// The folder that holds all of the server: data, socket and log.
    pub data_dir: Option<PathBuf>,
    /// The folder of PostgreSQL's programs.
    pub bin_dir: Option<PathBuf>,
    /// The system user whom root runs the server as.
    pub user: Option<String>,
}

/// What [`LocalServer::start`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    AlreadyRunning,
    Started { initialised: bool },
}

/// What [`LocalServer::stop`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    Stopped,
    WasNotRunning,
}

/// What is known about the server without asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub state: State,
    /// The major version that made the data.
    pub version: Option<u32>,
    pub data_dir: PathBuf,
    pub socket_dir: PathBuf,
    pub log_file: PathBuf,
}

/// The private server in one folder. PostgreSQL's programs are looked for only when it is started.
#[derive(Debug, Clone)]
pub struct LocalServer {
    folders: Folders,
    bin_dir: Option<PathBuf>,
    user: Option<String>,
    path: Option<String>,
}

impl LocalServer {
    pub fn new(options: LocalOptions, env: &Env<'_>) -> Result<Self, LocalError> {
        let base = options.data_dir.map_or_else(|| Folders::default_base(env), Ok)?;
        let folders = Folders::below(&base)?;
        Ok(Self {
            folders,
            bin_dir: options.bin_dir,
            user: options.user,
            path: env("PATH"),
        })
    }

    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The parts that start the server: those that fit the data when there is some.
    pub fn cluster(&self) -> Result<Cluster, LocalError> {
        let env = |name: &str| self.path.clone().filter(|_| name == "PATH");
        let explicit = self.bin_dir.as_deref();
        let (binaries, owner) = match postmaster::version(&self.folders.data) {
            Some(version) => {
                let owner = if owner::is_root() {
                    Owner::of(&self.folders.data)?
                } else {
                    Owner::pick(self.user.as_deref())?
                };
                (Binaries::find_version(version, explicit, &env)?, owner)
            }
            None => (
                Binaries::find(explicit, &env)?,
                Owner::pick(self.user.as_deref())?,
            ),
        };
        Ok(Cluster::new(binaries, owner, self.folders.clone()))
    }

    /// Starts the server, and makes its data the first time. It accepts connections on return.
    pub fn start(&self) -> Result<Started, LocalError> {
        if cluster::runs(&self.folders)? {
            return Ok(Started::AlreadyRunning);
        }
        self.cluster()?.init_and_start()
    }

    pub fn stop(&self) -> Result<Stopped, LocalError> {
        let stopped = cluster::stop(&self.folders, StopMode::Fast)?;
        Ok(if stopped {
            Stopped::Stopped
        } else {
            Stopped::WasNotRunning
        })
    }

    pub fn status(&self) -> Result<Status, LocalError> {
        let Folders {
            data, socket, log, ..
        } = &self.folders;
        Ok(Status {
            state: postmaster::state(data)?,
            version: postmaster::version(data),
            data_dir: data.clone(),
            socket_dir: socket.clone(),
            log_file: log.clone(),
        })
    }

    /// Where a database of this server is reached, whether it runs or not.
    pub fn url(&self, database: &str) -> String {
        self.folders.url(database)
    }

    /// Stops the server and deletes everything in it.
    pub fn remove(&self) -> Result<(), LocalError> {
        cluster::remove(&self.folders)
    }
}
