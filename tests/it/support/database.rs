//! A database of one test.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::program::Program;
use super::server::{Server, shared_url};
use super::{Random, Run, psql, wait_until};

/// A database that lives as long as its test, and longer when the test fails.
pub(crate) struct Database {
    name: String,
    url: String,
    maintenance: String,
}

impl Database {
    /// An empty database on the shared server.
    pub(crate) fn empty() -> Self {
        Self::made(&shared_url, None)
    }

    /// An empty database whose text has another encoding than UTF-8.
    pub(crate) fn encoded(encoding: &str) -> Self {
        let database = Self::empty();
        let options = format!("TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        for sql in [
            format!("DROP DATABASE \"{}\"", database.name),
            format!("CREATE DATABASE \"{}\" {options}", database.name),
        ] {
            psql(&database.maintenance, &sql).expect("a database for the test");
        }
        database
    }

    /// A database with a registry that knows its template's definition, as it does from the first tenant on.
    pub(crate) fn new() -> Self {
        Self::copy_of("a registry", || {
            let original = Self::empty();
            original.run(&["init", "--quiet"]).success();
            original.run(&["create", "first", "--quiet"]).success();
            original.sql(
                "DROP SCHEMA tenant_first CASCADE; \
                 TRUNCATE tenants, tenant_operations, tenant_operation_results RESTART IDENTITY CASCADE",
            );
            let known = original.sql("SELECT count(*) FROM tenant_known_fingerprints");
            assert_eq!(known, "1");
            original
        })
    }

    /// A database with a registry and these tenants.
    pub(crate) fn with_tenants(slugs: &[&str]) -> Self {
        let make = || {
            let database = Self::new();
            database.run(&[&["create", "--quiet"], slugs].concat()).success();
            database
        };
        // Those that most tests ask for.
        match ["acme", "globex", "initech"].starts_with(slugs) {
            true => Self::copy_of(&slugs.join(", "), make),
            false => make(),
        }
    }

    /// A copy of a database that is made once for all tests of the run that want one like it: a copy takes a tenth of
    /// the time.
    pub(crate) fn copy_of(what: &str, make: impl FnOnce() -> Self) -> Self {
        static ORIGINALS: Mutex<BTreeMap<String, Arc<OnceLock<String>>>> = Mutex::new(BTreeMap::new());
        let original = {
            let mut originals = ORIGINALS.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(originals.entry(what.to_owned()).or_default())
        };
        let original = original.get_or_init(|| {
            let original = make();
            original.nobody_is_left();
            let name = original.name.clone();
            // It is there until the server ends.
            std::mem::forget(original);
            name
        });
        Self::made(&shared_url, Some(original))
    }

    /// An empty database on a server of the test's own.
    pub(crate) fn on(server: &Server) -> Self {
        Self::made(&|database| server.url(database), None)
    }

    /// A copy of a database on the same server.
    pub(crate) fn copy_on(server: &Server, original: &Self) -> Self {
        let copy = Self::on(server);
        let sql = [
            format!("DROP DATABASE \"{}\"", copy.name),
            format!("CREATE DATABASE \"{}\" TEMPLATE \"{}\"", copy.name, original.name),
            // Before this a crash would set copied sequences back: values that the original had logged ahead are not
            // logged again.
            "CHECKPOINT".to_owned(),
        ];
        for sql in sql {
            psql(&copy.maintenance, &sql).expect("a copy for the test");
        }
        copy
    }

    fn made(url: &dyn Fn(&str) -> String, original: Option<&str>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let thread = std::thread::current();
        let test = thread
            .name()
            .unwrap_or("test")
            .rsplit("::")
            .next()
            .unwrap_or("test")
            .to_owned();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{:.40}_{}_{number}", test, std::process::id());
        let maintenance = url("postgres");
        let template = original.map_or_else(String::new, |original| format!(" TEMPLATE \"{original}\""));
        psql(&maintenance, &format!("CREATE DATABASE \"{name}\"{template}"))
            .expect("a database for the test");
        Self {
            url: url(&name),
            name,
            maintenance,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL and returns its rows.
    pub(crate) fn sql(&self, sql: &str) -> String {
        psql(&self.url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The program on this database, with arguments yet to come.
    pub(crate) fn program(&self) -> Program {
        Program::new().env("DATABASE_URL", &self.url)
    }

    /// Runs the program on this database.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.program().run(arguments)
    }

    /// Waits until the server has heard of every client's end.
    pub(crate) fn nobody_is_left(&self) {
        let sql = format!("SELECT count(*) {}", self.sessions());
        wait_until("the sessions of clients end", || {
            psql(&self.url, &sql).is_ok_and(|count| count == "0")
        });
    }

    /// Whether a session in this database waits for a lock.
    pub(crate) fn somebody_waits(&self) -> bool {
        let waits = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) \
                     WHERE NOT granted AND datname = current_database()";
        self.sql(waits) != "0"
    }

    /// The process of one of the program's sessions, of one at work if there is any.
    pub(crate) fn any_session(&self, random: &mut Random) -> Option<u32> {
        let sql = format!(
            "SELECT pid {} ORDER BY state <> 'active', md5(pid::text || '{}') LIMIT 1",
            self.sessions(),
            random.number()
        );
        psql(&self.url, &sql).ok()?.parse().ok()
    }

    fn sessions(&self) -> String {
        format!(
            "FROM pg_stat_activity WHERE application_name LIKE 'tenantctl%' AND datname = '{}'",
            self.name
        )
    }

    /// The registry in short: slugs with their schemas, and the schemas that are there beside the template.
    pub(crate) fn state(&self) -> (String, String) {
        let rows = self.sql("SELECT slug || ' ' || schema_name FROM tenants ORDER BY 1");
        let schemas = self.sql(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenant%' AND nspname <> 'tenant_template' ORDER BY 1",
        );
        (rows, schemas)
    }
}

impl Drop for Database {
    #[expect(clippy::print_stderr, reason = "a test that fails says where its database is")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the test's database is kept: {}", self.url);
        } else {
            psql(
                &self.maintenance,
                &format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name),
            )
            .ok();
        }
    }
}
