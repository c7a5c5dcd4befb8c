//! What a tenant has under another name and holds data: it stays, and what stands in its place is not made.

use super::stable::with_template;
use super::{in_schema, mended, schema_of};
use crate::support::run_script;

const TEMPLATE: &str = "
    CREATE TABLE m (id serial PRIMARY KEY, n int, t text, nr int GENERATED ALWAYS AS IDENTITY);
    CREATE INDEX m_n_idx ON m (n);
    CREATE STATISTICS st ON n, t FROM m;
    CREATE TABLE o (id int PRIMARY KEY, m_id int REFERENCES m, note text);
    CREATE TABLE r (id int CHECK (id > 0), m_id int REFERENCES m);
    CREATE VIEW v AS SELECT id, n FROM m;
    CREATE VIEW w AS SELECT id FROM v;
    CREATE VIEW x AS SELECT id FROM o;
    CREATE VIEW y AS SELECT o.note, m.id FROM o JOIN m ON true;
    CREATE TABLE q (n int);
    CREATE INDEX q_n_idx ON q (n);
    CREATE TABLE part (id int, at date NOT NULL, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE part_a PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE part_b PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE INDEX ON part (at)";

/// Slug and change.
const CASES: [(&str, &str); 8] = [
    ("table", "ALTER TABLE m RENAME TO mm"),
    ("parent", "ALTER TABLE part RENAME TO pp"),
    ("partition", "ALTER TABLE part_a RENAME TO part_aa"),
    (
        "instead",
        "DROP TABLE part_a; CREATE TABLE part_x PARTITION OF part FOR VALUES FROM ('2024-06-01') TO ('2025-01-01'); \
         DROP TABLE part_b",
    ),
    ("identity", "ALTER TABLE m RENAME nr TO number"),
    ("no-key", "ALTER TABLE q RENAME TO qq"),
    (
        "new-tables",
        "ALTER TABLE m RENAME TO mm; DROP TABLE r; CREATE VIEW also AS SELECT * FROM v; \
         CREATE VIEW notes AS SELECT note FROM o",
    ),
    (
        "in-the-way",
        "DROP VIEW y; ALTER TABLE o ALTER note TYPE varchar(9); ALTER TABLE m RENAME TO mm; \
         CREATE VIEW y AS SELECT o.note, mm.id FROM o JOIN mm ON true",
    ),
];

#[test]
fn what_a_renamed_table_stands_in_the_way_of_is_left_and_the_rest_is_mended() {
    let database = with_template(TEMPLATE);
    let slugs = CASES.map(|(slug, _)| slug);
    database
        .run(&[&["create", "--quiet"], slugs.as_slice()].concat())
        .success();
    for (slug, change) in CASES {
        let schema = schema_of(slug);
        in_schema(
            &database,
            &schema,
            "INSERT INTO m (n) VALUES (1); INSERT INTO o VALUES (1, 1)",
        );
        in_schema(&database, &schema, &format!("{change}; DROP VIEW x"));
    }
    let mut remarks = String::new();
    for slug in slugs {
        let script = database.run(&["drift", slug, "--sql", "--quiet"]).exits(4).stdout;
        let comments = script.lines().filter(|line| line.starts_with("--"));
        remarks.extend(comments.map(|line| format!("{line}\n")));
        run_script(database.url(), &script).unwrap_or_else(|error| panic!("{slug}: {error}{script}"));
        let again = database.run(&["drift", slug, "--sql", "--quiet"]).exits(4).stdout;
        assert!(!again.contains("BEGIN"), "{slug} is as good as can be: {again}");
    }
    insta::assert_snapshot!(remarks, @"
    -- tenant table
    -- loses data: DROP TABLE mm;
    -- not mended, the name m_n_idx is taken by what stays: table m
    -- not mended, it needs table m: sequence owner m_id_seq
    -- not mended, it needs table m: view v
    -- not mended, it needs table m: view y
    -- not mended, it needs table m: extended statistics st
    -- not mended, it needs table m: foreign key o_m_id_fkey ON o
    -- not mended, it needs table m: foreign key r_m_id_fkey ON r
    -- tenant parent
    -- loses data: DROP TABLE part_a;
    -- loses data: DROP TABLE part_b;
    -- loses data: DROP TABLE pp;
    -- not mended, the name part_at_idx is taken by what stays: table part
    -- tenant partition
    -- loses data: DROP TABLE part_aa;
    -- not mended, a partition in its place stays: table part_a
    -- tenant instead
    -- loses data: DROP TABLE part_x;
    -- not mended, a partition in its place stays: table part_a
    -- tenant identity
    -- loses data: ALTER TABLE m DROP COLUMN number;
    -- not mended, the name m_nr_seq is taken by what stays: column m.nr
    -- tenant no-key
    -- loses data: DROP TABLE qq;
    -- not mended, the name q_n_idx is taken by what stays: table q
    -- tenant new-tables
    -- loses data: DROP TABLE mm;
    -- not mended, the name m_n_idx is taken by what stays: table m
    -- not mended, it needs table m: foreign key r_m_id_fkey ON r
    -- not mended, it needs table m: sequence owner m_id_seq
    -- not mended, it needs table m: view v
    -- not mended, it needs table m: view y
    -- not mended, it needs table m: extended statistics st
    -- not mended, it needs table m: foreign key o_m_id_fkey ON o
    -- tenant in-the-way
    -- loses data: DROP TABLE mm;
    -- not mended, the name m_n_idx is taken by what stays: table m
    -- not mended, view y could not be made again: column o.note
    -- not mended, it needs table m: sequence owner m_id_seq
    -- not mended, it needs table m: view v
    -- not mended, it needs table m: view y
    -- not mended, it needs table m: extended statistics st
    -- not mended, it needs table m: foreign key o_m_id_fkey ON o
    -- not mended, it needs table m: foreign key r_m_id_fkey ON r
    ");
    let rows = "SELECT (SELECT count(*) FROM tenant_table.mm), (SELECT count(*) FROM tenant_table.o)";
    assert_eq!(database.sql(rows), "1|1");
    for (slug, _) in CASES {
        in_schema(&database, &schema_of(slug), "TRUNCATE o CASCADE");
    }
    assert_eq!(mended(&database, &slugs, &["--allow-data-loss"]), [""; 0]);
}
