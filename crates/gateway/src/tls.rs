//! TLS towards providers: the only file that knows which library computes it.
//!
//! Trusts Mozilla's roots, compiled in, and whatever certificate authorities the configuration adds; TLS 1.2 and 1.3.
//! Never skips a verification, never reads a file or the system's store, and holds no key: clients authenticate above
//! TLS.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Why a certificate authority cannot be trusted as configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text has no certificate.
    #[error("holds no certificate; it must have a PEM block that begins with -----BEGIN CERTIFICATE-----")]
    Empty,
    /// A block is not PEM.
    #[error("is not PEM: {0}")]
    Pem(rustls_pki_types::pem::Error),
    /// A certificate cannot be used.
    #[error("holds a certificate that cannot be used: {0}")]
    Certificate(rustls::Error),
    /// The library offers no TLS version that this program speaks.
    #[error("cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// Settings for calls over TLS. `extra_ca` is PEM text with further certificate authorities, not a path.
///
/// # Errors
///
/// What is wrong with `extra_ca`, in words that complete "the certificate file …".
pub fn client_config(extra_ca: Option<&str>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(pem) = extra_ca {
        trust(&mut roots, pem)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn trust(roots: &mut RootCertStore, pem: &str) -> Result<(), TlsError> {
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(TlsError::Pem)?).map_err(TlsError::Certificate)?;
    }
    if roots.len() == before { Err(TlsError::Empty) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_file_without_a_certificate_is_an_error_and_not_an_empty_trust() {
        assert!(matches!(client_config(Some("")), Err(TlsError::Empty)));
        assert!(matches!(client_config(Some("hello")), Err(TlsError::Empty)));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(client_config(Some(broken)), Err(TlsError::Certificate(_))));
        let unfinished = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(client_config(Some(unfinished)).is_err());
    }

    #[test]
    fn only_http_1_1_is_offered() {
        assert_eq!(client_config(None).unwrap().alpn_protocols, [b"http/1.1".to_vec()]);
    }
}
