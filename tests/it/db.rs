//! The private server: `db`, `--local` and `demo`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::{Program, Run, psql, signal, wait_until};

/// A place for a private server that is gone after the test.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("tc-db-")
            .tempdir_in("/tmp")
            .expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let config = format!(
            "[local]\ndata_dir = \"{}\"\n",
            folder.path().join("server").display()
        );
        fs::write(folder.path().join("tenantctl.toml"), config).expect("written");
        Self { folder }
    }

    fn program(&self) -> Program {
        Program::new().folder(self.folder.path())
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.program().run(arguments)
    }

    fn pid(&self) -> Option<u64> {
        self.run(&["db", "status", "-o", "json"]).json()["pid"].as_u64()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run(&["db", "stop", "--remove", "--yes"]);
    }
}

#[test]
fn the_private_server_starts_answers_and_stops() {
    let place = Place::new();
    let status = place.run(&["db", "status", "-o", "json"]).exits(4).json();
    assert_eq!(status["state"], "not made yet");
    place.run(&["db", "stop"]).success().says("was not running");
    place.run(&["db", "start"]).success().says("made and started");
    place.run(&["db", "start"]).success().says("is running already");
    let run = place.run(&["db", "start", "-o", "json"]).success();
    let url = run.json()["url"].as_str().expect("a URL").to_owned();
    assert_eq!(psql(&url, "SELECT 1"), Ok("1".to_owned()));
    let url = place.run(&["db", "url", "postgres"]).success().stdout;
    assert_eq!(psql(url.trim(), "SHOW listen_addresses"), Ok(String::new()));
    place
        .run(&["db", "stop"])
        .success()
        .says("stopped the private server");
    assert_eq!(place.pid(), None);
    place.run(&["db", "stop", "--remove"]).exits(2).says("--yes");
    let server = place.folder.path().join("server");
    fs::create_dir(server.join("demo-backups")).expect("a folder");
    fs::write(server.join("demo-backups/pro-co.sql.zst"), "").expect("written");
    fs::write(server.join("notes"), "somebody else's").expect("written");
    place.run(&["db", "stop", "--remove", "--yes"]).success();
    let left = fs::read_dir(&server).expect("a folder").flatten();
    let mut left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    left.sort();
    assert_eq!(left, ["lock", "notes"]);
}

#[test]
fn starts_at_once_make_one_server() {
    let place = Place::new();
    let children: Vec<_> = (0..5)
        .map(|_| place.program().spawn(&["db", "start", "-o", "json"]))
        .collect();
    let pids: Vec<_> = children
        .into_iter()
        .map(|child| Run::of(child).success().json()["pid"].clone())
        .collect();
    assert!(pids.iter().all(|pid| *pid == pids[0] && pid.is_u64()), "{pids:?}");
}

#[test]
fn local_works_at_once_and_recovers_from_a_crash() {
    let place = Place::new();
    place.run(&["--local", "init"]).success();
    place.run(&["--local", "create", "acme"]).success();
    let pid = place.pid().expect("running");
    signal(u32::try_from(pid).expect("a process number"), "KILL");
    let run = place.run(&["--local", "list", "-o", "csv"]).success();
    assert!(run.stdout.contains("\nacme,"), "{}", run.stdout);
}

#[test]
fn the_private_server_never_stands_in_for_a_lost_database() {
    let place = Place::new();
    place.run(&["--local", "init"]).success();
    place.run(&["list"]).exits(2).says("no database");
}

#[test]
fn the_demo_shows_three_tenants_and_can_be_run_again() {
    let place = Place::new();
    for _ in 0..2 {
        let run = place.run(&["demo"]).success();
        for words in ["basic-co", "pro-co", "big-co", "tenant_pro_co"] {
            assert!(run.stdout.contains(words), "{words} is not in {}", run.stdout);
        }
        assert!(
            run.stderr.contains("$ tenantctl exec --all --sql"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn the_demo_is_cancelled_on_its_server() {
    let place = Place::new();
    place.run(&["demo"]).success();
    let url = place.run(&["db", "url", "tenantctl_demo"]).success().stdout;
    let ask = |sql: &str| psql(url.trim(), sql).expect("an answer");
    let url_of_holder = url.trim().to_owned();
    let holder = std::thread::spawn(move || {
        psql(
            &url_of_holder,
            "BEGIN; LOCK TABLE public.tenants; SELECT pg_sleep(600)",
        )
    });
    wait_until("the registry is locked", || {
        ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"
    });
    let child = place.program().spawn(&["demo"]);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tenantctl%' \
                   AND wait_event_type = 'Lock'";
    wait_until("the demo waits for the registry", || ask(waiting) == "1");
    // With tenants under way, the first one lets them finish.
    signal(child.id(), "INT");
    std::thread::sleep(std::time::Duration::from_millis(200));
    signal(child.id(), "INT");
    let run = Run::of(child).exits(130);
    assert_eq!(ask(waiting), "0", "{}", run.stderr);
    assert!(!run.stderr.contains("may or may not"), "{}", run.stderr);
    ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    holder.join().expect("no panic").expect_err("it was ended");
}

#[test]
fn without_binaries_the_way_to_install_them_is_told() {
    let place = Place::new();
    let config: PathBuf = place.folder.path().join("empty.toml");
    fs::write(
        &config,
        "[local]\nbin_dir = \"/nonexistent\"\ndata_dir = \"/tmp/never-made\"\n",
    )
    .expect("written");
    let run = place.run(&["--config", config.to_str().expect("UTF-8"), "db", "start"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("install"), "{}", run.stderr);
}
