//! TLS: the certificate and key that the server uses, and the handshake.
//!
//! rustls with AWS-LC: TLS 1.2 and 1.3, only suites with forward secrecy, no renegotiation, no early data.
//! Nothing here logs or returns a byte of a key.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::transport::tcp::Tcp;

/// How long a client whose handshake failed has to read the alert.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// A certificate with its private key, ready to serve.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
}

/// Why a certificate and a key cannot be served.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no PEM section with a certificate.
    #[error("the certificate file holds no certificate in PEM form")]
    NoCertificate,
    /// The certificate file is damaged.
    #[error("the certificate file is not valid PEM")]
    BadCertificates,
    /// There is no PEM section with a key, or the key is encrypted and cannot be used.
    #[error("the key file holds no unencrypted private key in PEM form")]
    NoKey,
    /// The key file is damaged.
    #[error("the key file is not valid PEM")]
    BadKey,
    /// Both are valid, but do not belong to each other.
    #[error("the key is not that of the first certificate")]
    Mismatch,
    /// A certificate or key that cannot be used, for instance one of an unknown kind.
    #[error("the certificate or the key cannot be used: {0}")]
    Unusable(String),
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key (PKCS #8, PKCS #1 or
    /// SEC 1), each from the contents of a PEM file.
    ///
    /// # Errors
    /// When one cannot be used or they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Tls, TlsError> {
        // The parser's errors quote lines, which may be a key's: none is passed on.
        let chain = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_quoting| TlsError::BadCertificates)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey,
            _quoting => TlsError::BadKey,
        })?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(unusable)?
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls { config: Arc::new(config) })
    }

    /// Makes the handshake with a client, within a time-out. If it fails, the client gets an alert first.
    pub(crate) async fn accept(self, stream: Tcp, time: Duration) -> io::Result<TlsStream<Tcp>> {
        let accept = TlsAcceptor::from(self.config).accept(stream).into_fallible();
        match timeout(time, accept).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err((error, stream))) => {
                // Unread input would reset the connection before the client reads the alert.
                let _ = timeout(FAREWELL_TIME, drain(stream)).await;
                Err(error)
            }
            Err(_elapsed) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

async fn drain(mut stream: Tcp) {
    let mut sink = [0; 1024];
    if stream.shutdown().await.is_ok() {
        while stream.read(&mut sink).await.is_ok_and(|read| read > 0) {}
    }
}

fn unusable(error: rustls::Error) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch,
        other => TlsError::Unusable(other.to_string()),
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &[u8] = include_bytes!("../../../tests/fixtures/tls/first.cert.pem");
    const KEY: &[u8] = include_bytes!("../../../tests/fixtures/tls/first.key.pem");
    const OTHER_KEY: &[u8] = include_bytes!("../../../tests/fixtures/tls/second.key.pem");

    fn error(certificates: &[u8], key: &[u8]) -> TlsError {
        Tls::from_pem(certificates, key).expect_err("a bad pair")
    }

    #[test]
    fn a_certificate_and_a_key_have_to_be_valid_and_belong_together() {
        assert!(Tls::from_pem(CERTIFICATE, KEY).is_ok());
        let chain = [CERTIFICATE, CERTIFICATE].concat();
        assert!(Tls::from_pem(&chain, KEY).is_ok(), "a chain");
        let both = [KEY, CERTIFICATE].concat();
        assert!(Tls::from_pem(&both, &both).is_ok(), "one file with both");
        assert_eq!(error(CERTIFICATE, OTHER_KEY), TlsError::Mismatch);
        assert_eq!(error(b"", KEY), TlsError::NoCertificate);
        assert_eq!(error(KEY, KEY), TlsError::NoCertificate);
        assert_eq!(error(CERTIFICATE, b""), TlsError::NoKey);
        assert_eq!(error(CERTIFICATE, CERTIFICATE), TlsError::NoKey);
        assert_eq!(error(&CERTIFICATE[..300], KEY), TlsError::BadCertificates);
        assert_eq!(error(CERTIFICATE, &KEY[..120]), TlsError::BadKey);
        let empty = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(error(empty, KEY), TlsError::Unusable(_)));
        let empty = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(error(CERTIFICATE, empty), TlsError::Unusable(_)));
    }

    #[test]
    fn no_error_quotes_a_key() {
        // The key in the line that begins its section.
        let secret = "MHcCAQEEIBadSecret";
        let key = format!("-----BEGIN PRIVATE KEY {secret}\n{secret}\n");
        assert!(!format!("{:?}", error(CERTIFICATE, key.as_bytes())).contains("Secret"));
    }
}
