//! Every command with the least of the roles that docs/roles.md names for it, and with less.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::Guarded;
use crate::support::{Database, Program, Run};

/// Who has to run a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    /// A member of the owner.
    Owner,
    /// A member of the operator.
    Operator,
    /// No database is asked.
    Anybody,
}

/// A call, and who has to make it.
struct Call {
    arguments: &'static [&'static str],
    least: Least,
    /// What it exits with in the right hands.
    code: i32,
}

const fn call(least: Least, arguments: &'static [&'static str]) -> Call {
    Call {
        arguments,
        least,
        code: 0,
    }
}

/// Every command that works in a database. `{backup}` is the file of a backup of `globex`.
const CALLS: [Call; 45] = [
    call(Least::Operator, &["list"]),
    call(Least::Operator, &["show", "acme"]),
    call(Least::Operator, &["resolve", "acme.example"]),
    call(
        Least::Operator,
        &[
            "update",
            "acme",
            "--plan",
            "pro",
            "--domain",
            "new.example",
            "--metadata",
            "{\"a\":1}",
        ],
    ),
    call(Least::Operator, &["suspend", "acme"]),
    call(Least::Operator, &["resume", "acme"]),
    call(Least::Operator, &["history"]),
    call(Least::Operator, &["history", "acme"]),
    call(Least::Operator, &["status"]),
    call(Least::Operator, &["status", "--deep"]),
    call(Least::Operator, &["template", "status"]),
    call(Least::Operator, &["drift", "--all"]),
    call(Least::Operator, &["sizes"]),
    call(Least::Operator, &["sizes", "--exact", "acme"]),
    call(Least::Operator, &["sizes", "--snapshot"]),
    call(Least::Operator, &["health", "--deep", "--fail-on", "never"]),
    call(Least::Operator, &["migrate", "--all", "--dry-run"]),
    call(Least::Owner, &["backup", "globex", "--dir", "elsewhere"]),
    call(Least::Owner, &["create", "new", "--seed"]),
    call(Least::Owner, &["clone", "acme", "copy"]),
    call(Least::Owner, &["clone", "acme", "skeleton", "--schema-only"]),
    call(
        Least::Owner,
        &["exec", "acme", "--sql", "SELECT count(*) FROM users"],
    ),
    call(
        Least::Owner,
        &["exec", "acme", "--write", "--yes", "--sql", "DELETE FROM users"],
    ),
    call(
        Least::Owner,
        &["shell", "acme", "--", "-Xc", "SELECT count(*) FROM users"],
    ),
    call(
        Least::Owner,
        &["seed", "--into", "acme", "--users", "3", "--days", "1"],
    ),
    call(Least::Owner, &["cleanup", "--days", "30", "--dry-run"]),
    call(Least::Owner, &["cleanup", "--days", "30", "--yes"]),
    call(Least::Owner, &["cleanup", "--days", "30", "--vacuum", "--yes"]),
    call(Least::Owner, &["verify", "{backup}", "--restore"]),
    call(Least::Owner, &["restore", "{backup}", "--as", "back"]),
    call(Least::Owner, &["restore", "{backup}", "--replace", "--yes"]),
    call(Least::Owner, &["drop", "globex", "--yes"]),
    call(Least::Owner, &["undrop", "globex"]),
    call(Least::Owner, &["move", "globex", "--to", "there", "--yes"]),
    call(Least::Owner, &["migrate", "--rehearse"]),
    call(Least::Owner, &["migrate", "--all"]),
    call(Least::Owner, &["migrate", "--all", "--deep"]),
    call(Least::Owner, &["init"]),
    call(Least::Anybody, &["verify", "{backup}"]),
    call(Least::Anybody, &["list-backups"]),
    call(Least::Anybody, &["new", "another"]),
    call(Least::Anybody, &["lint", "--all"]),
    call(Least::Anybody, &["completions", "bash"]),
    call(Least::Anybody, &["man"]),
    call(Least::Anybody, &["init", "--roles"]),
];

/// A fleet at V1 of two files, and a database to move to, whose owner is the same login.
struct Scene {
    guarded: Guarded,
    there: Guarded,
    backup: String,
}

impl Scene {
    fn new() -> Self {
        let guarded = Guarded::empty();
        let there = Guarded::unprepared(Database::empty());
        let folder = guarded.folder();
        let config = fs::read_to_string(folder.join("tenantctl.toml")).expect("readable");
        fs::write(there.folder().join("tenantctl.toml"), config).expect("written");
        there.apply().success();
        let retention = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/apps/metrics/retention.toml"
        );
        fs::copy(retention, folder.join("retention.toml")).expect("copied");
        fs::create_dir(folder.join("sql")).expect("a folder");
        for file in ["V1__users", "V2__metrics", "V3__dashboards", "V4__audit_and_jobs"] {
            let from = format!("{}/tenant_template/{file}.sql", env!("CARGO_MANIFEST_DIR"));
            fs::copy(from, folder.join(format!("sql/{file}.sql"))).expect("copied");
        }
        let deploy = guarded.login("deploy");
        let text = fs::read_to_string(folder.join("tenantctl.toml")).expect("readable");
        let text = format!(
            "{text}[template]\nmigrations = 'sql'\n[seed]\nfile = '{}/fixtures/apps/metrics/seed.sql'\n\
             [targets.there]\nurl = '{}'\n",
            env!("CARGO_MANIFEST_DIR"),
            there.url_as(&deploy)
        );
        fs::write(folder.join("tenantctl.toml"), text).expect("written");
        guarded.as_owner(&["init", "--quiet"]).success();
        guarded.as_owner(&["create", "--quiet", "globex"]).success();
        let made = ["create", "--quiet", "acme", "--domain", "acme.example", "--seed"];
        guarded.as_owner(&made).success();
        guarded.as_owner(&["backup", "globex"]).success();
        let backup = super::backup_in(folder);
        fs::write(
            folder.join("sql/V5__more.sql"),
            "CREATE TABLE more (id int PRIMARY KEY);\n",
        )
        .expect("written");
        there.program_as(&deploy).run(&["init", "--quiet"]).success();
        Self {
            guarded,
            there,
            backup,
        }
    }

    fn run(&self, program: Program, call: &Call) -> Run {
        let arguments: Vec<String> = call
            .arguments
            .iter()
            .map(|argument| argument.replace("{backup}", &self.backup))
            .collect();
        program.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn everything(&self) -> String {
        self.guarded.everything() + &self.there.everything()
    }
}

#[test]
fn every_command_works_with_its_role_and_fails_clearly_with_less() {
    let scene = Scene::new();
    let Scene { guarded, .. } = &scene;
    let logins = ["deploy", "support", "nobody"].map(|name| guarded.login(name));
    let mut wrong = Vec::new();
    for call in &CALLS {
        let name = call.arguments.join(" ");
        let (right, less) = match call.least {
            Least::Owner => (&logins[0], &logins[1..]),
            Least::Operator => (&logins[1], &logins[2..]),
            Least::Anybody => (&logins[2], &[][..]),
        };
        for login in less {
            let before = scene.everything();
            let run = scene.run(guarded.program_as(login), call);
            let role = match call.least {
                Least::Owner => guarded.owner(),
                _ => guarded.operator(),
            };
            if name.starts_with("health") {
                // What it does not see is a finding with the grant that it lacks.
                if run.code != 0 || !run.stdout.contains("GRANT SELECT ON public.tenants TO") {
                    wrong.push(format!("{name} as {login}: {run:?}"));
                }
                continue;
            }
            let is_denied = run.stderr.contains("permission denied") || run.stderr.contains("must be owner");
            let for_members = |role: &str| format!("is for members of the role `{role}`");
            let is_helped = run.stderr.contains(&for_members(&role))
                // One command, and the hint does not look at its flags.
                || name == "migrate --all --dry-run" && run.stderr.contains(&for_members(&guarded.owner()))
                // psql speaks for itself.
                || name.starts_with("shell")
                || run.stderr.contains("connect as a role that may read all rows")
                || run.stderr.contains("grant the connecting role CREATE on this database");
            if run.code != 1 || !is_denied || !is_helped {
                wrong.push(format!(
                    "{name} as {login}: exit {}\n{}{}",
                    run.code, run.stdout, run.stderr
                ));
            }
            if scene.everything() != before {
                wrong.push(format!("{name} as {login} has changed something"));
            }
        }
        let program = match call.least {
            Least::Anybody => Program::new()
                .folder(guarded.folder())
                .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none"),
            _ => guarded.program_as(right),
        };
        let run = scene.run(program, call);
        if run.code != call.code {
            wrong.push(format!(
                "{name} as {right}: exit {}\n{}{}",
                run.code, run.stdout, run.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let unfinished = "SELECT count(*) FROM tenant_operations WHERE outcome = 'running'";
    assert_eq!(
        guarded.sql(unfinished),
        "0",
        "the log tells how the attempts ended"
    );
}

#[test]
fn the_operator_sees_all_that_health_looks_at() {
    let guarded = Guarded::with_tenants(&["acme"]);
    guarded.sql("CREATE TABLE tenant_acme.numbered (id int GENERATED ALWAYS AS IDENTITY)");
    guarded.apply().success();
    let run = guarded
        .as_operator(&["health", "-o", "json", "--fail-on", "never"])
        .success();
    let findings = run.json()["findings"].to_string();
    assert!(!findings.contains("not-checked"), "{findings}");
}

#[test]
fn the_operator_reads_no_data_and_cannot_turn_the_owner_against_other_schemas() {
    let guarded = Guarded::with_tenants(&["acme", "globex"]);
    let url = guarded.url_as(&guarded.login("support"));
    for sql in [
        "SELECT * FROM tenant_acme.users",
        "SELECT * FROM tenant_template.users",
        "UPDATE tenants SET schema_name = 'public_copy'",
        "UPDATE tenants SET slug = 'other' WHERE slug = 'acme'",
        "UPDATE tenants SET schema_version = 1",
        "INSERT INTO tenants (slug, name, schema_name, subscription_plan) VALUES ('a', 'a', 'a', 'a')",
        "DELETE FROM tenants",
        "DELETE FROM tenant_operations",
        "UPDATE tenant_operations SET actor = 'somebody'",
        "UPDATE tenant_operation_results SET message = ''",
        "INSERT INTO tenant_known_fingerprints VALUES ('tenant_template', '', '')",
        "SELECT * FROM tenant_archives",
        "UPDATE tenant_template.refinery_schema_history SET checksum = '1'",
        "SELECT nextval('tenant_acme.sessions_id_seq')",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine (id int)",
        "CREATE TABLE tenant_acme.mine (id int)",
    ] {
        let error = crate::support::psql(&url, sql).expect_err(sql);
        assert!(error.contains("permission denied"), "{sql}: {error}");
    }
    // The definition that the registry keeps of the template is used as long as nobody else may write it.
    let run = guarded
        .program_as(&guarded.login("deploy"))
        .run(&["create", "initech", "-vv"])
        .success();
    assert!(!run.stderr.contains("is of another time"), "{}", run.stderr);
}

#[test]
fn every_command_is_in_the_documents_with_the_least_role_for_it() {
    let documents =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/roles.md")).expect("docs/roles.md");
    let mut documented: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in documents.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", commands, least @ ("owner" | "operator" | "none"), _, ""] = cells[..] {
            for command in commands.split(", ") {
                documented
                    .entry(command.trim_matches('`'))
                    .or_default()
                    .insert(least);
            }
        }
    }
    let mut missing = Vec::new();
    for call in &CALLS {
        let least = match call.least {
            Least::Owner => "owner",
            Least::Operator => "operator",
            Least::Anybody => "none",
        };
        let command = call.arguments[0];
        let is_said = documented
            .iter()
            .any(|(name, said)| name.split(' ').next() == Some(command) && said.contains(least));
        if !is_said {
            missing.push(format!("{command}: {least}"));
        }
    }
    let help = Program::new().run(&["--help"]).success().stdout;
    let groups = help.split_once("First steps:").expect("the commands").1;
    let groups = groups.split_once("Options:").expect("their end").0;
    let names = groups
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut commands = 0;
    for name in names {
        commands += 1;
        let is_documented = documented
            .keys()
            .any(|known| known.split(' ').next() == Some(name));
        if !is_documented {
            missing.push(name.to_owned());
        }
    }
    assert!(commands > 30, "{help}");
    assert!(missing.is_empty(), "docs/roles.md lacks {missing:?}");
}
