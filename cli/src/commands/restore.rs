//! `zigttp restore`: makes a durable directory of a backup.

use std::path::PathBuf;

use anyhow::Context;
use zigttp_runtime::backup::{RestoredSignals, restore};

use super::backup::print;
use super::storage::options::unix_millis;
use crate::show;

/// Arguments of `zigttp restore`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The backup
    backup: PathBuf,
    /// The new durable directory
    dir: PathBuf,
    /// What becomes of its signals and timers; none is delivered before `zigttp storage release-signals`
    #[arg(long, value_enum, value_name = "WHAT", default_value = "keep")]
    signals: Signals,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Signals {
    /// They stay as they are
    Keep,
    /// They are parked, until `--wake-parked` or a new handler
    Park,
    /// They are removed, parked ones too
    Drop,
}

/// Runs the command.
///
/// # Errors
/// When the backup is not whole, or the directory is neither new nor empty.
pub fn run(Arguments { backup, dir, signals, json }: &Arguments) -> anyhow::Result<()> {
    let signals = match signals {
        Signals::Keep => RestoredSignals::Keep,
        Signals::Park => RestoredSignals::Park,
        Signals::Drop => RestoredSignals::Drop,
    };
    let what = format!("restoring {}", backup.display());
    let restored = show::while_working(&what, || restore(backup, dir, signals, unix_millis()));
    let manifest = restored
        .with_context(|| format!("cannot restore {} to {}", backup.display(), dir.display()))?;
    print(&manifest, *json, "restored")?;
    show::remark(&format!(
        "signals and timers are held; when a server runs well on it: zigttp storage release-signals --durable {}",
        zigttp_files::shell::quoted(dir)
    ));
    Ok(())
}
