//! Numbers that come to an end.

use std::fs;

use super::{health, of, one};
use crate::support::{Database, Server};

#[test]
fn sequences_that_are_nearly_used_up_are_found() {
    let database = Database::with_tenants(&["acme", "globex", "initech"]);
    for schema in ["tenant_acme", "tenant_globex", "tenant_initech", "public"] {
        database.sql(&format!(
            "SET search_path = {schema}; CREATE TABLE numbered (id serial); \
             CREATE SEQUENCE wide; CREATE TABLE narrow (id smallint DEFAULT nextval('wide')); ALTER SEQUENCE wide OWNED BY narrow.id; \
             CREATE SEQUENCE down AS int INCREMENT -1; CREATE SEQUENCE round MAXVALUE 10 CYCLE; SELECT setval('round', 10)"
        ));
    }
    assert!(of(&health(&database).success(), "sequence-exhausted").is_empty());
    database.sql(
        "SELECT setval('tenant_acme.numbered_id_seq', 1600000000), setval('numbered_id_seq', 1700000000)",
    );
    database.sql("SELECT setval('tenant_globex.numbered_id_seq', 1400000000)");
    let found = one(&health(&database).success(), "sequence-exhausted");
    assert_eq!(found.severity, "warning");
    assert_eq!(
        found.summary,
        "sequence numbered_id_seq has used 79 % of its numbers in 1 tenant"
    );
    assert_eq!(
        (found.tenants, found.schemas),
        (vec!["acme".to_owned()], vec!["public".to_owned()])
    );

    database.sql("SELECT setval('tenant_globex.wide', 32000), setval('tenant_acme.down', -2147483000)");
    let run = health(&database).exits(4);
    let found = of(&run, "sequence-exhausted");
    let summaries: Vec<(&str, &str)> = found
        .iter()
        .map(|f| (f.severity.as_str(), f.summary.as_str()))
        .collect();
    assert_eq!(
        summaries,
        [
            (
                "critical",
                "sequence down has used 100 % of its numbers in 1 tenant"
            ),
            (
                "critical",
                "sequence wide has used 98 % of its numbers in 1 tenant"
            ),
            (
                "warning",
                "sequence numbered_id_seq has used 79 % of its numbers in 1 tenant"
            ),
        ]
    );
}

/// Lets the server believe that it has used up so many transaction ids and multixacts.
fn go_far(server: &Server, number: u32) {
    let stop = |mode: &str| {
        let status = server
            .command("pg_ctl")
            .args(["stop", "-s", "-w", "-m", mode])
            .status();
        assert!(status.expect("pg_ctl runs").success());
    };
    stop("fast");
    let reset = server
        .command("pg_resetwal")
        .args(["-x", &number.to_string(), "-m", &format!("{number},1")])
        .arg(server.data())
        .output()
        .expect("pg_resetwal runs");
    assert!(
        reset.status.success(),
        "{}",
        String::from_utf8_lossy(&reset.stderr)
    );
    // The pages in which the next ones are written down.
    for (folder, segment, bytes) in [
        ("pg_xact", number / (8192 * 4 * 32), 256 * 1024),
        ("pg_multixact/offsets", number / (8192 / 4 * 32), 256 * 1024),
    ] {
        let file = server.data().join(folder).join(format!("{segment:04X}"));
        fs::write(&file, vec![0; bytes]).expect("written");
        server.owner().give(&file).expect("given");
    }
    server.start_again();
}

#[test]
fn transaction_ids_and_multixacts_that_run_out_are_found() {
    let server = Server::start(&[
        ("autovacuum_freeze_max_age", "2000000000"),
        ("autovacuum_multixact_freeze_max_age", "2000000000"),
        ("autovacuum", "off"),
    ]);
    let database = Database::on(&server);
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "--quiet", "acme"]).success();
    assert!(of(&health(&database).success(), "transaction-ids").is_empty());
    for (number, severity, share) in [
        (1_000_000_000, "warning", "47 %"),
        (1_700_000_000, "critical", "79 %"),
    ] {
        go_far(&server, number);
        let run = health(&database);
        for (check, what) in [
            ("transaction-ids", "transaction ids"),
            ("multixacts", "multixacts"),
        ] {
            let found = of(&run, check);
            let own = format!("database {} has used {share} of its {what}", database.name());
            let own = found.iter().find(|found| found.summary == own);
            let own = own.unwrap_or_else(|| panic!("{check}: {found:?}"));
            assert_eq!(own.severity, severity);
            assert!(own.run[0].starts_with("VACUUM (FREEZE) "), "{own:?}");
            let other = found
                .iter()
                .find(|found| found.summary.starts_with("database postgres "));
            assert_eq!(
                other.expect("of postgres").run,
                ["vacuumdb --freeze --dbname=postgres"]
            );
        }
    }
}
