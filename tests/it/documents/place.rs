//! Where what the documents show can happen: a database, a folder and a terminal, as the text before a block has it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::shown::Numbers;
use crate::support::{Database, Program, Server, psql, terminal, variable, visible};

/// Who is at work, and where.
pub(super) struct Place {
    database: Home,
    /// Where plain tools bring a backup back.
    elsewhere: Database,
    folder: tempfile::TempDir,
    pub(super) numbers: Numbers,
}

enum Home {
    Shared(Database),
    /// Roles belong to a whole server.
    Own(Server),
}

/// What came of a command.
pub(super) struct Answer {
    pub(super) code: i32,
    pub(super) lines: Vec<String>,
}

impl Place {
    fn new(database: Database) -> Self {
        Self {
            database: Home::Shared(database),
            elsewhere: Database::empty(),
            folder: tempfile::tempdir().expect("a folder"),
            numbers: Numbers::Same,
        }
    }

    /// The place of the block that begins with this command.
    pub(super) fn of(first: &str) -> Option<Self> {
        let words: Vec<&str> = first.split_whitespace().collect();
        let place = match words.as_slice() {
            ["tenantctl", "init"] => Self::new(Database::empty()),
            ["cat", "tenants.csv"] => Self::new(Database::new()),
            ["tenantctl", "new", ..] => Self::project(Database::empty()),
            ["tenantctl", "seed"] => Self::new(Database::new()).with_other_numbers(),
            ["tenantctl", "clone", ..] => Self::with_data().with_other_numbers(),
            ["tenantctl", "drift", ..] => Self::with_drift(),
            ["tenantctl", "health"] => Self::unwell().with_other_numbers(),
            ["tenantctl", "migrate", "--all", ..] => Self::behind().with_other_numbers(),
            ["tenantctl", "migrate", "--rehearse", ..] => Self::about_to_migrate().with_other_numbers(),
            ["tenantctl", "sizes", ..] => Self::with_sizes().with_other_numbers(),
            ["tenantctl", "backup", ..] => Self::new(Database::with_tenants(&["acme", "globex"])),
            ["tenantctl", "init", "--roles", ..] => Self::with_roles(),
            _ => return None,
        };
        Some(place)
    }

    /// The place for a line of a script, of CI or of a crontab.
    pub(super) fn of_line(command: &str) -> Self {
        if command.contains("--roles") {
            return Self::with_roles();
        }
        if command.contains("init --app") {
            return Self::new(Database::empty());
        }
        if command.starts_with("tenantctl seed") {
            return Self::new(Database::new());
        }
        Self::project(Database::with_tenants(&["acme", "globex"]))
    }

    fn with_other_numbers(self) -> Self {
        Self {
            numbers: Numbers::Other,
            ..self
        }
    }

    /// A project of one's own, with its migrations in a folder.
    pub(super) fn project(database: Database) -> Self {
        let place = Self::new(database);
        let config = "[template]\nmigrations = \"migrations\"\n";
        std::fs::write(place.path("tenantctl.toml"), config).expect("written");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenant_template");
        std::fs::create_dir(place.path("migrations")).expect("a folder");
        for file in std::fs::read_dir(shipped).expect("readable") {
            let file = file.expect("a file");
            std::fs::copy(file.path(), place.path("migrations").join(file.file_name())).expect("copied");
        }
        let retention = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/apps/metrics/retention.toml");
        std::fs::copy(retention, place.path("retention.toml")).expect("copied");
        place.run(&["init", "--quiet"]);
        place
    }

    fn with_data() -> Self {
        let place = Self::new(Database::with_tenants(&["acme"]));
        place.run(&["seed", "--quiet", "--into", "acme"]);
        place
    }

    fn with_drift() -> Self {
        let place = Self::new(Database::with_tenants(&["acme", "globex", "initech"]));
        place.sql(
            "DROP INDEX tenant_acme.users_email_key; \
             ALTER TABLE tenant_acme.users ADD COLUMN legacy text; \
             COMMENT ON TABLE tenant_globex.users IS 'Who may come in'",
        );
        place
    }

    fn unwell() -> Self {
        let place = Self::new(Database::with_tenants(&["acme", "globex", "initech"]));
        place.sql("DROP SCHEMA tenant_acme CASCADE");
        for slug in ["globex", "initech"] {
            place.sql(&format!(
                "CREATE INDEX users_email_idx ON tenant_{slug}.users (email)"
            ));
            place.sql(&format!(
                "CREATE INDEX users_by_email ON tenant_{slug}.users (email)"
            ));
        }
        place
    }

    /// Two migrations that no tenant has.
    fn behind() -> Self {
        let slugs: Vec<String> = (0..14).map(|number| format!("t{number}")).collect();
        let slugs: Vec<&str> = slugs.iter().map(String::as_str).collect();
        let place = Self::project(Database::with_tenants(&slugs));
        place.migration("V5__region", "ALTER TABLE users ADD COLUMN region text");
        place.migration(
            "V6__region_index",
            "CREATE INDEX users_region_idx ON users (region)",
        );
        place
    }

    fn about_to_migrate() -> Self {
        let place = Self::project(Database::with_tenants(&["globex"]));
        place.fill("globex", 1_000);
        place.migration(
            "V5__region",
            "ALTER TABLE users ADD COLUMN region text; CREATE INDEX users_region_idx ON users (region)",
        );
        place.migration(
            "V6__scores",
            "ALTER TABLE users ADD COLUMN score float8 NOT NULL DEFAULT random()",
        );
        place.migration(
            "V7__by_role",
            "-- tenantctl: no-transaction\nCREATE INDEX CONCURRENTLY users_role_idx ON users (role)",
        );
        place
    }

    fn with_sizes() -> Self {
        let slugs = ["globex", "acme", "initech", "umbrella", "hooli"];
        let place = Self::new(Database::with_tenants(&slugs));
        for (rows, slug) in [9_000, 5_000, 3_000, 1_000].into_iter().zip(slugs) {
            place.fill(slug, rows);
        }
        place
    }

    fn fill(&self, slug: &str, users: usize) {
        self.sql(&format!(
            "INSERT INTO tenant_{slug}.users (email, name) \
             SELECT n || '@example.com', 'somebody' FROM generate_series(1, {users}) n; \
             ANALYZE tenant_{slug}.users"
        ));
    }

    fn with_roles() -> Self {
        let server = Server::start(&[]);
        psql(&server.url("postgres"), "CREATE DATABASE metrics").expect("a database");
        psql(&server.url("metrics"), "CREATE ROLE deploy LOGIN").expect("a role");
        let place = Self {
            database: Home::Own(server),
            ..Self::new(Database::empty())
        };
        place.run(&["init", "--quiet"]);
        place.run(&["create", "--quiet", "acme"]);
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn migration(&self, name: &str, sql: &str) {
        std::fs::write(self.path("migrations").join(format!("{name}.sql")), sql).expect("written");
    }

    fn url(&self) -> String {
        match &self.database {
            Home::Shared(database) => database.url().to_owned(),
            Home::Own(server) => server.url("metrics"),
        }
    }

    fn sql(&self, sql: &str) {
        psql(&self.url(), sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(super) fn run(&self, arguments: &[&str]) {
        let program = Program::new().env("DATABASE_URL", self.url());
        program.folder(self.folder.path()).run(arguments).success();
    }

    /// Types a command at a terminal of eighty columns, and whatever the program is told there to go on.
    pub(super) fn answers(&self, command: &str, shown: &[String]) -> Answer {
        if let Some(file) = command.strip_prefix("cat ") {
            std::fs::write(self.path(file), shown.join("\n") + "\n").expect("written");
        }
        let word = shown
            .iter()
            .find_map(|line| line.strip_prefix("Type `")?.split_once('`'))
            .map(|(word, _)| word);
        let mut child = self
            .terminal(&self.here(command))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("script is part of util-linux");
        let mut keyboard = child.stdin.take();
        let mut screen = child.stdout.take().expect("piped");
        let mut text = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = screen.read(&mut piece) {
            text.extend_from_slice(&piece[..read]);
            if let (Some(word), true) = (word, text.ends_with(b"to go on: ")) {
                let keyboard = keyboard.as_mut().expect("piped");
                writeln!(keyboard, "{word}").expect("typed");
            }
        }
        drop(keyboard);
        let ended = child.wait().expect("it ends");
        Answer {
            code: ended.code().unwrap_or(-1),
            lines: self.as_shown(&String::from_utf8_lossy(&text)),
        }
    }

    /// A command of the documents with the names that things have here.
    fn here(&self, command: &str) -> String {
        let mut here = command
            .replace("/var/backups/tenants", "backups")
            .replace("/var/lib/node_exporter/", "")
            .replace(
                "psql …",
                &format!("psql -q -v ON_ERROR_STOP=1 -d '{}'", self.elsewhere.url()),
            );
        // The file of the documents was taken at another time.
        if let Some((before, rest)) = here.split_once("acme-2026") {
            let after = rest.find(".sql").map_or("", |at| &rest[at..]);
            here = format!("{before}acme-*{after}");
        }
        match here.contains("--watch") {
            true => format!("timeout --signal INT --preserve-status 3 {here}"),
            false => here,
        }
    }

    fn terminal(&self, command: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_tenantctl"));
        let folder = program.parent().expect("a folder").display();
        let config: tokio_postgres::Config = self.url().parse().expect("a URL");
        let host = match &config.get_hosts()[0] {
            tokio_postgres::config::Host::Unix(folder) => folder.display().to_string(),
            tokio_postgres::config::Host::Tcp(host) => host.clone(),
        };
        let (user, name) = (
            config.get_user().expect("a user"),
            config.get_dbname().expect("a name"),
        );
        std::fs::write(
            self.path("service.conf"),
            format!("[metrics]\nhost={host}\nuser={user}\ndbname={name}\n"),
        )
        .expect("written");
        let mut terminal = terminal(command);
        terminal
            .current_dir(self.folder.path())
            .env_clear()
            .env(
                "PATH",
                format!("{folder}:{}", variable("PATH").unwrap_or_default()),
            )
            .env("SHELL", "/bin/sh")
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            // How fast this machine is just now is not what the documents show.
            .env("SLOW_QUERY_THRESHOLD_MS", "0")
            .env("DATABASE_URL", self.url())
            .env("PGHOST", host)
            .env("PGUSER", user)
            .env("PGDATABASE", name)
            .env("PGSERVICEFILE", self.path("service.conf"));
        terminal
    }

    /// What was on the screen in the end, with the names of the documents.
    fn as_shown(&self, text: &str) -> Vec<String> {
        let name = match &self.database {
            Home::Shared(database) => database.name(),
            Home::Own(_) => "metrics",
        };
        let lines = text.lines().map(|line| {
            let kept = line.split('\r').map(visible);
            let mut kept = kept.filter(|part| !part.trim().is_empty());
            kept.next_back().unwrap_or_default().replace(name, "tenantctl")
        });
        lines.filter(|line| !line.is_empty()).collect()
    }
}
