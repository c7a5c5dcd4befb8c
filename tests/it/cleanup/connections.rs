//! Behind a pooler, and on a server with a replica.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::actions::archiving;
use super::{FILL, LOGS, ask, cleanup, each, filled, policy};
use crate::support::{Database, Fleet, PgBouncer, Server, wait_until};

#[test]
fn rows_are_deleted_and_archived_through_a_pooler() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::with_connections(&server, 6);
    let tables = format!("{LOGS}; CREATE TABLE visits (id int PRIMARY KEY, at timestamptz)");
    let policies = policy("logs", "at", "") + &policy("visits", "at", "action = 'archive'");
    let fleet = filled(Fleet::begun(Database::on(&server)), &tables, 3, &policies);
    each(&fleet, FILL);
    each(&fleet, "INSERT INTO visits SELECT id, at FROM logs");
    fleet
        .program_at(&bouncer.url(fleet.database.name()))
        .run(&["cleanup", "--days", "60", "--jobs", "2"])
        .success()
        .says("5,766 rows removed");
    for tenant in ["t01", "t02", "t03"] {
        for table in ["logs", "visits"] {
            assert_eq!(
                ask(&fleet, tenant, &format!("SELECT count(*) FROM {table}")),
                "1439"
            );
        }
        assert!(fleet.folder().join("archive").join(tenant).is_dir());
    }
}

#[test]
fn a_small_pool_has_fewer_tenants_at_once() {
    let fleet = archiving(4);
    let cleanup = |connections: &str| {
        fleet
            .program()
            .env("DATABASE_POOL_MAX", connections)
            .run(&["cleanup", "--days", "60", "--jobs", "4"])
    };
    cleanup("1").exits(2).says("this needs two connections at once");
    cleanup("3").success().says("3,844 rows removed");
}

/// A server that repeats what another does, some seconds later.
struct Replica<'a> {
    server: &'a Server,
    data: PathBuf,
}

impl<'a> Replica<'a> {
    fn of(server: &'a Server, delay: &str) -> Self {
        let data = server.folder().join("replica");
        fs::create_dir(&data).expect("a folder");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("permissions");
        server.owner().give(&data).expect("given");
        let replica = Self { server, data };
        let socket = server.socket_dir().display().to_string();
        replica.run(
            server
                .command("pg_basebackup")
                .args(["-h", &socket, "-U", "tenantctl", "-R", "-c", "fast", "-D"])
                .arg(&replica.data),
        );
        let options = format!(
            "-c port=5433 -c recovery_min_apply_delay={delay} -c wal_receiver_status_interval=1s -c hot_standby=on"
        );
        replica.run(replica.control().args(["-w", "-o", &options, "start"]));
        replica
    }

    fn control(&self) -> Command {
        let mut command = self.server.command("pg_ctl");
        command.arg("-D").arg(&self.data);
        command.arg("-l").arg(self.data.join("log"));
        command
    }

    fn run(&self, command: &mut Command) {
        let quiet = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = quiet.status().expect("the program is there");
        let log = fs::read_to_string(self.data.join("log")).unwrap_or_default();
        assert!(status.success(), "{command:?}: {log}");
    }
}

impl Drop for Replica<'_> {
    fn drop(&mut self) {
        self.control()
            .args(["-m", "immediate", "stop"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok();
    }
}

#[test]
fn a_replica_that_falls_behind_is_waited_for() {
    let server = Server::start(&[("wal_level", "replica"), ("max_wal_senders", "4")]);
    let fleet = filled(
        Fleet::begun(Database::on(&server)),
        LOGS,
        1,
        &policy("logs", "at", "batch_size = 100"),
    );
    each(&fleet, FILL);
    let lagging = |limit: &str| {
        fleet.configure(&format!(
            "[retention]\narchive_dir = 'archive'\nmax_replica_lag = '{limit}'\n"
        ));
    };
    let _replica = Replica::of(&server, "2s");
    wait_until("the replica is behind", || {
        fleet.sql("CREATE TABLE IF NOT EXISTS beats (n int); INSERT INTO beats VALUES (1)");
        fleet.sql("SELECT coalesce(max(replay_lag) > interval '1 s', false) FROM pg_stat_replication") == "t"
    });
    lagging("1h");
    let hurried = cleanup(&fleet, &["--days", "90"]).success();
    assert!(!hurried.stderr.contains("behind"), "{}", hurried.stderr);
    lagging("1s");
    let run = cleanup(&fleet, &["--days", "60"]).success();
    assert!(run.stderr.contains("s behind, waiting for it"), "{}", run.stderr);
    assert_eq!(ask(&fleet, "t01", "SELECT count(*) FROM logs"), "1439");
}
