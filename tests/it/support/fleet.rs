//! Many small tenants, and a folder of migrations that they are brought forward with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;

use super::{Database, Program, Run, Server};

/// The template that every such fleet begins with.
const BEGINNING: &str = "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);\n\
                         CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, amount int);\n";

/// A database of small tenants, `t01` and so on, with a folder of migrations of their own.
pub(crate) struct Fleet {
    pub(crate) database: Database,
    folder: Arc<tempfile::TempDir>,
}

impl Fleet {
    /// So many tenants at V1, which is all there is.
    pub(crate) fn new(tenants: usize) -> Self {
        Self::with(BEGINNING, tenants)
    }

    /// The same with other tables, which many tests have.
    pub(crate) fn with(tables: &str, tenants: usize) -> Self {
        let what = format!("{tenants} tenants with {tables}");
        let make = || Self::made(Database::empty(), tables, tenants).database;
        let fleet = Self::begun(Database::copy_of(&what, make));
        fleet.file("V1__beginning.sql", tables);
        fleet
    }

    /// The same on a server of the test's own.
    pub(crate) fn on(server: &Server, tenants: usize) -> Self {
        Self::made(Database::on(server), BEGINNING, tenants)
    }

    /// A database and a folder with nothing in them yet.
    pub(crate) fn empty() -> Self {
        Self::begun(Database::empty())
    }

    /// The same for a database of the test's own.
    pub(crate) fn begun(database: Database) -> Self {
        let fleet = Self {
            database,
            folder: Arc::new(tempfile::tempdir().expect("a folder")),
        };
        fs::create_dir(fleet.folder.path().join("sql")).expect("a folder");
        fleet.configure("");
        fleet
    }

    fn made(database: Database, tables: &str, tenants: usize) -> Self {
        let fleet = Self::begun(database);
        fleet.file("V1__beginning.sql", tables);
        fleet.run(&["init", "--quiet"]).success();
        let slugs = fleet.slugs(tenants);
        let slugs: Vec<&str> = slugs.iter().map(String::as_str).collect();
        if !slugs.is_empty() {
            fleet
                .run(&[&["create", "--quiet"], &slugs[..]].concat())
                .success();
        }
        fleet
    }

    /// The same tenants in another database, with the same folder.
    pub(crate) fn copied(&self, database: Database) -> Self {
        Self {
            database,
            folder: Arc::clone(&self.folder),
        }
    }

    /// The folder that the program runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The slugs of the first so many tenants.
    pub(crate) fn slugs(&self, tenants: usize) -> Vec<String> {
        (1..=tenants).map(|number| format!("t{number:02}")).collect()
    }

    /// Writes `tenantctl.toml`, which names the folder of migrations and has this beside it.
    pub(crate) fn configure(&self, more: &str) {
        let text = format!("[template]\nmigrations = 'sql'\n{more}");
        fs::write(self.folder.path().join("tenantctl.toml"), text).expect("written");
    }

    /// Writes a migration. Whoever reads the folder meanwhile sees all of it or nothing.
    pub(crate) fn file(&self, name: &str, sql: &str) -> &Self {
        let aside = self.folder.path().join(name);
        fs::write(&aside, sql).expect("written");
        fs::rename(aside, self.path(name)).expect("in its place");
        self
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("removed");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("sql").join(name)
    }

    /// The program on this database with this folder.
    pub(crate) fn program(&self) -> Program {
        self.database.program().folder(self.folder.path())
    }

    /// The same on another address of the database.
    pub(crate) fn program_at(&self, url: &str) -> Program {
        Program::new().env("DATABASE_URL", url).folder(self.folder.path())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.program().run(arguments)
    }

    /// Runs `migrate` with these arguments.
    pub(crate) fn migrate(&self, arguments: &[&str]) -> Run {
        self.program().run(&[&["migrate"], arguments].concat())
    }

    /// Starts `migrate` and does not wait for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.program().spawn(&[&["migrate"], arguments].concat())
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.database.sql(sql)
    }

    /// The versions that the registry has, each once with the number of its tenants: `1:3 2:9`.
    pub(crate) fn versions(&self) -> String {
        self.sql(
            "SELECT string_agg(version || ':' || tenants, ' ' ORDER BY version) FROM \
             (SELECT coalesce(schema_version, 0) AS version, count(*) AS tenants FROM tenants GROUP BY 1) AS counted",
        )
    }

    /// The versions in a schema's own history: `1,2`.
    pub(crate) fn history(&self, schema: &str) -> String {
        self.sql(&format!(
            "SELECT string_agg(version::text, ',' ORDER BY version) FROM \"{schema}\".refinery_schema_history"
        ))
    }

    /// How the last run fared by its log: its outcome, and each tenant with its own.
    pub(crate) fn log(&self) -> String {
        self.sql(
            "SELECT o.outcome || coalesce(': ' || string_agg(r.slug || ' ' || r.outcome, ', ' ORDER BY r.slug), '') \
             FROM tenant_operations o LEFT JOIN tenant_operation_results r ON r.operation_id = o.id \
             WHERE o.id = (SELECT max(id) FROM tenant_operations WHERE command = 'migrate') GROUP BY o.id",
        )
    }

    /// Everything that a run which changes nothing leaves as it is.
    pub(crate) fn everything(&self) -> String {
        let histories = self.sql(
            "SELECT string_agg(format('SELECT %L, version, name, checksum FROM %I.refinery_schema_history', \
             n.nspname, n.nspname), ' UNION ALL ') FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid \
             WHERE n.nspname LIKE 'tenant%' AND c.relname = 'refinery_schema_history'",
        );
        [
            "SELECT slug, schema_version, schema_fingerprint FROM tenants ORDER BY 1".to_owned(),
            "SELECT c.relnamespace::regnamespace, c.relname, c.relkind, a.attname, a.atttypid FROM pg_class c \
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace::regnamespace::text LIKE 'tenant%' ORDER BY 1, 2, 4"
                .to_owned(),
            format!("{histories} ORDER BY 1, 2"),
        ]
        .map(|sql| self.sql(&sql))
        .join("\n\n")
    }
}
