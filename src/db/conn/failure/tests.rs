use super::super::connect::connect;
use super::super::connect_error::ConnectError;
use super::super::environment::Env;
use super::*;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn target(conninfo: &str) -> ConnectTarget {
    let env = Env::new(&|_| None);
    ConnectTarget::resolve(Some(conninfo), &env, None).unwrap()
}

/// Connects to a server that reads one message and answers with the bytes, once for every connection.
async fn answered(settings: &str, answer: Vec<u8>) -> ConnectError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut message = [0; 1024];
            assert_ne!(stream.read(&mut message).await.unwrap(), 0);
            stream.write_all(&answer).await.unwrap();
        }
    });
    let target = target(&format!(
        "host=127.0.0.1 port={port} user=app dbname=acme {settings}"
    ));
    let error = connect(&target).await.unwrap_err();
    server.abort();
    error
}

fn server_error(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E".as_slice(), &length.to_be_bytes(), fields.as_bytes()].concat()
}

#[tokio::test]
async fn the_server_is_quoted_with_its_code() {
    let answer = server_error("3D000", "database \"acme\" does not exist");
    let error = answered("sslmode=disable", answer).await;

    assert!(
        error
            .to_string()
            .ends_with("as app: database \"acme\" does not exist (3D000)"),
        "the driver's own words would be `db error`: {error}"
    );
    assert!(
        error
            .to_string()
            .starts_with("cannot connect to acme on 127.0.0.1:"),
        "{error}"
    );
    assert_eq!(error.kind(), Refused);
    assert_eq!(error.sqlstate(), Some(&SqlState::UNDEFINED_DATABASE));
    assert_eq!(
        error.hint().unwrap(),
        "check the name, or create the database with `createdb acme`"
    );
}

#[tokio::test]
async fn codes_tell_what_may_pass_from_what_must_change() {
    for (code, kind) in [
        ("57P03", Unreachable),
        ("57P01", Unreachable),
        ("53300", Unreachable),
        ("08006", Unreachable),
        ("28P01", Refused),
        ("28000", Refused),
        ("42501", Refused),
        ("55000", Refused),
    ] {
        assert_eq!(
            answered("sslmode=disable", server_error(code, "no")).await.kind(),
            kind,
            "{code}"
        );
    }
}

#[tokio::test]
async fn what_a_pooler_refuses_for_good_is_told_from_its_troubles() {
    for (message, kind) in [
        ("unsupported startup parameter: options", Refused),
        (
            "unsupported options startup parameter: only '-c config=val' is allowed",
            Refused,
        ),
        ("No such database: acme", Refused),
        ("password authentication failed", Refused),
        ("SASL authentication failed", Refused),
        ("certificate authentication failed", Refused),
        ("SSL required", Refused),
        ("server_login_failed", Unreachable),
        ("query_wait_timeout", Unreachable),
    ] {
        assert_eq!(
            answered("sslmode=disable", server_error("08P01", message))
                .await
                .kind(),
            kind,
            "{message}"
        );
    }
}

#[tokio::test]
async fn what_a_pooler_says_of_passwords_and_tls_gets_the_hint_that_a_server_would() {
    for (message, hint) in [
        ("password authentication failed", "check the password"),
        ("SSL required", "sslmode=require"),
    ] {
        let error = answered("sslmode=disable", server_error("08P01", message)).await;
        assert!(error.hint().unwrap().contains(hint), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_goes_away_while_it_agrees_on_tls_is_away() {
    let error = answered("sslmode=require", b"S".to_vec()).await;

    assert_eq!(error.kind(), Unreachable, "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_a_tls_error_where_tls_is_required() {
    let error = answered("sslmode=require", b"N".to_vec()).await;

    assert_eq!(error.kind(), Tls);
    assert!(error.to_string().contains("does not support TLS"), "{error}");
    assert!(error.hint().unwrap().contains("sslmode"));
}

#[tokio::test]
async fn a_broken_handshake_does_not_fall_back_to_plain_text() {
    let error = answered("sslmode=prefer", b"Sthis is no TLS".to_vec()).await;

    assert_eq!(error.kind(), Tls, "{error}");
}

#[tokio::test]
async fn a_missing_password_says_where_to_put_one() {
    let wants_password = [b"R".as_slice(), &8_u32.to_be_bytes(), &3_u32.to_be_bytes()].concat();
    let error = answered("sslmode=disable", wants_password).await;

    assert_eq!(error.kind(), Refused);
    assert!(
        error
            .to_string()
            .ends_with("asks for a password and none is given"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("PGPASSWORD"));
}

#[tokio::test]
async fn something_else_than_postgres_is_refused() {
    let error = answered("sslmode=prefer", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;

    assert!(
        error.hint().unwrap().ends_with("is a PostgreSQL server"),
        "{error}"
    );
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = connect(&target(&format!("host=127.0.0.1 port={port} user=app")))
        .await
        .unwrap_err();

    assert_eq!(error.kind(), Unreachable);
    assert!(
        error.to_string().ends_with("as app: connection refused"),
        "{error}"
    );
    assert_eq!(
        error.hint().unwrap(),
        format!("check that a server listens on 127.0.0.1:{port}")
    );
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = target(&format!("host=127.0.0.1 port={port} user=app"));
    let error = connect(&target.with_connect_timeout(Duration::from_millis(50)))
        .await
        .unwrap_err();

    assert_eq!(error.kind(), Unreachable);
    assert!(error.to_string().ends_with("no answer within 50ms"), "{error}");
}

#[test]
fn certificates_are_explained() {
    use rustls::pki_types::ServerName;
    let explained = |error: CertificateError| from_rustls(&rustls::Error::InvalidCertificate(error)).message;
    let wrong_name = |presented: &[&str]| CertificateError::NotValidForNameContext {
        expected: ServerName::try_from("db").unwrap(),
        presented: presented.iter().map(|name| (*name).to_owned()).collect(),
    };

    assert!(explained(CertificateError::UnknownIssuer).contains("not signed by a trusted authority"));
    assert_eq!(
        explained(wrong_name(&["a", "b"])),
        "the server's certificate is for a, b, not db"
    );
    assert!(explained(wrong_name(&[])).contains("names no host"));
}
