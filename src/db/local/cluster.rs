//! Makes a data folder and starts and stops its server. Which programs, user and folders are others' choice.

use std::fs::{self, DirBuilder, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::folders::Folders;
use super::owner::Owner;
use super::postmaster::{self, State, StopMode};
use super::{LocalError, Started, USER};

const START_LIMIT_SECONDS: &str = "120";
/// How long sessions of a killed server may take to notice and leave.
const ORPHANS_LIMIT: Duration = Duration::from_secs(15);
const LOG_LINES: usize = 15;
const CONF: &str = "tenantctl.conf";
const HALF_MADE: &str = "data.new-";

/// One private server with everything it takes to run it.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub binaries: Binaries,
    pub owner: Owner,
    pub folders: Folders,
    /// Settings of the server, which come after and thus win over the standard ones.
    pub settings: Vec<(String, String)>,
    /// Whether new data is flushed to disk before it counts as made. Data that is thrown away soon need not be.
    pub sync: bool,
}

impl Cluster {
    pub fn new(binaries: Binaries, owner: Owner, folders: Folders) -> Self {
        Self {
            binaries,
            owner,
            folders,
            settings: Vec::new(),
            sync: true,
        }
    }

    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// For data that may be lost with the machine: never waits for the disk.
    #[must_use]
    pub fn throwaway(mut self) -> Self {
        self.sync = false;
        self.setting("fsync", "off")
            .setting("synchronous_commit", "off")
            .setting("full_page_writes", "off")
    }

    pub fn state(&self) -> Result<State, LocalError> {
        postmaster::state(&self.folders.data)
    }

    /// Makes the data unless it is there. Whether it was made now.
    pub fn init(&self) -> Result<bool, LocalError> {
        self.folders.prepare(&self.owner)?;
        let _lock = self.folders.locked()?;
        self.init_locked()
    }

    /// Starts the server unless it runs. Whether it was started now. It accepts connections on return.
    pub fn start(&self) -> Result<bool, LocalError> {
        self.folders.prepare(&self.owner)?;
        let _lock = self.folders.locked()?;
        self.start_locked()
    }

    /// Makes the data when there is none and starts the server when it does not run, as one step.
    pub fn init_and_start(&self) -> Result<Started, LocalError> {
        self.folders.prepare(&self.owner)?;
        let _lock = self.folders.locked()?;
        let initialised = self.init_locked()?;
        Ok(if self.start_locked()? {
            Started::Started { initialised }
        } else {
            Started::AlreadyRunning
        })
    }

    /// Whether there was a server to stop. It is gone on return.
    pub fn stop(&self, mode: StopMode) -> Result<bool, LocalError> {
        stop(&self.folders, mode)
    }

    fn init_locked(&self) -> Result<bool, LocalError> {
        let Folders { base, data, .. } = &self.folders;
        if self.state()? != State::Missing {
            return Ok(false);
        }
        remove_half_made(base)?;
        let fresh = base.join(format!("{HALF_MADE}{}", std::process::id()));
        let mut output = self.initdb(&fresh, "C.UTF-8")?;
        if !output.status.success() && words(&output).contains("locale") {
            remove_half_made(base)?;
            output = self.initdb(&fresh, "C")?;
        }
        if !output.status.success() {
            let said = words(&output);
            remove_half_made(base)?;
            return Err(LocalError::Failed {
                program: "initdb",
                output: said,
            });
        }
        let conf = fresh.join("postgresql.conf");
        self.owner
            .append(&conf, &format!("\ninclude_if_exists = '{CONF}'\n"))?;
        fs::rename(&fresh, data).map_err(LocalError::io("create", data))?;
        Ok(true)
    }

    fn initdb(&self, fresh: &Path, locale: &str) -> Result<Output, LocalError> {
        DirBuilder::new()
            .mode(0o700)
            .create(fresh)
            .map_err(LocalError::io("create", fresh))?;
        self.owner.give(fresh)?;
        let program = self.binaries.program("initdb");
        let mut command = self.owner.command(&program);
        command.args([
            "-U",
            USER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--no-instructions",
        ]);
        command.args(["--locale", locale, "-D"]).arg(fresh);
        if !self.sync {
            command.arg("--no-sync");
        }
        command.output().map_err(LocalError::io("run", &program))
    }

    fn start_locked(&self) -> Result<bool, LocalError> {
        let Folders {
            data, socket, log, ..
        } = &self.folders;
        match self.state()? {
            State::Missing => return Err(LocalError::Missing(data.clone())),
            State::Running { .. } => {
                if postmaster::wait_ready(data)? {
                    return Ok(false);
                }
                // It was on its way down, and is gone now.
            }
            State::Stopped => {}
        }
        postmaster::clear_stale(data, socket, &self.owner)?;
        self.folders.prepare_socket(&self.owner)?;
        self.folders.prepare_log(&self.owner)?;
        self.write_settings()?;
        let since = Instant::now();
        loop {
            let log_start = fs::metadata(log).map_or(0, |log| log.len());
            let output = self.pg_ctl_start()?;
            if output.status.success() {
                return Ok(true);
            }
            let lines = tail(log, log_start);
            let orphans = lines.contains("shared memory block") && lines.contains("still in use");
            if orphans && since.elapsed() < ORPHANS_LIMIT {
                sleep(Duration::from_millis(100));
                continue;
            }
            let lines = if lines.is_empty() { words(&output) } else { lines };
            return Err(LocalError::NotStarted {
                log: log.clone(),
                lines,
            });
        }
    }

    /// `pg_ctl` detaches the server from this terminal and points its output to the log. It puts names between double
    /// quotes into a shell command, so the log is named relative to its folder, and the data folder goes through the
    /// environment, and as an option that is quoted here so that it shows in lists of processes.
    fn pg_ctl_start(&self) -> Result<Output, LocalError> {
        let Folders { base, data, log, .. } = &self.folders;
        let name = data
            .to_str()
            .ok_or_else(|| LocalError::PathNotUtf8(data.clone()))?;
        let program = self.binaries.program("pg_ctl");
        let mut command = self.owner.command(&program);
        command
            .current_dir(log.parent().unwrap_or(base))
            .process_group(0)
            .env("PGDATA", data);
        command
            .args(["start", "-w", "-t", START_LIMIT_SECONDS, "-l"])
            .arg(log.file_name().unwrap_or_default());
        command.arg("-o").arg(format!("-D {}", shell_quoted(name)));
        command.output().map_err(LocalError::io("run", &program))
    }

    fn write_settings(&self) -> Result<(), LocalError> {
        let Folders { data, socket, .. } = &self.folders;
        let socket = socket
            .to_str()
            .ok_or_else(|| LocalError::PathNotUtf8(socket.clone()))?;
        let text = settings_file(socket, &self.settings)?;
        self.owner.write(&data.join(CONF), &text)
    }
}

/// Whether the server runs and accepts connections, once whoever is starting it is done.
pub(super) fn runs(folders: &Folders) -> Result<bool, LocalError> {
    let State::Running { .. } = postmaster::state(&folders.data)? else {
        return Ok(false);
    };
    let _lock = folders.locked()?;
    let State::Running { .. } = postmaster::state(&folders.data)? else {
        return Ok(false);
    };
    postmaster::wait_ready(&folders.data)
}

pub(super) fn stop(folders: &Folders, mode: StopMode) -> Result<bool, LocalError> {
    if postmaster::state(&folders.data)? == State::Missing {
        return Ok(false);
    }
    let _lock = folders.locked()?;
    postmaster::stop(&folders.data, mode)
}

/// Stops the server and deletes all it wrote, and what the demo wrote beside it. The lock file stays, for someone may be
/// waiting for it.
pub(super) fn remove(folders: &Folders) -> Result<(), LocalError> {
    if !folders.base.exists() {
        return Ok(());
    }
    let _lock = folders.locked()?;
    postmaster::stop(&folders.data, StopMode::Immediate)?;
    remove_half_made(&folders.base)?;
    for path in [&folders.data, &folders.socket, &folders.demo_backups()] {
        remove_folder(path)?;
    }
    if folders.log.exists() {
        fs::remove_file(&folders.log).map_err(LocalError::io("remove", &folders.log))?;
    }
    Ok(())
}

fn remove_folder(path: &Path) -> Result<(), LocalError> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    fs::remove_dir_all(path).map_err(LocalError::io("remove", path))
}

/// Removes what an interrupted `initdb` left.
fn remove_half_made(base: &Path) -> Result<(), LocalError> {
    for entry in fs::read_dir(base)
        .map_err(LocalError::io("read", base))?
        .flatten()
    {
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(HALF_MADE))
        {
            remove_folder(&entry.path())?;
        }
    }
    Ok(())
}

fn settings_file(socket: &str, own: &[(String, String)]) -> Result<String, LocalError> {
    // A list of folders, in which double quotes keep one with a comma or a space together.
    let socket = format!("\"{}\"", socket.replace('"', "\"\""));
    let standard = [
        ("listen_addresses", ""),
        ("port", "5432"),
        ("unix_socket_directories", socket.as_str()),
        ("unix_socket_permissions", "0700"),
        ("max_connections", "100"),
        ("max_locks_per_transaction", "256"),
    ];
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut text = "# Written at every start.\n".to_owned();
    for (name, value) in standard.into_iter().chain(own) {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(known) {
            return Err(LocalError::BadSetting {
                name: name.to_owned(),
            });
        }
        text.push_str(&format!("{name} = {}\n", conf_quoted(value)));
    }
    Ok(text)
}

fn conf_quoted(value: &str) -> String {
    let escaped = value
        .replace('\\', r"\\")
        .replace('\'', "''")
        .replace('\n', r"\n")
        .replace('\r', r"\r");
    format!("'{escaped}'")
}

fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What a program said, errors first.
fn words(output: &Output) -> String {
    let said = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    said.into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| output.status.to_string())
}

/// The last lines that were written to a log since it had a length.
fn tail(log: &Path, since: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(since.max(end.saturating_sub(64 * 1024))))?;
        file.read_to_end(&mut bytes)
    });
    if read.is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_quotes_backslashes_and_lines() {
        assert_eq!(conf_quoted(r"it's a \ path"), r"'it''s a \\ path'");
        assert_eq!(conf_quoted("a\nb"), r"'a\nb'");
        assert_eq!(shell_quoted("it's $HOME"), r"'it'\''s $HOME'");
        let text = settings_file("/a \"b\"", &[("work_mem".to_owned(), "4MB".to_owned())]).unwrap();
        assert!(
            text.contains("unix_socket_directories = '\"/a \"\"b\"\"\"'\n"),
            "{text}"
        );
        assert!(text.ends_with("work_mem = '4MB'\n"), "{text}");
    }

    #[test]
    fn a_setting_cannot_smuggle_in_another() {
        let own = [("fsync = off\nport".to_owned(), "1".to_owned())];
        assert!(matches!(
            settings_file("/s", &own),
            Err(LocalError::BadSetting { .. })
        ));
    }

    #[test]
    fn the_tail_is_the_last_lines_of_this_start() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let lines: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        fs::write(&log, format!("before\n{}\n", lines.join("\n"))).unwrap();
        assert_eq!(tail(&log, 7), lines[40 - LOG_LINES..].join("\n"));
        assert_eq!(tail(&dir.path().join("none"), 0), "");
    }
}
