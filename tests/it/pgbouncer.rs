//! Everything through a real PgBouncer in transaction mode with a single server connection.

use crate::support::{Database, PgBouncer, Program, Run, Server, signal, wait_until};

struct Pooled {
    database: Database,
    bouncer: PgBouncer,
    _server: Server,
}

impl Pooled {
    fn new() -> Self {
        Self::with_connections(1)
    }

    /// The same with so many server connections.
    fn with_connections(connections: usize) -> Self {
        let server = Server::start(&[]);
        let bouncer = PgBouncer::with_connections(&server, connections);
        Self {
            database: Database::on(&server),
            bouncer,
            _server: server,
        }
    }

    fn program(&self) -> Program {
        Program::new().env("DATABASE_URL", self.bouncer.url(self.database.name()))
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.program().run(arguments)
    }
}

#[test]
fn every_command_works_through_a_pooler() {
    let pooled = Pooled::new();
    pooled.run(&["init"]).success();
    pooled.run(&["init"]).success();
    pooled
        .run(&["create", "acme", "--domain", "acme.example"])
        .success();
    pooled
        .run(&["create", "b1", "b2", "b3", "b4", "b5", "b6"])
        .success();
    pooled.run(&["list"]).success();
    pooled.run(&["show", "acme"]).success();
    assert_eq!(
        pooled.run(&["resolve", "acme.example"]).success().stdout,
        "tenant_acme\n"
    );
    pooled.run(&["update", "acme", "--plan", "pro"]).success();
    pooled
        .run(&["seed", "--days", "2", "--into", "acme", "b1", "b2"])
        .success();
    pooled.run(&["suspend", "acme"]).success();
    pooled.run(&["resume", "acme"]).success();
    pooled
        .run(&[
            "exec",
            "--all",
            "--write",
            "--yes",
            "-s",
            "create table t (id int); insert into t values (1)",
        ])
        .success();
    let counted = pooled
        .run(&["exec", "--all", "-o", "csv", "-s", "select count(*) as n from t"])
        .success()
        .stdout;
    assert_eq!(
        counted.lines().filter(|line| line.ends_with(",1")).count(),
        7,
        "{counted}"
    );
    pooled.run(&["health", "--deep"]).success();
    // What was made by hand above is in every tenant and not in the template.
    pooled.run(&["drift", "acme", "b3"]).exits(4);
    pooled.run(&["template", "status"]).success();
    pooled.run(&["status", "--deep"]).success();
    pooled.run(&["history", "acme"]).success();
    pooled
        .run(&["drop", "--no-backup", "acme", "b1", "b2", "--yes"])
        .success();
    pooled.run(&["create", "acme"]).success();
    pooled.run(&["create", "acme"]).exits(1).says("already exists");
}

#[test]
fn what_needs_two_sessions_at_once_works_through_two_connections() {
    let pooled = Pooled::with_connections(2);
    pooled.run(&["init"]).success();
    pooled.run(&["create", "acme", "globex"]).success();
    pooled.run(&["clone", "acme", "copy"]).success();
    pooled.run(&["clone", "acme", "bare", "--schema-only"]).success();
    pooled.run(&["migrate", "--all", "--deep"]).success();
    pooled.run(&["cleanup", "--all", "--days", "30"]).success();
    pooled.run(&["drift", "--all"]).success();
}

#[test]
fn a_pooler_with_one_connection_is_named_where_two_are_needed() {
    let pooled = Pooled::new();
    pooled.run(&["init"]).success();
    pooled.run(&["create", "acme"]).success();
    pooled
        .run(&["clone", "acme", "copy"])
        .exits(5)
        .says("the pooler had no connection to the server to spare")
        .says("DIRECT_URL");
}

#[test]
fn a_password_that_the_pooler_does_not_take_is_a_mistake_of_the_caller_and_not_tried_again() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::with_password(&server, "right");
    let database = Database::on(&server);
    let run = |password: &str| {
        let url = format!("{}&password={password}", bouncer.url(database.name()));
        let program = Program::new().env("DATABASE_URL", url);
        program.env("TENANTCTL_CONNECT_WAIT", "60s").run(&["init"])
    };
    let refused = run("wrong").exits(2).says("check the password");
    assert!(!refused.stderr.contains("wrong"), "{}", refused.stderr);
    run("right").success();
}

#[test]
fn the_direct_url_is_used_for_schemas_beside_a_pooler() {
    let pooled = Pooled::new();
    let run = |arguments: &[&str]| {
        pooled
            .program()
            .env("DIRECT_URL", pooled.database.url())
            .run(arguments)
            .success()
    };
    run(&["init"]);
    run(&["create", "a", "b", "c"]);
    let listed = run(&["exec", "--all", "-o", "csv", "-s", "select current_schema() as s"]).stdout;
    assert_eq!(listed, "tenant,s\na,tenant_a\nb,tenant_b\nc,tenant_c\n");
    run(&["drop", "--no-backup", "a", "b", "c", "--yes"]);
}

/// What a client of the application would see on the very connection that tenantctl has just used.
#[test]
fn no_session_state_leaks_from_tenant_to_tenant_or_to_the_application() {
    let pooled = Pooled::new();
    pooled.run(&["init"]).success();
    pooled.run(&["create", "a", "b"]).success();
    let look = "SELECT pg_backend_pid(), current_setting('search_path'), current_setting('lock_timeout'), \
                current_setting('statement_timeout'), current_setting('work_mem'), current_user, \
                (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), \
                (SELECT count(*) FROM pg_class WHERE relpersistence = 't'), \
                (SELECT count(*) FROM pg_prepared_statements), \
                (SELECT count(*) FROM pg_cursors), \
                (SELECT count(*) FROM pg_listening_channels())";
    let url = pooled.bouncer.url(pooled.database.name());
    let before = crate::support::psql(&url, look).expect("answers");

    let messy = "set search_path = pg_catalog; set work_mem = '77MB'; set statement_timeout = 12345; \
                 create temp table leftover (id int); listen gossip; select pg_advisory_lock(42); \
                 declare c cursor with hold for select 1; prepare p as select 1; \
                 set role pg_read_all_data";
    pooled
        .run(&["exec", "a", "--write", "--yes", "-s", messy])
        .success();
    assert_eq!(crate::support::psql(&url, look).expect("answers"), before);
    let run = pooled
        .run(&[
            "exec",
            "b",
            "-o",
            "csv",
            "-s",
            "select current_setting('search_path') as p",
        ])
        .success();
    assert_eq!(run.stdout, "tenant,p\nb,\"tenant_b, public\"\n");
    let messy = "set work_mem = '77MB'; select set_config('search_path', 'pg_catalog', false); \
                 prepare p as select 1; select pg_advisory_lock(42)";
    pooled.run(&["exec", "a", "-s", messy]).success();
    assert_eq!(crate::support::psql(&url, look).expect("answers"), before);
    for access in ["--read-only", "--write"] {
        let failing = format!("{messy}; select 1/0");
        pooled
            .run(&["exec", "a", access, "--yes", "-s", &failing])
            .exits(1);
        assert_eq!(crate::support::psql(&url, look).expect("answers"), before);
    }
}

#[test]
fn a_server_that_is_lost_behind_the_pooler_is_a_lost_connection() {
    let pooled = Pooled::new();
    pooled.run(&["init"]).success();
    pooled.run(&["create", "acme"]).success();
    let child = pooled
        .program()
        .spawn(&["exec", "acme", "-s", "select pg_sleep(60)"]);
    let backend = || {
        pooled
            .database
            .sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'select pg_sleep%' AND state = 'active'")
    };
    wait_until("the statement is under way", || !backend().is_empty());
    signal(backend().parse().expect("a process"), "KILL");
    Run::of(child)
        .exits(5)
        .says("the connection to the server was lost");
}
