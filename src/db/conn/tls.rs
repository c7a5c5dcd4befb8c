//! Builds the TLS client from its settings: reads roots, revocation lists and the client's certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::private_file;
use super::tls_settings::{Roots, SslMode, TlsSettings, Version};
use super::verifier::{Names, ServerVerifier, Trust};

/// Why no TLS client could be built from the settings.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("root certificate file `{}` does not exist, and sslmode `{mode}` needs it", path.display())]
    NoRootFile { path: PathBuf, mode: &'static str },
    #[error("sslmode `{mode}` needs a root certificate, and there is no home directory to look for one in")]
    NoRoots { mode: &'static str },
    #[error("the operating system's trusted certificates cannot be read: {0}")]
    NoSystemRoots(String),
    #[error("cannot read `{}`: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: String },
    #[error("there is a client certificate, but no private key file `{}`", .0.display())]
    NoKey(PathBuf),
    #[error("private key file `{}` can be used by others", .0.display())]
    ExposedKey(PathBuf),
    #[error("private key file `{}` is encrypted, which is not supported", .0.display())]
    EncryptedKey(PathBuf),
    #[error("sslmode `verify-full` needs a host name to hold the certificate against")]
    NoServerName,
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] rustls::Error),
}

impl TlsError {
    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoRootFile { .. } | Self::NoRoots { .. } => {
                "set sslrootcert to the certificate of the server's authority, or to `system`".to_owned()
            }
            Self::NoSystemRoots(_) => {
                "install the system's CA certificates, or set sslrootcert to a file".to_owned()
            }
            Self::NoKey(_) => "set sslkey to the certificate's private key".to_owned(),
            Self::ExposedKey(path) => {
                format!(
                    "run `chmod 0600 {}` (0640 will do if root owns it)",
                    path.display()
                )
            }
            Self::EncryptedKey(_) => {
                "decrypt it with `openssl pkey -in KEY -out NEW`, and set sslkey".to_owned()
            }
            Self::NoServerName => "set host beside hostaddr".to_owned(),
            Self::Unreadable { .. } | Self::Rustls(_) => return None,
        };
        Some(hint)
    }
}

impl TlsSettings {
    /// The connector for these settings, built once.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, TlsError> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector.clone());
        }
        let connector = MakeRustlsConnect::new(client_config(self)?);
        Ok(self.connector.get_or_init(|| connector).clone())
    }
}

fn client_config(settings: &TlsSettings) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = ServerVerifier {
        trust: trust(settings, &provider)?,
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&protocol_versions(settings.versions))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match client_certificate(settings)? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = settings.send_server_name;
    if settings.direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(config)
}

fn protocol_versions(range: (Version, Version)) -> Vec<&'static SupportedProtocolVersion> {
    [
        (Version::Tls13, &version::TLS13),
        (Version::Tls12, &version::TLS12),
    ]
    .into_iter()
    .filter(|(version, _)| (range.0..=range.1).contains(version))
    .map(|(_, supported)| supported)
    .collect()
}

/// A root certificate that is there is used by every mode, as in libpq; only the strict modes insist on one.
fn trust(settings: &TlsSettings, provider: &Arc<CryptoProvider>) -> Result<Trust, TlsError> {
    let strict = settings.mode >= SslMode::VerifyCa;
    let mode = settings.mode.as_str();
    let (roots, store) = match &settings.roots {
        Roots::System => system_roots()?,
        Roots::File(path) if path.exists() => file_roots(path)?,
        Roots::File(path) if strict => {
            return Err(TlsError::NoRootFile {
                path: path.clone(),
                mode,
            });
        }
        Roots::Nowhere if strict => return Err(TlsError::NoRoots { mode }),
        Roots::File(_) | Roots::Nowhere => return Ok(Trust::Anyone),
    };

    let mut chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    if let Some(path) = settings.revoked.as_deref().filter(|path| path.exists()) {
        let lists = read_pem::<CertificateRevocationListDer<'static>>(path)?;
        chain = chain.with_crls(lists).enforce_revocation_expiration();
    }
    let chain = chain
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let names = if settings.mode == SslMode::VerifyFull {
        Names::Checked
    } else {
        Names::Unchecked
    };
    Ok(Trust::Roots { chain, roots, names })
}

type TrustedRoots = (Vec<CertificateDer<'static>>, RootCertStore);

fn file_roots(path: &Path) -> Result<TrustedRoots, TlsError> {
    let roots = read_pem::<CertificateDer<'static>>(path)?;
    let mut store = RootCertStore::empty();
    for root in &roots {
        store
            .add(root.clone())
            .map_err(|error| unreadable(path, &error))?;
    }
    Ok((roots, store))
}

/// The system's store holds authorities only, so none of them is kept as a server's own certificate.
fn system_roots() -> Result<TrustedRoots, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let reason = found
            .errors
            .first()
            .map_or("there are none".to_owned(), ToString::to_string);
        return Err(TlsError::NoSystemRoots(reason));
    }
    Ok((Vec::new(), store))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The certificate to show if the server asks. An absent file means to show none, even if it was named: pointing
/// `PGSSLCERT` at nothing is how people turn the default one off.
fn client_certificate(settings: &TlsSettings) -> Result<Option<Identity>, TlsError> {
    let Some(path) = settings.certificate.as_deref().filter(|path| path.exists()) else {
        return Ok(None);
    };
    let chain = read_pem(path)?;

    let key_path = settings.key.clone().unwrap_or_default();
    let metadata = match std::fs::metadata(&key_path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(TlsError::NoKey(key_path)),
        Err(error) => return Err(unreadable(&key_path, &error)),
    };
    if private_file::is_exposed_key(&metadata) {
        return Err(TlsError::ExposedKey(key_path));
    }
    let pem = std::fs::read(&key_path).map_err(|error| unreadable(&key_path, &error))?;
    if String::from_utf8_lossy(&pem).contains("ENCRYPTED") {
        return Err(TlsError::EncryptedKey(key_path));
    }
    // The parser's own words are not repeated: they can hold lines of the key.
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| unreadable(&key_path, "it holds no private key in PEM form"))?;
    Ok(Some((chain, key)))
}

/// All items of a kind in a PEM file, of which there must be one.
fn read_pem<T: PemObject>(path: &Path) -> Result<Vec<T>, TlsError> {
    let pem = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let items: Vec<T> = T::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable(path, "it is not a PEM file"))?;
    if items.is_empty() {
        return Err(unreadable(path, "it holds nothing of the kind in PEM form"));
    }
    Ok(items)
}

fn unreadable(path: &Path, problem: &(impl ToString + ?Sized)) -> TlsError {
    TlsError::Unreadable {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests;
