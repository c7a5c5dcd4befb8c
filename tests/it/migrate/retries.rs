//! What is tried again and what is not, and how often a tenant is spoken to.

use std::time::Duration;

use crate::support::{Fleet, Proxy, Server};

/// A migration that fails in one tenant as often as it is told, and says so outside of the transaction.
fn failing(fleet: &Fleet, code: &str, times: u32) {
    fleet.sql("CREATE SEQUENCE public.tries");
    fleet.file(
        "V2__tries.sql",
        &format!(
            "DO $$ BEGIN IF current_schema() = 'tenant_t01' AND nextval('public.tries') <= {times} THEN \
             RAISE 'not now' USING ERRCODE = '{code}'; END IF; END $$"
        ),
    );
}

#[test]
fn deadlocks_and_conflicts_within_a_migration_are_tried_again() {
    for code in ["40P01", "40001"] {
        let fleet = Fleet::new(2);
        failing(&fleet, code, 2);
        let run = fleet.migrate(&["--all", "-o", "json"]).success();
        let retries = run.stdout.matches("\"event\":\"retrying\"").count();
        assert_eq!(retries, 2, "{}", run.stdout);
        assert_eq!(fleet.sql("SELECT last_value FROM public.tries"), "3");
        assert_eq!(
            (fleet.versions().as_str(), fleet.history("tenant_t01").as_str()),
            ("2:2", "1,2")
        );
        assert_eq!(fleet.log(), "done: t01 done, t02 done");
    }
}

#[test]
fn retries_of_a_migration_come_to_an_end() {
    let fleet = Fleet::new(1);
    failing(&fleet, "40001", 99);
    fleet
        .migrate(&["--all", "--retries", "1"])
        .exits(1)
        .says("V2__tries")
        .says("not now (40001)");
    assert_eq!(fleet.sql("SELECT last_value FROM public.tries"), "2");
    assert_eq!(fleet.versions(), "1:1");
}

#[test]
fn what_would_fail_again_is_not_tried_again() {
    for code in ["23505", "57014"] {
        let fleet = Fleet::new(2);
        failing(&fleet, code, 1);
        fleet
            .migrate(&["--all", "--on-error", "continue"])
            .exits(3)
            .says("t01")
            .says(&format!("not now ({code})"));
        assert_eq!(fleet.sql("SELECT last_value FROM public.tries"), "1");
        assert_eq!(fleet.log(), "partial: t01 failed, t02 done");
        assert_eq!(
            (fleet.versions().as_str(), fleet.history("tenant_t01").as_str()),
            ("1:1 2:1", "1")
        );
    }
}

#[test]
fn those_that_were_not_started_are_named_to_people_and_to_programs() {
    let fleet = Fleet::new(5);
    fleet.file(
        "V2__one.sql",
        "DO $$ BEGIN IF current_schema() = 'tenant_t02' THEN RAISE 'no'; END IF; END $$",
    );
    let arguments = ["--all", "--jobs", "1"];
    let json = fleet
        .migrate(&[&arguments[..], &["-o", "json"]].concat())
        .exits(1);
    let summary = json.stdout.lines().last().expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(summary).expect("JSON");
    assert_eq!(summary["not_started"], serde_json::json!(["t03", "t04", "t05"]));
    assert_eq!(summary["failed"].as_array().map(Vec::len), Some(1), "{summary}");
    assert_eq!(summary["migrated"][0]["tenant"], "t01");
    fleet
        .migrate(&arguments)
        .exits(1)
        .says("not started: 3 tenants: t03, t04, t05");
}

#[test]
fn a_tenant_is_migrated_in_one_round_trip() {
    let server = Server::start(&[]);
    let fleet = Fleet::on(&server, 12);
    super::two_more(&fleet);
    // Far enough that what is sent together arrives together.
    let proxy = Proxy::far_away(&server, Duration::from_millis(20));
    let url = proxy.url(fleet.database.name());
    let trips = |tenants: &[&str]| {
        let before = proxy.trips();
        let arguments = [&["migrate", "--jobs", "1"], tenants].concat();
        fleet.program_at(&url).run(&arguments).success();
        proxy.trips() - before
    };
    // The first brings the template forward as well.
    trips(&["t01"]);
    let one = trips(&["t02"]);
    let slugs = fleet.slugs(12);
    let others: Vec<&str> = slugs[2..].iter().map(String::as_str).collect();
    let ten = trips(&others);
    // One for each of nine more, and some for keeping the run's log.
    let more = ten - one;
    assert!((9..18).contains(&more), "{one} for one, {ten} for ten");
    assert_eq!(fleet.versions(), "3:12");
}
