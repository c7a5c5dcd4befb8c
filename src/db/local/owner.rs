//! Whom the server runs as. PostgreSQL refuses to run as root, so root hands it to an unprivileged user.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::LocalError;

/// The variables that would change what the server's programs do.
const MEANT_FOR_OTHERS: [&str; 8] = [
    "PGDATA",
    "PGPORT",
    "PGHOST",
    "PGOPTIONS",
    "PGTZ",
    "PGDATESTYLE",
    "PGCLIENTENCODING",
    "PG_COLOR",
];

/// The user whom the server and its files belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl Owner {
    /// As root the configured user, else `postgres`, else `nobody`; everyone else is the owner themselves.
    pub fn pick(configured: Option<&str>) -> Result<Self, LocalError> {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        if !is_root() {
            let current = Self::current(&passwd);
            return match configured {
                Some(wanted) if wanted != current.name => Err(LocalError::NotRoot {
                    wanted: wanted.to_owned(),
                    current: current.name,
                }),
                _ => Ok(current),
            };
        }
        let tried = configured.map_or_else(|| vec!["postgres", "nobody"], |name| vec![name]);
        match tried
            .iter()
            .find_map(|name| by_name(&passwd, name).or_else(|| ask_system(name)))
        {
            Some(owner) if owner.uid == 0 => Err(LocalError::UserIsRoot { name: owner.name }),
            Some(owner) => Ok(owner),
            None => Err(LocalError::NoUser {
                tried: tried.into_iter().map(str::to_owned).collect(),
            }),
        }
    }

    /// The user whom a file belongs to, so that data keeps its owner when another would be picked today.
    pub fn of(path: &Path) -> Result<Self, LocalError> {
        let file = fs::metadata(path).map_err(LocalError::io("read", path))?;
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = by_uid(&passwd, file.uid()).map_or_else(|| file.uid().to_string(), |user| user.name);
        if file.uid() == 0 {
            return Err(LocalError::UserIsRoot { name });
        }
        Ok(Self {
            name,
            uid: file.uid(),
            gid: file.gid(),
        })
    }

    fn current(passwd: &str) -> Self {
        let (uid, gid) = (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        );
        let name = by_uid(passwd, uid).map_or_else(|| uid.to_string(), |user| user.name);
        Self { name, uid, gid }
    }

    /// A command that runs as this user, in a folder that everyone can enter and with messages in English.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
        for name in MEANT_FOR_OTHERS {
            command.env_remove(name);
        }
        if is_root() {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Replaces a file, as this user. Below the data folder everything belongs to them, so root never writes there
    /// itself: a link planted in its way would lead root's hand elsewhere.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), LocalError> {
        self.pour(
            text,
            "umask 077; cat > \"$1.new\" && mv -f \"$1.new\" \"$1\"",
            path,
        )
    }

    /// Adds to a file, as this user.
    pub(super) fn append(&self, path: &Path, text: &str) -> Result<(), LocalError> {
        self.pour(text, "cat >> \"$1\"", path)
    }

    fn pour(&self, text: &str, script: &str, path: &Path) -> Result<(), LocalError> {
        let mut command = self.command("sh");
        command.args(["-c", script, "sh"]).arg(path);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(LocalError::io("write", path))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin
                .write_all(text.as_bytes())
                .map_err(LocalError::io("write", path))?;
        }
        let output = child.wait_with_output().map_err(LocalError::io("write", path))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(LocalError::io("write", path)(std::io::Error::other(said)))
    }

    /// Hands a file or folder, not what is in it, to this user.
    pub fn give(&self, path: &Path) -> Result<(), LocalError> {
        if !is_root() {
            return Ok(());
        }
        // Not through a link: somebody may have put one there.
        lchown(path, Some(self.uid), Some(self.gid)).map_err(LocalError::io("change the owner of", path))
    }

    /// Fails unless this user can enter the folder and all those above it.
    pub(super) fn check_can_enter(&self, folder: &Path) -> Result<(), LocalError> {
        for folder in folder.ancestors() {
            let Ok(found) = fs::metadata(folder) else { continue };
            let needed = match () {
                () if found.uid() == self.uid => 0o100,
                () if found.gid() == self.gid => 0o010,
                () => 0o001,
            };
            // Someone else than root may have been let in by a group or an access list, which is not visible here.
            if is_root() && found.mode() & needed == 0 {
                return Err(LocalError::CannotEnter {
                    user: self.name.clone(),
                    folder: folder.to_owned(),
                });
            }
        }
        Ok(())
    }
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn entries(passwd: &str) -> impl Iterator<Item = Owner> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Owner { name, uid, gid })
    })
}

fn by_name(passwd: &str, name: &str) -> Option<Owner> {
    entries(passwd).find(|user| user.name == name)
}

fn by_uid(passwd: &str, uid: u32) -> Option<Owner> {
    entries(passwd).find(|user| user.uid == uid)
}

/// Users that are not in `/etc/passwd` but in a directory service.
fn ask_system(name: &str) -> Option<Owner> {
    if name.is_empty() || name.starts_with('-') {
        return None;
    }
    let id = |option| {
        let output = Command::new("id")
            .args([option, name])
            .stdin(Stdio::null())
            .output()
            .ok()?;
        String::from_utf8(output.stdout)
            .ok()?
            .trim()
            .parse()
            .ok()
            .filter(|_| output.status.success())
    };
    Some(Owner {
        name: name.to_owned(),
        uid: id("-u")?,
        gid: id("-g")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\nbroken\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/sh\n";

    #[test]
    fn users_are_found_by_name_and_number() {
        let postgres = Owner {
            name: "postgres".to_owned(),
            uid: 101,
            gid: 104,
        };
        assert_eq!(by_name(PASSWD, "postgres"), Some(postgres.clone()));
        assert_eq!(by_uid(PASSWD, 101), Some(postgres));
        assert_eq!(by_name(PASSWD, "post"), None);
    }

    #[test]
    fn the_owner_is_never_root() {
        assert_ne!(Owner::pick(None).unwrap().uid, 0);
        assert!(Owner::pick(Some("root")).is_err());
    }

    #[test]
    fn a_user_that_does_not_exist_is_an_error_with_a_hint() {
        let error = Owner::pick(Some("no-such-user-here")).unwrap_err();
        assert!(error.to_string().contains("no-such-user-here"), "{error}");
        assert!(error.hint().is_some());
    }
}
