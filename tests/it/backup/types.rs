//! Every type of PostgreSQL's own that a column can have.

use super::Backups;
use super::restore::by_plain_tools;
use crate::support::Judge;

/// Types with values that are easily lost: extremes, empty ones, and what has to be escaped.
const VALUES: [(&str, &[&str]); 34] = [
    ("bool", &["t", "f"]),
    ("int2", &["-32768", "32767"]),
    ("int8", &["-9223372036854775808", "9223372036854775807"]),
    (
        "numeric",
        &[
            "NaN",
            "-0.000000000000000000000001",
            "1e300",
            "123456789012345678901234567890.5",
        ],
    ),
    ("numeric(7,3)", &["-1234.567", "0"]),
    ("float4", &["NaN", "-Infinity", "1e-45", "3.4028235e38", "-0"]),
    (
        "float8",
        &["NaN", "Infinity", "5e-324", "0.1", "1.7976931348623157e308", "-0"],
    ),
    ("money", &["-92233720368547758.08", "1234.5"]),
    (
        "text",
        &[
            "",
            "\t\n\r\\\u{8}\u{c}\u{b}",
            "\\N",
            "\\.",
            "-- text sha256",
            "é 漢字 🐘",
            "'; DROP TABLE x; --",
        ],
    ),
    ("varchar(5)", &["", "ab  "]),
    ("char(4)", &["", "a"]),
    ("\"char\"", &["", "x", "\\377"]),
    ("name", &["pg_catalog", ""]),
    ("bytea", &["\\x", "\\x00ff5c2e0a27", "\\x5c2e"]),
    ("bit(3)", &["101", "000"]),
    ("varbit", &["", "1011"]),
    (
        "date",
        &["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"],
    ),
    ("time", &["24:00:00", "00:00:00.000001"]),
    ("timetz", &["23:59:59.999999-15:59", "00:00+14"]),
    (
        "timestamp",
        &[
            "infinity",
            "4713-01-01 00:00:00 BC",
            "294276-12-31 23:59:59.999999",
        ],
    ),
    (
        "timestamptz",
        &[
            "-infinity",
            "1883-11-18 12:03:58+00",
            "2026-03-29 01:30:00.123456+00",
        ],
    ),
    (
        "interval",
        &["-178000000 years", "1 mon -1 day 00:00:00.000001", "-00:00:01"],
    ),
    (
        "uuid",
        &[
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
    ),
    ("json", &["{\"a\" : 1,  \"a\":2}", "\"\\u00e9\\\\\""]),
    ("jsonb", &["null", "{\"k\": [1e2, \"\\\\\"]}"]),
    ("jsonpath", &["$.a[*] ? (@ > 1)"]),
    ("xml", &["<a>1 &amp; 2</a>", "two <b/> parts"]),
    ("tsvector", &["'a\\\\b':1A 'it''s':2"]),
    ("tsquery", &["'fat' & !'rat':*B"]),
    ("inet", &["::1", "10.0.0.1/8"]),
    ("pg_lsn", &["16/B374D848"]),
    ("pg_snapshot", &["10:20:10,14,15"]),
    ("int4range", &["empty", "(,)", "[1,5)"]),
    (
        "tstzmultirange",
        &["{}", "{[2026-01-01,2026-01-02),(2026-02-01,)}"],
    ),
];

/// Types whose values are plain.
const PLAIN: [(&str, &str); 22] = [
    ("oid", "4294967295"),
    ("xid8", "18446744073709551615"),
    ("cidr", "10.0.0.0/8"),
    ("macaddr", "08:00:2b:01:02:03"),
    ("macaddr8", "08:00:2b:01:02:03:04:05"),
    ("point", "(1e-300,-0)"),
    ("line", "{1,2,3}"),
    ("lseg", "[(1,2),(3,4)]"),
    ("box", "(3,4),(1,2)"),
    ("path", "[(1,2),(3,4)]"),
    ("polygon", "((1,2),(3,4),(5,6))"),
    ("circle", "<(1,2),3>"),
    ("numrange", "(1.5,]"),
    ("daterange", "[2026-01-01,)"),
    ("nummultirange", "{(1,2),(3,4]}"),
    ("oidvector", "1 2 3"),
    ("int2vector", "1 2"),
    ("tid", "(4294967295,65535)"),
    ("cid", "7"),
    ("xid", "7"),
    ("txid_snapshot", "10:20:10"),
    ("refcursor", "a cursor"),
];

#[test]
fn every_type_comes_back_with_its_arrays_and_nulls() {
    let backups = Backups::with_tenants(&["acme"]);
    let plain: Vec<(&str, Vec<&str>)> = PLAIN.iter().map(|(of, value)| (*of, vec![*value])).collect();
    let all = VALUES
        .iter()
        .map(|(of, values)| (*of, values.to_vec()))
        .chain(plain);
    let mut sql = "SET search_path = tenant_acme; SET xmloption = content;\n".to_owned();
    for (number, (of, values)) in all.enumerate() {
        sql.push_str(&format!("CREATE TABLE t{number} (id int, v {of}, a {of}[]);\n"));
        for value in &values {
            let value = format!("'{}'", value.replace('\'', "''"));
            sql.push_str(&format!(
                "INSERT INTO t{number} SELECT 1, {value}::{of}, ARRAY[{value}::{of}, NULL];\n"
            ));
        }
        sql.push_str(&format!(
            "INSERT INTO t{number} VALUES (2, NULL, NULL), (3, NULL, '{{}}');\n"
        ));
    }
    backups.sql(&sql);
    let file = backups.take("acme");
    backups
        .database
        .run(&["restore", &file, "--as", "copy"])
        .success();
    Judge::new(backups.database.url())
        .with_data()
        .expect_faithful("tenant_acme", "tenant_copy");
}

#[test]
fn values_that_name_a_tenants_own_objects_name_those_of_what_is_restored() {
    const NAMED: &str =
        "SELECT string_agg(concat_ws(' ', class, sort, call, words, others), ';') FROM {}.named";
    let backups = Backups::with_tenants(&["acme"]);
    backups.sql(
        "SET search_path = tenant_acme; CREATE TYPE mood AS ENUM ('fine'); CREATE DOMAIN feeling AS mood; \
         CREATE FUNCTION tell() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
         CREATE TEXT SEARCH CONFIGURATION plain (COPY = pg_catalog.simple); CREATE VIEW shown AS SELECT 1 AS one; \
         CREATE TABLE named (class regclass DEFAULT 'people', sort regtype, call regprocedure, words regconfig, \
                             others regclass[]); \
         INSERT INTO named VALUES (DEFAULT, 'feeling', 'tell()', 'plain', '{shown,people_id_seq,pg_class}')",
    );
    let named = |schema: &str| {
        let path = format!("SET search_path = {schema}; ");
        backups.sql(&format!("{path}{}", NAMED.replace("{}", schema)))
    };
    let before = named("tenant_acme");
    assert_eq!(
        before,
        "people feeling tell() plain {shown,people_id_seq,pg_class}"
    );
    backups.run(&["backup", "acme"]).success();
    let file = backups.take("acme");
    backups
        .database
        .run(&["restore", &file, "--as", "copy"])
        .success();
    assert_eq!(named("tenant_copy"), before);
    backups.database.run(&["verify", &file, "--restore"]).success();
    backups.run(&["drop", "acme", "--yes"]).success();
    backups.database.run(&["verify", &file, "--restore"]).success();
    backups.run(&["undrop", "acme"]).success();
    assert_eq!(named("tenant_acme"), before);
    backups
        .database
        .run(&["drop", "acme", "copy", "--yes", "--no-backup"])
        .success();
    by_plain_tools(backups.database.url(), &file);
    assert_eq!(named("tenant_acme"), before);
}
