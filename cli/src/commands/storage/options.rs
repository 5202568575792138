//! What all commands of `zigttp storage` need: which directory, how to print, and the time.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use zigttp_runtime::storage::Survey;

/// Which directory.
#[derive(clap::Args)]
pub(in crate::commands) struct Directory {
    /// The server's durable directory
    #[arg(long, env, value_name = "DIR")]
    pub(in crate::commands) durable: PathBuf,
}

/// Which directory, and how the result is printed.
#[derive(clap::Args)]
pub(in crate::commands) struct CommonOptions {
    #[command(flatten)]
    pub(in crate::commands) directory: Directory,
    /// Print JSON
    #[arg(long)]
    pub(in crate::commands) json: bool,
}

impl CommonOptions {
    pub(in crate::commands) fn survey(&self) -> anyhow::Result<Survey> {
        self.directory.survey()
    }
}

impl Directory {
    pub(in crate::commands) fn survey(&self) -> anyhow::Result<Survey> {
        let dir = &self.durable;
        Survey::open(dir).with_context(|| format!("cannot read {}", dir.display()))
    }
}

/// The time, in milliseconds since 1970.
pub(in crate::commands) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
