//! `zigttp attachments`: the attachments in a durable directory, with or without a running server.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use serde::Serialize;
use serde_json::value::RawValue;
use zigts_rules::printable::{printable, printable_json};
use zigttp_runtime::{
    ControlAnswer, ControlRequest, PersistedAttachment, list_attachments, prune_leftovers,
    read_attachment,
};

use super::common_options::CommonOptions;
use crate::control::{ask, refused};
use crate::defaults::DEFAULTS;
use crate::exit::ErrorsFound;
use crate::values::{Time, age, number};

/// Arguments of `zigttp attachments`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List all attachments
    List(CommonOptions),
    /// Show the value of one attachment
    Show {
        /// Id of its connection
        #[arg(value_parser = number::<u64>)]
        id: u64,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Give a leftover attachment to a live connection of the running server
    Adopt {
        /// Id of the live connection that gets it
        #[arg(value_parser = number::<u64>)]
        new_id: u64,
        /// Id of the connection that has left it
        #[arg(value_parser = number::<u64>)]
        prior_id: u64,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Remove leftover attachments: those that no connection has any more
    Prune {
        /// Remove only those that were written longer ago than this
        #[arg(long, value_name = "TIME", default_value_t = Time(DEFAULTS.attachment_ttl))]
        older_than: Time,
        #[command(flatten)]
        common: CommonOptions,
    },
}

/// An attachment as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonAttachment {
    id: u64,
    /// What the value is in JavaScript.
    kind: &'static str,
    bytes: usize,
    room: String,
    /// The rooms that its connection has joined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    joined: Vec<String>,
    url: String,
    age_seconds: u64,
    /// Whether its connection is open.
    is_live: bool,
    #[serde(flatten)]
    value: Option<JsonValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum JsonValue {
    Text(String),
    /// As it was stored, so that no digit and no order of names is lost.
    Json(Box<RawValue>),
    Base64(String),
}

/// A file that cannot be shown.
#[derive(Serialize)]
struct JsonDamaged {
    id: u64,
    error: String,
}

/// Runs the command.
///
/// # Errors
/// When the directory cannot be read, the server refuses, or something is damaged
/// ([`ErrorsFound`]).
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::List(common) => list(common),
        Command::Show { id, common } => show(*id, common),
        Command::Adopt { new_id, prior_id, common } => adopt(*new_id, *prior_id, common),
        Command::Prune { older_than, common } => prune(older_than.0, common),
    }
}

fn list(common: &CommonOptions) -> anyhow::Result<()> {
    let live = live(&common.durable)?;
    let all = list_attachments(&common.durable)
        .with_context(|| format!("cannot read {}", common.durable.display()))?;
    let mut output = std::io::stdout().lock();
    let mut has_damaged = false;
    let all = all.inspect(|it| has_damaged |= it.is_err());
    if common.json {
        let values: Vec<serde_json::Value> = all
            .map(|it| match it {
                Ok(it) => serde_json::to_value(json(&it, &live, false)),
                Err(error) => serde_json::to_value(JsonDamaged {
                    id: error.id(),
                    error: format!("{:#}", anyhow::Error::from(error)),
                }),
            })
            .collect::<Result<_, _>>()
            .expect("text and numbers always serialise");
        writeln!(output, "{}", printable_json(serde_json::to_string_pretty(&values)?))?;
    } else {
        writeln!(
            output,
            "{:>12}  {:<8}  {:>8}  {:<18}  {:>9}  OPENED ON",
            "ID", "STATE", "AGE", "KIND", "BYTES"
        )?;
        for it in all {
            match it {
                Ok(it) => writeln!(
                    output,
                    "{:>12}  {:<8}  {:>8}  {:<18}  {:>9}  {}",
                    it.id,
                    if live.contains(&it.id) { "live" } else { "leftover" },
                    age(it.age),
                    it.value.kind().name(),
                    it.value.bytes().len(),
                    printable(&it.url),
                )?,
                Err(error) => {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    writeln!(output, "{}", printable(&error))?;
                }
            }
        }
    }
    if has_damaged { Err(ErrorsFound.into()) } else { Ok(()) }
}

fn show(id: u64, common: &CommonOptions) -> anyhow::Result<()> {
    let it = match read_attachment(&common.durable, id) {
        Ok(it) => it,
        Err(error) => {
            crate::show::error(&error.into());
            return Err(ErrorsFound.into());
        }
    };
    let mut output = std::io::stdout().lock();
    if common.json {
        let json = json(&it, &live(&common.durable)?, true);
        writeln!(output, "{}", printable_json(serde_json::to_string_pretty(&json)?))?;
        return Ok(());
    }
    crate::value_output::write(it.value.bytes(), &mut output)?;
    Ok(())
}

fn adopt(new_id: u64, prior_id: u64, common: &CommonOptions) -> anyhow::Result<()> {
    match ask(&common.durable, &ControlRequest::Adopt { new_id, prior_id }, &[])? {
        Some(ControlAnswer::Done) => {
            let mut output = std::io::stdout();
            if common.json {
                writeln!(output, "{}", serde_json::json!({ "adopted": prior_id, "by": new_id }))?;
            } else {
                writeln!(output, "connection {new_id} now has the attachment of {prior_id}")?;
            }
            Ok(())
        }
        Some(answer) => refused(answer),
        None => bail!(
            "no server uses {}: only a running server has a connection to give it to",
            common.durable.display()
        ),
    }
}

fn prune(older_than: Duration, common: &CommonOptions) -> anyhow::Result<()> {
    let age_ms = u64::try_from(older_than.as_millis()).unwrap_or(u64::MAX);
    let files = match ask(&common.durable, &ControlRequest::Prune { age_ms }, &[])? {
        Some(ControlAnswer::Pruned { files }) => files,
        Some(answer) => return refused(answer),
        None => prune_leftovers(&common.durable, older_than)
            .with_context(|| format!("cannot prune {}", common.durable.display()))?,
    };
    let mut output = std::io::stdout();
    if common.json {
        writeln!(output, "{}", serde_json::json!({ "pruned": files }))?;
    } else {
        let plural = if files == 1 { "" } else { "s" };
        writeln!(output, "removed {files} attachment{plural}")?;
    }
    Ok(())
}

/// The ids of the open connections; none without a server.
fn live(dir: &Path) -> anyhow::Result<Vec<u64>> {
    match ask(dir, &ControlRequest::Live, &[])? {
        Some(ControlAnswer::Ids { ids }) => Ok(ids),
        Some(answer) => refused(answer).map(|()| Vec::new()),
        None => Ok(Vec::new()),
    }
}

fn json(it: &PersistedAttachment, live: &[u64], with_value: bool) -> JsonAttachment {
    let bytes = it.value.bytes();
    let kind = it.value.kind().name();
    let value = with_value.then(|| match std::str::from_utf8(bytes) {
        Ok(text) if kind == "string" => JsonValue::Text(text.to_owned()),
        Ok(text) if kind == "JSON" => JsonValue::Json(
            RawValue::from_string(text.to_owned()).expect("a file's JSON is read only if it is"),
        ),
        _ => JsonValue::Base64(base64::engine::general_purpose::STANDARD.encode(bytes)),
    });
    JsonAttachment {
        id: it.id,
        kind,
        bytes: bytes.len(),
        room: it.room.clone(),
        joined: it.joined.clone(),
        url: it.url.clone(),
        age_seconds: it.age.as_secs(),
        is_live: live.contains(&it.id),
        value,
    }
}
