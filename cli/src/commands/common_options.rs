//! Options of the commands that ask a running server.

use std::path::PathBuf;

/// Which server, by its directory, and how the result is printed.
#[derive(clap::Args)]
pub(super) struct CommonOptions {
    /// The server's durable directory
    #[arg(long, env, value_name = "DIR")]
    pub(super) durable: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}
