//! Throw-away PostgreSQL servers. One is shared by all tests of a run; some tests need one of their own.
//!
//! A server ends with the process that started it, however that ends: a small shell holds the other end of a pipe and
//! cleans up when the pipe closes.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tenantctl::db::local::{Binaries, Cluster, Folders, Owner, StopMode};

/// Waits for the pipe to close, then ends the server and removes its folder.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
cat > /dev/null
for pid_file in "$1/pgbouncer/pid" "$1/data/postmaster.pid"; do
    [ -f "$pid_file" ] && kill -QUIT "$(head -n 1 "$pid_file")" 2> /dev/null
done
sleep 0.2
rm -rf "$1"
"#;

/// Where servers keep their data: in memory where there is plenty, since tests make and remove some hundred thousand
/// files.
fn place() -> &'static Path {
    const MEMORY: &str = "/dev/shm";
    const PLENTY: u64 = 8 << 30;
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |there| there.f_bavail * there.f_frsize);
    Path::new(if free > PLENTY { MEMORY } else { "/tmp" })
}

/// A folder that is gone when this process is, with the server in it.
fn watched_folder() -> (PathBuf, Child) {
    let folder = tempfile::Builder::new()
        .prefix("tc-it-")
        .tempdir_in(place())
        .expect("a folder")
        .keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("permissions");
    let watchdog = Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    (folder, watchdog)
}

fn cluster_in(folder: &Path, owner: Owner) -> Cluster {
    let found = Binaries::find(None, &crate::support::variable);
    let binaries =
        found.unwrap_or_else(|error| panic!("{error}\nhint: {}", error.hint().unwrap_or_default()));
    let folders = Folders::below(folder).expect("a usable path");
    Cluster::new(binaries, owner, folders).throwaway()
}

/// What `initdb` makes, once for all servers of a run: it takes a second of computing, a copy a twentieth.
fn fresh_data() -> &'static Path {
    static MADE: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (data, _) = MADE.get_or_init(|| {
        let (folder, watchdog) = watched_folder();
        let cluster = cluster_in(&folder, Owner::pick(None).expect("a user to run the server as"));
        cluster.init().expect("initdb works");
        (cluster.folders.data, watchdog)
    });
    data
}

/// A server of the test's own, which may be stopped, killed and started again.
pub(crate) struct Server {
    cluster: Cluster,
    folder: PathBuf,
    _watchdog: Child,
}

impl Server {
    /// Starts a server with these settings beside the usual ones.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::prepare(settings, |_, _| {})
    }

    /// Starts a server after `prepare` has put files into its folder; what it makes belongs to the server's user.
    pub(crate) fn prepare(settings: &[(&str, &str)], prepare: impl FnOnce(&Path, &Owner)) -> Self {
        let (folder, watchdog) = watched_folder();
        let owner = Owner::pick(None).expect("a user to run the server as");
        prepare(&folder, &owner);
        let mut cluster = cluster_in(&folder, owner).setting("max_connections", "200");
        for (name, value) in settings {
            cluster = cluster.setting(*name, *value);
        }
        let copied = Command::new("cp")
            .arg("-Rp")
            .arg(fresh_data())
            .arg(&cluster.folders.data)
            .status();
        assert!(copied.is_ok_and(|status| status.success()), "the data is copied");
        cluster.start().expect("the server starts");
        Self {
            cluster,
            folder,
            _watchdog: watchdog,
        }
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        self.cluster.folders.url(database)
    }

    /// The folder that ends with the server.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn socket_dir(&self) -> &Path {
        &self.cluster.folders.socket
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.cluster.owner
    }

    /// Ends the server at once, as after a power cut.
    pub(crate) fn crash(&self) {
        self.cluster.stop(StopMode::Immediate).expect("the server stops");
    }

    /// Ends the server as an administrator does, without waiting for anybody.
    pub(crate) fn stop(&self) {
        self.cluster.stop(StopMode::Fast).expect("the server stops");
    }

    /// One of PostgreSQL's programs, as the server's user, with the data in its environment.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = self.cluster.owner.command(self.cluster.binaries.program(name));
        command.env("PGDATA", &self.cluster.folders.data);
        command
    }

    /// The folder of the server's data.
    pub(crate) fn data(&self) -> &Path {
        &self.cluster.folders.data
    }

    pub(crate) fn start_again(&self) {
        self.cluster.start().expect("the server starts again");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cluster.stop(StopMode::Immediate).ok();
    }
}

/// A small disk under a server's folder.
pub(crate) struct SmallDisk(PathBuf);

impl Server {
    /// Starts a server that has so many megabytes for everything. Mounting needs root.
    pub(crate) fn on_small_disk(megabytes: u32) -> (Self, SmallDisk) {
        let mut disk = None;
        let settings = [("min_wal_size", "32MB"), ("max_wal_size", "32MB")];
        let server = Self::prepare(&settings, |folder, _| {
            let options = format!("size={megabytes}m,mode=0755");
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
                .arg(folder)
                .status();
            assert!(
                mounted.is_ok_and(|status| status.success()),
                "a tmpfs cannot be mounted; run as root"
            );
            disk = Some(SmallDisk(folder.to_owned()));
        });
        (server, disk.expect("mounted"))
    }
}

impl SmallDisk {
    /// Fills the disk but for so many kilobytes.
    pub(crate) fn fill_but(&self, kilobytes: u64) {
        let mut filler = fs::File::create(self.0.join("filler")).expect("a file");
        let block = vec![1; 4096];
        while filler.write_all(&block).is_ok() {}
        let length = filler.metadata().expect("a file").len();
        filler
            .set_len(length.saturating_sub(kilobytes * 1024))
            .expect("shortened");
    }

    /// Gives the room back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.0.join("filler")).expect("removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

/// The server of this run: the one that TENANTCTL_TEST_DATABASE_URL names, or a throw-away one.
pub(crate) fn shared_url(database: &str) -> String {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let external = crate::support::variable("TENANTCTL_TEST_DATABASE_URL");
    let server = SERVER.get_or_init(|| external.is_none().then(|| Server::start(&[])));
    match (server, external) {
        (Some(server), _) => server.url(database),
        (None, Some(url)) => with_database(&url, database),
        (None, None) => unreachable!("a server is started where none is named"),
    }
}

/// The URL with another database. Only URLs of the form `scheme://authority/database?parameters` are understood.
fn with_database(url: &str, database: &str) -> String {
    let (before, parameters) = url
        .split_once('?')
        .map_or((url, ""), |(before, after)| (before, after));
    let (scheme, rest) = before
        .split_once("://")
        .expect("TENANTCTL_TEST_DATABASE_URL is a URL");
    let authority = rest.split('/').next().unwrap_or_default();
    let question = if parameters.is_empty() { "" } else { "?" };
    format!("{scheme}://{authority}/{database}{question}{parameters}")
}
