//! Whose certificates are trusted.
//!
//! The system's certificate authorities, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR` in their place, as
//! OpenSSL has it. Where the system has none, as in most minimal containers, those of Mozilla, which are
//! part of this program.

use std::env;
use std::fs::File;
use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// The variables that name certificate authorities in place of the system's.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The settings of TLS: made when they are first needed, which reads a few hundred certificates.
pub struct Tls {
    provider: Arc<CryptoProvider>,
    roots: Roots,
    config: OnceLock<Result<Arc<ClientConfig>, RootsError>>,
}

/// Where certificate authorities come from.
pub enum Roots {
    System,
    These(Vec<CertificateDer<'static>>),
}

/// Why there are no certificate authorities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate authority can be used: {0}")]
pub struct RootsError(String);

impl Tls {
    /// TLS with these algorithms and certificate authorities.
    pub fn new(provider: Arc<CryptoProvider>, roots: Roots) -> Tls {
        Tls { provider, roots, config: OnceLock::new() }
    }

    /// Reads the certificate authorities, if that was not done yet. Blocks for a few milliseconds.
    ///
    /// # Errors
    /// When a variable names a file that cannot be used.
    pub fn load(&self) -> Result<(), RootsError> {
        self.config().map(drop)
    }

    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, RootsError> {
        self.config.get_or_init(|| self.make_config().map(Arc::new)).clone()
    }

    fn make_config(&self) -> Result<ClientConfig, RootsError> {
        let roots = match &self.roots {
            Roots::System => system_roots()?,
            Roots::These(certificates) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(certificates.iter().cloned());
                store
            }
        };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| RootsError(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn system_roots() -> Result<RootCertStore, RootsError> {
    // What an operator has named and cannot be used must not be passed over.
    if let Some(file) = env::var_os("SSL_CERT_FILE")
        && let Err(error) = File::open(&file)
    {
        return Err(RootsError(format!("SSL_CERT_FILE is {}: {error}", file.display())));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    // Some systems keep certificates that rustls cannot read; the others count.
    let (added, _ignored) = store.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(store);
    }
    if let Some(variable) = VARIABLES.iter().find(|name| env::var_os(name).is_some()) {
        let why = found.errors.first().map(|error| format!(" ({error})"));
        let why = why.unwrap_or_default();
        return Err(RootsError(format!("{variable} leads to no certificate{why}")));
    }
    tracing::debug!("the system has no certificate authorities: those of Mozilla are used");
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    Ok(store)
}
