use proptest::prelude::*;

use super::super::tls_settings::SslMode;
use super::super::url;
use super::*;

fn resolve_in(conninfo: Option<&str>, variables: &[(&str, &str)]) -> Result<ConnectTarget, ConnInfoError> {
    let lookup = |name: &str| {
        variables
            .iter()
            .find(|(variable, _)| *variable == name)
            .map(|(_, value)| (*value).to_owned())
    };
    ConnectTarget::resolve(conninfo, &Env::new(&lookup).with_os_user("operator"), None)
}

fn resolve(conninfo: &str) -> ConnectTarget {
    resolve_in(Some(conninfo), &[]).unwrap()
}

#[test]
fn a_url_becomes_a_target() {
    let target =
        resolve("postgres://app:pw@db.example/acme_db?sslmode=require&connect_timeout=7&connection_limit=5");

    assert_eq!(target.describe(), "acme_db on db.example:5432 as app");
    assert_eq!(target.to_string(), target.describe());
    assert_eq!(target.tls.mode, SslMode::Require);
    assert_eq!(target.connect_timeout(), Some(Duration::from_secs(7)));
    assert_eq!(target.connection_limit(), Some(5));
    assert_eq!(target.application_name(), "tenantctl");
    assert_eq!(target.servers[0].password, Some(Secret::new("pw")));
}

#[test]
fn what_is_missing_defaults_as_in_libpq() {
    let target = resolve("host=db");

    assert_eq!(target.describe(), "operator on db:5432 as operator");
    assert_eq!(
        (target.tls.mode, target.session),
        (SslMode::Prefer, TargetSessionAttrs::Any)
    );
    assert_eq!(resolve("host=db user=app").dbname(), "app");
    assert_eq!(resolve("host=db connect_timeout=0").connect_timeout(), None);
    assert_eq!(resolve("host=db connect_timeout=-1").connect_timeout(), None);
}

#[test]
fn nothing_that_names_a_database_is_not_configured() {
    type Given<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)]);
    let nothing: &[Given<'_>] = &[
        (None, &[]),
        (
            None,
            &[("PGUSER", "app"), ("PGPASSWORD", "x"), ("PGPORT", "5432")],
        ),
        (Some(""), &[]),
        (Some(" \n"), &[("PGHOST", "")]),
        (Some("postgres://"), &[]),
        (Some("postgres://app:pw@/"), &[]),
        (Some("user=app"), &[]),
    ];
    for (conninfo, variables) in nothing {
        let error = resolve_in(*conninfo, variables).unwrap_err();
        assert!(
            matches!(error, ConnInfoError::NotConfigured),
            "{conninfo:?}: {error}"
        );
    }
    for variable in [
        ("PGHOST", "db"),
        ("PGHOSTADDR", "10.0.0.1"),
        ("PGDATABASE", "acme"),
    ] {
        assert!(resolve_in(None, &[variable]).is_ok(), "{variable:?}");
    }
    let error = resolve_in(None, &[("PGSERVICE", "absent"), ("PGSYSCONFDIR", "/nowhere")]).unwrap_err();
    assert!(matches!(error, ConnInfoError::UnknownService { .. }), "{error}");
}

#[test]
fn unusual_settings_are_read() {
    let target = resolve(
        "host=a,b port=1,2 user=app target_session_attrs=prefer-standby load_balance_hosts=random keepalives=0 \
         keepalives_idle=9 keepalives_interval=8 keepalives_count=7 tcp_user_timeout=1500 channel_binding=require \
         options='-c search_path=x' fallback_application_name=other",
    );

    assert_eq!(target.session, TargetSessionAttrs::PreferStandby);
    assert_eq!(target.order, Order::Random);
    assert_eq!(target.driver.get_channel_binding(), ChannelBinding::Require);
    assert!(!target.driver.get_keepalives());
    assert_eq!(target.driver.get_keepalives_idle(), Duration::from_secs(9));
    assert_eq!(target.driver.get_keepalives_retries(), Some(7));
    assert_eq!(
        target.driver.get_tcp_user_timeout(),
        Some(&Duration::from_millis(1500))
    );
    assert_eq!(target.driver.get_options(), Some("-c search_path=x"));
    assert_eq!(target.application_name(), "other");
}

#[test]
fn wrong_values_are_refused() {
    for setting in [
        "target_session_attrs=master",
        "load_balance_hosts=yes",
        "channel_binding=maybe",
        "connect_timeout=5s",
        "connection_limit=0",
        "keepalives=on",
    ] {
        let error = resolve_in(Some(&format!("host=a {setting}")), &[]).unwrap_err();
        assert!(
            matches!(error, ConnInfoError::InvalidValue { .. }),
            "{setting}: {error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn each_server_and_database_has_its_own_password() {
    use std::os::unix::fs::PermissionsExt;

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "a:*:one:app:first\nb:2:*:app:second\na:*:two:app:third\n",
    )
    .unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let passfile = file.path().to_str().unwrap();
    let passwords = |target: &ConnectTarget| -> Vec<_> {
        let shown = |server: &Server| server.password.as_ref().map(|secret| secret.expose().to_owned());
        target.servers.iter().map(shown).collect()
    };

    let mut target = resolve(&format!(
        "host=a,b,c port=1,2,3 user=app dbname=one passfile={passfile}"
    ));
    assert_eq!(
        passwords(&target),
        [Some("first".to_owned()), Some("second".to_owned()), None]
    );
    target.set_dbname("two".to_owned());
    assert_eq!(passwords(&target)[0].as_deref(), Some("third"));
    assert_eq!(target.driver.get_dbname(), Some("two"));

    let target = resolve_in(Some("host=a user=app dbname=one"), &[("PGPASSFILE", passfile)]).unwrap();
    assert_eq!(passwords(&target), [Some("first".to_owned())]);
    let given = resolve_in(
        Some("host=a user=app dbname=one"),
        &[("PGPASSFILE", passfile), ("PGPASSWORD", "env")],
    );
    assert_eq!(passwords(&given.unwrap()), [Some("env".to_owned())]);
}

#[test]
fn a_password_from_elsewhere_comes_after_that_of_the_string_and_before_that_of_the_environment() {
    let env = Env::new(&|name| (name == "PGPASSWORD").then(|| "environment".to_owned()));
    for (string, expected) in [
        ("postgres://app:own@h/d", "own"),
        ("postgres://app:@h/d", "file"),
        ("postgres://app@h/d", "file"),
    ] {
        let target = ConnectTarget::resolve(Some(string), &env, Some("file".into())).unwrap();
        assert_eq!(
            target.servers[0].password,
            Some(Secret::new(expected)),
            "{string}"
        );
    }
}

#[test]
fn a_child_gets_what_was_decided() {
    let variables = [
        ("PGSERVICE", ""),
        ("PGSSLMODE", "require"),
        ("PGOPTIONS", "-c x.y=1"),
        ("PGHOST", "lost"),
        ("PGCLIENTENCODING", "UTF8"),
    ];
    let mut target = resolve_in(
        Some("postgres://app:s3cret@a:1,b/acme?sslrootcert=/ca.pem"),
        &variables,
    )
    .unwrap();
    target.set_dbname("other".to_owned());
    let mut child = target.child_environment();
    child.sort();

    let child: Vec<_> = child
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(
        child,
        [
            ("PGAPPNAME", "tenantctl"),
            ("PGCLIENTENCODING", "UTF8"),
            ("PGDATABASE", "other"),
            ("PGHOST", "a,b"),
            ("PGOPTIONS", "-c x.y=1"),
            ("PGPASSWORD", "s3cret"),
            ("PGPORT", "1,5432"),
            ("PGSSLMODE", "require"),
            ("PGSSLROOTCERT", "/ca.pem"),
            ("PGUSER", "app"),
        ]
    );
    let known: Vec<_> = keyword::libpq_variables().collect();
    assert!(child.iter().all(|(name, _)| known.contains(name)));
}

proptest! {
    #[test]
    fn the_password_is_never_shown(password in "[^\0]{1,20}") {
        // A marker makes the password unlike anything that is rightly shown.
        let password = format!("S3cret{password}");
        for conninfo in [
            format!("postgres://app:{}@db/acme", url::encode(&password)),
            format!("host=db user=app password='{}'", password.replace('\\', r"\\").replace('\'', r"\'")),
            format!("postgres://app@db/acme?password={}", url::encode(&password)),
        ] {
            let target = resolve(&conninfo);
            prop_assert_eq!(target.servers[0].password.as_ref().map(Secret::expose), Some(password.as_str()));
            let shown = format!("{target:?} {target:#?} {target}");
            prop_assert!(!shown.contains("S3cret"), "{}", shown);
        }
    }

    #[test]
    fn an_unencoded_password_is_never_shown(before in "[@/:?#%&'= x1]{0,4}", after in "[ -~]{0,12}") {
        let password = format!("{before}S3cret{after}");
        for conninfo in [
            format!("postgres://app:{password}@db/acme"),
            format!("postgres://app:{password}@db,db2/acme?sslmode=require"),
            format!("host=db password={password}"),
            format!("host=db password={password} port=1"),
            format!("[x]{password}"),
        ] {
            let shown = match resolve_in(Some(&conninfo), &[]) {
                Ok(target) => format!("{target:?} {target}"),
                Err(error) => format!("{error:?} {error} {:?}", error.hint()),
            };
            prop_assert!(!shown.contains("S3cret"), "{}: {}", conninfo, shown);
        }
    }
}
