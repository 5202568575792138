//! The port to listen on: the flag, else its variable, else `PORT`, else 8080.

use anyhow::{Context, Result};
use clap::Args;

use crate::values::number;

pub(crate) const DEFAULT_PORT: u16 = 8080;

/// Where a server listens.
#[derive(Args)]
pub struct PortOption {
    #[arg(
        long,
        env,
        help = format!("Port to listen on; 0 picks a free one and prints it [env: PORT=] [default: {DEFAULT_PORT}]"),
        value_parser = number::<u16>
    )]
    port: Option<u16>,
}

impl PortOption {
    /// The port.
    ///
    /// # Errors
    /// When `PORT` is needed and is not a port.
    pub fn read(&self) -> Result<u16> {
        match self.port {
            Some(port) => Ok(port),
            None => Ok(port_of_environment()?.unwrap_or(DEFAULT_PORT)),
        }
    }
}

/// `PORT`, by which many platforms say where a server has to listen.
fn port_of_environment() -> Result<Option<u16>> {
    match std::env::var_os("PORT") {
        Some(text) if !text.is_empty() => {
            let port = text.to_str().and_then(|text| number(text).ok());
            port.map(Some).with_context(|| format!("PORT is {text:?}, which is not a port"))
        }
        _ => Ok(None),
    }
}
