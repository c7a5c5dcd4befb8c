//! The ways to a database that libpq's users know.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::support::{Database, Program, Run, Server, psql};

/// A server that asks for a password on its socket.
fn guarded() -> Server {
    let server = Server::start(&[]);
    for sql in [
        "CREATE ROLE app LOGIN PASSWORD 'hunter2 \\:'",
        "CREATE DATABASE metrics OWNER app",
    ] {
        psql(&server.url("postgres"), sql).expect("made");
    }
    let hba = "local all tenantctl trust\nlocal all all scram-sha-256\n";
    fs::write(server.folder().join("data/pg_hba.conf"), hba).expect("written");
    psql(&server.url("postgres"), "SELECT pg_reload_conf()").expect("reloaded");
    server
}

#[test]
fn passwords_come_from_wherever_libpq_takes_them() {
    let server = guarded();
    let socket = server.socket_dir().display().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("pgpass"), "*:5432:metrics:app:hunter2 \\\\\\:\n").expect("written");
    fs::set_permissions(path("pgpass"), fs::Permissions::from_mode(0o600)).expect("permissions");
    fs::write(
        path("service.conf"),
        format!("[metrics]\nhost={socket}\ndbname=metrics\nuser=app\n"),
    )
    .expect("written");
    fs::write(path("password"), "hunter2 \\:\nsecond line\n").expect("written");
    let url = format!("postgresql://app@/metrics?host={socket}");
    let encoded = "hunter2%20%5C%3A";

    let ways = [
        Program::new().run(&[
            "init",
            "--database-url",
            &format!("postgresql://app:{encoded}@/metrics?host={socket}"),
        ]),
        Program::new().run(&[
            "list",
            "--database-url",
            &format!("host={socket} dbname=metrics user=app password='hunter2 \\\\:'"),
        ]),
        Program::new()
            .env("DATABASE_URL", &url)
            .env("PGPASSWORD", "hunter2 \\:")
            .run(&["list"]),
        Program::new()
            .env("DATABASE_URL", &url)
            .env("PGPASSFILE", path("pgpass"))
            .run(&["list"]),
        Program::new()
            .env("DATABASE_URL", &url)
            .env("DATABASE_PASSWORD_FILE", path("password"))
            .run(&["list"]),
        Program::new()
            .env("PGHOST", &socket)
            .env("PGDATABASE", "metrics")
            .env("PGUSER", "app")
            .env("PGPASSWORD", "hunter2 \\:")
            .run(&["list"]),
        Program::new()
            .env("PGSERVICE", "metrics")
            .env("PGSERVICEFILE", path("service.conf"))
            .env("PGPASSFILE", path("pgpass"))
            .run(&["list"]),
    ];
    for (number, run) in ways.into_iter().enumerate() {
        assert_eq!(run.code, 0, "way {number}: {}", run.stderr);
    }
}

#[test]
fn a_wrong_password_is_refused_at_once_and_not_tried_again() {
    let server = guarded();
    let url = format!(
        "postgresql://app:wrong-one@/metrics?host={}",
        server.socket_dir().display()
    );
    let started = std::time::Instant::now();
    let run = Program::new()
        .env("DATABASE_URL", url)
        .env("TENANTCTL_CONNECT_WAIT", "30s")
        .run(&["list"])
        .exits(2);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(
        run.stderr
            .contains("password authentication failed for user \"app\" (28P01)"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("hint: check the password"), "{}", run.stderr);
    assert!(!run.stderr.contains("wrong-one"));
    let url = format!("postgresql://app@/metrics?host={}", server.socket_dir().display());
    Program::new()
        .env("DATABASE_URL", url)
        .run(&["list"])
        .exits(2)
        .says("asks for a password");
}

#[test]
fn a_password_file_that_is_missing_or_empty_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    let run = || {
        let program = Program::new().env("DATABASE_URL", "postgresql://app@127.0.0.1:1/metrics");
        program
            .env("DATABASE_PASSWORD_FILE", &file)
            .run(&["list"])
            .exits(2)
    };
    run().says("cannot be read");
    fs::write(&file, "\nlate").expect("written");
    run().says("is empty");
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let server = Server::start(&[("fsync", "on"), ("synchronous_commit", "on")]);
    let database = Database::on(&server);
    database.run(&["init"]).success();
    server.crash();
    database.run(&["list"]).exits(5);
    let child = database
        .program()
        .env("TENANTCTL_CONNECT_WAIT", "30s")
        .spawn(&["list"]);
    std::thread::sleep(Duration::from_millis(700));
    server.start_again();
    Run::of(child).success();
}

#[test]
fn of_several_hosts_the_first_that_will_do_is_taken() {
    let one = Server::start(&[("default_transaction_read_only", "on")]);
    let two = Server::start(&[]);
    for server in [&one, &two] {
        psql(
            &server.url("postgres"),
            "SET default_transaction_read_only = off; CREATE DATABASE metrics",
        )
        .ok();
    }
    psql(&one.url("postgres"), "BEGIN READ WRITE; SELECT 1").expect("reachable");
    let hosts = |attributes: &str| {
        format!(
            "host=/nonexistent,{},{} dbname=postgres user=tenantctl target_session_attrs={attributes}",
            one.socket_dir().display(),
            two.socket_dir().display()
        )
    };
    Program::new()
        .env("DATABASE_URL", hosts("read-write"))
        .run(&["init"])
        .success();
    assert_eq!(
        psql(&two.url("postgres"), "SELECT count(*) FROM tenants"),
        Ok("0".to_owned())
    );
    assert!(psql(&one.url("postgres"), "SELECT count(*) FROM tenants").is_err());
    Program::new()
        .env("DATABASE_URL", hosts("standby"))
        .run(&["list"])
        .exits(5)
        .says("not a standby");
    Program::new()
        .env("DATABASE_URL", hosts("read-only"))
        .run(&["list"])
        .exits(2)
        .says("run `tenantctl init`");
}

#[test]
fn a_direct_url_that_leads_elsewhere_is_refused() {
    let here = Database::new();
    let there = Database::new();
    let run = here
        .program()
        .env("DIRECT_URL", there.url())
        .run(&["create", "acme"]);
    run.exits(2).says("are not the same database");
    assert_eq!((here.state().1, there.state().1), (String::new(), String::new()));
    here.program()
        .env("DIRECT_URL", here.url())
        .run(&["create", "acme"])
        .success();
}

#[test]
fn a_direct_url_that_leads_elsewhere_is_refused_for_every_tenant() {
    let tenants = ["w1", "w2", "w3"];
    let here = Database::with_tenants(&tenants);
    let there = Database::with_tenants(&tenants);
    let before = (here.state(), there.state());
    let run = here.program().env("DIRECT_URL", there.url()).run(&[
        "drop",
        "--no-backup",
        "w1",
        "w2",
        "w3",
        "--yes",
        "--jobs",
        "1",
        "--on-error",
        "continue",
    ]);
    run.exits(2).says("3 of 3 tenants failed");
    assert_eq!((here.state(), there.state()), before);
}

#[test]
fn who_looks_at_the_server_sees_which_command_runs() {
    let database = Database::with_tenants(&["acme"]);
    let run = database.run(&[
        "exec",
        "acme",
        "-o",
        "csv",
        "-s",
        "select current_setting('application_name') as a",
    ]);
    assert_eq!(run.success().stdout, "tenant,a\nacme,tenantctl exec\n");
}

#[test]
fn an_unknown_parameter_is_refused_with_the_nearest_one() {
    Program::new()
        .run(&["list", "--database-url", "postgresql://h/db?sslmod=require"])
        .exits(2)
        .says("sslmode");
    // What Prisma adds to a URL is understood, for the variable is shared with the application.
    let database = Database::new();
    let joint = if database.url().contains('?') { "&" } else { "?" };
    let url = format!(
        "{}{joint}schema=public&pgbouncer=true&connection_limit=1&pool_timeout=5",
        database.url()
    );
    Program::new()
        .env("DATABASE_URL", url)
        .run(&["create", "a", "b", "c"])
        .success();
}
