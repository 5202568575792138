//! Options of the hosts that handlers may call. Those in a file are read again on SIGHUP.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::Signal;
use zigttp_runtime::{Grant, Grants, Server, on_own_thread};

/// The heading of `--help` for what handlers ask of other servers.
pub(crate) const CALLING_OUT: &str = "Calling out";

/// Hosts that handlers may call, one by one and in a file.
#[derive(Args, Clone)]
#[command(next_help_heading = CALLING_OUT)]
pub struct GrantOptions {
    /// Let handlers call this host: api.example.com, with :PORT that port alone, *.example.com, or * for all
    ///
    /// Without a port it is every port. A * leaves out internal addresses (of this machine, private and
    /// link-local ones), which are called only if their host or address is named. Repeat the flag or
    /// separate hosts by commas [default: none]
    #[arg(long, env, value_name = "HOST[:PORT]", value_delimiter = ',')]
    allow_fetch: Vec<Grant>,

    /// Let handlers call the hosts in this file too, one a line as for --allow-fetch; SIGHUP reads it again
    #[arg(long, env, value_name = "FILE")]
    allow_fetch_file: Option<PathBuf>,
}

impl GrantOptions {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or a line of it is no host.
    pub fn read(&self) -> Result<Vec<Grant>> {
        let mut grants = self.allow_fetch.clone();
        if let Some(file) = &self.allow_fetch_file {
            let named = || format!("cannot read the hosts to allow in {}", file.display());
            let text = std::fs::read_to_string(file).with_context(named)?;
            grants.extend(Grants::parse_list(&text).with_context(named)?);
        }
        Ok(grants)
    }

    /// Reads the file again at each SIGHUP, for ever. One that cannot be read is refused, and what was
    /// allowed before stays allowed.
    pub async fn reload_on(self, mut hang_up: Signal, server: Arc<Server>) {
        if self.allow_fetch_file.is_none() {
            return;
        }
        while hang_up.recv().await.is_some() {
            let options = self.clone();
            let read = on_own_thread(move || options.read()).await;
            match read.map_err(anyhow::Error::from).flatten() {
                Ok(grants) => {
                    let grants = Grants::new(grants);
                    let shown = grants.to_string();
                    server.set_grants(grants);
                    tracing::info!("handlers may call: {shown}");
                }
                Err(error) => {
                    tracing::error!("the hosts that handlers may call stay the same: {error:#}");
                }
            }
        }
    }
}
