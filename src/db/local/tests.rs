//! A real server, where PostgreSQL is installed.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use rustix::process::{Pid, Signal, getpgid, getsid, kill_process};
use tempfile::TempDir;

use super::*;

/// A folder that the server's user can enter, and a server that ends with it.
struct Place {
    base: PathBuf,
    _dir: TempDir,
}

impl Place {
    fn new(below: impl AsRef<Path>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            base: dir.path().join(below),
            _dir: dir,
        }
    }

    fn cluster(&self) -> Cluster {
        let binaries = Binaries::find(None, &path).unwrap();
        Cluster::new(
            binaries,
            Owner::pick(None).unwrap(),
            Folders::below(&self.base).unwrap(),
        )
        .throwaway()
        .setting("shared_buffers", "8MB")
    }

    fn server(&self) -> LocalServer {
        let options = LocalOptions {
            data_dir: Some(self.base.clone()),
            ..LocalOptions::default()
        };
        LocalServer::new(options, &path).unwrap()
    }

    fn pid(&self) -> i32 {
        match self.server().status().unwrap().state {
            State::Running { pid } => pid,
            state => panic!("the server is {state:?}"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = self.server().remove() {
            assert!(thread::panicking(), "{error}");
        }
    }
}

fn path(name: &str) -> Option<String> {
    (name == "PATH").then(|| "/usr/local/bin:/usr/bin:/bin".to_owned())
}

/// Logs in without a driver: the startup message is answered with `R` and, when no password is asked for, a zero.
fn log_in(folders: &Folders) -> Option<UnixStream> {
    let mut stream = UnixStream::connect(folders.socket.join(".s.PGSQL.5432")).ok()?;
    let body = [&[0, 3, 0, 0][..], b"user\0tenantctl\0database\0postgres\0\0"].concat();
    let length = u32::try_from(body.len() + 4).unwrap();
    stream
        .write_all(&[&length.to_be_bytes()[..], &body].concat())
        .unwrap();
    let mut answer = [1; 9];
    stream.read_exact(&mut answer).unwrap();
    (answer == [b'R', 0, 0, 0, 8, 0, 0, 0, 0]).then_some(stream)
}

fn accepts(folders: &Folders) -> bool {
    log_in(folders).is_some()
}

#[test]
fn eight_starts_at_once_make_one_server() {
    let place = Place::new("base");
    let cluster = place.cluster();
    let barrier = Barrier::new(8);
    let results: Vec<Started> = thread::scope(|scope| {
        let start = || {
            barrier.wait();
            let started = cluster.init_and_start().unwrap();
            assert!(accepts(&cluster.folders));
            started
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let first = Started::Started { initialised: true };
    assert_eq!(
        results.iter().filter(|started| **started == first).count(),
        1,
        "{results:?}"
    );
    assert_eq!(
        results
            .iter()
            .filter(|started| **started == Started::AlreadyRunning)
            .count(),
        7,
        "{results:?}"
    );
    assert_eq!(place.server().start().unwrap(), Started::AlreadyRunning);

    let server = Pid::from_raw(place.pid()).unwrap();
    assert_eq!(
        getpgid(Some(server)).unwrap(),
        server,
        "it leads a process group of its own"
    );
    assert_eq!(
        getsid(Some(server)).unwrap(),
        server,
        "it leads a session of its own"
    );
}

#[test]
fn a_server_stops_once_and_starts_again() {
    let place = Place::new("base");
    let (cluster, server) = (place.cluster(), place.server());
    assert_eq!(server.stop().unwrap(), Stopped::WasNotRunning);
    assert_eq!(server.status().unwrap().state, State::Missing);
    assert!(matches!(cluster.start(), Err(LocalError::Missing(_))));
    assert!(cluster.init().unwrap() && !cluster.init().unwrap());
    assert!(cluster.start().unwrap() && !cluster.start().unwrap());
    assert_eq!(server.stop().unwrap(), Stopped::Stopped);
    assert_eq!(server.stop().unwrap(), Stopped::WasNotRunning);
    assert_eq!(server.status().unwrap().version, Some(cluster.binaries.version));
    assert_eq!(server.start().unwrap(), Started::Started { initialised: false });
    server.remove().unwrap();
    assert_eq!(server.status().unwrap().state, State::Missing);
    assert!(!cluster.folders.socket.exists() && !cluster.folders.log.exists());
}

#[test]
fn a_lock_file_with_the_number_of_another_process_does_not_stand_in_the_way() {
    let place = Place::new("base");
    let cluster = place.cluster();
    cluster.init_and_start().unwrap();
    let locks = [
        cluster.folders.data.join("postmaster.pid"),
        cluster.folders.socket.join(".s.PGSQL.5432.lock"),
    ];
    let left = locks.each_ref().map(|lock| fs::read_to_string(lock).unwrap());
    cluster.stop(StopMode::Immediate).unwrap();

    let mut other = cluster
        .owner
        .command("sleep")
        .arg("60")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    for (lock, text) in locks.iter().zip(left) {
        let (_, rest) = text.split_once('\n').unwrap();
        fs::write(lock, format!("{}\n{rest}", other.id())).unwrap();
        cluster.owner.give(lock).unwrap();
    }
    assert_eq!(cluster.state().unwrap(), State::Stopped);
    assert!(!cluster.stop(StopMode::Fast).unwrap());
    let started = cluster.start();
    let spared = other.try_wait().unwrap().is_none();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(started.unwrap() && spared && accepts(&cluster.folders));
}

#[test]
fn a_killed_server_starts_again_while_its_sessions_are_still_leaving() {
    let place = Place::new("base");
    let cluster = place.cluster();
    cluster.init_and_start().unwrap();
    let _session = log_in(&cluster.folders).unwrap();
    kill_process(Pid::from_raw(place.pid()).unwrap(), Signal::KILL).unwrap();
    while cluster.state().unwrap() != State::Stopped {
        thread::yield_now();
    }
    assert!(cluster.start().unwrap() && accepts(&cluster.folders));
}

#[test]
fn a_long_path_and_a_strange_one_work() {
    let strange = "it's a \"test\" $HOME `id` \\ größe, 測試 100%";
    let place = Place::new(Path::new(strange).join("x".repeat(120)));
    let cluster = place.cluster();
    assert_eq!(
        cluster.init_and_start().unwrap(),
        Started::Started { initialised: true }
    );
    assert!(accepts(&cluster.folders));
    assert!(cluster.folders.socket.starts_with("/tmp"));
    place.pid();
}

#[test]
fn a_socket_in_a_strange_folder_is_found_by_libpq() {
    let place = Place::new("it's \"a\" $x `y` \\ ö%");
    let cluster = place.cluster();
    cluster.init_and_start().unwrap();
    assert!(cluster.folders.socket.starts_with(&cluster.folders.base) && accepts(&cluster.folders));
    let psql = Command::new(cluster.binaries.program("psql"))
        .args(["-XAtc", "select current_user", &place.server().url("postgres")])
        .output();
    let Ok(psql) = psql else { return };
    assert_eq!(String::from_utf8_lossy(&psql.stdout), "tenantctl\n", "{psql:?}");
}

#[test]
fn a_start_that_fails_shows_the_end_of_the_log() {
    let place = Place::new("base");
    let cluster = place.cluster().setting("max_connections", "many");
    cluster.init().unwrap();
    let error = cluster.start().unwrap_err();
    assert!(error.to_string().contains("max_connections"), "{error}");
    assert_eq!(cluster.state().unwrap(), State::Stopped);
}

#[test]
fn what_an_interrupted_init_left_is_cleared_away() {
    let place = Place::new("base");
    fs::create_dir_all(place.base.join("data.new-1/base")).unwrap();
    let cluster = place.cluster();
    cluster.init().unwrap();
    let mut names: Vec<_> = fs::read_dir(&place.base)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["data", "lock"]);
}

#[test]
fn without_programs_a_server_has_a_status_and_cannot_start() {
    let place = Place::new("base");
    fs::create_dir(&place.base).unwrap();
    let options = LocalOptions {
        data_dir: Some(place.base.clone()),
        bin_dir: Some(place.base.clone()),
        ..LocalOptions::default()
    };
    let server = LocalServer::new(options, &|_| Some(String::new())).unwrap();
    assert_eq!(server.status().unwrap().state, State::Missing);
    assert_eq!(server.stop().unwrap(), Stopped::WasNotRunning);
    let error = server.start().unwrap_err();
    assert!(
        matches!(error, LocalError::NoBinaries { .. }) && error.hint().is_some(),
        "{error}"
    );
}

#[test]
fn an_empty_lock_file_does_not_stop_a_start() {
    let place = Place::new("server");
    let cluster = place.cluster();
    cluster.init().unwrap();
    cluster
        .owner
        .write(&cluster.folders.data.join("postmaster.pid"), "")
        .unwrap();

    assert!(cluster.start().unwrap());
}

#[test]
fn a_link_in_the_data_folder_does_not_lead_root_elsewhere() {
    let place = Place::new("server");
    let cluster = place.cluster();
    cluster.init().unwrap();
    let precious = cluster.folders.base.join("precious");
    std::fs::write(&precious, "untouched").unwrap();
    std::os::unix::fs::symlink(&precious, cluster.folders.data.join("tenantctl.conf.new")).unwrap();

    let before = std::fs::metadata(&precious).unwrap();
    let started = cluster.start();

    let after = std::fs::metadata(&precious).unwrap();
    assert_eq!(
        std::os::unix::fs::MetadataExt::uid(&before),
        std::os::unix::fs::MetadataExt::uid(&after)
    );
    if cluster.owner.uid != std::os::unix::fs::MetadataExt::uid(&before) {
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "untouched");
        assert!(started.is_err(), "the link was followed by somebody");
    }
}

#[test]
fn a_start_during_a_shutdown_waits_for_its_end() {
    let place = Place::new("server");
    let cluster = place.cluster();
    cluster.init_and_start().unwrap();
    let psql = cluster.binaries.program("psql");
    let url = cluster.folders.url("postgres");
    let mut session = Command::new(psql)
        .args([&url, "-XAtc", "select pg_sleep(1.5)"])
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let stopping = format!("kill -TERM {}", place.pid());
    assert!(
        Command::new("sh")
            .args(["-c", &stopping])
            .status()
            .unwrap()
            .success()
    );
    std::thread::sleep(std::time::Duration::from_millis(200));

    assert!(cluster.start().unwrap());
    session.wait().unwrap();
}
