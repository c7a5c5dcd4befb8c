use std::fs;
use std::path::Path;

use crate::support::{Database, Program, Run};

/// A folder of migrations with a configuration beside it.
struct Project(tempfile::TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir(project.path().join("migrations")).expect("a folder");
        project.configure("");
        for (name, sql) in files {
            project.write(name, sql);
        }
        project
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn configure(&self, more: &str) {
        let text = format!("[template]\nmigrations = 'migrations'\n{more}");
        fs::write(self.path().join("tenantctl.toml"), text).expect("written");
    }

    fn write(&self, name: &str, sql: &str) {
        fs::write(self.path().join("migrations").join(name), sql).expect("written");
    }

    /// Without a database.
    fn run(&self, arguments: &[&str]) -> Run {
        let arguments = [&["lint"], arguments].concat();
        Program::new().folder(self.path()).run(&arguments)
    }

    fn run_on(&self, database: &Database, arguments: &[&str]) -> Run {
        database.program().folder(self.path()).run(arguments)
    }
}

/// The rules that were broken, with files and lines.
fn broken(run: &Run) -> Vec<String> {
    let answer = run.json();
    let findings = answer["findings"].as_array().expect("a list");
    findings
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().expect("text").to_owned();
            format!("{} {} {}", text("file"), finding["line"], text("rule"))
        })
        .collect()
}

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, legacy text);\n";

#[test]
fn lint_shows_findings_with_their_lines() {
    let project = Project::new(&[(
        "V2__index.sql",
        "-- Faster sign-in.\nCREATE INDEX CONCURRENTLY users_email_idx ON users (email);\n\n\
         ALTER TABLE\ttenant_acme.users ADD COLUMN region text NOT NULL, ADD COLUMN long text COLLATE \"de_DE\";\n",
    )]);
    insta::assert_snapshot!(project.run(&["migrations/V2__index.sql"]).shown(), @r#"
    exit 4
    --- stdout
    migrations/V2__index.sql:2:14: concurrently-in-transaction
      This cannot run inside a transaction, and the file is one.
      2 | CREATE INDEX CONCURRENTLY users_email_idx ON users (email);
        |              ^^^^^^^^^^^^
      help: Put it into a file of its own whose first line is
      `-- tenantctl: no-transaction`.

    migrations/V2__index.sql:4:13: names-schema
      This names schema `tenant_acme`, and the file runs in the schema of every
      tenant.
      4 | ALTER TABLE tenant_acme.users ADD COLUMN region text NOT NULL, ADD COLUMN…
        |             ^^^^^^^^^^^
      help: Leave the schema out: the search path leads to the tenant's own.

    migrations/V2__index.sql:4:31: adding-required-field
      Adding a new column that is `NOT NULL` and has no default value to an existing
      table effectively makes it required.
      4 | ALTER TABLE tenant_acme.users ADD COLUMN region text NOT NULL, ADD COLUMN…
        |                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: Make the field nullable or add a non-VOLATILE DEFAULT
    --- stderr
    3 findings in 1 file
    "#);
}

#[test]
fn only_pending_files_are_reviewed() {
    let database = Database::empty();
    let project = Project::new(&[
        ("V1__users.sql", USERS),
        ("V002__drop.sql", "DROP TABLE users;\n"),
    ]);
    // All are pending: the table is new, and nobody can miss it.
    project
        .run_on(&database, &["lint"])
        .success()
        .says("no findings in 2 files");
    fs::remove_file(project.path().join("migrations/V002__drop.sql")).expect("removed");
    project.run_on(&database, &["init"]).success();
    project
        .run_on(&database, &["lint"])
        .success()
        .says("nothing to review");
    project.write("V002__drop.sql", "DROP TABLE users;\n");
    project.write("sub_V3__x.sql", "DROP TABLE users;\n");
    let run = project.run_on(&database, &["lint", "-o", "json"]).exits(4);
    assert_eq!(broken(&run), ["migrations/V002__drop.sql 1 ban-drop-table"]);
    assert_eq!(
        run.json()["files"],
        serde_json::json!(["migrations/V002__drop.sql"])
    );
    assert!(run.stderr.contains("1 finding in 1 file"), "{}", run.stderr);
}

#[test]
fn a_template_without_history_has_all_its_files_reviewed() {
    let database = Database::empty();
    database.sql("CREATE SCHEMA tenant_template CREATE TABLE users (id int)");
    let project = Project::new(&[("V1__users.sql", USERS), ("V2__drop.sql", "DROP TABLE users;\n")]);
    let run = project
        .run_on(&database, &["lint", "-o", "json"])
        .exits(4)
        .says("schema `tenant_template` has no migration history");
    assert_eq!(broken(&run), ["migrations/V2__drop.sql 1 ban-drop-table"]);
}

#[test]
fn all_files_need_no_database_and_stand_alone() {
    let project = Project::new(&[("V1__users.sql", USERS), ("V2__drop.sql", "DROP TABLE users;\n")]);
    let run = project.run(&["--all", "--format", "json"]).exits(4);
    assert_eq!(broken(&run), ["migrations/V2__drop.sql 1 ban-drop-table"]);
    // Files that are named are one run.
    project
        .run(&["migrations/V1__users.sql", "migrations/V2__drop.sql"])
        .success()
        .says("no findings in 2 files");
    let run = project
        .run(&["--database-url", "postgresql://x@/x?host=/nonexistent"])
        .exits(5);
    assert!(
        run.stderr.contains("`--all` or named files need no database"),
        "{}",
        run.stderr
    );
}

#[test]
fn json_is_the_same_by_both_flags_and_csv_has_a_row_for_each_finding() {
    let project = Project::new(&[("V1__drop.sql", "DROP TABLE users;\n")]);
    let by_format = project.run(&["--all", "--format", "json"]).exits(4);
    let by_output = project.run(&["--all", "-o", "json"]).exits(4);
    assert_eq!(by_format.stdout, by_output.stdout);
    assert_eq!(
        by_format.json(),
        serde_json::json!({
            "version": 1,
            "files": ["migrations/V1__drop.sql"],
            "findings": [{
                "file": "migrations/V1__drop.sql", "line": 1, "column": 1, "length": 16, "rule": "ban-drop-table",
                "message": "Dropping a table may break existing clients.", "help": null, "sql": "DROP TABLE users;",
            }],
        })
    );
    insta::assert_snapshot!(project.run(&["--all", "-o", "csv", "-q"]).shown(), @r"
    exit 4
    --- stdout
    file,line,column,rule,message,help
    migrations/V1__drop.sql,1,1,ban-drop-table,Dropping a table may break existing clients.,
    --- stderr
    ");
}

#[test]
fn annotations_are_escaped_for_github() {
    let project = Project::new(&[("V1__50%,a:b.sql", "COMMIT;\n")]);
    let run = project
        .run(&["migrations/V1__50%,a:b.sql", "--format", "github", "-q"])
        .exits(4);
    insta::assert_snapshot!(run.shown(), @r"
    exit 4
    --- stdout
    ::error file=migrations/V1__50%25%2Ca%3Ab.sql,line=1,col=1,endColumn=7,title=transaction-statement::This would end the transaction in which tenantctl runs the file.%0ALeave it out. A file whose statements want no transaction begins with `-- tenantctl: no-transaction`.
    --- stderr
    ");
}

#[test]
fn rules_are_chosen_by_the_configuration() {
    let project = Project::new(&[("V1__a.sql", "DROP TABLE a;\nCREATE TABLE b (c varchar(3));\n")]);
    project.configure("[lint]\nexclude = ['ban-drop-table']\ninclude = ['prefer-text-field']\n");
    let run = project.run(&["--all", "-o", "json"]).exits(4);
    assert_eq!(broken(&run), ["migrations/V1__a.sql 2 prefer-text-field"]);
    project.configure("[lint]\nexclude = ['ban-drop-tables']\n");
    insta::assert_snapshot!(project.run(&["--all"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: setting `lint.exclude`: there is no rule `ban-drop-tables`

    hint: did you mean `ban-drop-table`?
    ");
}

#[test]
fn what_cannot_be_read_is_a_usage_error() {
    let project = Project::new(&[]);
    fs::write(project.path().join("latin.sql"), b"SELECT '\xe9';\n").expect("written");
    project
        .run(&["no.sql"])
        .exits(2)
        .says("file `no.sql` cannot be read");
    project
        .run(&["latin.sql"])
        .exits(2)
        .says("file `latin.sql` cannot be read");
    project
        .run(&["--migrations", "no", "--all"])
        .exits(2)
        .says("folder `no` cannot be read");
    project.run(&["--all"]).success().says("nothing to review");
    Program::new()
        .run(&["lint"])
        .exits(2)
        .says("there is no folder of migrations to review");
}

#[test]
fn standard_input_is_a_file_too() {
    let run = Program::new()
        .input("SELECT 1;\nCOMMIT;\n")
        .run(&["lint", "-", "-o", "json"])
        .exits(4);
    assert_eq!(broken(&run), ["- 2 transaction-statement"]);
}

#[test]
fn the_shipped_migrations_are_clean() {
    for folder in ["tenant_template", "migrations"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let run = Program::new().run(&[
            "lint",
            "--all",
            "--migrations",
            folder.to_str().expect("UTF-8"),
            "-o",
            "json",
        ]);
        assert_eq!(broken(&run.clone().success()), [] as [&str; 0]);
        assert!(!run.json()["files"].as_array().expect("a list").is_empty());
    }
}

#[test]
fn every_rule_is_documented() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lint.md")).expect("readable");
    let documented: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert!(documented.len() > 30, "{documented:?}");
    // Each is known to the configuration, and each rule that the configuration knows is there.
    let project = Project::new(&[]);
    let list = documented
        .iter()
        .map(|rule| format!("'{rule}'"))
        .collect::<Vec<_>>()
        .join(", ");
    project.configure(&format!("[lint]\nexclude = [{list}]\n"));
    project.run(&["--all"]).success();
    let known = tenantctl::ops::lint::Rules::default();
    let missing: Vec<&str> = known.names().filter(|rule| !documented.contains(rule)).collect();
    assert_eq!(missing, [] as [&str; 0]);
}
