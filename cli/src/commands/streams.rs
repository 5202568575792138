//! `zigttp streams`: lists the streams of a running server, and cancels them.

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use clap::builder::NonEmptyStringValueParser;
use zigts_rules::printable::{printable, printable_json};
use zigttp_runtime::{ControlAnswer, ControlRequest, StreamSummary};

use super::common_options::CommonOptions;
use crate::control::{ask, refused};
use crate::values::Time;

/// Arguments of `zigttp streams`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the streams that are open or wait, the oldest first
    List {
        /// Only those of this room
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        room: Option<String>,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// End a stream; its room is told, with the error `cancelled`
    Cancel {
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        room: String,
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
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
        Command::List { room, common } => list(common, room.clone()),
        Command::Cancel { room, name, common } => cancel(common, room, name),
    }
}

fn list(common: &CommonOptions, room: Option<String>) -> anyhow::Result<()> {
    let streams = match asked(common, &ControlRequest::Streams { room })? {
        ControlAnswer::Streams { streams } => streams,
        answer => return refused(answer),
    };
    let mut output = std::io::stdout().lock();
    if common.json {
        writeln!(output, "{}", printable_json(serde_json::to_string_pretty(&streams)?))?;
        return Ok(());
    }
    writeln!(
        output,
        "{:<9}  {:>6}  {:>6}  {:>10}  {:>7}  ROOM  NAME  URL",
        "STATE", "AGE", "STATUS", "BYTES", "PIECES"
    )?;
    for StreamSummary { room, name, state, request, .. } in streams {
        let shown = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let of = |field: fn(&zigttp_runtime::RequestSummary) -> Option<String>| {
            shown(request.as_ref().and_then(field))
        };
        writeln!(
            output,
            "{state:<9}  {:>6}  {:>6}  {:>10}  {:>7}  {}  {}  {}",
            of(|request| Some(Time(Duration::from_secs(request.age / 1_000)).to_string())),
            of(|request| request.status.map(|status| status.to_string())),
            of(|request| Some(request.bytes.to_string())),
            of(|request| Some(request.pieces.to_string())),
            printable(&room),
            printable(&name),
            printable(&of(|request| Some(format!("{} {}", request.method, request.url))))
        )?;
    }
    Ok(())
}

fn cancel(common: &CommonOptions, room: &str, name: &str) -> anyhow::Result<()> {
    let request = ControlRequest::CancelStream { room: room.to_owned(), name: name.to_owned() };
    let stream = match asked(common, &request)? {
        ControlAnswer::Cancelled { stream } => stream,
        answer => return refused(answer),
    };
    let mut output = std::io::stdout();
    if common.json {
        writeln!(output, "{}", printable_json(serde_json::to_string(&stream)?))?;
    } else {
        let of = format!("{name:?} of {room:?}");
        writeln!(output, "{} is cancelled", printable(&of))?;
    }
    Ok(())
}

fn asked(common: &CommonOptions, request: &ControlRequest) -> anyhow::Result<ControlAnswer> {
    match ask(&common.durable, request, &[])? {
        Some(answer) => Ok(answer),
        None => {
            bail!("no server uses {}: only a running server has streams", common.durable.display())
        }
    }
}
