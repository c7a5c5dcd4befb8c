//! Partitions that tenants lack, have too many of or call otherwise.

use super::stable::with_template;
use super::{in_schema, mended, schema_of};
use crate::support::{Database, run_script};

/// A partitioned table whose partitions have keys and indexes of their own names, one of them partitioned again.
const TEMPLATE: &str = "
    CREATE TABLE part (id int, at date NOT NULL, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE part_a PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE part_b PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE part_c PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (id);
    CREATE TABLE part_c_1 PARTITION OF part_c FOR VALUES IN (1, 2);
    CREATE TABLE part_c_2 PARTITION OF part_c DEFAULT;
    CREATE INDEX ON part (at);
    CREATE UNIQUE INDEX part_at_id_key ON part (at, id);
    CREATE INDEX ON part_a (what);
    ALTER TABLE part ADD CONSTRAINT what_is_said CHECK (what <> '');
    ALTER INDEX part_b_pkey RENAME TO \"the key, B\";
    COMMENT ON INDEX part_b_at_idx IS 'When';
    ALTER TABLE part_b CLUSTER ON part_b_at_idx";

/// A tenant for each change.
fn tenants(changes: &[(&str, &str)]) -> Database {
    let database = with_template(TEMPLATE);
    let slugs: Vec<&str> = changes.iter().map(|(slug, _)| *slug).collect();
    database
        .run(&[&["create", "--quiet"], slugs.as_slice()].concat())
        .success();
    for (slug, change) in changes {
        in_schema(
            &database,
            &schema_of(slug),
            "INSERT INTO part VALUES (1, '2025-05-05', 'x'), (1, '2026-05-05', 'x')",
        );
        in_schema(&database, &schema_of(slug), change);
    }
    database
}

#[test]
fn a_missing_partition_has_its_keys_and_indexes_once_it_is_attached() {
    let changes = [
        ("one", "DROP TABLE part_a"),
        ("named", "DROP TABLE part_b"),
        ("deep", "DROP TABLE part_c"),
        ("within", "DROP TABLE part_c_1"),
        ("all", "DROP TABLE part_a, part_b, part_c"),
        ("without-index", "DROP TABLE part_a; DROP INDEX part_at_idx"),
        ("detached", "ALTER TABLE part DETACH PARTITION part_b"),
        (
            "other-key",
            "DROP TABLE part_c_2; ALTER TABLE part DROP CONSTRAINT part_pkey, ADD PRIMARY KEY (at, id)",
        ),
    ];
    let database = tenants(&changes);
    let slugs = changes.map(|(slug, _)| slug);
    assert_eq!(mended(&database, &slugs, &[]), [""; 0]);
}

#[test]
fn a_partition_in_the_place_of_another_makes_room_for_it() {
    let database = tenants(&[(
        "acme",
        "DROP TABLE part_a; CREATE TABLE part_x PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    )]);
    assert_eq!(mended(&database, &["acme"], &["--allow-data-loss"]), [""; 0]);
}

#[test]
fn an_index_of_a_partition_gets_its_name_back() {
    let changes = [
        ("index", "ALTER INDEX part_b_at_idx RENAME TO foo_idx"),
        ("key", "ALTER INDEX part_a_pkey RENAME TO \"Foo key\""),
        (
            "with-remark",
            "ALTER INDEX part_b_at_idx RENAME TO foo_idx; COMMENT ON INDEX foo_idx IS 'Foo'; \
             ALTER INDEX part_a_at_idx RENAME TO part_b_at_idx",
        ),
        (
            "swapped",
            "ALTER INDEX part_a_at_idx RENAME TO foo; ALTER INDEX part_b_at_idx RENAME TO part_a_at_idx; \
             ALTER INDEX foo RENAME TO part_b_at_idx; ALTER INDEX part_c_2_at_idx RENAME TO bar",
        ),
        (
            "deep",
            "ALTER INDEX part_c_pkey RENAME TO foo; ALTER INDEX part_c_1_pkey RENAME TO bar",
        ),
        (
            "made-anew",
            "ALTER INDEX part_b_at_idx RENAME TO foo_idx; DROP INDEX part_at_idx; CREATE INDEX part_at_idx ON part (at, what)",
        ),
    ];
    let database = tenants(&changes);
    let slugs = changes.map(|(slug, _)| slug);
    let files = "SELECT string_agg(pg_relation_filenode(c.oid)::text, ' ' ORDER BY c.oid) FROM pg_class c \
                 WHERE relnamespace = 'tenant_index'::regnamespace";
    let before = database.sql(files);
    assert_eq!(mended(&database, &slugs, &[]), [""; 0]);
    assert_eq!(database.sql(files), before, "nothing was made anew");
}

#[test]
fn an_index_that_belongs_to_one_of_the_partitioned_table_is_left_alone() {
    let database = tenants(&[(
        "acme",
        "ALTER INDEX part_b_at_idx SET (fillfactor = 50); DROP INDEX part_a_what_idx",
    )]);
    let run = database.run(&["drift", "acme", "--sql", "--quiet"]).exits(4);
    let remark = "-- not mended, it belongs to an index of the partitioned table: index part_b_at_idx\n";
    assert!(run.stdout.contains(remark), "{}", run.stdout);
    run_script(database.url(), &run.stdout).expect("the rest is mended");
    let json = database.run(&["drift", "acme", "-o", "json"]).exits(4).json();
    assert_eq!(super::listed(&json, "acme"), ["different index part_b_at_idx"]);
}
