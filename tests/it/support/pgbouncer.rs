//! A real PgBouncer before a server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::server::Server;
use super::{psql, wait_until};

/// PgBouncer in transaction mode, on a Unix socket in the server's folder, with a single server connection a
/// database, so that every client meets what the one before it left behind.
pub(crate) struct PgBouncer {
    child: Child,
    folder: PathBuf,
}

impl PgBouncer {
    pub(crate) fn start(server: &Server) -> Self {
        Self::with_connections(server, 1)
    }

    /// The same with so many server connections a database.
    pub(crate) fn with_connections(server: &Server, connections: usize) -> Self {
        Self::configured(server, connections, "auth_type = trust", "")
    }

    /// The same for those who know a password.
    pub(crate) fn with_password(server: &Server, password: &str) -> Self {
        Self::configured(server, 1, "auth_type = md5", password)
    }

    fn configured(server: &Server, connections: usize, settings: &str, password: &str) -> Self {
        let program = [
            "/usr/sbin/pgbouncer",
            "/usr/bin/pgbouncer",
            "/usr/local/bin/pgbouncer",
            "/opt/homebrew/bin/pgbouncer",
        ]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("PgBouncer is needed: apt-get install pgbouncer");
        let folder = server.folder().join("pgbouncer");
        fs::create_dir(&folder).expect("a folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("permissions");
        let users = folder.join("users.txt");
        fs::write(&users, format!("\"tenantctl\" \"{password}\"\n")).expect("written");
        let config = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={socket} port=5432\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n\
             unix_socket_dir = {folder}\n{settings}\nauth_file = {users}\npool_mode = transaction\n\
             default_pool_size = {connections}\nquery_wait_timeout = 8\nlogfile = {folder}/log\npidfile = {folder}/pid\n",
            socket = server.socket_dir().display(),
            folder = folder.display(),
            users = users.display(),
        );
        fs::write(&config, text).expect("written");
        for path in [&folder, &users, &config] {
            server.owner().give(path).expect("given");
        }
        let mut command = server.owner().command(program);
        command
            .arg("-q")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let bouncer = Self {
            child: command.spawn().expect("PgBouncer runs"),
            folder,
        };
        wait_until("PgBouncer answers", || {
            let url = format!("{}&password={password}", bouncer.url("postgres"));
            psql(&url, "select 1").is_ok()
        });
        bouncer
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgresql://tenantctl@/{database}?host={}&port=6432",
            self.folder.display()
        )
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
