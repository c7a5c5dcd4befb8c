//! The server process of a data folder: whether it runs, how to stop it, and what it leaves behind when it is killed.
//!
//! Needs no programs of PostgreSQL, so that a server can be seen and stopped after they are gone.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::LocalError;
use super::owner::Owner;

const STOP_LIMIT: Duration = Duration::from_secs(60);
const READY_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// A process number that no system gives out.
const NOBODY: i32 = i32::MAX;

/// What is in a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Missing,
    Stopped,
    Running { pid: i32 },
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Ends the sessions and writes everything down.
    Fast,
    /// Ends at once and recovers at the next start.
    Immediate,
}

/// The major version that made the data.
pub(super) fn version(data: &Path) -> Option<u32> {
    let text = fs::read_to_string(data.join("PG_VERSION")).ok()?;
    text.trim().parse().ok()
}

pub(super) fn state(data: &Path) -> Result<State, LocalError> {
    let version = data.join("PG_VERSION");
    match fs::metadata(&version) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(State::Missing);
        }
        Err(error) => return Err(LocalError::io("read", &version)(error)),
        Ok(_) => {}
    }
    match recorded_pid(&data.join("postmaster.pid"))? {
        Some(pid) if is_postmaster(pid, data) => Ok(State::Running { pid }),
        _ => Ok(State::Stopped),
    }
}

/// Whether there was a server to stop. Returns when it is gone.
pub(super) fn stop(data: &Path, mode: StopMode) -> Result<bool, LocalError> {
    let State::Running { pid } = state(data)? else {
        return Ok(false);
    };
    let signal = match mode {
        StopMode::Fast => Signal::INT,
        StopMode::Immediate => Signal::QUIT,
    };
    let Some(process) = Pid::from_raw(pid) else {
        return Ok(false);
    };
    match kill_process(process, signal) {
        Ok(()) => {}
        Err(Errno::SRCH) => return Ok(false),
        Err(error) => return Err(LocalError::io("stop the server of", data)(error.into())),
    }
    let since = Instant::now();
    while is_postmaster(pid, data) {
        if since.elapsed() > STOP_LIMIT {
            return Err(LocalError::NotStopped {
                pid,
                seconds: STOP_LIMIT.as_secs(),
            });
        }
        sleep(POLL);
    }
    Ok(true)
}

/// Waits for a server that someone else began to start. Its lock file ends with how far it has come; when the file
/// goes, the server was stopping instead, and the answer is no.
pub(super) fn wait_ready(data: &Path) -> Result<bool, LocalError> {
    let lock = data.join("postmaster.pid");
    let since = Instant::now();
    loop {
        let text = match fs::read_to_string(&lock) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            text => text.map_err(LocalError::io("read", &lock))?,
        };
        if text
            .lines()
            .nth(7)
            .is_some_and(|line| matches!(line.trim(), "ready" | "standby"))
        {
            return Ok(true);
        }
        if since.elapsed() > READY_LIMIT {
            return Err(LocalError::NotReady {
                seconds: READY_LIMIT.as_secs(),
            });
        }
        sleep(POLL);
    }
}

/// Clears what keeps PostgreSQL from starting after a kill or a restart of the machine: lock files whose process
/// number now belongs to someone else. Nothing is touched while the process is a server of this data.
///
/// The lock file of the data is not removed but loses its process number: it also names the shared memory, by which
/// PostgreSQL notices that sessions of the killed server are still at work.
pub(super) fn clear_stale(data: &Path, socket: &Path, owner: &Owner) -> Result<(), LocalError> {
    let lock = data.join("postmaster.pid");
    if fs::symlink_metadata(&lock).is_ok_and(|found| found.len() == 0) {
        // A full disk leaves such a file, and PostgreSQL refuses to start beside it.
        fs::remove_file(&lock).map_err(LocalError::io("remove", &lock))?;
    }
    if let Some(pid) = recorded_pid(&lock)?
        && is_alive(pid)
        && !is_postmaster(pid, data)
    {
        tracing::debug!(pid, path = %lock.display(), "the lock file names a process that is not the server");
        let text = fs::read_to_string(&lock).map_err(LocalError::io("read", &lock))?;
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        owner.write(&lock, &format!("{NOBODY}\n{rest}"))?;
    }
    let lock = socket.join(".s.PGSQL.5432.lock");
    if let Some(pid) = recorded_pid(&lock)?
        && is_alive(pid)
        && !is_postmaster(pid, data)
        && names_folder(&lock, data)
    {
        fs::remove_file(&lock).map_err(LocalError::io("remove", &lock))?;
    }
    Ok(())
}

/// The second line of every lock file is the data folder.
fn names_folder(lock: &Path, data: &Path) -> bool {
    let text = fs::read_to_string(lock).unwrap_or_default();
    text.lines()
        .nth(1)
        .is_some_and(|line| same_folder(Path::new(line), data))
}

/// The first line of a lock file. A standalone server negates its number.
fn recorded_pid(lock: &Path) -> Result<Option<i32>, LocalError> {
    match fs::read_to_string(lock) {
        Ok(text) => Ok(text
            .lines()
            .next()
            .and_then(|line| line.trim().parse::<i32>().ok())
            .map(i32::saturating_abs)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(LocalError::io("read", lock)(error)),
    }
}

fn is_alive(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

/// Whether a process is a PostgreSQL server at work in this folder.
fn is_postmaster(pid: i32, data: &Path) -> bool {
    if pid <= 0 || pid == NOBODY {
        return false;
    }
    if Path::new("/proc/self/cwd").symlink_metadata().is_err() {
        return is_postmaster_by_ps(pid, data);
    }
    let process = PathBuf::from(format!("/proc/{pid}"));
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    if !is_server_name(&name) {
        return false;
    }
    match same_file(&process.join("cwd"), data) {
        Ok(same) => same,
        // Root may lack the right to look into other users' processes, as it does in containers. Arguments are public.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
            data_argument(&arguments).is_some_and(|dir| same_folder(&dir, data))
        }
        Err(_) => false,
    }
}

fn is_postmaster_by_ps(pid: i32, data: &Path) -> bool {
    let output = Command::new("ps")
        .args(["-o", "command=", "-p", &pid.to_string()])
        .stdin(Stdio::null())
        .output();
    let said = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    is_server_name(&said) && (!said.contains(" -D ") || data.to_str().is_some_and(|data| said.contains(data)))
}

fn is_server_name(name: &str) -> bool {
    name.contains("postgres") || name.contains("postmaster")
}

/// The argument of `-D` in a list of arguments that each end with a zero byte.
fn data_argument(arguments: &[u8]) -> Option<PathBuf> {
    let mut arguments = arguments.split(|byte| *byte == 0);
    arguments.by_ref().find(|argument| *argument == b"-D")?;
    arguments
        .next()
        .map(|dir| PathBuf::from(std::ffi::OsStr::from_bytes(dir)))
}

fn same_folder(one: &Path, other: &Path) -> bool {
    same_file(one, other).unwrap_or(false)
}

fn same_file(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_found_among_the_arguments() {
        assert_eq!(
            data_argument(b"/bin/postgres\0-D\0/a b\0"),
            Some(PathBuf::from("/a b"))
        );
        assert_eq!(data_argument(b"/bin/postgres\0"), None);
        assert_eq!(data_argument(b""), None);
    }

    #[test]
    fn this_process_is_alive_but_no_server() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(is_alive(pid) && !is_alive(NOBODY));
        assert!(!is_postmaster(pid, &std::env::current_dir().unwrap()));
    }

    #[test]
    fn a_folder_without_data_is_missing_and_has_nothing_to_stop() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(state(dir.path()).unwrap(), State::Missing);
        assert_eq!(state(&dir.path().join("below")).unwrap(), State::Missing);
        assert!(!stop(dir.path(), StopMode::Fast).unwrap());
    }

    #[test]
    fn only_the_process_number_of_a_stale_lock_file_is_taken_out() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("postmaster.pid");
        let here = dir.path().display();
        fs::write(&lock, format!("{}\n{here}\n17\n5432\n", std::process::id())).unwrap();
        let owner = Owner::pick(None).unwrap();
        owner.give(dir.path()).unwrap();
        clear_stale(dir.path(), dir.path(), &owner).unwrap();
        assert_eq!(
            fs::read_to_string(&lock).unwrap(),
            format!("{NOBODY}\n{here}\n17\n5432\n")
        );
    }
}
