//! What a service's environment says of its database.

use super::*;

const URL: (&str, &str) = ("DATABASE_URL", "postgresql://app@db.example/metrics");

/// What code may have set, different from every default.
fn options() -> Options {
    Options {
        pool_min: 1,
        pool_max: Some(6),
        pool_wait: Duration::from_secs(61),
        statement_timeout: Duration::from_secs(62),
        slow: Duration::from_secs(63),
        ..Options::default()
    }
}

fn client(variables: &[(&str, &str)]) -> Result<Client, ClientError> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Client::of(&variables.iter().map(owned).collect(), options())
}

fn password(client: &Client) -> Option<String> {
    let variables = client.db.target().child_environment();
    let password = variables.into_iter().find(|(name, _)| *name == "PGPASSWORD");
    password.map(|(_, value)| value)
}

/// Everything about a client that a variable may change.
fn shown(client: &Client) -> Vec<String> {
    let options = &client.options;
    let database = client.db.describe();
    let numbers = [options.pool_min, client.db.pool_state().max].map(|number| number.to_string());
    let times = [options.pool_wait, options.statement_timeout, options.slow].map(|time| format!("{time:?}"));
    let password = password(client).unwrap_or_default();
    [&[database], &numbers[..], &times[..], &[password]].concat()
}

#[test]
fn each_variable_wins_over_what_the_code_says_and_a_misspelt_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter2\n").expect("written");
    let file = file.to_str().expect("UTF-8");
    let plain = shown(&client(&[URL]).expect("valid"));
    assert_eq!(
        plain,
        [
            "metrics on db.example:5432 as app",
            "1",
            "6",
            "61s",
            "62s",
            "63s",
            ""
        ]
    );
    for (place, name, misspelt, value, expected) in [
        (1, "DATABASE_POOL_MIN", "DATABASE_POOL_MINIMUM", "3", "3"),
        (2, "DATABASE_POOL_MAX", "DATABASE_POOL_MAXIMUM", "17", "17"),
        (
            3,
            "DATABASE_POOL_TIMEOUT_MS",
            "DATABASE_POOL_TIMEOUT",
            "1500",
            "1.5s",
        ),
        (
            4,
            "DATABASE_QUERY_TIMEOUT_MS",
            "DATABASE_QUERY_TIMEOUT",
            "250",
            "250ms",
        ),
        (5, "SLOW_QUERY_THRESHOLD_MS", "SLOW_QUERY_THRESHOLD", "0", "0ns"),
        (6, "DATABASE_PASSWORD_FILE", "DATABASE_PASSWORD", file, "hunter2"),
    ] {
        let found = shown(&client(&[URL, (name, value)]).expect(name));
        let mut wanted = plain.clone();
        expected.clone_into(&mut wanted[place]);
        assert_eq!(found, wanted, "{name}");
        assert_eq!(
            shown(&client(&[URL, (misspelt, value)]).expect(misspelt)),
            plain,
            "{misspelt}"
        );
    }
}

#[test]
fn a_variable_that_cannot_be_read_is_named() {
    for (name, value) in [
        ("DATABASE_POOL_MIN", "-1"),
        ("DATABASE_POOL_MAX", "0"),
        ("DATABASE_POOL_TIMEOUT_MS", "5s"),
        ("DATABASE_QUERY_TIMEOUT_MS", "soon"),
        ("SLOW_QUERY_THRESHOLD_MS", "1.5"),
    ] {
        let error = client(&[URL, (name, value)]).expect_err(name).to_string();
        assert!(
            error.starts_with(&format!("environment variable `{name}`: expected")),
            "{error}"
        );
    }
    let error = client(&[URL, ("DATABASE_PASSWORD_FILE", "/nonexistent/file")]).expect_err("no such file");
    assert!(matches!(error, ClientError::Config(_)), "{error}");
    assert!(matches!(
        client(&[]),
        Err(ClientError::Target(ConnInfoError::NotConfigured))
    ));
}

#[test]
fn libpqs_variables_say_where_the_database_is_too() {
    let variables = [
        ("PGHOST", "other.example"),
        ("PGUSER", "app"),
        ("PGDATABASE", "metrics"),
    ];
    let found = shown(&client(&variables).expect("valid"));
    assert_eq!(found[0], "metrics on other.example:5432 as app");
}
