use super::super::environment::Env;
use super::*;

fn target(conninfo: &str) -> ConnectTarget {
    ConnectTarget::resolve(Some(conninfo), &Env::new(&|_| None), None).unwrap()
}

#[tokio::test]
async fn every_server_is_tried_and_listed() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().display();
    let error = connect(&target(&format!(
        "host={directory},{directory} port=1,2 user=app"
    )))
    .await
    .unwrap_err();

    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to app as app: {directory}/.s.PGSQL.1: there is no such socket; \
             {directory}/.s.PGSQL.2: there is no such socket"
        )
    );
    assert!(error.hint().unwrap().starts_with("start the server"));
}

#[test]
fn sockets_are_never_encrypted() {
    let socket = target("host=/tmp sslmode=verify-full");
    assert_eq!(
        ways(socket.tls.mode, &socket.servers[0].endpoint),
        (Encryption::Off, None)
    );

    let ways = |mode: &str| {
        let tcp = target(&format!("host=db sslmode={mode}"));
        super::ways(tcp.tls.mode, &tcp.servers[0].endpoint)
    };
    assert_eq!(ways("disable"), (Encryption::Off, None));
    assert_eq!(ways("allow"), (Encryption::Off, Some(Encryption::Always)));
    assert_eq!(ways("prefer"), (Encryption::IfOffered, Some(Encryption::Off)));
    for strict in ["require", "verify-ca", "verify-full"] {
        assert_eq!(ways(strict), (Encryption::Always, None));
    }
}

#[tokio::test]
async fn verify_full_needs_a_name() {
    let error = connect(&target("hostaddr=127.0.0.1 sslmode=verify-full user=app"))
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ConnectErrorKind::Tls);
    assert_eq!(error.hint().unwrap(), "set host beside hostaddr");
}

#[tokio::test]
async fn addresses_are_not_looked_up() {
    let endpoints = target("hostaddr=10.0.0.1,::1 host=a,b");
    for (server, address) in endpoints.servers.iter().zip(["10.0.0.1", "::1"]) {
        let found = resolve(&endpoints, &server.endpoint).await.unwrap();
        assert_eq!(found, [Some(address.parse().unwrap())]);
    }
}
