//! The roles that the program needs: what each may do, and that it needs no more.

mod commands;
mod setup;
mod tenants;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Database, Program, Run, psql};

/// A database with roles of its own: an owner, an operator and logins that are members of them.
struct Guarded {
    database: Option<Database>,
    folder: tempfile::TempDir,
    id: String,
}

impl Guarded {
    /// A database with a configuration that names the roles. None of them is there yet.
    fn unprepared(database: Database) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let guarded = Self {
            database: Some(database),
            folder: tempfile::tempdir().expect("a folder"),
            id: format!("{}_{number}", std::process::id()),
        };
        guarded.configure("");
        guarded
    }

    /// The same once the roles are there, with a login for each. Nothing else is there.
    fn empty() -> Self {
        let guarded = Self::unprepared(Database::empty());
        guarded.apply().success();
        guarded.log_in();
        guarded
    }

    /// The same with a registry, a template and tenants, which the owner has made. Tenants have no roles.
    fn with_tenants(slugs: &[&str]) -> Self {
        let guarded = Self::empty();
        guarded.as_owner(&["init", "--quiet"]).success();
        if !slugs.is_empty() {
            guarded
                .as_owner(&[&["create", "--quiet"], slugs].concat())
                .success();
        }
        guarded
    }

    fn database(&self) -> &Database {
        self.database.as_ref().expect("there until the end")
    }

    fn sql(&self, sql: &str) -> String {
        self.database().sql(sql)
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the configuration; `more` belongs into `[tenants]`.
    fn configure(&self, more: &str) {
        let text = format!(
            "[tenants]\n{more}\n[roles]\nowner = '{}'\noperator = '{}'\n[backup]\ndir = 'backups'\n",
            self.owner(),
            self.operator()
        );
        fs::write(self.folder().join("tenantctl.toml"), text).expect("written");
    }

    /// Switches roles of tenants on.
    fn with_roles(self) -> Self {
        self.configure(&format!("role_prefix = '{}'", self.prefix()));
        self
    }

    fn owner(&self) -> String {
        format!("Owner \"{}\"", self.id)
    }

    fn operator(&self) -> String {
        format!("operator_{}", self.id)
    }

    /// What roles of tenants begin with.
    fn prefix(&self) -> String {
        format!("app_{}_", self.id)
    }

    /// The role of a tenant.
    fn role(&self, slug: &str) -> String {
        format!("{}{}", self.prefix(), slug.replace('-', "_"))
    }

    fn login(&self, name: &str) -> String {
        format!("{name}_{}", self.id)
    }

    /// Runs `init --roles apply` as a superuser.
    fn apply(&self) -> Run {
        self.program().run(&["init", "--roles", "apply"])
    }

    /// Makes a login for the owner, one for the operator, and one that is nobody.
    fn log_in(&self) {
        let [deploy, support, nobody] = ["deploy", "support", "nobody"].map(|name| self.login(name));
        let owner = self.owner().replace('"', "\"\"");
        self.sql(&format!(
            "CREATE ROLE {deploy} LOGIN; GRANT \"{owner}\" TO {deploy}; ALTER ROLE {deploy} SET role = \"{owner}\"; \
             CREATE ROLE {support} LOGIN; GRANT {} TO {support}; CREATE ROLE {nobody} LOGIN",
            self.operator()
        ));
    }

    /// The program as the tests' superuser.
    fn program(&self) -> Program {
        self.database().program().folder(self.folder())
    }

    fn program_as(&self, login: &str) -> Program {
        self.program().env("DATABASE_URL", self.url_as(login))
    }

    fn url_as(&self, login: &str) -> String {
        let url = self.database().url();
        let changed = url.replacen("tenantctl@", &format!("{login}@"), 1);
        assert_ne!(url, changed, "the tests' server is not reached as `tenantctl`");
        changed
    }

    fn as_owner(&self, arguments: &[&str]) -> Run {
        self.program_as(&self.login("deploy")).run(arguments)
    }

    fn as_operator(&self, arguments: &[&str]) -> Run {
        self.program_as(&self.login("support")).run(arguments)
    }

    fn as_nobody(&self, arguments: &[&str]) -> Run {
        self.program_as(&self.login("nobody")).run(arguments)
    }

    /// What no command may have changed that has failed. What the log says of the attempt is not among it.
    fn everything(&self) -> String {
        self.sql(
            &[
            "SELECT * FROM public.tenants ORDER BY slug",
            "SELECT count(*) FROM public.tenant_size_snapshots",
            "SELECT nspname, nspowner::regrole, nspacl FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1",
            "SELECT oid::regclass, relowner::regrole, relacl, relkind, relnatts FROM pg_class \
             WHERE oid >= 16384 AND relnamespace::regnamespace::text !~ '^pg_' ORDER BY oid::regclass::text",
            "SELECT table_schema || '.' || table_name, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n \
             FROM %I.%I', table_schema, table_name), false, true, '')))[1]::text FROM information_schema.tables \
             WHERE table_schema LIKE 'tenant%' ORDER BY 1",
        ]
            .join("; "),
        )
    }
}

/// The one backup in the folder.
fn backup_in(folder: &Path) -> String {
    let files = fs::read_dir(folder.join("backups")).expect("a folder");
    let mut paths = files.map(|file| file.expect("a file").path().display().to_string());
    paths.find(|path| path.ends_with(".zst")).expect("a backup")
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let Some(database) = self.database.take() else {
            return;
        };
        let url = database.url().replacen(database.name(), "postgres", 1);
        drop(database);
        let of_this = format!(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE '%\\_{id}' OR rolname LIKE '%\\_{id}\\_%' \
             OR rolname LIKE '%\"{id}\"'",
            id = self.id.replace('_', "\\_")
        );
        for role in psql(&url, &of_this).unwrap_or_default().lines() {
            psql(&url, &format!("DROP ROLE \"{}\"", role.replace('"', "\"\""))).ok();
        }
    }
}
