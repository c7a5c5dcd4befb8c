mod any_text;

use super::*;
use crate::db::SchemaName;

fn request(files: &[&str], scope: Scope, rules: Rules) -> Request {
    let template = SchemaName::new("tenant_template").expect("a name");
    let file = |(number, text): (usize, &&str)| File {
        name: format!("V{}.sql", number + 1),
        text: (*text).to_owned(),
    };
    Request {
        files: files.iter().enumerate().map(file).collect(),
        scope,
        rules,
        naming: Naming::new("tenant_", template).expect("a prefix"),
    }
}

/// Findings as `line rule`, those of other files with the file in front.
fn found_in(files: &[&str], scope: Scope) -> Vec<String> {
    review(&request(files, scope, Rules::default()))
        .into_iter()
        .map(|finding| match finding.file.as_str() {
            "V1.sql" => format!("{} {}", finding.line, finding.rule),
            file => format!("{file} {} {}", finding.line, finding.rule),
        })
        .collect()
}

fn found(sql: &str) -> Vec<String> {
    found_in(&[sql], Scope::Run)
}

/// Each statement alone in a file breaks this rule and no other.
fn each_breaks(rule: &str, before: &str, statements: &[&str]) {
    let line = before.matches('\n').count() + 1;
    for statement in statements {
        let found = found(&format!("{before}{statement};\n"));
        assert_eq!(found, [format!("{line} {rule}")], "{statement}");
    }
}

fn each_is_clean(before: &str, statements: &[&str]) {
    for statement in statements {
        assert_eq!(
            found(&format!("{before}{statement};\n")),
            [] as [&str; 0],
            "{statement}"
        );
    }
}

const SINGLY: &str = "-- tenantctl: no-transaction\n";

#[test]
fn rows_that_a_client_would_send_or_take_are_found() {
    each_breaks(
        "copy-with-client",
        "",
        &[
            "COPY users FROM STDIN",
            "copy users (id) from stdout",
            "COPY (SELECT 1) TO STDOUT WITH (FORMAT csv)",
        ],
    );
    each_is_clean(
        "",
        &["COPY users FROM '/srv/users.csv'", "COPY users TO PROGRAM 'cat'"],
    );
    each_breaks("concurrently-in-transaction", "", &["DISCARD ALL"]);
}

#[test]
fn a_name_of_a_schema_is_found_wherever_the_grammar_has_one() {
    each_breaks(
        "names-schema",
        "",
        &[
            "INSERT INTO tenant_template.a VALUES (1)",
            "INSERT INTO \"tenant_template\" . a VALUES (1)",
            "UPDATE Tenant_Acme.a SET b = 1",
            "SELECT * FROM tenant_acme.a",
            "SELECT * FROM a JOIN tenant_acme.b USING (id)",
            "SELECT tenant_acme.f(1)",
            "SELECT 'x'::tenant_acme.mood",
            "SELECT tenant_acme.a.b FROM a",
            "COMMENT ON COLUMN tenant_acme.a.b IS 'x'",
            "COMMENT ON TABLE tenant_acme.a IS 'x'",
            "CREATE TABLE c (id int REFERENCES tenant_acme.a (id))",
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION tenant_acme.f()",
            "GRANT USAGE ON SCHEMA tenant_acme TO app",
            "SET LOCAL search_path = app, public",
            "SET SCHEMA 'app'",
            "SELECT set_config('search_path', 'app', true)",
        ],
    );
}

#[test]
fn a_table_that_is_named_like_a_schema_is_none() {
    each_is_clean(
        "",
        &[
            "SELECT tenant_settings.id FROM tenant_settings",
            "SELECT 1 FROM a JOIN tenant_settings ON tenant_settings.id = a.id",
            "UPDATE tenant_settings SET a = tenant_settings.b",
            "COMMENT ON COLUMN tenant_settings.id IS 'x'",
            "ALTER SEQUENCE s OWNED BY tenant_settings.id",
            "SELECT 'tenant_template.a' /* tenant_template.a */ -- tenant_template.a",
            "CREATE TABLE c (id int REFERENCES public.countries (id))",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1 FROM tenant_template.a$$",
        ],
    );
}

#[test]
fn what_needs_no_transaction_is_found_in_a_file_that_is_one() {
    let statements = [
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "DROP INDEX CONCURRENTLY i",
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX (CONCURRENTLY) TABLE t",
        "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
        "VACUUM t",
    ];
    each_breaks("concurrently-in-transaction", "", &statements);
    let repeatable: Vec<&str> = statements
        .into_iter()
        .filter(|statement| !statement.contains("DETACH"))
        .collect();
    each_is_clean(SINGLY, &repeatable);
}

#[test]
fn a_new_label_is_not_used_before_it_is_committed() {
    let add = "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'sad' AFTER 'ok';\n";
    let use_it = "UPDATE people SET mood = 'sad';\n";
    assert_eq!(
        found(&format!("{add}{use_it}")),
        ["2 concurrently-in-transaction"]
    );
    assert_eq!(
        found_in(&[add, use_it], Scope::Run),
        ["V2.sql 1 concurrently-in-transaction"]
    );
    assert_eq!(found_in(&[add, use_it], Scope::EachAlone), [] as [&str; 0]);
    assert_eq!(
        found(&format!("CREATE TYPE mood AS ENUM ('ok');\n{add}{use_it}")),
        [] as [&str; 0]
    );
    let singly = format!("{SINGLY}{add}");
    assert_eq!(found_in(&[&singly, use_it], Scope::Run), [] as [&str; 0]);
}

#[test]
fn what_ends_the_transaction_is_found() {
    each_breaks(
        "transaction-statement",
        "",
        &[
            "BEGIN",
            "START TRANSACTION",
            "COMMIT",
            "END",
            "ROLLBACK",
            "ABORT",
            "PREPARE TRANSACTION 'x'",
            "SAVEPOINT a",
            "RELEASE a",
            "ROLLBACK TO SAVEPOINT a",
            "ROLLBACK WORK TO a",
        ],
    );
    each_is_clean(
        "",
        &[
            "PREPARE p AS SELECT 1",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
            "DO $$BEGIN NULL; END$$",
        ],
    );
}

#[test]
fn statements_without_transaction_can_be_run_again() {
    each_breaks(
        "no-transaction-not-repeatable",
        SINGLY,
        &[
            "CREATE TABLE a (id int)",
            "CREATE INDEX CONCURRENTLY ON t (a)",
            "DROP VIEW v",
            "INSERT INTO a VALUES (1)",
            "ALTER TYPE mood ADD VALUE 'sad'",
            "ALTER TABLE t ADD COLUMN a int",
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
            "ALTER TABLE IF EXISTS t ADD COLUMN a int",
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int, ADD COLUMN b int",
        ],
    );
    each_is_clean(
        SINGLY,
        &[
            "ALTER INDEX IF EXISTS i RENAME TO j",
            "ALTER TABLE t ADD IF NOT EXISTS a int, ADD COLUMN IF NOT EXISTS b int",
            "CREATE TABLE IF NOT EXISTS a (id int)",
            "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
            "CREATE OR REPLACE VIEW v AS SELECT 1",
            "DROP INDEX CONCURRENTLY i",
            "DROP VIEW IF EXISTS v",
            "INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING",
            "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'sad'",
            "ALTER TABLE t VALIDATE CONSTRAINT c",
            "ALTER TABLE t ALTER COLUMN a DROP DEFAULT",
            "UPDATE t SET a = 1",
        ],
    );
}

#[test]
fn what_locks_a_table_for_long_is_found_once() {
    each_breaks(
        "heavy-lock",
        "",
        &[
            "CLUSTER t USING i",
            "REINDEX TABLE t",
            "LOCK TABLE t IN SHARE MODE",
            "TRUNCATE t",
            "REFRESH MATERIALIZED VIEW v",
            "ALTER TABLE t SET UNLOGGED",
            "ALTER TABLE t ADD COLUMN a int CHECK (a > 0)",
        ],
    );
    each_breaks(
        "heavy-lock",
        SINGLY,
        &["VACUUM FULL t", "VACUUM (ANALYZE, FULL) t"],
    );
    for (rule, statement) in [
        ("changing-column-type", "ALTER TABLE t ALTER COLUMN a TYPE bigint"),
        (
            "adding-field-with-default",
            "ALTER TABLE t ADD COLUMN a uuid DEFAULT gen_random_uuid()",
        ),
        (
            "adding-not-nullable-field",
            "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        ),
        ("require-concurrent-index-creation", "CREATE INDEX i ON t (a)"),
        (
            "adding-foreign-key-constraint",
            "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (id)",
        ),
        (
            "disallowed-unique-constraint",
            "ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)",
        ),
        (
            "adding-serial-primary-key-field",
            "ALTER TABLE t ADD PRIMARY KEY (a)",
        ),
        (
            "constraint-missing-not-valid",
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
        ),
        (
            "ban-truncate-cascade",
            "-- tenantctl: allow heavy-lock\nTRUNCATE t CASCADE",
        ),
    ] {
        assert_eq!(
            found(statement),
            [format!("{} {rule}", statement.lines().count())]
        );
    }
    each_is_clean(
        "",
        &[
            "ALTER TABLE t ADD COLUMN a int DEFAULT 1",
            "ALTER TABLE t ADD COLUMN \"check\" int",
        ],
    );
}

#[test]
fn a_table_that_is_new_in_the_run_may_be_changed_at_will() {
    let create =
        "CREATE UNLOGGED TABLE IF NOT EXISTS t (a int);\nCREATE MATERIALIZED VIEW v AS SELECT 1 AS a;\n";
    let change = "CREATE INDEX i ON ONLY t (a);\nALTER TABLE t ALTER a TYPE bigint, ADD CHECK (a > 0), SET LOGGED;\n\
                  CREATE INDEX j ON v (a);\nREFRESH MATERIALIZED VIEW v;\nDROP INDEX i;\nTRUNCATE t;\n\
                  ALTER TABLE t RENAME TO u;\nALTER TABLE u DROP COLUMN a;\nDROP TABLE u;\n";
    assert_eq!(found(&format!("{create}{change}")), [] as [&str; 0]);
    assert_eq!(found_in(&[create, change], Scope::Run), [] as [&str; 0]);
    assert_eq!(found_in(&[create, change], Scope::EachAlone).len(), 11);
    assert_eq!(found(&format!("{create}TRUNCATE t, other;")), ["3 heavy-lock"]);
}

#[test]
fn not_null_costs_nothing_after_a_validated_check() {
    let validate = "ALTER TABLE t VALIDATE CONSTRAINT a_is_there;\n";
    let set = "ALTER TABLE t ALTER a SET NOT NULL;\n";
    assert_eq!(found(&format!("{validate}{set}")), [] as [&str; 0]);
    assert_eq!(
        found(&format!("{set}{validate}")),
        ["1 adding-not-nullable-field"]
    );
}

#[test]
fn a_constraint_is_not_validated_in_the_run_that_adds_it() {
    let add = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\n";
    let prove = "ALTER TABLE t VALIDATE CONSTRAINT c;\n";
    let finding = "constraint-missing-not-valid";
    assert_eq!(found(&format!("{add}{prove}")), [format!("2 {finding}")]);
    assert_eq!(
        found_in(&[add, prove], Scope::Run),
        [format!("V2.sql 1 {finding}")]
    );
    assert_eq!(found_in(&[add, prove], Scope::EachAlone), [] as [&str; 0]);
    let singly = format!("{SINGLY}{prove}");
    assert_eq!(found_in(&[add, &singly], Scope::Run), [] as [&str; 0]);
    assert_eq!(
        found_in(&["CREATE TABLE t (a int);", add, prove], Scope::Run),
        [] as [&str; 0]
    );
}

#[test]
fn a_setting_for_the_session_is_found() {
    each_breaks(
        "session-setting",
        "",
        &[
            "SET statement_timeout = 0",
            "SET SESSION lock_timeout = '1s'",
            "SET ROLE app",
            "SET SESSION AUTHORIZATION app",
            "SELECT set_config('app.x', '1', false)",
        ],
    );
    each_is_clean(
        "",
        &[
            "SET LOCAL statement_timeout = 0",
            "SET CONSTRAINTS ALL DEFERRED",
            "SELECT set_config('app.x', '1', true)",
            "UPDATE t SET a = 1",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET statement_timeout = 0 AS 'SELECT 1'",
        ],
    );
}

#[test]
fn a_statement_that_cannot_be_read_hides_no_other() {
    // The second is valid, and beyond squawk's grammar.
    let sql =
        "SELEC 1;\nCREATE INDEX CONCURRENTLY i ON t USING gin (a public.gin_trgm_ops);\nDROP TABLE t;\n";
    assert_eq!(
        found(sql),
        [
            "1 syntax-error",
            "2 concurrently-in-transaction",
            "2 syntax-error",
            "3 ban-drop-table"
        ]
    );
    assert_eq!(found("SELECT 1;\nSELECT 'a;\nDROP TABLE t;"), ["2 syntax-error"]);
    // squawk's parser ends on this one.
    assert_eq!(
        found("DROP MATERIALIZED;\nDROP TABLE t;"),
        ["1 syntax-error", "2 ban-drop-table"]
    );
    assert_eq!(found(""), [] as [&str; 0]);
}

#[test]
fn a_comment_excuses_a_statement_or_the_file() {
    let next = "-- tenantctl: allow ban-drop-table: nobody reads it\nDROP TABLE a;\nDROP TABLE b;\n";
    assert_eq!(found(next), ["3 ban-drop-table"]);
    let behind = "DROP TABLE a; -- tenantctl: allow ban-drop-table\nDROP TABLE b;\n";
    assert_eq!(found(behind), ["2 ban-drop-table"]);
    let within = "DROP TABLE a;\nDROP /* tenantctl: allow ban-drop-table */ TABLE b;\n";
    assert_eq!(found(within), ["1 ban-drop-table"]);
    let header =
        "-- words\n-- tenantctl: allow ban-drop-table, heavy-lock\n-- words\n\nDROP TABLE a;\nTRUNCATE b;\n";
    assert_eq!(found(header), [] as [&str; 0]);
    let squawks = "-- squawk-ignore ban-drop-table\nDROP TABLE a;\nDROP TABLE b;\n";
    assert_eq!(found(squawks), ["3 ban-drop-table"]);
}

#[test]
fn a_comment_that_means_nothing_is_found() {
    let help = |sql: &str| {
        let findings = review(&request(&[sql], Scope::Run, Rules::default()));
        let [finding] = findings.as_slice() else {
            panic!("{findings:?}");
        };
        assert_eq!(finding.rule, "unknown-comment");
        finding.help.clone().unwrap_or_default()
    };
    assert_eq!(
        help("-- tenantctl: allow heavy-lok\nSELECT 1;"),
        "Did you mean `heavy-lock`?"
    );
    assert!(
        help("-- tenantctl: no_transaction\nSELECT 1;").starts_with("Write `-- tenantctl: no-transaction`")
    );
    assert!(help("--tenantctl: no-transaction\nSELECT 1;").starts_with("Begin the file with"));
    assert!(help("SELECT 1;\n-- tenantctl: no-transaction\n").starts_with("Begin the file with"));
}

#[test]
fn rules_are_switched_off_and_on() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let rules = Rules::choose(&names(&["ban-drop-table"]), &names(&["prefer-text-field"])).expect("known");
    let sql = "DROP TABLE a;\nCREATE TABLE b (c varchar(3));\n";
    let findings = review(&request(&[sql], Scope::Run, rules));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule, "prefer-text-field");
}

#[test]
fn a_type_is_not_taken_for_another() {
    each_is_clean(
        "",
        &["CREATE TABLE a (b character varying(20), c varchar, d timestamptz)"],
    );
    each_breaks("ban-char-field", "", &["CREATE TABLE a (b character(20))"]);
}

#[test]
fn a_finding_knows_its_place() {
    let sql = "SELECT 'größe'; DROP TABLE\r\n  a;\r\n";
    let findings = review(&request(&[sql], Scope::Run, Rules::default()));
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}");
    };
    assert_eq!((finding.line, finding.column, finding.length), (1, 17, 10));
    assert_eq!(finding.sql, "SELECT 'größe'; DROP TABLE");
}
