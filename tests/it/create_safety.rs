//! Creating and dropping while much else goes on: other runs, changes to the template, readers, killed clients.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::support::{
    Database, Holder, Judge, PgBouncer, Program, Run, Server, configured, psql, signal, wait_until,
};

const TEMPLATE: &str = "tenant_template";

fn arguments<'a>(command: &'a [&'a str], slugs: &'a [String]) -> Vec<&'a str> {
    command
        .iter()
        .copied()
        .chain(slugs.iter().map(String::as_str))
        .collect()
}

fn slugs(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

/// Slows down every table that is made, so that there is a middle in which something can happen.
fn slow_down(database: &Database, pause: &str) {
    database.sql(&format!(
        "CREATE FUNCTION public.dawdle() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep({pause}); END'; \
         CREATE EVENT TRIGGER dawdle ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.dawdle()"
    ));
}

/// Tables in the template, with keys to two tables that all tenants share. Dropping such a tenant locks these in another
/// order than making it.
fn with_shared_tables(database: &Database) {
    database.sql(
        "CREATE TABLE public.plans (id int PRIMARY KEY); CREATE TABLE public.regions (id int PRIMARY KEY); \
         CREATE SCHEMA tenant_template; SET search_path = tenant_template; \
         CREATE TABLE a (id int PRIMARY KEY, region int REFERENCES public.regions); \
         CREATE TABLE b (id int PRIMARY KEY, plan int REFERENCES public.plans)",
    );
    database.run(&["init", "--quiet"]).success();
}

#[test]
fn creates_and_drops_at_once_never_meet_in_a_deadlock() {
    let database = Database::empty();
    with_shared_tables(&database);
    database.sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = 5', current_database()); END $$");
    let at_once = [
        "--quiet",
        "--jobs",
        "4",
        "--retries",
        "0",
        "--on-error",
        "continue",
    ];
    // They wait for one another as long as it takes: nothing but a deadlock ends one.
    let folder = configured("[tenants]\nlock_timeout = '5min'\n");
    let run = |arguments: &[&str]| database.program().folder(folder.path()).run(arguments);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let there = database.sql("SELECT slug FROM tenants LIMIT 8");
                let there: Vec<String> = there.lines().map(str::to_owned).collect();
                if !there.is_empty() {
                    let command = [&["drop", "--no-backup", "--yes"], &at_once[..]].concat();
                    run(&arguments(&command, &there)).success();
                }
            }
        });
        let creators: Vec<_> = (0..2)
            .map(|creator| {
                let (run, at_once) = (&run, &at_once);
                scope.spawn(move || {
                    let command = [&["create"], &at_once[..]].concat();
                    (0..20)
                        .map(|round| {
                            let slugs = slugs(&format!("c{creator}-{round}"), 8);
                            run(&arguments(&command, &slugs))
                        })
                        .filter(|run| run.code != 0)
                        .collect::<Vec<Run>>()
                })
            })
            .collect();
        let failed: Vec<Run> = creators
            .into_iter()
            .flat_map(|creator| creator.join().expect("no panic"))
            .collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(failed.is_empty(), "{failed:?}");
    });
}

#[test]
fn drop_waits_for_creates_only_where_tables_are_shared() {
    let shared = Database::empty();
    with_shared_tables(&shared);
    let own = Database::new();
    for (database, code) in [(&shared, 1), (&own, 0)] {
        database.run(&["create", "acme"]).success();
        let url = database.url().to_owned();
        let creating = std::thread::spawn(move || {
            let lock = "SELECT pg_advisory_xact_lock_shared(hashtextextended('tenantctl:shared tables', 0))";
            psql(&url, &format!("BEGIN; {lock}; SELECT pg_sleep(2)"))
        });
        let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND database = \
                    (SELECT oid FROM pg_database WHERE datname = current_database())";
        wait_until("the lock is held", || database.sql(held) == "1");
        let folder = configured("[tenants]\nlock_timeout = '200ms'\n");
        let program = database.program().folder(folder.path());
        let run = program
            .run(&["drop", "--no-backup", "acme", "--yes", "--retries", "0"])
            .exits(code);
        assert_eq!(run.stderr.contains("(55P03)"), code == 1, "{}", run.stderr);
        creating.join().expect("no panic").expect("done");
        if code == 1 {
            database.run(&["drop", "--no-backup", "acme", "--yes"]).success();
        }
    }
}

#[test]
fn a_server_without_room_for_locks_is_explained() {
    let server = Server::start(&[("max_locks_per_transaction", "10"), ("max_connections", "20")]);
    let database = Database::on(&server);
    let tables = |schema: &str, from: usize, to: usize| {
        let tables: String = (from..to)
            .map(|number| format!("CREATE TABLE {schema}.t{number} (id int PRIMARY KEY, body text);"))
            .collect();
        database.sql(&tables);
    };
    database.sql("CREATE SCHEMA tenant_template");
    for part in 0..10 {
        tables(TEMPLATE, part * 40, part * 40 + 40);
    }
    database.run(&["init", "--quiet"]).success();
    let words = "raise `max_locks_per_transaction`";
    database
        .run(&["create", "acme"])
        .exits(1)
        .says("out of shared memory")
        .says(words);
    assert_eq!(database.state(), (String::new(), String::new()));

    database.sql("DROP SCHEMA IF EXISTS small CASCADE; CREATE SCHEMA small; CREATE TABLE small.t (id int)");
    let folder = configured("[tenants]\ntemplate = 'small'\n");
    let run = |arguments: &[&str]| database.program().folder(folder.path()).run(arguments);
    run(&["create", "acme"]).success();
    for part in 0..10 {
        tables("tenant_acme", part * 40, part * 40 + 40);
    }
    run(&["drop", "--no-backup", "acme", "--yes"])
        .exits(1)
        .says("out of shared memory")
        .says(words);
    assert_eq!(
        database.state(),
        ("acme tenant_acme".to_owned(), "tenant_acme".to_owned())
    );
}

/// A column, an index, a function and a comment that change together, back and forth.
const CHANGES: [&str; 2] = [
    "BEGIN; ALTER TABLE users ADD COLUMN extra int DEFAULT 1; CREATE INDEX extra_idx ON users (extra); \
     ALTER TABLE sessions ADD CONSTRAINT extra_check CHECK (true); \
     CREATE OR REPLACE FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
     COMMENT ON FUNCTION extra() IS 'one'; COMMIT",
    "BEGIN; DROP INDEX extra_idx; ALTER TABLE users DROP COLUMN extra; \
     ALTER TABLE sessions DROP CONSTRAINT extra_check; \
     CREATE OR REPLACE FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 2'; \
     COMMENT ON FUNCTION extra() IS 'two'; COMMIT",
];

#[test]
fn tenants_made_while_the_template_changes_are_of_one_state_of_it() {
    let database = Database::new();
    let change = |at: usize| {
        psql(
            database.url(),
            &format!("SET search_path = {TEMPLATE}; {}", CHANGES[at]),
        )
    };
    for at in [0, 1] {
        change(at).expect("changed");
    }
    database.run(&["create", "second", "--quiet"]).success();
    change(0).expect("changed");
    database.run(&["create", "first", "--quiet"]).success();
    let is_over = AtomicBool::new(false);
    // Between two changes there must be time enough to read the template, however slow the machine is.
    let pause = AtomicU64::new(40);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for at in [1, 0] {
                    change(at).expect("changed");
                    std::thread::sleep(Duration::from_millis(pause.load(Ordering::Relaxed)));
                }
            }
        });
        let mut made = 0;
        for round in 0..40 {
            let slugs = slugs(&format!("r{round}"), 5);
            let run = database.run(&arguments(&["create", "--quiet"], &slugs));
            let said = run.stderr.contains("was changed while it was being read");
            assert!(run.code == 0 || run.code == 1 && said, "{run:?}");
            if run.code == 0 {
                made += slugs.len();
            } else {
                pause.fetch_add(20, Ordering::Relaxed);
            }
            if made >= 60 {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(made > 0, "the template was never still");
    });
    let schemas = database.state().1;
    let others: Vec<&str> = schemas
        .lines()
        .filter(|schema| schema.starts_with("tenant_r"))
        .collect();
    let pairs: Vec<(&str, &str)> = others
        .iter()
        .flat_map(|schema| [("tenant_first", *schema), ("tenant_second", *schema)])
        .collect();
    let differences = Judge::new(database.url()).differences_of_all(&pairs);
    for (pair, found) in others.iter().zip(differences.chunks(2)) {
        assert!(
            found.iter().any(Vec::is_empty),
            "{pair} is torn:\n{}\n{}",
            found[0].join("\n"),
            found[1].join("\n")
        );
    }
}

#[test]
fn a_create_that_is_killed_leaves_a_whole_tenant_or_none() {
    let database = Database::new();
    slow_down(&database, "0.005");
    // The first one takes the template's fingerprint.
    database.run(&["create", "first", "--quiet"]).success();
    let started = std::time::Instant::now();
    database.run(&["create", "measure", "--quiet"]).success();
    let mut pause = started.elapsed().mul_f64(0.7);
    let mut left = Vec::new();
    for round in 0..12 {
        let slug = format!("k{round}");
        let mut child = database.program().spawn(&["create", &slug]);
        std::thread::sleep(pause);
        child.kill().expect("can be killed");
        Run::of(child);
        database.nobody_is_left();
        let (rows, schemas) = database.state();
        let schema = format!("tenant_{slug}");
        let is_there = schemas.lines().any(|line| line == schema);
        assert_eq!(
            rows.contains(&format!("{slug} {schema}")),
            is_there,
            "{rows} / {schemas}"
        );
        let logged = format!("SELECT count(*) FROM tenant_operation_results WHERE slug = '{slug}'");
        assert_eq!(database.sql(&logged), if is_there { "1" } else { "0" });
        // The moment at which it is done is looked for, which moves with what else the machine does.
        pause = pause.mul_f64(if is_there { 0.7 } else { 1.2 });
        if is_there {
            left.push(schema);
        }
    }
    assert!(
        (1..12).contains(&left.len()),
        "kills came always too early or too late: {left:?}"
    );
    let pairs: Vec<(&str, &str)> = left.iter().map(|schema| (TEMPLATE, schema.as_str())).collect();
    for (schema, found) in left
        .iter()
        .zip(Judge::new(database.url()).differences_of_all(&pairs))
    {
        assert!(found.is_empty(), "{schema}: {}", found.join("\n"));
        assert_eq!(
            database.sql(&format!("SELECT count(*) FROM {schema}.refinery_schema_history")),
            database.sql(&format!(
                "SELECT count(*) FROM {TEMPLATE}.refinery_schema_history"
            ))
        );
    }
}

#[test]
fn a_create_that_is_cancelled_leaves_nothing() {
    let database = Database::new();
    slow_down(&database, "0.3");
    let child = database.program().spawn(&["create", "acme", "globex"]);
    let creating =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    wait_until("tenants are being made", || database.sql(creating) != "0");
    let pid = child.id();
    signal(pid, "INT");
    std::thread::sleep(Duration::from_millis(200));
    signal(pid, "INT");
    let run = Run::of(child).exits(130);
    assert!(run.stderr.contains("cancelled on request"), "{}", run.stderr);
    wait_until("nothing runs any more", || database.sql(creating) == "0");
    assert_eq!(database.state(), (String::new(), String::new()));
    assert_eq!(
        database.sql("SELECT count(*) FROM tenant_operation_results WHERE outcome = 'done'"),
        "0"
    );
}

#[test]
fn readers_of_other_tenants_are_never_blocked() {
    let database = Database::empty();
    with_shared_tables(&database);
    database.run(&["create", "reader", "--quiet"]).success();
    slow_down(&database, "0.02");
    let child = database
        .program()
        .spawn(&arguments(&["create", "--quiet"], &slugs("t", 50)));
    database.sql("CREATE TABLE public.reads (count int)");
    database.sql(
        "DO $$ DECLARE reads int := 0; deadline timestamptz := clock_timestamp() + '60 s'; BEGIN \
         PERFORM set_config('lock_timeout', '100', false); \
         WHILE (SELECT count(*) FROM public.tenants) < 51 AND clock_timestamp() < deadline LOOP \
             PERFORM FROM tenant_reader.a LEFT JOIN public.regions r ON r.id = region; \
             PERFORM FROM tenant_reader.b LEFT JOIN public.plans p ON p.id = plan; \
             COMMIT; reads := reads + 1; PERFORM pg_sleep(0.002); \
         END LOOP; INSERT INTO public.reads VALUES (reads); END $$",
    );
    Run::of(child).success();
    let reads = database.sql("SELECT count FROM public.reads");
    assert!(
        reads.parse::<u32>().is_ok_and(|reads| reads > 50),
        "only {reads} reads"
    );
}

#[test]
fn creates_at_once_share_one_connection_of_a_pooler() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::start(&server);
    let database = Database::on(&server);
    with_shared_tables(&database);
    let url = bouncer.url(database.name());
    let pooled = || Program::new().env("DATABASE_URL", &url);
    let children: Vec<_> = (0..4)
        .map(|number| {
            pooled().spawn(&arguments(
                &["create", "--quiet"],
                &slugs(&format!("p{number}"), 5),
            ))
        })
        .collect();
    for child in children {
        Run::of(child).success();
    }
    pooled()
        .run(&["create", "p0-0", "new", "--on-error", "continue"])
        .exits(3)
        .says("tenant `p0-0` already exists");
    pooled().run(&["create", "new", "--if-not-exists"]).success();
    pooled()
        .run(&["drop", "--no-backup", "p0-0", "p1-0", "--yes"])
        .success();
    let schemas = database.state().1;
    assert_eq!(schemas.lines().count(), 19);
    let pairs: Vec<(&str, &str)> = schemas.lines().map(|schema| (TEMPLATE, schema)).collect();
    let differences = Judge::new(database.url()).differences_of_all(&pairs);
    assert!(differences.iter().all(Vec::is_empty), "{differences:?}");
}

#[test]
fn a_registry_that_takes_no_row_gets_no_schema() {
    let database = Database::new();
    let before = database.state();
    database.sql(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
         CREATE TRIGGER swallow BEFORE INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION swallow()",
    );
    database
        .run(&["create", "acme"])
        .exits(1)
        .says("`public.tenants` took no row for `acme`")
        .says("a trigger or a rule");
    assert_eq!(database.state(), before);
}

/// Its work is there, and its history is not: whoever makes the tenant must have both from one time.
#[test]
fn a_migration_that_is_begun_while_the_template_is_read_goes_on_in_the_new_tenant() {
    let database = Database::new();
    database.sql("CREATE VIEW tenant_template.people AS SELECT email FROM tenant_template.users");
    let migrating = Holder::of(
        &database,
        "LOCK TABLE tenant_template.users; CREATE INDEX users_new_idx ON tenant_template.users (email)",
    );
    std::thread::scope(|scope| {
        let creating = scope.spawn(|| database.run(&["create", "--quiet", "acme"]));
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = \
                       (SELECT oid FROM pg_database WHERE datname = current_database())";
        wait_until("the template is being read", || database.sql(waiting) != "0");
        database.sql(
            "INSERT INTO tenant_unfinished_migrations (schema_name, version, statement) VALUES ('tenant_template', 99, 1)",
        );
        migrating.commit();
        creating.join().expect("no panic").success();
    });
    let made = database.sql(
        "SELECT (SELECT count(*) FROM pg_indexes WHERE schemaname = 'tenant_acme' AND indexname = 'users_new_idx'), \
         version, statement FROM tenant_unfinished_migrations WHERE schema_name = 'tenant_acme'",
    );
    assert_eq!(made, "1|99|1");
}
