//! Options of TLS: where the certificate and its key are, read again on SIGHUP.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::signal::unix::Signal;
use zigttp_runtime::{Server, Tls, on_own_thread};

/// The files that https and wss are served with.
#[derive(Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsOptions {
    /// Serve https and wss with this certificate chain, the server's own certificate first (PEM); SIGHUP
    /// reads it again
    #[arg(long, env, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key, unencrypted (PEM)
    #[arg(long, env, value_name = "FILE")]
    tls_key: Option<PathBuf>,
}

/// A certificate and its key.
pub struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
}

impl TlsOptions {
    /// The files, if TLS is asked for.
    ///
    /// # Errors
    /// When one is given without the other.
    pub fn files(self) -> Result<Option<TlsFiles>> {
        match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
            (None, None) => Ok(None),
            (Some(_), None) => bail!("--tls-cert needs the certificate's key: give --tls-key too"),
            (None, Some(_)) => bail!("--tls-key needs its certificate: give --tls-cert too"),
        }
    }
}

impl TlsFiles {
    /// Reads the pair.
    ///
    /// # Errors
    /// When a file cannot be read, or the pair cannot be served.
    pub fn read(&self) -> Result<Tls> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let certificates = std::fs::read(&self.certificate)
            .with_context(|| format!("cannot read the certificate {certificate}"))?;
        let key_bytes =
            std::fs::read(&self.key).with_context(|| format!("cannot read the key {key}"))?;
        Tls::from_pem(&certificates, &key_bytes)
            .with_context(|| format!("cannot serve TLS with {certificate} and {key}"))
    }

    /// Reads the files again at each SIGHUP, for ever. A pair that cannot be served is refused, and the
    /// present one stays in use.
    pub async fn reload_on(self, mut hang_up: Signal, server: Arc<Server>) {
        let files = Arc::new(self);
        while hang_up.recv().await.is_some() {
            let certificate = files.certificate.display();
            let reading = Arc::clone(&files);
            let read = on_own_thread(move || reading.read()).await;
            match read.map_err(anyhow::Error::from).flatten() {
                Ok(tls) => {
                    server.set_tls(tls);
                    tracing::info!("serving the certificate in {certificate}");
                }
                Err(error) => {
                    tracing::error!("the old certificate stays in use: {error:#}");
                }
            }
        }
    }
}
