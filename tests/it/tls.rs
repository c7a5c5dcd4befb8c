//! TLS against a real server with an authority of its own.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use crate::support::{Program, Run, Server};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate and its key for a server's host name, or for a client.
    fn sign(&self, common_name: &str, host: Option<&str>) -> (String, String) {
        let mut params =
            CertificateParams::new(host.map(str::to_owned).into_iter().collect::<Vec<_>>()).expect("names");
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![if host.is_some() {
            ExtendedKeyUsagePurpose::ServerAuth
        } else {
            ExtendedKeyUsagePurpose::ClientAuth
        }];
        let key = KeyPair::generate().expect("a key");
        (
            params.signed_by(&key, &self.issuer).expect("a certificate").pem(),
            key.serialize_pem(),
        )
    }
}

struct Encrypted {
    server: Server,
    port: u16,
    files: tempfile::TempDir,
}

impl Encrypted {
    /// A server on TCP that lets the role in over TLS only; `hba` adds lines before that.
    fn start(hba: &str) -> Self {
        let authority = Authority::new("the right authority");
        let files = tempfile::tempdir().expect("a folder");
        fs::write(files.path().join("ca.crt"), &authority.pem).expect("written");
        fs::write(
            files.path().join("other-ca.crt"),
            Authority::new("another authority").pem,
        )
        .expect("written");
        let (certificate, key) = authority.sign("tenantctl", None);
        fs::write(files.path().join("client.crt"), certificate).expect("written");
        fs::write(files.path().join("client.key"), key).expect("written");
        restrict(files.path().join("client.key"));

        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        let (certificate, key) = authority.sign("server", Some("localhost"));
        let server_folder = std::cell::RefCell::new(PathBuf::new());
        let server = Server::prepare(
            &[
                ("listen_addresses", "127.0.0.1"),
                ("port", &port.to_string()),
                ("ssl", "on"),
                ("ssl_cert_file", "../server.crt"),
                ("ssl_key_file", "../server.key"),
                ("ssl_ca_file", "../ca.crt"),
            ],
            |folder, owner| {
                for (name, text) in [
                    ("server.crt", &certificate),
                    ("server.key", &key),
                    ("ca.crt", &authority.pem),
                ] {
                    let path = folder.join(name);
                    fs::write(&path, text).expect("written");
                    restrict(path.clone());
                    owner.give(&path).expect("given");
                }
                *server_folder.borrow_mut() = folder.to_owned();
            },
        );
        let lines = format!("local all all trust\n{hba}hostssl all all 127.0.0.1/32 trust\n");
        fs::write(server.folder().join("data/pg_hba.conf"), lines).expect("written");
        let encrypted = Self { server, port, files };
        encrypted.admin("SELECT pg_reload_conf()");
        encrypted
    }

    fn admin(&self, sql: &str) -> String {
        let url = format!("{}&port={}", self.server.url("postgres"), self.port);
        crate::support::psql(&url, sql).expect("answers")
    }

    fn run(&self, host: &str, parameters: &str, arguments: &[&str]) -> Run {
        let file = |name: &str| self.files.path().join(name).display().to_string();
        let parameters = parameters
            .replace("{ca}", &file("ca.crt"))
            .replace("{other}", &file("other-ca.crt"))
            .replace(
                "{client}",
                &format!("sslcert={}&sslkey={}", file("client.crt"), file("client.key")),
            );
        let url = format!(
            "postgresql://tenantctl@{host}:{}/postgres?{parameters}",
            self.port
        );
        Program::new().env("DATABASE_URL", url).run(arguments)
    }
}

fn restrict(path: PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("permissions");
}

#[test]
fn every_sslmode_means_what_libpq_means_by_it() {
    let encrypted = Encrypted::start("");
    encrypted.run("localhost", "sslmode=require", &["init"]).success();
    // mode and files, host, exit code, words
    let cases = [
        ("sslmode=prefer", "localhost", 0, ""),
        ("sslmode=allow", "localhost", 0, ""),
        ("sslmode=require", "127.0.0.1", 0, ""),
        ("sslmode=verify-full&sslrootcert={ca}", "localhost", 0, ""),
        (
            "sslmode=verify-full&sslrootcert={ca}",
            "127.0.0.1",
            2,
            "certificate is for",
        ),
        ("sslmode=verify-ca&sslrootcert={ca}", "127.0.0.1", 0, ""),
        (
            "sslmode=verify-ca&sslrootcert={other}",
            "localhost",
            2,
            "not signed by a trusted authority",
        ),
        (
            "sslmode=verify-full&sslrootcert={other}",
            "localhost",
            2,
            "not signed by a trusted authority",
        ),
        (
            "sslmode=require&sslrootcert={other}",
            "localhost",
            2,
            "not signed by a trusted authority",
        ),
        (
            "sslmode=verify-full&sslrootcert=/nonexistent.crt",
            "localhost",
            2,
            "`/nonexistent.crt` does not exist",
        ),
        ("sslmode=disable", "localhost", 2, "no encryption"),
    ];
    for (parameters, host, code, words) in cases {
        let run = encrypted.run(host, parameters, &["list"]);
        assert_eq!(run.code, code, "{parameters} at {host}: {}", run.stderr);
        assert!(
            run.stderr.contains(words),
            "{parameters} at {host}: {}",
            run.stderr
        );
    }
}

#[test]
fn connections_are_encrypted_when_the_server_offers_it() {
    let encrypted = Encrypted::start("");
    encrypted.run("localhost", "", &["init"]).success();
    encrypted.run("localhost", "", &["create", "acme"]).success();
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let run = encrypted
        .run(
            "localhost",
            "sslmode=prefer",
            &["exec", "acme", "-o", "csv", "-s", sql],
        )
        .success();
    assert_eq!(run.stdout, "tenant,ssl\nacme,t\n");
}

#[test]
fn a_client_certificate_is_shown_where_the_server_asks_for_one() {
    let encrypted = Encrypted::start("hostssl all all 127.0.0.1/32 cert\n");
    encrypted
        .run(
            "localhost",
            "sslmode=verify-full&sslrootcert={ca}&{client}",
            &["init"],
        )
        .success();
    encrypted
        .run("localhost", "sslmode=verify-full&sslrootcert={ca}", &["list"])
        .exits(2);
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port();
    let server = Server::start(&[("listen_addresses", "127.0.0.1"), ("port", &port.to_string())]);
    let run = |mode: &str| {
        let url = format!("postgresql://tenantctl@127.0.0.1:{port}/postgres?sslmode={mode}");
        Program::new().env("DATABASE_URL", url).run(&["list"])
    };
    run("require").exits(2).says("does not support TLS");
    run("prefer").exits(2).says("run `tenantctl init`");
    drop(server);
}
