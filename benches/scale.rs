//! Everything that an operator does every day, at a hundred, a thousand and ten thousand tenants: time, memory, growth.
//!
//! `make scale` writes the figures into `docs/scale.md`. `SCALE=1000` stops earlier and only prints them.

#[expect(dead_code, reason = "not every benchmark needs all of it")]
mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use self::support::{Server, say, variable};

const SIZES: [usize; 3] = [100, 1_000, 10_000];
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scale.md");
/// Between these two lines the document holds what was measured.
const MARKS: (&str, &str) = ("<!-- figures -->\n", "<!-- end of figures -->\n");

/// What a command took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    elapsed: Duration,
    /// The most memory that the process held, in kilobytes.
    peak: u64,
}

/// A row of the table: a command, and what it took at each size.
struct Row {
    what: &'static str,
    costs: Vec<Cost>,
}

fn main() -> ExitCode {
    let most = variable("SCALE")
        .and_then(|size| size.parse().ok())
        .unwrap_or(SIZES[2]);
    let sizes: Vec<usize> = SIZES.into_iter().filter(|size| *size <= most).collect();
    let server = Server::start(&[
        ("max_locks_per_transaction", "512"),
        ("shared_buffers", "512MB"),
        ("max_wal_size", "4GB"),
    ]);
    let project = Project::new(&server);
    let mut rows: Vec<Row> = Vec::new();
    let mut catalog = Vec::new();
    let mut last = 0;
    for size in &sizes {
        for (what, cost) in project.at(last, *size) {
            say(&format!("{size:>6}  {what:<44} {}", shown(cost)));
            match rows.iter_mut().find(|row| row.what == what) {
                Some(row) => row.costs.push(cost),
                None => rows.push(Row {
                    what,
                    costs: vec![cost],
                }),
            }
        }
        catalog.push(project.catalog());
        last = *size;
    }
    let figures = table(&sizes, &rows, &catalog);
    say(&figures);
    if sizes.len() == SIZES.len() {
        write_down(&figures);
    }
    ExitCode::SUCCESS
}

/// A fleet that grows, and its migrations.
struct Project<'a> {
    server: &'a Server,
    folder: tempfile::TempDir,
}

impl<'a> Project<'a> {
    fn new(server: &'a Server) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let template = folder.path().join("template");
        std::fs::create_dir(&template).expect("a folder");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenant_template");
        for file in std::fs::read_dir(shipped).expect("readable").flatten() {
            std::fs::copy(file.path(), template.join(file.file_name())).expect("copied");
        }
        let config = "[template]\nmigrations = \"template\"\n[retention]\nfile = \"retention.toml\"\n";
        std::fs::write(folder.path().join("tenantctl.toml"), config).expect("written");
        let retention = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/apps/metrics/retention.toml");
        std::fs::copy(retention, folder.path().join("retention.toml")).expect("copied");
        let project = Self { server, folder };
        project.run(&["init"]);
        project
    }

    /// Grows the fleet, and does everything once.
    fn at(&self, from: usize, size: usize) -> Vec<(&'static str, Cost)> {
        let slugs =
            |range: std::ops::Range<usize>| range.map(|number| format!("t{number}")).collect::<Vec<_>>();
        let mut create = vec!["create".to_owned()];
        create.extend(slugs(from..size));
        let create: Vec<&str> = create.iter().map(String::as_str).collect();
        let made = self.run(&create);
        // One tenant in a hundred has a month of data.
        for slug in (from..size).step_by(100) {
            self.run(&["seed", "--app", "metrics", "--into", &format!("t{slug}")]);
        }
        self.server.vacuum_catalogs();
        let mut costs = vec![
            ("create, each", each(made, size - from)),
            ("create one more", self.run(&["create", &format!("one-{size}")])),
            ("list", self.looked(&["list", "-o", "json"])),
            ("status", self.looked(&["status"])),
            (
                "migrate --all, nothing pending",
                self.looked(&["migrate", "--all"]),
            ),
        ];
        self.add_migrations(size);
        let migrated = self.run(&["migrate", "--all"]);
        self.server.vacuum_catalogs();
        let backups = tempfile::tempdir().expect("a folder");
        let folder = backups.path().to_str().expect("a name");
        let mut backup = vec!["backup".to_owned(), "--dir".to_owned(), folder.to_owned()];
        backup.extend(slugs(size - 100..size));
        let backup: Vec<&str> = backup.iter().map(String::as_str).collect();
        costs.extend([
            ("migrate --all, five migrations, each", each(migrated, size)),
            ("status --deep", self.looked(&["status", "--deep"])),
            ("drift --all", self.looked(&["drift", "--all"])),
            ("sizes", self.looked(&["sizes"])),
            ("sizes --exact", self.looked(&["sizes", "--exact"])),
            (
                "cleanup --days 20 --all",
                self.run(&["cleanup", "--days", "20", "--all", "--yes"]),
            ),
            ("backup of a hundred", self.run(&backup)),
            ("health", self.looked(&["health", "--fail-on", "never"])),
            (
                "drop one",
                self.run(&["drop", "--yes", "--no-backup", &format!("one-{size}")]),
            ),
        ]);
        costs
    }

    /// Five ordinary migrations, under versions of their own.
    fn add_migrations(&self, size: usize) {
        let first = 10 * (SIZES.iter().position(|known| *known == size).unwrap_or_default() + 1);
        let migrations = [
            format!("ALTER TABLE users ADD COLUMN nickname_{size} varchar(100)"),
            format!(
                "CREATE TABLE labels_{size} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)"
            ),
            format!("CREATE INDEX users_nickname_{size}_idx ON users (nickname_{size})"),
            format!("ALTER TABLE labels_{size} ADD COLUMN color text NOT NULL DEFAULT 'grey'"),
            format!(
                "UPDATE users SET nickname_{size} = name; COMMENT ON TABLE labels_{size} IS 'Words on things'"
            ),
        ];
        for (number, sql) in migrations.iter().enumerate() {
            let file = format!("template/V{}__step_{number}_{size}.sql", first + number);
            std::fs::write(self.folder.path().join(file), sql).expect("written");
        }
    }

    /// A command that changes nothing, three times: the one in the middle.
    fn looked(&self, arguments: &[&str]) -> Cost {
        let mut costs = [(); 3].map(|()| self.run(arguments));
        costs.sort_by_key(|cost| cost.elapsed);
        costs[1]
    }

    fn run(&self, arguments: &[&str]) -> Cost {
        let mut command = self.server.tenantctl();
        command
            .current_dir(self.folder.path())
            .args(["--quiet", "--config", "tenantctl.toml"])
            .args(arguments);
        measured(&mut command)
    }

    /// How many relations there are, and how large catalogs and database are.
    fn catalog(&self) -> (String, String, String) {
        let ask = |sql: &str| self.server.answer(sql);
        (
            ask("SELECT count(*) FROM pg_class"),
            ask(
                "SELECT pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class \
                 WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'",
            ),
            ask("SELECT pg_size_pretty(pg_database_size(current_database()))"),
        )
    }
}

/// Runs a program to its good end, and looks at its memory meanwhile.
fn measured(command: &mut Command) -> Cost {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        peak = peak.max(high_water(&status));
        match child.try_wait().expect("known") {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let elapsed = started.elapsed();
    assert!(ended.success(), "{command:?} failed: {ended}");
    Cost { elapsed, peak }
}

/// What the system says of the most memory that a process has held.
fn high_water(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

fn each(cost: Cost, count: usize) -> Cost {
    Cost {
        elapsed: cost.elapsed / u32::try_from(count).unwrap_or(u32::MAX),
        ..cost
    }
}

fn shown(cost: Cost) -> String {
    let seconds = cost.elapsed.as_secs_f64();
    let time = match seconds {
        ..1.0 => format!("{:.0} ms", seconds * 1000.0),
        ..10.0 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    };
    format!("{time}, {} MB", cost.peak.div_ceil(1024))
}

fn table(sizes: &[usize], rows: &[Row], catalog: &[(String, String, String)]) -> String {
    let mut text = String::from("| |");
    for size in sizes {
        let _ = write!(text, " {size} |");
    }
    let _ = write!(text, " last to the one before |\n|---|");
    text.push_str(&"--:|".repeat(sizes.len() + 1));
    text.push('\n');
    for row in rows {
        let _ = write!(text, "| `{}` |", row.what);
        for cost in &row.costs {
            let _ = write!(text, " {} |", shown(*cost));
        }
        let growth = match row.costs[..] {
            [.., before, last] => format!(
                "{:.1} ×",
                last.elapsed.as_secs_f64() / before.elapsed.as_secs_f64()
            ),
            _ => String::new(),
        };
        let _ = writeln!(text, " {growth} |");
    }
    for (what, at) in [
        ("relations", 0),
        ("size of the catalogs", 1),
        ("size of the database", 2),
    ] {
        let _ = write!(text, "| {what} |");
        for (relations, catalogs, database) in catalog {
            let _ = write!(text, " {} |", [relations, catalogs, database][at]);
        }
        text.push_str(" |\n");
    }
    text
}

/// Puts the figures into the document.
fn write_down(figures: &str) {
    let document = std::fs::read_to_string(DOCUMENT).expect("the document is there");
    let (before, rest) = document.split_once(MARKS.0).expect("a mark");
    let (_, after) = rest.split_once(MARKS.1).expect("a mark");
    std::fs::write(
        DOCUMENT,
        format!("{before}{}{figures}{}{after}", MARKS.0, MARKS.1),
    )
    .expect("written");
}
