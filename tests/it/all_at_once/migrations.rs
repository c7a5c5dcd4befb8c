//! The template, and how it goes on. Migrations come in fours, and each four removes what the last has made, so that an
//! hour of them leaves no more than a minute.

/// What every tenant begins with: a transaction of an application writes to all of it.
pub(super) const BEGINNING: &str = "\
CREATE TABLE entries (mark bigint PRIMARY KEY, tenant text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE lines (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    entry bigint NOT NULL REFERENCES entries, number int NOT NULL, UNIQUE (entry, number));
CREATE TABLE events (mark bigint PRIMARY KEY, at timestamptz NOT NULL);
CREATE TABLE visits (mark bigint PRIMARY KEY, at timestamptz NOT NULL);
";

/// A migration's file and what is in it.
pub(super) fn of(version: u64) -> (String, String) {
    const SINGLY: &str = "-- tenantctl: no-transaction\n";
    let (name, sql) = match version % 4 {
        2 => (
            "column",
            format!(
                "ALTER TABLE entries ADD COLUMN c{version} int NOT NULL DEFAULT {version};\n\
                 UPDATE entries SET c{version} = mark % 1000;\n"
            ),
        ),
        3 => (
            "index",
            format!(
                "{SINGLY}CREATE INDEX CONCURRENTLY i{version} ON entries (c{before});\n\
                 CREATE INDEX CONCURRENTLY IF NOT EXISTS j{version} ON lines (number, entry);\n",
                before = version - 1
            ),
        ),
        0 => (
            "table",
            format!(
                "CREATE TABLE t{version} (mark bigint PRIMARY KEY REFERENCES entries);\n\
                 INSERT INTO t{version} SELECT mark FROM entries;\n"
            ),
        ),
        _ => (
            "without",
            format!(
                "{SINGLY}DROP INDEX CONCURRENTLY i{index};\nDROP INDEX CONCURRENTLY IF EXISTS j{index};\n\
                 ALTER TABLE entries DROP COLUMN IF EXISTS c{column};\nDROP TABLE IF EXISTS t{table};\n",
                index = version - 2,
                column = version - 3,
                table = version - 1
            ),
        ),
    };
    (format!("V{version}__{name}.sql"), sql)
}
