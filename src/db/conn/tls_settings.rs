//! What the settings ask of TLS: how much encryption, whom to trust, which certificate to show.
//!
//! Meanings and default files are libpq's. Nothing is opened here; [`tls`](super::tls) does that on first use, so
//! that a connection over a socket never fails for a certificate it does not need.

use std::path::PathBuf;
use std::sync::OnceLock;

use tokio_postgres_rustls::MakeRustlsConnect;

use super::conninfo_error::ConnInfoError;
use super::environment::Env;
use super::settings::Settings;

/// `sslmode`, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

const MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

impl SslMode {
    pub fn as_str(self) -> &'static str {
        MODES
            .iter()
            .find(|(_, mode)| *mode == self)
            .map_or("", |(word, _)| word)
    }
}

/// Which authorities vouch for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those the operating system trusts.
    System,
    /// Those in a file, if it exists.
    File(PathBuf),
    /// There is not even a home directory to look in.
    Nowhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

#[derive(Clone)]
pub(super) struct TlsSettings {
    pub(super) mode: SslMode,
    pub(super) direct: bool,
    pub(super) roots: Roots,
    pub(super) revoked: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) send_server_name: bool,
    pub(super) versions: (Version, Version),
    /// Made on first use and shared by later connections.
    pub(super) connector: OnceLock<MakeRustlsConnect>,
}

impl TlsSettings {
    pub(super) fn resolve(settings: &Settings, env: &Env<'_>) -> Result<Self, ConnInfoError> {
        let system = settings.text("sslrootcert") == Some("system");
        let default = if system {
            SslMode::VerifyFull
        } else {
            SslMode::Prefer
        };
        let mode = settings.choice("sslmode", MODES)?.unwrap_or(default);
        if system && mode != SslMode::VerifyFull {
            // Anybody can get a certificate from a public authority; only the name in it tells servers apart.
            let problem = format!(
                "is too weak for `sslrootcert=system` with `{}`; use verify-full",
                mode.as_str()
            );
            return Err(settings.invalid("sslmode", problem));
        }

        let direct = settings
            .choice("sslnegotiation", &[("postgres", false), ("direct", true)])?
            .unwrap_or(false);
        if direct && mode < SslMode::Require {
            return Err(settings.invalid("sslnegotiation", "needs `sslmode` to be require or stronger"));
        }
        if settings.text("sslaccept") == Some("strict") && mode != SslMode::VerifyFull {
            tracing::warn!(
                "`sslaccept=strict` is not looked at; set `sslmode=verify-full` to check the server"
            );
        }

        let file = |keyword, default| {
            settings
                .text(keyword)
                .map(PathBuf::from)
                .or_else(|| env.in_home(default))
        };
        let send_certificate = settings.text("sslcertmode") != Some("disable");
        Ok(Self {
            mode,
            direct,
            roots: match file("sslrootcert", ".postgresql/root.crt") {
                _ if system => Roots::System,
                Some(path) => Roots::File(path),
                None => Roots::Nowhere,
            },
            revoked: file("sslcrl", ".postgresql/root.crl"),
            certificate: file("sslcert", ".postgresql/postgresql.crt").filter(|_| send_certificate),
            key: file("sslkey", ".postgresql/postgresql.key"),
            send_server_name: settings.switch("sslsni")?.unwrap_or(true),
            versions: versions(settings)?,
            connector: OnceLock::new(),
        })
    }
}

/// The range of protocol versions. Those before 1.2 are not spoken, which a lower limit does not mind.
fn versions(settings: &Settings) -> Result<(Version, Version), ConnInfoError> {
    let lowest = [
        ("TLSv1", Version::Tls12),
        ("TLSv1.1", Version::Tls12),
        ("TLSv1.2", Version::Tls12),
        ("TLSv1.3", Version::Tls13),
    ];
    let minimum = settings
        .choice("ssl_min_protocol_version", &lowest)?
        .unwrap_or(Version::Tls12);
    let maximum = settings
        .choice("ssl_max_protocol_version", &lowest[2..])?
        .unwrap_or(Version::Tls13);
    if minimum > maximum {
        let problem = "is above `ssl_max_protocol_version`";
        return Err(settings.invalid("ssl_min_protocol_version", problem));
    }
    Ok((minimum, maximum))
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings")
            .field("mode", &self.mode.as_str())
            .field("roots", &self.roots)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(conninfo: &str) -> Result<TlsSettings, ConnInfoError> {
        let lookup = |name: &str| (name == "HOME").then(|| "/home/app".to_owned());
        let env = Env::new(&lookup);
        TlsSettings::resolve(&Settings::gather(Some(conninfo), &env)?, &env)
    }

    #[test]
    fn the_default_is_prefer_with_the_files_in_the_home_directory() {
        let tls = resolve("host=a").unwrap();

        assert_eq!(tls.mode, SslMode::Prefer);
        assert_eq!(tls.roots, Roots::File("/home/app/.postgresql/root.crt".into()));
        assert_eq!(
            tls.certificate,
            Some("/home/app/.postgresql/postgresql.crt".into())
        );
        assert_eq!(tls.key, Some("/home/app/.postgresql/postgresql.key".into()));
        assert_eq!(tls.versions, (Version::Tls12, Version::Tls13));
    }

    #[test]
    fn system_roots_mean_verify_full_and_nothing_less() {
        let tls = resolve("sslrootcert=system").unwrap();
        assert_eq!((tls.mode, tls.roots), (SslMode::VerifyFull, Roots::System));

        for mode in ["disable", "prefer", "require", "verify-ca"] {
            let error = resolve(&format!("sslrootcert=system sslmode={mode}")).unwrap_err();
            assert!(error.to_string().contains("too weak"), "{error}");
        }
    }

    #[test]
    fn direct_negotiation_wants_a_strict_mode() {
        assert!(resolve("sslnegotiation=direct").is_err());
        assert!(resolve("sslnegotiation=direct sslmode=require").unwrap().direct);
    }

    #[test]
    fn versions_and_certificates_can_be_limited() {
        let tls = resolve("ssl_min_protocol_version=TLSv1.3 sslcertmode=disable sslsni=0").unwrap();
        assert_eq!(tls.versions, (Version::Tls13, Version::Tls13));
        assert_eq!(tls.certificate, None);
        assert!(!tls.send_server_name);

        assert!(resolve("ssl_max_protocol_version=TLSv1.1").is_err());
        assert!(resolve("ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2").is_err());
        assert!(
            resolve("sslmode=verify_full")
                .unwrap_err()
                .to_string()
                .contains("verify-full")
        );
    }
}
