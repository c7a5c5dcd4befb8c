//! Drift in what newer versions of PostgreSQL brought. Each template is a fixture of the clones' tests.

use super::cases::Case;
use super::{in_schema, listed, mended, schema_of};
use crate::fidelity::load;
use crate::support::Database;

/// Changes a tenant for every case, where the server has what is changed, and mends it.
fn is_found_and_mended(version: u32, family: &str, cases: &[Case]) {
    let database = Database::empty();
    load(&database, family);
    database.run(&["init", "--quiet"]).success();
    database.run(&["create", "--quiet", "untouched"]).success();
    let known: u32 = database.sql("SHOW server_version_num").parse().expect("a number");
    let cases = if known / 10_000 < version { &[] } else { cases };
    for case in cases {
        database.run(&["create", "--quiet", case.slug]).success();
        in_schema(&database, &schema_of(case.slug), case.change);
    }
    let run = database.run(&["drift", "--all", "-o", "json"]);
    let json = run.exits(if cases.is_empty() { 0 } else { 4 }).json();
    assert_eq!(listed(&json, "untouched"), [""; 0]);
    let mut wrong: Vec<String> = cases
        .iter()
        .map(|case| (case, listed(&json, case.slug)))
        .filter(|(case, found)| found != case.drift)
        .map(|(case, found)| format!("{}: {found:#?}", case.slug))
        .collect();
    if !cases.is_empty() {
        let slugs: Vec<&str> = cases.iter().map(|case| case.slug).collect();
        wrong.extend(mended(&database, &slugs, &[]));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const fn case(slug: &'static str, change: &'static str, drift: &'static [&'static str]) -> Case {
    Case { slug, change, drift }
}

#[test]
fn drift_in_what_postgresql_16_brought_is_found_and_mended() {
    let cases = [
        case(
            "json-view",
            "CREATE OR REPLACE VIEW json_made AS SELECT JSON_OBJECT('id': id, 'name' VALUE name NULL ON NULL) AS object, \
             JSON_ARRAY(id, name NULL ON NULL RETURNING jsonb) AS list, doc IS NOT JSON ARRAY AS is_none FROM things",
            &["different view json_made"],
        ),
        case(
            "rules",
            "DROP TABLE stored; DROP COLLATION tailored; \
             CREATE COLLATION tailored (provider = icu, locale = 'und', rules = '&V << w')",
            &["missing table stored", "different collation tailored"],
        ),
    ];
    is_found_and_mended(16, "new_in_16", &cases);
}

#[test]
fn drift_in_what_postgresql_17_brought_is_found_and_mended() {
    let cases = [
        case(
            "domain",
            "ALTER DOMAIN named_as_usual RENAME CONSTRAINT named_as_usual_not_null TO other",
            &["different domain not null named_as_usual"],
        ),
        case(
            "maintain",
            "REVOKE MAINTAIN ON words FROM PUBLIC",
            &["missing grant MAINTAIN ON TABLE words TO PUBLIC"],
        ),
        case(
            "maintain-own",
            "GRANT MAINTAIN ON things TO CURRENT_USER",
            &["missing grant MAINTAIN ON TABLE things FROM tenantctl"],
        ),
        case(
            "exclusion",
            "ALTER TABLE numbered DROP CONSTRAINT one_at_a_time",
            &["missing constraint one_at_a_time ON numbered"],
        ),
        case(
            "target",
            "ALTER TABLE words ALTER word SET STATISTICS DEFAULT",
            &["missing statistics words.word"],
        ),
        case(
            "identity",
            "ALTER TABLE numbered ALTER id SET INCREMENT 7",
            &["different identity numbered.id"],
        ),
        case(
            "identity-dropped",
            "ALTER TABLE numbered ALTER id DROP IDENTITY",
            &["missing identity numbered.id"],
        ),
        case(
            "merge",
            "CREATE OR REPLACE FUNCTION merged(integer, text) RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC \
             MERGE INTO things t USING (SELECT $1 AS id) s ON s.id = t.id WHEN MATCHED THEN DELETE RETURNING t.name; END",
            &["different function merged(integer, text)"],
        ),
    ];
    is_found_and_mended(17, "new_in_17", &cases);
}

#[test]
fn drift_in_what_postgresql_18_brought_is_found_and_mended() {
    let cases = [
        case(
            "name",
            "ALTER TABLE became_so RENAME CONSTRAINT became_so_a_not_null TO \"Odd \"\"Name\"\"\"",
            &["different not null became_so.a"],
        ),
        case(
            "name-of-key",
            "ALTER TABLE became_so RENAME CONSTRAINT became_so_b_not_null TO other",
            &["different not null became_so.b"],
        ),
        case(
            "no-inherit",
            "ALTER TABLE became_so ALTER CONSTRAINT became_so_a_not_null NO INHERIT",
            &["different not null became_so.a"],
        ),
        case(
            "inherit",
            "ALTER TABLE filled ALTER CONSTRAINT of_e INHERIT",
            &["extra not null adopted.e", "different not null filled.e"],
        ),
        case(
            "not-proven",
            "ALTER TABLE became_so DROP CONSTRAINT became_so_a_not_null, \
             ADD CONSTRAINT became_so_a_not_null NOT NULL a NOT VALID",
            &["different not null became_so.a"],
        ),
        case(
            "proven",
            "ALTER TABLE parted VALIDATE CONSTRAINT not_yet",
            &[
                "different not null parted.c",
                "different not null parted_1.c",
                "different not null parted_2.c",
            ],
        ),
        case(
            "nullable",
            "ALTER TABLE pairs ALTER one DROP NOT NULL",
            &["missing not null pairs.one"],
        ),
        case(
            "stored",
            "ALTER TABLE computed_parts DROP b, ADD b integer GENERATED ALWAYS AS (a + 1) STORED",
            &[
                "different column computed_parts.b",
                "different column computed_parts_1.b",
            ],
        ),
        case(
            "expression",
            "ALTER TABLE computed_parts ALTER b SET EXPRESSION AS (a + 2)",
            &[
                "different column computed_parts.b",
                "different column computed_parts_1.b",
            ],
        ),
        case(
            "overlaps",
            "ALTER TABLE rooms_by_kind DROP CONSTRAINT rooms_by_kind_pkey, \
             ADD CONSTRAINT rooms_by_kind_pkey PRIMARY KEY (kind, during)",
            &[
                "extra constraint rooms_single_pkey ON rooms_single",
                "extra index partition rooms_single_pkey OF rooms_by_kind_pkey",
                "different constraint rooms_by_kind_pkey ON rooms_by_kind",
            ],
        ),
        case(
            "period",
            "ALTER TABLE stays DROP CONSTRAINT stays_room",
            &["missing foreign key stays_room ON stays"],
        ),
        case(
            "enforced",
            "ALTER TABLE said ALTER CONSTRAINT of_a_thing ENFORCED",
            &["different foreign key of_a_thing ON said"],
        ),
        case(
            "check-enforced",
            "ALTER TABLE said DROP CONSTRAINT said_a_check, ADD CONSTRAINT said_a_check CHECK (a > 0)",
            &["different check said_a_check ON said"],
        ),
        case(
            "key-proven",
            "ALTER TABLE said_in_parts VALIDATE CONSTRAINT unproven",
            &["different foreign key unproven ON said_in_parts"],
        ),
    ];
    is_found_and_mended(18, "new_in_18", &cases);
}
