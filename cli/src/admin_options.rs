//! Options of the operator's own listener.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use zigttp_runtime::AdminToken;

use crate::values::socket_address;

/// The heading of `--help` for options about observing a server.
pub(crate) const OBSERVING: &str = "Observing";

/// Where metrics and health are served, and who may read them.
#[derive(Args)]
#[command(next_help_heading = OBSERVING)]
pub struct AdminOptions {
    /// Serve /healthz, /readyz, /metrics, /connections and /rooms on this address, such as 127.0.0.1:9090
    #[arg(long, env, value_name = "ADDRESS", value_parser = socket_address)]
    admin_listen: Option<SocketAddr>,

    /// File with the bearer token for /metrics, /connections and /rooms; needed when the address is not loopback
    #[arg(long, env, value_name = "FILE", requires = "admin_listen")]
    admin_token_file: Option<PathBuf>,
}

/// A listener that is to be opened.
pub struct Admin {
    pub address: SocketAddr,
    pub token: Option<AdminToken>,
}

impl AdminOptions {
    /// Reads the token.
    ///
    /// # Errors
    /// When it cannot be read or is too short, or is needed and missing.
    pub fn read(self) -> Result<Option<Admin>> {
        let Some(address) = self.admin_listen else { return Ok(None) };
        let token = match self.admin_token_file {
            Some(path) => {
                let name = path.display();
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read the token file {name}"))?;
                Some(AdminToken::new(&text).with_context(|| format!("cannot use {name}"))?)
            }
            None if address.ip().is_loopback() => None,
            None => bail!(
                "--admin-listen {address} can be reached from other machines: give an \
                 --admin-token-file, or listen on 127.0.0.1"
            ),
        };
        Ok(Some(Admin { address, token }))
    }
}
