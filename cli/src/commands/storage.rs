//! `zigttp storage`: the states of rooms in a durable directory, with or without a running server.

mod change;
mod compact;
pub(super) mod options;
mod release;
mod show;
mod signals;
mod table;
mod transfer;

use std::path::PathBuf;

use self::options::{CommonOptions, Directory};
use crate::values::{Time, number};

/// Arguments of `zigttp storage`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the rooms that have keys, timers or signals, with their bytes and last write
    Rooms {
        /// Only those that no event has written for this time
        #[arg(long, value_name = "TIME")]
        idle: Option<Time>,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// List the keys of a room, in the order of their bytes
    List {
        room: String,
        /// Only keys that begin with this
        #[arg(long, default_value = "", hide_default_value = true)]
        prefix: String,
        /// Most keys to list
        #[arg(long, value_name = "N", value_parser = number::<u64>)]
        limit: Option<u64>,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Show the value under a key
    Get {
        room: String,
        key: String,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Store a value under a key, as an event of its room
    Put {
        room: String,
        key: String,
        #[command(flatten)]
        value: change::ValueOptions,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Delete a key, as an event of its room
    Delete {
        room: String,
        key: String,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Delete all keys and timers of a room, as an event of it
    DeleteAll {
        room: String,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// List timers and signals, in the order in which they were stored
    Signals {
        /// Only those of this room
        #[arg(long, value_name = "ROOM")]
        room: Option<String>,
        /// Only those that have failed too often
        #[arg(long)]
        parked: bool,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Deliver signals and timers that are held, because a backup was restored or by --hold-signals
    ReleaseSignals {
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Write rooms to standard output as newline-delimited JSON
    Export {
        /// Only this room; repeat it for several
        #[arg(long, value_name = "ROOM")]
        room: Vec<String>,
        #[command(flatten)]
        directory: Directory,
    },
    /// Store the rooms of an export, each in one transaction, as an event of it
    Import {
        /// What `export` has written; `-` is standard input
        #[arg(default_value = "-", hide_default_value = true)]
        file: PathBuf,
        #[command(flatten)]
        rooms: transfer::ImportOptions,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Give the free space of the database back to the file system
    Compact {
        #[command(flatten)]
        common: CommonOptions,
    },
}

/// Runs the command.
///
/// # Errors
/// When the directory cannot be read or written, the server refuses, or there is no such room or key
/// ([`ErrorsFound`](crate::exit::ErrorsFound)).
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Rooms { idle, common } => show::rooms(common, idle.map(|Time(idle)| idle)),
        Command::List { room, prefix, limit, common } => show::list(common, room, prefix, *limit),
        Command::Get { room, key, common } => show::get(common, room, key),
        Command::Put { room, key, value, common } => change::put(common, room, key, value),
        Command::Delete { room, key, common } => change::delete(common, room, key),
        Command::DeleteAll { room, common } => change::delete_all(common, room),
        Command::Signals { room, parked, common } => {
            signals::list(common, room.as_deref(), *parked)
        }
        Command::ReleaseSignals { common } => release::release_signals(common),
        Command::Export { room, directory } => transfer::export(directory, room),
        Command::Import { file, rooms, common } => transfer::import(common, file, rooms),
        Command::Compact { common } => compact::compact(common),
    }
}
