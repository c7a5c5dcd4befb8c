//! Where a private server keeps its things, and the socket folder that has to have a short path.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::owner::{Owner, is_root};
use super::{Env, LocalError, USER};

/// The longest path a socket can have: the kernel's field without the closing zero.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// The paths of one private server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    pub base: PathBuf,
    pub data: PathBuf,
    pub socket: PathBuf,
    pub log: PathBuf,
    pub lock: PathBuf,
}

impl Folders {
    /// The layout below a base folder, which need not be there yet.
    pub fn below(base: &Path) -> Result<Self, LocalError> {
        let base = resolved(base)?;
        if base.to_str().is_none() {
            return Err(LocalError::PathNotUtf8(base));
        }
        let data = base.join("data");
        let socket = socket_folder(&base);
        Ok(Self {
            socket,
            log: base.join("server.log"),
            lock: base.join("lock"),
            data,
            base,
        })
    }

    /// Where the demo's backups go.
    pub fn demo_backups(&self) -> PathBuf {
        self.base.join("demo-backups")
    }

    /// The base folder when none is named: of the user, or of the system for root, whose home is closed to others.
    pub fn default_base(env: &Env<'_>) -> Result<PathBuf, LocalError> {
        if is_root() {
            return Ok(PathBuf::from("/var/lib/tenantctl"));
        }
        default_base_of_user(env, cfg!(target_os = "macos")).ok_or(LocalError::NoHome)
    }

    /// The address of a database behind the socket here, as libpq reads it.
    pub fn url(&self, database: &str) -> String {
        let (database, host) = (
            percent_encoded(database.as_bytes()),
            self.socket.as_os_str().as_bytes(),
        );
        format!("postgresql://{USER}@/{database}?host={}", percent_encoded(host))
    }

    /// Makes what has to be there before anything can be locked or put into the base folder.
    pub(super) fn prepare(&self, owner: &Owner) -> Result<(), LocalError> {
        let mode = if is_root() { 0o755 } else { 0o700 };
        let made = DirBuilder::new().recursive(true).mode(mode).create(&self.base);
        made.map_err(LocalError::io("create", &self.base))?;
        owner.check_can_enter(&self.base)
    }

    /// Waits for everyone else who starts, stops or removes this server. Holds until the file is dropped.
    pub(super) fn locked(&self) -> Result<File, LocalError> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&self.lock);
        let file = file.map_err(LocalError::io("open", &self.lock))?;
        file.lock().map_err(LocalError::io("lock", &self.lock))?;
        Ok(file)
    }

    /// Makes the socket folder, and checks that nobody else made it first: the short one is in a public place.
    pub(super) fn prepare_socket(&self, owner: &Owner) -> Result<(), LocalError> {
        match DirBuilder::new().mode(0o700).create(&self.socket) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(LocalError::io("create", &self.socket)(error));
            }
            _ => {}
        }
        let found = fs::symlink_metadata(&self.socket).map_err(LocalError::io("read", &self.socket))?;
        let ours = found.uid() == owner.uid || (is_root() && found.uid() == 0);
        if !found.is_dir() || !ours || found.mode() & 0o077 != 0 {
            return Err(LocalError::UnsafeSocketFolder {
                path: self.socket.clone(),
                user: owner.name.clone(),
            });
        }
        owner.give(&self.socket)
    }

    /// Makes the log file, so that the server, which may not write into the base folder, can append to it.
    pub(super) fn prepare_log(&self, owner: &Owner) -> Result<(), LocalError> {
        let made = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log);
        made.map_err(LocalError::io("create", &self.log))?;
        owner.give(&self.log)
    }
}

fn default_base_of_user(env: &Env<'_>, macos: bool) -> Option<PathBuf> {
    let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if macos {
        return Some(folder("HOME")?.join("Library/Application Support/tenantctl"));
    }
    let share = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?;
    Some(share.join("tenantctl"))
}

/// The absolute path with the links followed in as much of it as exists, the same before and after it is made.
fn resolved(path: &Path) -> Result<PathBuf, LocalError> {
    let path = std::path::absolute(path).map_err(LocalError::io("find", path))?;
    for existing in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (existing.canonicalize(), path.strip_prefix(existing)) {
            // Joining an empty rest would add a slash.
            return Ok(if rest.as_os_str().is_empty() {
                real
            } else {
                real.join(rest)
            });
        }
    }
    Ok(path)
}

/// Beside the data, unless the path is too long for a socket or holds a comma, where clients split a list of hosts.
fn socket_folder(base: &Path) -> PathBuf {
    let beside = base.join("socket");
    let bytes = beside.as_os_str().as_bytes();
    if bytes.len() + 1 + SOCKET_NAME.len() <= LONGEST_SOCKET && !bytes.contains(&b',') {
        return beside;
    }
    PathBuf::from(format!(
        "/tmp/tenantctl-{:016x}",
        fnv(base.join("data").as_os_str().as_bytes())
    ))
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// FNV-1a: unlike the hash of the standard library it stays the same from release to release.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_default_base_is_in_the_users_data_folder() {
        let home = |name: &str| (name == "HOME").then(|| "/home/u".to_owned());
        assert_eq!(
            default_base_of_user(&home, false),
            Some(PathBuf::from("/home/u/.local/share/tenantctl"))
        );
        assert_eq!(
            default_base_of_user(&home, true),
            Some(PathBuf::from("/home/u/Library/Application Support/tenantctl"))
        );
        let xdg = |name: &str| (name == "XDG_DATA_HOME").then(|| "/d".to_owned());
        assert_eq!(
            default_base_of_user(&xdg, false),
            Some(PathBuf::from("/d/tenantctl"))
        );
        assert_eq!(default_base_of_user(&|_| None, false), None);
    }

    #[test]
    fn the_socket_moves_to_a_short_folder_when_it_must() {
        assert_eq!(socket_folder(Path::new("/srv/x")), PathBuf::from("/srv/x/socket"));
        let long = PathBuf::from("/").join("x".repeat(100));
        assert!(socket_folder(&long).starts_with("/tmp"));
        assert!(socket_folder(Path::new("/a,b")).starts_with("/tmp"));
        assert_ne!(socket_folder(&long), socket_folder(&long.join("y")));
    }

    #[test]
    fn the_url_hides_every_special_character() {
        let mut folders = Folders::below(Path::new("/a")).unwrap();
        folders.socket = PathBuf::from("/a b/é&?");
        assert_eq!(
            folders.url("my/db"),
            "postgresql://tenantctl@/my%2Fdb?host=%2Fa%20b%2F%C3%A9%26%3F"
        );
    }

    #[test]
    fn paths_are_the_same_before_and_after_the_folder_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(dir.path(), &link).unwrap();
        let before = Folders::below(&link.join("base")).unwrap();
        fs::create_dir(dir.path().join("base")).unwrap();
        assert_eq!(before, Folders::below(&link.join("base")).unwrap());
        assert_eq!(before.base, dir.path().canonicalize().unwrap().join("base"));
    }

    #[test]
    fn a_socket_folder_that_others_can_enter_or_that_is_a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::pick(None).unwrap();
        let folders = Folders::below(dir.path()).unwrap();
        fs::create_dir(&folders.socket).unwrap();
        fs::set_permissions(&folders.socket, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(
            folders.prepare_socket(&owner),
            Err(LocalError::UnsafeSocketFolder { .. })
        ));
        fs::remove_dir(&folders.socket).unwrap();
        symlink(dir.path(), &folders.socket).unwrap();
        assert!(matches!(
            folders.prepare_socket(&owner),
            Err(LocalError::UnsafeSocketFolder { .. })
        ));
        fs::remove_file(&folders.socket).unwrap();
        folders.prepare_socket(&owner).unwrap();
        folders.prepare_socket(&owner).unwrap();
    }
}
