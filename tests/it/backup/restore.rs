//! What comes back.

use std::process::{Command, Stdio};

use super::Backups;
use crate::support::{Database, Judge, Run, client, psql, run_script, wait_until};

/// Everything that the registry says of a tenant, but for when its row was touched.
const ROW: &str = "SELECT id, slug, name, domain, schema_name, subscription_plan, region, status, metadata, \
                   schema_version, created_at FROM tenants WHERE slug = 'acme'";

fn with_every_kind_of_data() -> Backups {
    let database = Database::with_tenants(&["acme"]);
    database.sql("DROP SCHEMA tenant_acme CASCADE");
    let sql = include_str!("../clone/data.sql").replace("{schema}", "tenant_acme");
    run_script(database.url(), &sql).unwrap_or_else(|error| panic!("{error}"));
    Backups::of(database)
}

/// Restores a backup with nothing but plain tools.
pub(super) fn by_plain_tools(url: &str, file: &str) {
    let mut zstd = Command::new("zstd")
        .args(["-dc", file])
        .stdout(Stdio::piped())
        .spawn()
        .expect("zstd is installed");
    let psql = client("psql")
        .args([url, "-XAtq", "-v", "ON_ERROR_STOP=1"])
        .stdin(zstd.stdout.take().expect("a pipe"))
        .output()
        .expect("psql is installed with the server");
    assert!(zstd.wait().expect("it ends").success());
    assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
}

#[test]
fn a_dropped_tenant_comes_back_as_it_was() {
    let database = Database::new();
    let create = [
        "create",
        "acme",
        "--plan",
        "pro",
        "--region",
        "eu",
        "--name",
        "Acme, Inc.",
    ];
    let more = ["--domain", "acme.example", "--metadata", r#"{"crm": [1, null]}"#];
    database.run(&[&create[..], &more].concat()).success();
    let backups = Backups::of(database);
    backups.sql("CREATE TABLE tenant_acme.people (id serial PRIMARY KEY, name text)");
    backups.sql("INSERT INTO tenant_acme.people (name) SELECT n::text FROM generate_series(1, 999) n");
    backups.sql("UPDATE tenants SET created_at = '2020-02-02' WHERE slug = 'acme'");
    let file = backups.take("acme");
    backups.database.run(&["clone", "acme", "before"]).success();
    let row = backups.sql(ROW);
    backups.sql("DROP SCHEMA tenant_acme CASCADE; DELETE FROM tenants WHERE slug = 'acme'");
    let run = backups.database.run(&["restore", &file]).success();
    assert!(run.stdout.contains("acme  tenant_acme"), "{}", run.stdout);
    assert_eq!(backups.sql(ROW), row);
    Judge::new(backups.database.url())
        .with_data()
        .expect_faithful("tenant_before", "tenant_acme");
    assert_eq!(
        backups.sql(
            "SELECT r.slug, o.outcome FROM tenant_operations o JOIN tenant_operation_results r \
             ON r.operation_id = o.id WHERE command = 'restore'"
        ),
        "acme|done"
    );
    backups
        .database
        .run(&["restore", &file])
        .exits(1)
        .says("--replace");
}

#[test]
fn a_suspended_tenant_comes_back_suspended() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.database.run(&["suspend", "acme"]).success();
    backups.run(&["backup", "acme", "--inactive"]).success();
    let file = backups.files("acme").pop().expect("a file");
    backups.sql("DROP SCHEMA tenant_acme CASCADE; DELETE FROM tenants WHERE slug = 'acme'");
    backups
        .database
        .run(&["restore", file.to_str().expect("UTF-8")])
        .success();
    assert_eq!(backups.sql("SELECT status FROM tenants"), "suspended");
}

#[test]
fn every_kind_of_data_comes_back_by_restore_and_by_plain_tools() {
    let backups = with_every_kind_of_data();
    backups.run(&["backup", "acme"]).success().says("large objects");
    let file = backups.files("acme").pop().expect("a file");
    let file = file.to_str().expect("a path in UTF-8");
    let judge = || Judge::new(backups.database.url()).with_data();
    backups.database.run(&["restore", file, "--as", "copy"]).success();
    judge().expect_faithful("tenant_acme", "tenant_copy");
    backups.database.run(&["verify", "--restore", file]).success();
    backups.sql("DROP SCHEMA tenant_acme CASCADE; DELETE FROM tenants WHERE slug = 'acme'");
    by_plain_tools(backups.database.url(), file);
    judge().expect_faithful("tenant_copy", "tenant_acme");
    backups.sql("DROP SCHEMA tenant_acme CASCADE");
    backups.database.run(&["restore", file]).success();
    judge().expect_faithful("tenant_copy", "tenant_acme");
}

#[test]
fn a_backup_comes_back_in_another_database() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    let other = Database::new();
    other.run(&["restore", &file]).success();
    let of = |database: &Database| {
        let row = database.sql("SELECT id, slug, created_at FROM tenants");
        row + &database.sql("SELECT string_agg(p::text, ' ' ORDER BY id) FROM tenant_acme.people p")
    };
    assert_eq!(of(&other), of(&backups.database));
    let empty = Database::empty();
    empty
        .run(&["restore", &file])
        .exits(2)
        .says("this database has no registry of tenants");
    assert_eq!(
        empty.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenant%'"),
        "0"
    );
}

#[test]
fn under_another_name_it_takes_no_domain_and_no_identity() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql("UPDATE tenants SET domain = 'acme.example'");
    let file = backups.take("acme");
    let json = backups
        .database
        .run(&["restore", &file, "--as", "copy", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["tenant"]["schema"], "tenant_copy");
    assert_eq!(json["from"], "acme");
    assert_eq!(json["rows"], 24);
    assert_eq!(
        backups.sql("SELECT count(*), count(DISTINCT id), count(domain) FROM tenants"),
        "2|2|1"
    );
    // The domain is somebody else's by now.
    backups.sql("DROP SCHEMA tenant_acme CASCADE; DELETE FROM tenants WHERE slug = 'acme'");
    backups.sql("UPDATE tenants SET domain = 'ACME.example'");
    let run = backups.database.run(&["restore", &file]).exits(1);
    run.says("domain `acme.example` already belongs to another tenant");
    assert_eq!(backups.database.state().1, "tenant_copy");
}

#[test]
fn a_dry_run_checks_the_file_and_changes_nothing() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    let state = backups.database.state();
    let run = backups
        .database
        .run(&["restore", &file, "--as", "copy", "--dry-run", "-o", "json"])
        .success();
    assert_eq!(run.json()["tenant"], serde_json::Value::Null);
    assert_eq!(backups.database.state(), state);
    backups.database.run(&["restore", &file, "--dry-run"]).exits(1);
}

#[test]
fn whoever_makes_or_drops_tenants_waits_for_no_rows_that_are_restored() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql(
        "CREATE TABLE public.plans (id int PRIMARY KEY); \
         CREATE FUNCTION public.dawdles(int) RETURNS bool LANGUAGE sql AS 'SELECT pg_sleep(0.1) IS NOT NULL'; \
         CREATE DOMAIN public.slow AS int CHECK (public.dawdles(VALUE)); \
         CREATE TABLE tenant_acme.uses (plan int REFERENCES public.plans, slow public.slow); \
         INSERT INTO tenant_acme.uses SELECT NULL, n FROM generate_series(1, 10) n",
    );
    let file = backups.take("acme");
    for arguments in [&["--as=copy"][..], &["--replace", "--yes"]] {
        let arguments = [&["restore", &file], arguments].concat();
        let child = backups.database.program().spawn(&arguments);
        wait_until("rows are on their way", || {
            backups.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%FROM%' \
                 AND wait_event = 'PgSleep'",
            ) != "0"
        });
        let is_free = "SELECT pg_try_advisory_xact_lock(hashtextextended('tenantctl:shared tables', 0))";
        assert_eq!(backups.sql(is_free), "t", "{arguments:?}");
        Run::of(child).success();
    }
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_of_the_caller() {
    let backups = Backups::with_tenants(&["acme"]);
    backups
        .database
        .run(&["restore", "/nonexistent.sql.zst"])
        .exits(2)
        .says("backup `/nonexistent.sql.zst` cannot be used")
        .says("list-backups");
    for command in [&["undrop", "acme"][..], &["list-backups"]] {
        backups
            .database
            .run(&[command, &["--dir", "/nonexistent"]].concat())
            .exits(2)
            .says("folder `/nonexistent` of backups cannot be used");
    }
}

#[test]
fn a_tenant_whose_schema_is_gone_gets_it_back() {
    let backups = Backups::with_tenants(&["acme"]);
    let file = backups.take("acme");
    let row = backups.sql(ROW);
    backups.sql("DROP SCHEMA tenant_acme CASCADE");
    backups
        .database
        .run(&["restore", &file, "--replace", "--yes"])
        .success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_acme.people"), "20");
    assert_eq!(backups.sql(ROW), row);
}

#[test]
fn rows_that_the_role_would_not_see_are_an_error() {
    let backups = Backups::with_tenants(&["acme"]);
    let role = format!("reader_{}", std::process::id());
    backups.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT pg_read_all_data TO {role}; \
         CREATE POLICY a_few ON tenant_acme.people USING (id < 5); \
         ALTER TABLE tenant_acme.people ENABLE ROW LEVEL SECURITY"
    ));
    let url = format!("{}&user={role}", backups.database.url());
    let url = match backups.database.url().contains('?') {
        true => url,
        false => url.replacen('&', "?", 1),
    };
    let run = crate::support::Program::new().env("DATABASE_URL", &url).run(&[
        "backup",
        "acme",
        "--dir",
        backups.dir(),
    ]);
    let run = run.exits(1);
    run.says("row-level security").says("BYPASSRLS");
    assert!(backups.files("acme").is_empty());
    backups.take("acme");
    backups.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn rows_of_tables_can_be_left_out() {
    let backups = Backups::with_tenants(&["acme"]);
    backups
        .run(&["backup", "acme", "--exclude-table-data", "people"])
        .success();
    let file = backups.files("acme").pop().expect("a file");
    let file = file.to_str().expect("a path in UTF-8");
    backups.database.run(&["restore", file, "--as", "copy"]).success();
    assert_eq!(backups.sql("SELECT count(*) FROM tenant_copy.people"), "0");
    assert_eq!(
        backups.sql("INSERT INTO tenant_copy.people (name) VALUES ('next') RETURNING id"),
        "21"
    );
    by_plain_tools_elsewhere(file);
}

#[test]
fn a_partitioned_table_is_left_out_with_all_of_its_partitions() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql(
        "SET search_path = tenant_acme; \
         CREATE TABLE \"Part\" (id int PRIMARY KEY, n int) PARTITION BY RANGE (id); \
         CREATE TABLE part_1 PARTITION OF \"Part\" FOR VALUES FROM (0) TO (10); \
         CREATE TABLE part_2 PARTITION OF \"Part\" FOR VALUES FROM (10) TO (30) PARTITION BY RANGE (id); \
         CREATE TABLE \"part 2a\" PARTITION OF part_2 FOR VALUES FROM (10) TO (20); \
         CREATE TABLE part_2b PARTITION OF part_2 FOR VALUES FROM (20) TO (30); \
         INSERT INTO \"Part\" SELECT n, n FROM generate_series(1, 29) n; \
         CREATE TABLE empty_one (id int) PARTITION BY LIST (id)",
    );
    for (tables, left) in [
        (&["Part"][..], 0),
        (&["\"Part\"", "part_1"], 0),
        (&["part_2", "empty_one"], 9),
        (&["empty_one"], 29),
    ] {
        let left_out = tables.iter().flat_map(|table| ["--exclude-table-data", table]);
        let arguments: Vec<&str> = ["backup", "acme"].into_iter().chain(left_out).collect();
        backups.run(&arguments).success();
        let file = backups.files("acme").pop().expect("a file");
        let file = file.to_str().expect("a path in UTF-8");
        backups.database.run(&["restore", file, "--as", "copy"]).success();
        assert_eq!(
            backups.sql("SELECT (SELECT count(*) FROM tenant_copy.\"Part\"), (SELECT count(*) FROM tenant_copy.people)"),
            format!("{left}|20"),
            "{tables:?}"
        );
        backups
            .database
            .run(&["drop", "copy", "--yes", "--no-backup"])
            .success();
    }
    backups.sql(
        "CREATE TABLE tenant_acme.pets (part int REFERENCES tenant_acme.\"Part\"); \
         INSERT INTO tenant_acme.pets VALUES (15)",
    );
    backups
        .run(&["backup", "acme", "--exclude-table-data", "Part"])
        .exits(2)
        .says("rows of table `pets` refer to those of");
}

#[test]
fn rows_that_others_refer_to_cannot_be_left_out_alone() {
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql("CREATE TABLE tenant_acme.\"Pets\" (owner int REFERENCES tenant_acme.people)");
    let backup = |tables: &[&str]| {
        let left_out = tables.iter().flat_map(|table| ["--exclude-table-data", table]);
        backups.run(&["backup", "acme"].into_iter().chain(left_out).collect::<Vec<_>>())
    };
    backup(&["people"]).success();
    backups.sql("INSERT INTO tenant_acme.\"Pets\" VALUES (NULL), (7)");
    backup(&["people"])
        .exits(2)
        .says("rows of table `\"Pets\"` refer to those of `people`, without which they could not be restored")
        .says("--exclude-table-data");
    backup(&["people", "Pets"]).success();
    backup(&["Pets"]).success();
}

/// The same file in a database that has nothing else.
fn by_plain_tools_elsewhere(file: &str) {
    let other = Database::empty();
    by_plain_tools(other.url(), file);
    assert_eq!(
        psql(
            other.url(),
            "SELECT count(*) FROM tenant_acme.refinery_schema_history"
        ),
        Ok("4".to_owned())
    );
}

#[test]
fn tenants_that_are_backed_up_together_keep_what_is_their_own() {
    let backups = Backups::of(Database::with_tenants(&["a", "b", "c", "d", "e", "f"]));
    for (slug, columns) in [
        ("a", "x int, y text"),
        ("b", "y text, x int"),
        ("c", "x int, y text"),
    ] {
        backups.sql(&format!("CREATE TABLE tenant_{slug}.own ({columns})"));
        backups.sql(&format!(
            "INSERT INTO tenant_{slug}.own (x, y) SELECT 1, '{slug}'"
        ));
    }
    backups.sql("CREATE TABLE tenant_d.own (x int, y text CHECK (y <> ''))");
    backups.sql("COMMENT ON SCHEMA tenant_e IS 'tenant_e is the name of this'");
    backups.run(&["backup", "--all", "--jobs", "1"]).success();
    for slug in ["a", "b", "c", "d", "e", "f"] {
        let file = backups.files(slug).pop().expect("a file");
        let file = file.to_str().expect("a path in UTF-8");
        let copy = format!("copy-{slug}");
        backups
            .database
            .run(&["restore", file, "--as", &copy, "--keep-text"])
            .success();
        Judge::new(backups.database.url())
            .with_data()
            .keeping(&["tenant_e is the name of this"])
            .expect_faithful(&format!("tenant_{slug}"), &format!("tenant_copy_{slug}"));
    }
}

#[test]
fn a_tenant_that_is_changed_meanwhile_is_backed_up_as_it_is_or_not_at_all() {
    let backups = Backups::of(Database::with_tenants(&["a", "b", "c", "d", "e", "f", "g", "h"]));
    let url = backups.database.url().to_owned();
    let changer = std::thread::spawn(move || {
        for number in 0..40 {
            let slug = ["c", "e", "g", "h"][number % 4];
            psql(
                &url,
                &format!("ALTER TABLE tenant_{slug}.users ADD COLUMN extra_{number} int"),
            )
            .ok();
        }
    });
    for _ in 0..3 {
        // Somebody who is changed again and again may be left over, and is said to be.
        let run = backups.run(&["backup", "--all", "--jobs", "2"]);
        if run.code != 0 {
            run.exits(3).says("was changed while it was being read");
        }
    }
    changer.join().expect("it ends");
    for slug in ["a", "c", "e", "g", "h"] {
        for file in backups.files(slug) {
            let file = file.to_str().expect("a path in UTF-8");
            backups.database.run(&["verify", "--restore", file]).success();
        }
    }
    let file = backups.take("h");
    backups
        .database
        .run(&["restore", &file, "--as", "copy"])
        .success();
    Judge::new(backups.database.url())
        .with_data()
        .expect_faithful("tenant_h", "tenant_copy");
}

/// A file whose bytes are those that were written: compressed, with a seal at its end.
pub(super) fn sealed(text: &[u8]) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let mut file = zstd::bulk::compress(text, 3).expect("compressed");
    let hash = Sha256::digest(&file);
    file.extend([0x5e, 0x2a, 0x4d, 0x18, 32, 0, 0, 0]);
    file.extend(hash);
    file
}

#[test]
fn a_sealed_file_whose_rows_are_not_those_of_its_sums_changes_nothing() {
    let backups = Backups::with_tenants(&["acme"]);
    let taken = backups.take("acme");
    let text = zstd::stream::decode_all(std::fs::File::open(&taken).expect("a file")).expect("zstd");
    let file = backups.path().join("changed.sql.zst");
    let name = file.to_str().expect("a path in UTF-8");
    std::fs::write(&file, sealed(&text)).expect("written");
    backups.database.run(&["restore", name, "--as", "same"]).success();
    let before = backups.database.state();

    let changed = String::from_utf8(text)
        .expect("UTF-8")
        .replace("\tacme 7\n", "\tacme X\n");
    std::fs::write(&file, sealed(changed.as_bytes())).expect("written");
    for arguments in [["--as", "other"], ["--replace", "--yes"]] {
        backups
            .database
            .run(&[&["restore", name], &arguments[..]].concat())
            .exits(1)
            .says("the rows of table people are not those that were written");
        assert_eq!(backups.database.state(), before);
    }
}

#[test]
fn a_dry_run_fails_as_the_restore_would() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    backups.sql("UPDATE tenants SET domain = 'acme.example' WHERE slug = 'acme'");
    let file = backups.take("acme");
    let database = &backups.database;
    let foresee = || database.run(&["restore", &file, "--dry-run"]);
    foresee().exits(1).says("tenant `acme` already exists");
    database.run(&["drop", "acme", "--no-backup", "--yes"]).success();
    foresee().success();
    backups.sql("UPDATE tenants SET domain = 'acme.example' WHERE slug = 'globex'");
    foresee()
        .exits(1)
        .says("domain `acme.example` already belongs to another tenant");
    backups.sql("UPDATE tenants SET domain = NULL; CREATE SCHEMA tenant_acme");
    foresee().exits(1).says("schema `tenant_acme` already exists");
}
