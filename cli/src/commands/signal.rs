//! `zigttp signal`: sends a signal to a room, as an operator, with or without a running server.

use std::io::Write;

use anyhow::Context;
use serde_json::json;
use serde_json::value::RawValue;
use zigttp_runtime::storage::{OperatorSignal, ValueRecord, of_json, send_signal};
use zigttp_runtime::{ControlAnswer, ControlRequest};

use super::storage::options::{CommonOptions, unix_millis};
use crate::control::{ask, refused};

/// Arguments of `zigttp signal`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The room that gets it
    room: String,
    /// Its name, as `onSignal` gets it
    name: String,
    /// Its data, as JSON
    data: Option<String>,
    #[command(flatten)]
    common: CommonOptions,
}

/// Runs the command.
///
/// # Errors
/// When the signal cannot be stored, or the server refuses it ([`ErrorsFound`](crate::exit::ErrorsFound)).
pub fn run(Arguments { room, name, data, common }: &Arguments) -> anyhow::Result<()> {
    let value = || {
        let json = data.as_ref().map(|data| RawValue::from_string(data.clone())).transpose();
        let json = json.context("the data is not JSON")?;
        anyhow::Ok(json.map(|json| ValueRecord::of(&of_json(&json))))
    };
    // Whatever the server would refuse is refused before.
    let signal = OperatorSignal::new(room, name, value()?)?;
    let dir = &common.directory.durable;
    let request =
        ControlRequest::Signal { room: room.clone(), name: name.clone(), has_data: data.is_some() };
    let line = value()?.map(|value| serde_json::to_string(&value)).transpose()?;
    // JSON may have line ends between its parts, and nowhere else.
    let line = line.map(|line| line.replace(['\n', '\r'], " "));
    let waits = match ask(dir, &request, line.as_slice())? {
        Some(ControlAnswer::Sent { is_held: false }) => None,
        Some(ControlAnswer::Sent { is_held: true }) => Some("once signals are released"),
        Some(answer) => return refused(answer),
        None => {
            // A directory without a database gets none.
            drop(common.survey()?);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let sent = runtime.block_on(send_signal(dir, signal, unix_millis()));
            sent.with_context(|| format!("cannot write in {}", dir.display()))?;
            Some("when a server starts")
        }
    };
    let mut output = std::io::stdout();
    if common.json {
        writeln!(output, "{}", json!({ "sent": name, "room": room, "waits": waits.is_some() }))?;
    } else {
        let when = waits.map_or_else(String::new, |when| format!("; it is delivered {when}"));
        writeln!(output, "sent {name:?} to {room:?}{when}")?;
    }
    Ok(())
}
