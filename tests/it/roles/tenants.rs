//! Roles of tenants: each reaches its tenant and nothing else, for as long as there is one.

use super::Guarded;
use crate::support::Database;

/// A fleet in which tenants have roles.
fn fleet(slugs: &[&str]) -> Guarded {
    let guarded = Guarded::with_tenants(&[]).with_roles();
    // On 15 whoever has this may make any role; the owner has it here to make roles of tenants.
    let deploy = guarded.login("deploy");
    let owner = guarded.owner().replace('"', "\"\"");
    guarded.sql(&format!(
        "ALTER ROLE {deploy} CREATEROLE; ALTER ROLE \"{owner}\" CREATEROLE"
    ));
    guarded
        .as_owner(&[&["create", "--quiet"], slugs].concat())
        .success();
    guarded
}

/// Runs SQL as a tenant's role, which an application takes by `SET ROLE`.
fn try_as(guarded: &Guarded, slug: &str, sql: &str) -> Result<String, String> {
    let sql = format!(
        "BEGIN; SET LOCAL ROLE {}; SET LOCAL search_path = tenant_{slug}, public; \
         SET LOCAL app.current_tenant = 'tenant_{slug}'; {sql}; COMMIT",
        guarded.role(slug)
    );
    crate::support::psql(guarded.database().url(), &sql)
}

#[track_caller]
fn as_tenant(guarded: &Guarded, slug: &str, sql: &str) -> String {
    try_as(guarded, slug, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[track_caller]
fn denied(guarded: &Guarded, slug: &str, sql: &str) {
    let error = try_as(guarded, slug, sql).expect_err(sql);
    assert!(
        error.contains("permission denied") || error.contains("must be owner"),
        "{sql}: {error}"
    );
}

/// What a role may do outside of a schema, beside what everybody may do with what came with the server.
fn reach(guarded: &Guarded, slug: &str) -> String {
    let role = guarded.role(slug);
    guarded.sql(&format!(
        "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname NOT IN ('tenant_{slug}', 'public', \
             'information_schema') AND nspname !~ '^pg_' AND (has_schema_privilege('{role}', oid, 'USAGE') \
             OR has_schema_privilege('{role}', oid, 'CREATE')) \
         UNION ALL SELECT 'table ' || c.oid::regclass FROM pg_class c \
         WHERE c.oid >= 16384 AND relnamespace <> 'tenant_{slug}'::regnamespace \
           AND relnamespace::regnamespace::text !~ '^pg_' \
           AND CASE WHEN relkind = 'S' THEN has_sequence_privilege('{role}', c.oid, 'SELECT, USAGE, UPDATE') \
               WHEN relkind IN ('r', 'p', 'v', 'm', 'f') THEN has_table_privilege('{role}', c.oid, \
               'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') \
               OR has_any_column_privilege('{role}', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') END \
         UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname <> '{role}' \
           AND pg_has_role('{role}', oid, 'MEMBER') \
         UNION ALL SELECT 'create' WHERE has_schema_privilege('{role}', 'public', 'CREATE') \
           OR has_schema_privilege('{role}', 'tenant_{slug}', 'CREATE') \
           OR has_database_privilege('{role}', current_database(), 'CREATE') ORDER BY 1"
    ))
}

/// Tables and sequences of a tenant that its role cannot use in full.
fn lacking(guarded: &Guarded, slug: &str) -> String {
    let role = guarded.role(slug);
    guarded.sql(&format!(
        "SELECT relname FROM pg_class WHERE relnamespace = 'tenant_{slug}'::regnamespace \
         AND CASE WHEN relkind = 'S' THEN NOT (has_sequence_privilege('{role}', oid, 'USAGE') \
             AND has_sequence_privilege('{role}', oid, 'SELECT')) \
             WHEN relkind IN ('r', 'p', 'v', 'm') THEN NOT (has_table_privilege('{role}', oid, 'SELECT') \
             AND has_table_privilege('{role}', oid, 'INSERT') AND has_table_privilege('{role}', oid, 'UPDATE') \
             AND has_table_privilege('{role}', oid, 'DELETE')) END ORDER BY 1"
    ))
}

const HISTORY: &str = "refinery_schema_history";

#[test]
fn a_tenants_role_reads_nothing_of_others_of_the_registry_or_of_the_template() {
    let guarded = fleet(&["acme", "globex"]);
    for slug in ["acme", "globex"] {
        guarded
            .as_owner(&["seed", "--into", slug, "--users", "5", "--days", "2"])
            .success();
    }
    guarded.sql("ANALYZE; CREATE TABLE tenant_globex.open (secret int); ANALYZE tenant_globex.open");
    let tables = guarded.sql(
        "SELECT format('%I.%I', relnamespace::regnamespace::text, relname), relkind FROM pg_class \
         WHERE relnamespace::regnamespace::text IN ('tenant_globex', 'tenant_template') \
           AND relkind IN ('r', 'p', 'S') \
            OR relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')",
    );
    assert!(tables.lines().count() > 30, "{tables}");
    for line in tables.lines() {
        let (name, kind) = line.split_once('|').expect("two columns");
        denied(&guarded, "acme", &format!("SELECT * FROM {name}"));
        if kind == "S" {
            // By its number: that asks no schema.
            let oid = guarded.sql(&format!("SELECT '{name}'::regclass::oid"));
            denied(&guarded, "acme", &format!("SELECT nextval({oid}::regclass)"));
            denied(&guarded, "acme", &format!("SELECT setval({oid}::regclass, 1)"));
        } else {
            denied(&guarded, "acme", &format!("DELETE FROM {name}"));
            denied(&guarded, "acme", &format!("TRUNCATE {name}"));
        }
    }
    denied(
        &guarded,
        "acme",
        "SELECT tenant_globex.is_current_tenant('users')",
    );
    // What the server keeps about tables shows values of theirs, whatever schema they are in.
    let elsewhere =
        "schemaname <> 'tenant_acme' AND schemaname !~ '^pg_' AND schemaname <> 'information_schema'";
    assert_ne!(
        guarded.sql(&format!("SELECT count(*) FROM pg_stats WHERE {elsewhere}")),
        "0"
    );
    for view in ["pg_stats", "pg_stats_ext"] {
        let sql = format!("SELECT count(*) FROM {view} WHERE {elsewhere}");
        assert_eq!(as_tenant(&guarded, "acme", &sql), "0", "{view}");
    }
    let sql = format!("SELECT count(last_value) FROM pg_sequences WHERE {elsewhere}");
    assert_ne!(guarded.sql(&sql), "0");
    assert_eq!(as_tenant(&guarded, "acme", &sql), "0");
    assert_eq!(reach(&guarded, "acme"), "");
    assert_eq!(reach(&guarded, "globex"), "");
    for sql in [
        "CREATE TABLE public.mine (id int)",
        "CREATE TABLE tenant_acme.mine (id int)",
        "CREATE SCHEMA mine",
        "DROP TABLE tenant_acme.users",
        "TRUNCATE tenant_acme.users",
        "SELECT * FROM tenant_acme.refinery_schema_history",
    ] {
        let error = try_as(&guarded, "acme", sql).expect_err(sql);
        assert!(
            error.contains("permission denied") || error.contains("must be owner"),
            "{sql}: {error}"
        );
    }
}

#[test]
fn a_tenants_role_works_with_the_tenants_rows() {
    let guarded = fleet(&["acme"]);
    assert_eq!(lacking(&guarded, "acme"), HISTORY);
    let made = as_tenant(
        &guarded,
        "acme",
        "INSERT INTO users (email, name) VALUES ('ada@acme.example', 'Ada'); \
         INSERT INTO audit_logs (actor, action, resource) VALUES ('ada', 'login', 'users'); \
         UPDATE users SET name = 'Ada L.'; SELECT name, updated_at >= created_at FROM users; \
         DELETE FROM users; SELECT count(*) FROM users",
    );
    assert_eq!(made, "Ada L.|t\n0");
    // Row level security is for it as for every role but the owner.
    as_tenant(
        &guarded,
        "acme",
        "INSERT INTO users (email, name) VALUES ('a@b.example', 'A')",
    );
    let other = "SET LOCAL app.current_tenant = 'tenant_other'; SELECT count(*) FROM users";
    assert_eq!(as_tenant(&guarded, "acme", other), "0");
    // A login that is a member takes the role and nothing else comes with it.
    let login = guarded.login("web");
    guarded.sql(&format!(
        "CREATE ROLE {login} LOGIN NOINHERIT; GRANT {} TO {login}",
        guarded.role("acme")
    ));
    let url = guarded.url_as(&login);
    let seen = crate::support::psql(
        &url,
        &format!(
            "BEGIN; SET LOCAL ROLE {}; SET LOCAL app.current_tenant = 'tenant_acme'; \
             SELECT count(*) FROM tenant_acme.users; COMMIT",
            guarded.role("acme")
        ),
    );
    assert_eq!(seen.as_deref(), Ok("1"));
    for sql in ["SELECT count(*) FROM tenant_acme.users", "SET ROLE tenantctl"] {
        let error = crate::support::psql(&url, sql).expect_err(sql);
        assert!(error.contains("permission denied"), "{error}");
    }
    let shown = guarded.as_operator(&["show", "acme", "-o", "json"]).success();
    assert_eq!(shown.json()["role"], guarded.role("acme"));
}

#[test]
fn roles_of_tenants_are_no_drift_and_other_grants_are() {
    let guarded = fleet(&["acme", "globex", "with-dash"]);
    guarded.sql(&format!(
        "GRANT SELECT (email) ON tenant_acme.users TO {}",
        guarded.role("acme")
    ));
    guarded.sql(&format!(
        "CREATE VIEW tenant_template.shown AS SELECT 1 AS one; CREATE VIEW tenant_acme.shown AS SELECT 1 AS one; \
         CREATE VIEW tenant_globex.shown AS SELECT 1 AS one; CREATE VIEW tenant_with_dash.shown AS SELECT 1 AS one; \
         GRANT SELECT (one) ON tenant_acme.shown TO {}; {}",
        guarded.role("acme"),
        ["template", "acme", "globex", "with_dash"]
            .map(|name| format!("ALTER VIEW tenant_{name}.shown OWNER TO \"{}\"", guarded.owner().replace('"', "\"\"")))
            .join("; ")
    ));
    guarded.as_owner(&["drift", "--all"]).success();
    assert_eq!(
        guarded.sql("SELECT count(DISTINCT schema_fingerprint) FROM tenants"),
        "1"
    );
    // The role of another tenant is a stranger.
    guarded.sql(&format!(
        "GRANT SELECT ON tenant_acme.users TO {}",
        guarded.role("globex")
    ));
    let run = guarded.as_owner(&["drift", "--all"]).exits(4);
    assert!(run.stdout.contains("SELECT ON TABLE users TO"), "{}", run.stdout);
    assert!(
        run.stdout.contains("1 of 3") || run.stderr.contains("1 of 3"),
        "{run:?}"
    );
    let sql = guarded.as_owner(&["drift", "acme", "--sql"]).exits(4).stdout;
    assert!(sql.contains(&format!("FROM {}", guarded.role("globex"))), "{sql}");
    guarded.sql(&sql);
    guarded.as_owner(&["drift", "--all"]).success();
    let lacks = format!("{HISTORY}\nshown");
    assert_eq!(
        lacking(&guarded, "acme"),
        lacks,
        "what was mended has left its own role alone"
    );
    // Nor does a comment of somebody's choosing hide more than the role's own schema.
    guarded.sql(&format!(
        "GRANT USAGE ON SCHEMA tenant_globex TO {}",
        guarded.role("acme")
    ));
    guarded.as_owner(&["drift", "globex"]).exits(4);
}

#[test]
fn what_migrations_add_is_reached_by_the_tenants_role() {
    let guarded = fleet(&["acme", "globex"]);
    let sql = guarded.folder().join("sql");
    std::fs::create_dir(&sql).expect("a folder");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tenant_template")).expect("files") {
        let path = entry.expect("a file").path();
        std::fs::copy(&path, sql.join(path.file_name().expect("a name"))).expect("copied");
    }
    std::fs::write(
        sql.join("V5__notes.sql"),
        "CREATE TABLE notes (id serial PRIMARY KEY, body text);\nCREATE VIEW recent AS SELECT * FROM notes;\n",
    )
    .expect("written");
    let config = guarded.folder().join("tenantctl.toml");
    let text = std::fs::read_to_string(&config).expect("readable");
    std::fs::write(config, format!("{text}[template]\nmigrations = 'sql'\n")).expect("written");
    guarded.as_owner(&["migrate", "--all"]).success();
    for slug in ["acme", "globex"] {
        assert_eq!(lacking(&guarded, slug), HISTORY);
        assert_eq!(reach(&guarded, slug), "");
        let sql = "INSERT INTO notes (body) VALUES ('one'); SELECT count(*) FROM recent";
        assert_eq!(as_tenant(&guarded, slug, sql), "1");
    }
    guarded.as_owner(&["drift", "--all"]).success();
    guarded.as_owner(&["create", "initech"]).success();
    assert_eq!(lacking(&guarded, "initech"), HISTORY);
    guarded.as_owner(&["drift", "--all"]).success();
}

#[test]
fn a_copy_and_a_restored_tenant_have_roles_of_their_own() {
    let guarded = fleet(&["acme"]);
    as_tenant(
        &guarded,
        "acme",
        "INSERT INTO users (email, name) VALUES ('ada@acme.example', 'Ada')",
    );
    guarded.as_owner(&["clone", "acme", "copy"]).success();
    guarded.as_owner(&["backup", "acme"]).success();
    let file = super::backup_in(guarded.folder());
    guarded
        .as_owner(&["restore", &file, "--as", "acme-old"])
        .success();
    for slug in ["copy", "acme_old"] {
        assert_eq!(lacking(&guarded, slug), HISTORY);
        assert_eq!(reach(&guarded, slug), "");
        assert_eq!(as_tenant(&guarded, slug, "SELECT count(*) FROM users"), "1");
        denied(&guarded, slug, "SELECT count(*) FROM tenant_acme.users");
        denied(
            &guarded,
            "acme",
            &format!("SELECT count(*) FROM tenant_{slug}.users"),
        );
    }
    // In the place of the old one, the role stays with whoever is its member.
    let role = guarded.role("acme");
    let oid = guarded.sql(&format!("SELECT '{role}'::regrole::oid"));
    guarded.configure("");
    guarded
        .as_owner(&["restore", &file, "--replace", "--yes"])
        .success();
    assert_eq!(guarded.sql(&format!("SELECT '{role}'::regrole::oid")), oid);
    assert_eq!(lacking(&guarded, "acme"), HISTORY);
    guarded.as_owner(&["verify", "--restore", &file]).success();
    guarded.as_owner(&["drift", "--all"]).success();
}

#[test]
fn a_tenants_role_goes_with_the_tenant_and_comes_back_with_it() {
    let guarded = fleet(&["acme", "globex"]);
    let role = guarded.role("acme");
    let is_there = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    let run = guarded.as_owner(&["drop", "acme", "--dry-run"]).success();
    assert!(
        run.stdout.contains(&format!("and role `{role}`")),
        "{}",
        run.stdout
    );
    let run = guarded.as_owner(&["drop", "acme", "--yes"]).success();
    assert!(
        run.stdout.contains(&format!("and role `{role}`")),
        "{}",
        run.stdout
    );
    assert_eq!(guarded.sql(&is_there), "0");
    guarded.as_owner(&["undrop", "acme"]).success();
    assert_eq!(guarded.sql(&is_there), "1");
    assert_eq!(lacking(&guarded, "acme"), HISTORY);
    // One that has something elsewhere cannot go, and that is said.
    guarded.sql(&format!(
        "CREATE TABLE public.plans (id int); GRANT SELECT ON public.plans TO {role}"
    ));
    let run = guarded.as_owner(&["drop", "acme", "--yes"]).success();
    assert!(!run.stdout.contains("role"), "{}", run.stdout);
    run.says(&format!("role `{role}` of `acme` is still there"))
        .says("privileges for table public.plans");
    assert_eq!(guarded.sql(&is_there), "1");
    guarded.as_owner(&["create", "acme"]).success();
    assert_eq!(lacking(&guarded, "acme"), HISTORY);
    guarded.sql(&format!("REVOKE ALL ON public.plans FROM {role}"));
    // Who drops tenants need not be one who may drop roles.
    guarded.sql(&format!(
        "ALTER ROLE \"{}\" NOCREATEROLE",
        guarded.owner().replace('"', "\"\"")
    ));
    guarded
        .as_owner(&["drop", "acme", "--yes"])
        .success()
        .says("is still there")
        .says("permission denied to drop role");
}

#[test]
fn without_the_right_to_make_roles_the_owner_takes_those_that_others_have_made() {
    let guarded = Guarded::with_tenants(&["globex"]).with_roles();
    let before = guarded.everything();
    let run = guarded.as_owner(&["create", "acme"]).exits(1);
    let run = run
        .says(&format!(
            "giving role `{}` to schema `tenant_acme`",
            guarded.role("acme")
        ))
        .says("permission denied to create role");
    assert_eq!(guarded.everything(), before);
    let hint = run.stderr.split_once("a role that may: ").expect("a hint").1;
    guarded.sql(hint.trim());
    guarded.as_owner(&["create", "acme"]).success();
    assert_eq!(lacking(&guarded, "acme"), HISTORY);
    assert_eq!(reach(&guarded, "acme"), "");
    guarded
        .as_owner(&["clone", "acme", "copy"])
        .exits(1)
        .says("permission denied to create role");
    // Those who have tenants already get theirs when the roles are applied again.
    guarded.apply().success();
    assert_eq!(lacking(&guarded, "globex"), HISTORY);
    assert_eq!(reach(&guarded, "globex"), "");
    guarded.as_owner(&["drift", "--all"]).success();
}

#[test]
fn a_role_that_only_happens_to_have_the_name_gets_nothing() {
    let guarded = fleet(&["globex"]);
    let role = guarded.role("acme");
    guarded.sql(&format!("CREATE ROLE {role} LOGIN"));
    let before = guarded.everything();
    guarded
        .as_owner(&["create", "acme"])
        .exits(1)
        .says(&format!("role \"{role}\" is there already"))
        .says("choose another `tenants.role_prefix`");
    assert_eq!(guarded.everything(), before);
    assert_eq!(
        guarded.sql(&format!(
            "SELECT count(*) FROM pg_shdepend WHERE refobjid = '{role}'::regrole"
        )),
        "0"
    );
}

#[test]
fn two_databases_of_a_server_do_not_share_a_tenants_role() {
    let guarded = fleet(&["acme"]);
    let other = Guarded::unprepared(Database::new());
    other.configure(&format!("role_prefix = '{}'", guarded.prefix()));
    other
        .program()
        .run(&["create", "acme"])
        .exits(1)
        .says("has privileges in another database of this server")
        .says("choose another `tenants.role_prefix` for this database");
    assert_eq!(other.database().state(), (String::new(), String::new()));
    other.configure(&format!("role_prefix = '{}'", other.prefix()));
    other.program().run(&["create", "acme"]).success();
    other.program().run(&["drop", "acme", "--yes"]).success();
}

#[test]
fn a_slug_that_leaves_no_room_for_the_role_is_refused_before_anything_is_made() {
    let database = Database::new();
    let folder = tempfile::tempdir().expect("a folder");
    let write = |text: &str| std::fs::write(folder.path().join("tenantctl.toml"), text).expect("written");
    write("[tenants]\nrole_prefix = 'a_rather_long_prefix_for_roles_of_tenants_'\n");
    let slug = "a".repeat(40);
    let program = || database.program().folder(folder.path());
    program()
        .run(&["create", &slug])
        .exits(2)
        .says("too long for a role");
    program()
        .input(&format!("slug\n{slug}\n"))
        .run(&["create", "--from-file", "-"])
        .exits(2)
        .says("too long for a role");
    assert_eq!(database.state(), (String::new(), String::new()));
    write("[tenants]\nrole_prefix = 'App-'\n");
    program()
        .run(&["list"])
        .exits(2)
        .says("setting `tenants.role_prefix`");
    write("[roles]\nowner = 'pg_owner'\n");
    program().run(&["list"]).exits(2).says("setting `roles.owner`");
    write("[roles]\nowner = 'one'\noperator = 'one'\n");
    program().run(&["list"]).exits(2).says("name one role");
}
