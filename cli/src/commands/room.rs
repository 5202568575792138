//! `zigttp room`: holds the events of a room of a running server back, and lets them go on.

use std::io::Write;

use anyhow::bail;
use clap::builder::NonEmptyStringValueParser;
use zigts_rules::printable::{printable, printable_json};
use zigttp_runtime::{ControlAnswer, ControlRequest, RoomSummary};

use super::common_options::CommonOptions;
use crate::control::{ask, refused};

/// Arguments of `zigttp room`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Hold the events of a room back, until `resume` or the end of the server
    ///
    /// Messages, closes, signals and timers wait. Requests get 503; a new connection is accepted and closed with 1013,
    /// without an event. `zigttp storage` changes the room's state meanwhile.
    Pause {
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        room: String,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Let the events of a paused room go on, in their order
    Resume {
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        room: String,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// List the paused rooms, with what waits in them
    List {
        #[command(flatten)]
        common: CommonOptions,
    },
}

/// Runs the command.
///
/// # Errors
/// When no server uses the directory, or it refuses.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Pause { room, common } => {
            change(common, &ControlRequest::PauseRoom { room: room.clone() }, |was| match was {
                true => "was paused already",
                false => "is paused",
            })
        }
        Command::Resume { room, common } => {
            change(common, &ControlRequest::ResumeRoom { room: room.clone() }, |_| "goes on")
        }
        Command::List { common } => list(common),
    }
}

fn change(
    common: &CommonOptions,
    request: &ControlRequest,
    words: impl FnOnce(bool) -> &'static str,
) -> anyhow::Result<()> {
    let (room, was) = match asked(common, request)? {
        ControlAnswer::Room { room, was } => (room, was),
        answer => return refused(answer),
    };
    let mut output = std::io::stdout();
    if common.json {
        writeln!(output, "{}", printable_json(serde_json::to_string(&room)?))?;
    } else {
        let name = format!("{:?}", room.room);
        writeln!(output, "{} {}: {}", printable(&name), words(was), state(&room))?;
    }
    Ok(())
}

/// Who is in a room and what waits: so a name that is misspelled is noticed.
fn state(room: &RoomSummary) -> String {
    let count = |number: usize, word: &str, words: &str| {
        format!("{number} {}", if number == 1 { word } else { words })
    };
    let members = count(room.members, "connection", "connections");
    let events = count(room.waiting_events, "event waits", "events wait");
    format!("{members}, {events}")
}

fn list(common: &CommonOptions) -> anyhow::Result<()> {
    let rooms = match asked(common, &ControlRequest::PausedRooms)? {
        ControlAnswer::Paused { rooms } => rooms,
        answer => return refused(answer),
    };
    let mut output = std::io::stdout().lock();
    if common.json {
        writeln!(output, "{}", printable_json(serde_json::to_string_pretty(&rooms)?))?;
        return Ok(());
    }
    writeln!(output, "{:>11}  {:>9}  {:>9}  ROOM", "CONNECTIONS", "EVENTS", "BYTES")?;
    for room in rooms {
        writeln!(
            output,
            "{:>11}  {:>9}  {:>9}  {}",
            room.members,
            room.waiting_events,
            room.waiting_bytes,
            printable(&room.room)
        )?;
    }
    Ok(())
}

fn asked(common: &CommonOptions, request: &ControlRequest) -> anyhow::Result<ControlAnswer> {
    match ask(&common.durable, request, &[])? {
        Some(answer) => Ok(answer),
        None => bail!(
            "no server uses {}: only rooms of a running server are paused",
            common.durable.display()
        ),
    }
}
