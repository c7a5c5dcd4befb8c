use std::fs;
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};
use tempfile::TempDir;

use super::*;

/// An authority, a certificate it signed for `db.example`, and a directory with all of it.
struct Authority {
    directory: TempDir,
    leaf: CertificateDer<'static>,
}

fn authority() -> Authority {
    let directory = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "test authority");
    let ca_key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);

    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["db.example".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    for (name, text) in [
        ("ca.crt", ca.pem()),
        ("leaf.crt", leaf.pem()),
        ("leaf.key", key.serialize_pem()),
    ] {
        fs::write(directory.path().join(name), text).unwrap();
    }
    chmod(&directory.path().join("leaf.key"), 0o600);
    Authority {
        leaf: leaf.der().clone(),
        directory,
    }
}

fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn settings(mode: SslMode, root: impl Into<PathBuf>) -> TlsSettings {
    TlsSettings {
        mode,
        direct: false,
        roots: Roots::File(root.into()),
        revoked: None,
        certificate: None,
        key: None,
        send_server_name: true,
        versions: (Version::Tls12, Version::Tls13),
        connector: OnceLock::new(),
    }
}

fn accepts(
    settings: &TlsSettings,
    certificate: &CertificateDer<'_>,
    name: &str,
) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = ServerVerifier {
        trust: trust(settings, &provider).unwrap(),
        provider,
    };
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier
        .verify_server_cert(certificate, &[], &name, &[], UnixTime::now())
        .map(drop)
}

#[test]
fn modes_check_what_their_names_say() {
    let authority = authority();
    let other = self::authority();
    let root = authority.directory.path().join("ca.crt");
    let absent = PathBuf::from("/nowhere/root.crt");
    let accepts = |mode, root: &PathBuf, name| accepts(&settings(mode, root), &authority.leaf, name).is_ok();
    let stranger = other.directory.path().join("ca.crt");

    for name in ["db.example", "10.0.0.1", "other"] {
        assert!(
            accepts(SslMode::Require, &absent, name),
            "nobody to ask about {name}"
        );
        assert!(
            accepts(SslMode::Require, &root, name),
            "the chain is good for {name}"
        );
        assert!(
            accepts(SslMode::VerifyCa, &root, name),
            "the name {name} does not count"
        );
        assert!(!accepts(SslMode::VerifyCa, &stranger, name));
        assert!(
            !accepts(SslMode::Require, &stranger, name),
            "a root that is there is used"
        );
        assert!(
            !accepts(SslMode::Prefer, &stranger, name),
            "a root that is there is used"
        );
        assert_eq!(accepts(SslMode::VerifyFull, &root, name), name == "db.example");
        assert!(!accepts(SslMode::VerifyFull, &stranger, name));
    }
}

#[test]
fn a_self_signed_certificate_can_be_its_own_root() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root.crt");
    let signed = |not_after: i32, is_ca| {
        let mut params = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
        params.is_ca = is_ca;
        params.not_after = rcgen::date_time_ymd(not_after, 1, 1);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        fs::write(&root, certificate.pem()).unwrap();
        certificate.der().clone()
    };

    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let certificate = signed(4000, is_ca);
        accepts(&settings(SslMode::VerifyCa, &root), &certificate, "other").unwrap();
        accepts(&settings(SslMode::VerifyFull, &root), &certificate, "db.example").unwrap();
        accepts(&settings(SslMode::VerifyFull, &root), &certificate, "other").unwrap_err();

        let certificate = signed(2001, is_ca);
        accepts(&settings(SslMode::VerifyCa, &root), &certificate, "db.example").unwrap_err();
    }
}

#[test]
fn a_strict_mode_names_the_root_file_it_misses() {
    let failure = |settings: &TlsSettings| client_config(settings).unwrap_err();

    let error = failure(&settings(SslMode::VerifyFull, "/nowhere/root.crt"));
    assert_eq!(
        error.to_string(),
        "root certificate file `/nowhere/root.crt` does not exist, and sslmode `verify-full` needs it"
    );
    assert!(error.hint().unwrap().contains("sslrootcert"));

    let mut homeless = settings(SslMode::VerifyCa, "");
    homeless.roots = Roots::Nowhere;
    assert!(failure(&homeless).to_string().contains("no home directory"));
    homeless.mode = SslMode::Require;
    assert!(client_config(&homeless).is_ok());
}

#[test]
fn a_root_file_must_hold_certificates() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for text in [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    ] {
        fs::write(file.path(), text).unwrap();
        let error = client_config(&settings(SslMode::VerifyCa, file.path())).unwrap_err();
        assert!(error.to_string().starts_with("cannot read `"), "{error}");
    }
}

#[test]
fn a_client_certificate_needs_a_private_key_of_its_own() {
    let authority = authority();
    let path = |name: &str| authority.directory.path().join(name);
    let mut settings = settings(SslMode::Require, "/nowhere");
    settings.certificate = Some(path("leaf.crt"));
    settings.key = Some(path("leaf.key"));
    assert!(
        client_config(&settings)
            .unwrap()
            .client_auth_cert_resolver
            .has_certs()
    );

    // The files of this test belong to whoever runs it, and root's keys may be open to their group.
    chmod(&path("leaf.key"), 0o604);
    let error = client_config(&settings).unwrap_err();
    assert!(matches!(error, TlsError::ExposedKey(_)), "{error}");
    assert!(error.hint().unwrap().contains("chmod 0600"));

    fs::write(
        path("x.key"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    chmod(&path("x.key"), 0o600);
    settings.key = Some(path("x.key"));
    assert!(matches!(client_config(&settings), Err(TlsError::EncryptedKey(_))));

    fs::write(path("x.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(
        matches!(client_config(&settings), Err(TlsError::Rustls(_))),
        "the key of another certificate"
    );

    settings.key = Some(path("absent.key"));
    assert!(matches!(client_config(&settings), Err(TlsError::NoKey(_))));

    settings.certificate = Some(path("absent.crt"));
    assert!(
        !client_config(&settings)
            .unwrap()
            .client_auth_cert_resolver
            .has_certs()
    );
}

#[test]
fn a_revoked_certificate_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        rcgen::KeyUsagePurpose::KeyCertSign,
        rcgen::KeyUsagePurpose::CrlSign,
    ];
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let sign = |serial: u64| {
        let mut params = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
        params.serial_number = Some(serial.into());
        params
            .signed_by(&KeyPair::generate().unwrap(), &issuer)
            .unwrap()
            .der()
            .clone()
    };
    let revoked = rcgen::RevokedCertParams {
        serial_number: 7_u64.into(),
        revocation_time: rcgen::date_time_ymd(2020, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(4000, 1, 1),
        crl_number: 1_u64.into(),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    fs::write(directory.path().join("ca.crt"), ca.pem()).unwrap();
    fs::write(
        directory.path().join("ca.crl"),
        list.signed_by(&issuer).unwrap().pem().unwrap(),
    )
    .unwrap();

    let mut settings = settings(SslMode::VerifyCa, directory.path().join("ca.crt"));
    settings.revoked = Some(directory.path().join("ca.crl"));

    accepts(&settings, &sign(8), "db.example").unwrap();
    let error = accepts(&settings, &sign(7), "db.example").unwrap_err();
    assert!(error.to_string().contains("Revoked"), "{error}");
}

#[test]
fn direct_negotiation_announces_the_protocol() {
    let mut settings = settings(SslMode::Require, "/nowhere");
    assert!(client_config(&settings).unwrap().alpn_protocols.is_empty());

    settings.direct = true;
    settings.send_server_name = false;
    let config = client_config(&settings).unwrap();
    assert_eq!(config.alpn_protocols, [b"postgresql"]);
    assert!(!config.enable_sni);
}

#[test]
fn versions_are_a_range() {
    use Version::{Tls12, Tls13};

    assert_eq!(protocol_versions((Tls12, Tls13)).len(), 2);
    assert_eq!(protocol_versions((Tls13, Tls13)), [&version::TLS13]);
    assert_eq!(protocol_versions((Tls12, Tls12)), [&version::TLS12]);
}
