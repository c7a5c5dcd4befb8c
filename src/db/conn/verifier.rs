//! Judges the certificate a server shows: not at all, by its chain, or by its chain and name.
//!
//! The chain is webpki's business. This file only forgives what libpq forgives.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

#[derive(Debug)]
pub(super) struct ServerVerifier {
    pub(super) trust: Trust,
    pub(super) provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
pub(super) enum Trust {
    /// Encrypt to whoever answers: `require` and weaker, without a root certificate.
    Anyone,
    /// The certificate must come from one of the roots.
    Roots {
        chain: Arc<WebPkiServerVerifier>,
        roots: Vec<CertificateDer<'static>>,
        names: Names,
    },
}

/// Whether the certificate must also be for the host that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Checked,
    Unchecked,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Trust::Roots { chain, roots, names } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        use CertificateError::{NotValidForName, NotValidForNameContext, Other};
        match chain.verify_server_cert(certificate, intermediates, name, ocsp_response, now) {
            // webpki looks at the name last, so the chain is good when only the name is not.
            Err(Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if *names == Names::Unchecked =>
            {
                Ok(ServerCertVerified::assertion())
            }
            // A self-signed certificate that serves as its own root, the usual one of small setups. webpki objects
            // to an authority's certificate on a server, after it has looked at the dates.
            Err(Error::InvalidCertificate(Other(_))) if roots.contains(certificate) => {
                if *names == Names::Checked {
                    rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    // Signatures count even when anyone is trusted: without them a man in the middle could show the real server's
    // certificate, and channel binding would no longer find him out.

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
