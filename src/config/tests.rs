//! The layers of the configuration, its example file, and every variable of the environment.

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

/// A variable that the configuration has, a slip of the pen, a value, and what comes of it.
struct Variable {
    name: &'static str,
    misspelt: &'static str,
    value: &'static str,
    shows: fn(&Settings) -> String,
    expected: &'static str,
}

fn found_urls(settings: &Settings) -> Urls {
    match &settings.database.source {
        DatabaseSource::Urls(urls) => urls.clone(),
        DatabaseSource::Local => panic!("expected URLs"),
    }
}

const VARIABLES: [Variable; 11] = [
    Variable {
        name: "DATABASE_URL",
        misspelt: "DATABSE_URL",
        value: "postgresql://h/db",
        shows: |settings| format!("{:?}", found_urls(settings).url),
        expected: "Some(\"postgresql://h/db\")",
    },
    Variable {
        name: "DIRECT_URL",
        misspelt: "DATABASE_DIRECT_URL",
        value: "postgresql://direct/db",
        shows: |settings| format!("{:?}", found_urls(settings).direct),
        expected: "Some(\"postgresql://direct/db\")",
    },
    Variable {
        name: "SHADOW_DATABASE_URL",
        misspelt: "SHADOW_URL",
        value: "postgresql://shadow/db",
        shows: |settings| format!("{:?}", found_urls(settings).shadow),
        expected: "Some(\"postgresql://shadow/db\")",
    },
    Variable {
        name: "DATABASE_PASSWORD_FILE",
        misspelt: "DATABASE_PASSWORDFILE",
        value: "/run/secrets/db",
        shows: |settings| format!("{:?}", found_urls(settings).password_file),
        expected: "Some(\"/run/secrets/db\")",
    },
    Variable {
        name: "DATABASE_POOL_MIN",
        misspelt: "DATABASE_MIN_POOL",
        value: "7",
        shows: |settings| settings.database.pool_min.to_string(),
        expected: "7",
    },
    Variable {
        name: "DATABASE_POOL_MAX",
        misspelt: "DATABASE_POOLMAX",
        value: "40",
        shows: |settings| format!("{:?}", settings.database.pool_max),
        expected: "Some(40)",
    },
    Variable {
        name: "DATABASE_POOL_TIMEOUT_MS",
        misspelt: "DATABASE_POOL_TIMEOUT",
        value: "1500",
        shows: |settings| format!("{:?}", settings.database.pool_timeout),
        expected: "1.5s",
    },
    Variable {
        name: "DATABASE_QUERY_TIMEOUT_MS",
        misspelt: "DATABASE_QUERY_TIMEOUT",
        value: "250",
        shows: |settings| format!("{:?}", settings.database.query_timeout),
        expected: "250ms",
    },
    Variable {
        name: "SLOW_QUERY_THRESHOLD_MS",
        misspelt: "SLOW_QUERY_TRESHOLD_MS",
        value: "0",
        shows: |settings| format!("{:?}", settings.database.slow_query),
        expected: "0ns",
    },
    Variable {
        name: "TENANTCTL_CONNECT_WAIT",
        misspelt: "TENANTCTL_CONNECTION_WAIT",
        value: "2m",
        shows: |settings| format!("{:?}", settings.database.connect_wait),
        expected: "120s",
    },
    Variable {
        name: "TENANTCTL_JOBS",
        misspelt: "TENANTCTL_JOB",
        value: "9",
        shows: |settings| settings.fleet.jobs.to_string(),
        expected: "9",
    },
];

/// Those that say where the file is.
const OF_THE_FILE: [&str; 3] = ["HOME", "TENANTCTL_CONFIG", "XDG_CONFIG_HOME"];

#[test]
fn every_variable_has_its_effect_and_a_misspelt_one_has_none() {
    // Each key of the file is set, and each to something else than the variable says.
    let file = "[database]\npool_min = 1\npool_max = 3\npool_timeout = '3s'\nquery_timeout = '4s'\n\
                slow_query = '6s'\nconnect_wait = '8s'\n[fleet]\njobs = 2\n";
    for file in ["", file] {
        let settings =
            |variables: &[(&str, &str)]| settings(file, &Flags::default(), variables).expect("valid");
        let everything = |settings: Settings| {
            let environment = Environment::default();
            let urls = found_urls(&settings);
            let urls = format!(
                "{:?}",
                (&urls.url, &urls.direct, &urls.shadow, &urls.password_file)
            );
            format!(
                "{urls} {:#?}",
                Settings {
                    environment,
                    ..settings
                }
            )
        };
        let nothing = settings(&[]);
        for variable in &VARIABLES {
            let name = variable.name;
            let set = settings(&[(name, variable.value)]);
            assert_eq!((variable.shows)(&set), variable.expected, "{name}");
            assert_ne!((variable.shows)(&nothing), variable.expected, "{name}");
            let misspelt = settings(&[(variable.misspelt, variable.value)]);
            assert_eq!(
                everything(misspelt),
                everything(nothing.clone()),
                "{}",
                variable.misspelt
            );
            // As shells and libpq have it.
            let empty = settings(&[(name, "")]);
            assert_eq!(everything(empty), everything(nothing.clone()), "{name}");
        }
    }
}

#[test]
fn every_variable_says_where_the_file_is_and_a_misspelt_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |relative: &str| folder.path().join(relative);
    let files = [
        (
            "TENANTCTL_CONFIG",
            "TENANTCTL_CONF",
            path("named.toml"),
            path("named.toml"),
            11,
        ),
        (
            "XDG_CONFIG_HOME",
            "XDG_CONFIG",
            path("xdg"),
            path("xdg/tenantctl/tenantctl.toml"),
            12,
        ),
        (
            "HOME",
            "HOMES",
            path("home"),
            path("home/.config/tenantctl/tenantctl.toml"),
            13,
        ),
    ];
    assert_eq!(OF_THE_FILE.len(), files.len());
    let jobs = |variables: &[(&str, &Path)]| {
        let owned = |(name, value): &(&str, &Path)| ((*name).to_owned(), value.display().to_string());
        let environment = variables.iter().map(owned).collect();
        Settings::load(&Flags::default(), &environment)
            .expect("valid")
            .fleet
            .jobs
    };
    let plain = jobs(&[]);
    for (name, misspelt, value, file, number) in &files {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, format!("[fleet]\njobs = {number}\n")).expect("written");
        assert_eq!(jobs(&[(name, value)]), *number, "{name}");
        assert_eq!(jobs(&[(misspelt, value)]), plain, "{misspelt}");
    }
    // The first of them counts.
    let [named, xdg, home] = &files;
    assert_eq!(jobs(&[(home.0, &home.2), (xdg.0, &xdg.2)]), 12);
    assert_eq!(
        jobs(&[(home.0, &home.2), (xdg.0, &xdg.2), (named.0, &named.2)]),
        11
    );
}

#[test]
fn the_tables_above_have_every_variable_that_is_read_here() {
    let sources = [
        include_str!("database.rs"),
        include_str!("environment.rs"),
        include_str!("file.rs"),
        include_str!("mod.rs"),
        include_str!("variables.rs"),
    ];
    let name = regex::Regex::new(r#"\(\s*(?:environment, )?"([A-Z][A-Z_]+)"\)"#).expect("a pattern");
    let mut read: Vec<&str> = Vec::new();
    for source in sources {
        let code = source.split("#[cfg(test)]").next().unwrap_or(source);
        read.extend(
            name.captures_iter(code)
                .filter_map(|found| Some(found.get(1)?.as_str())),
        );
    }
    read.sort_unstable();
    read.dedup();
    let mut known: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    known.extend(OF_THE_FILE);
    known.sort_unstable();
    assert_eq!(read, known);

    let readme = include_str!("../../README.md");
    let unsaid = VARIABLES
        .iter()
        .filter(|variable| !readme.contains(&format!("`{}`", variable.name)));
    assert_eq!(unsaid.map(|variable| variable.name).collect::<Vec<_>>(), [""; 0]);
}
