//! The layers of the configuration, and its example file.

use super::*;

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn settings(file: &str, flags: &Flags, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::resolve(
        ConfigFile::parse(Path::new("t.toml"), file)?,
        None,
        flags,
        &environment,
    )
}

/// The example with its commented-out keys switched on.
fn example_with_every_key() -> String {
    EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_number_out_of_range_is_the_variables_that_has_it() {
    for name in ["TENANTCTL_JOBS", "DATABASE_POOL_MAX"] {
        let error = settings("", &Flags::default(), &[(name, "0")]).expect_err("too few");
        let words = format!("environment variable `{name}`: expected a whole number, 1 or more");
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn the_example_file_holds_the_defaults() {
    let example = settings(EXAMPLE, &Flags::default(), &[]).expect("the example is valid");
    let default = settings("", &Flags::default(), &[]).expect("nothing is valid");
    assert_eq!(format!("{example:#?}"), format!("{default:#?}"));
}

#[test]
fn the_example_file_parses_with_every_key_switched_on() {
    settings(&example_with_every_key(), &Flags::default(), &[]).expect("every key of the example is valid");
}

#[test]
fn the_example_file_names_every_key_that_exists() {
    let tables: toml::Table = example_with_every_key().parse().expect("valid TOML");
    for table in [
        "database",
        "tenants",
        "roles",
        "fleet",
        "registry",
        "template",
        "seed",
        "lint",
        "sizes",
        "retention",
        "health",
        "backup",
        "output",
        "local",
        "targets.eu",
    ] {
        let named = table
            .split('.')
            .fold(&toml::Value::Table(tables.clone()), |value, key| &value[key])
            .clone();
        let header = format!("[{table}]\nno_such_key_at_all = 1\n");
        let error = ConfigFile::parse(Path::new("t.toml"), &header).expect_err("an unknown key");
        let known = error
            .hint()
            .expect("a list")
            .trim_start_matches("known here: ")
            .to_owned();
        for key in known.split(", ") {
            assert!(
                named.get(key).is_some(),
                "config.example.toml does not show `{table}.{key}`"
            );
        }
    }
}

#[test]
fn environment_wins_over_file_and_flags_over_both() {
    let file = "[fleet]\njobs = 2\n[output]\nformat = 'csv'\n";
    let from_file = settings(file, &Flags::default(), &[]).expect("valid");
    assert_eq!((from_file.fleet.jobs, from_file.output), (2, OutputFormat::Csv));
    let from_environment = settings(file, &Flags::default(), &[("TENANTCTL_JOBS", "7")]).expect("valid");
    assert_eq!(from_environment.fleet.jobs, 7);
    let flags = Flags {
        output: Some(OutputFormat::Json),
        ..Flags::default()
    };
    assert_eq!(
        settings(file, &flags, &[]).expect("valid").output,
        OutputFormat::Json
    );
}

#[test]
fn a_variable_that_is_no_number_is_named() {
    let error = settings("", &Flags::default(), &[("DATABASE_POOL_MAX", "lots")]).expect_err("no number");
    assert_eq!(
        error.to_string(),
        "environment variable `DATABASE_POOL_MAX`: expected a whole number, 0 or more"
    );
}
