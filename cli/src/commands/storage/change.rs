//! Changes of a room's state: `put`, `delete` and `delete-all`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::value::RawValue;
use zigttp_abi::value::ValueKind;
use zigttp_runtime::storage::{
    Entry, EntryRecord, Existing, Record, RoomWrite, Written, check_key, check_room, of_json,
};
use zigttp_runtime::{ControlAnswer, ControlRequest, Value};

use super::options::{CommonOptions, Directory, unix_millis};
use crate::control::{ask, refused};
use crate::exit::ErrorsFound;
use crate::show;
use crate::values::Time;

/// A value to store.
#[derive(clap::Args)]
pub(super) struct ValueOptions {
    /// The value, as JSON
    #[arg(required_unless_present = "file")]
    value: Option<String>,
    /// Store the value as a string, not as JSON
    #[arg(long, conflicts_with = "file")]
    text: bool,
    /// Store the bytes of this file as a Uint8Array; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    file: Option<PathBuf>,
    /// Delete it after this time
    #[arg(long, value_name = "TIME")]
    ttl: Option<Time>,
}

impl ValueOptions {
    fn value(&self) -> anyhow::Result<Value> {
        match (&self.file, &self.value) {
            (Some(path), _) => Ok(Value::new(ValueKind::Uint8Array, read(path)?.into())),
            (None, Some(text)) if self.text => Ok(Value::text(text.as_str())),
            (None, Some(json)) => {
                let json = RawValue::from_string(json.clone())
                    .context("the value is not JSON; store it as a string with --text")?;
                Ok(of_json(&json))
            }
            (None, None) => unreachable!("clap asks for one of both"),
        }
    }
}

/// Most bytes of a value that is read from a file: what may come without an end, such as a device, must not fill the
/// memory.
const MAX_FILE_BYTES: u64 = 64 << 20;

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut read = |from: &mut dyn Read| from.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    let result = if path == Path::new("-") {
        read(&mut std::io::stdin())
    } else {
        std::fs::File::open(path).and_then(|mut file| read(&mut file))
    };
    let len = result.with_context(|| format!("cannot read `{}`", path.display()))?;
    if len as u64 > MAX_FILE_BYTES {
        anyhow::bail!("`{}` has more than {MAX_FILE_BYTES} bytes", path.display());
    }
    Ok(bytes)
}

pub(super) fn put(
    common: &CommonOptions,
    room: &str,
    key: &str,
    options: &ValueOptions,
) -> anyhow::Result<()> {
    check_room(room)?;
    check_key(key)?;
    let ttl = options.ttl.map(|Time(ttl)| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    let expires = ttl.map(|ttl| unix_millis().saturating_add(ttl));
    let record = EntryRecord::of(key, &Entry { value: options.value()?, expires });
    write(&common.directory, room, Existing::Stays, vec![Record::Entry(record)])?;
    say(common, &serde_json::json!({ "stored": key }), || format!("stored {key:?}"))
}

pub(super) fn delete(common: &CommonOptions, room: &str, key: &str) -> anyhow::Result<()> {
    check_room(room)?;
    check_key(key)?;
    let record = Record::Delete { key: key.into() };
    let written = write(&common.directory, room, Existing::Stays, vec![record])?;
    if written.replaced == 0 {
        show::error(&anyhow::anyhow!("room {room:?} has no key {key:?}"));
        return Err(ErrorsFound.into());
    }
    say(common, &serde_json::json!({ "deleted": 1 }), || format!("deleted {key:?}"))
}

pub(super) fn delete_all(common: &CommonOptions, room: &str) -> anyhow::Result<()> {
    check_room(room)?;
    let written = write(&common.directory, room, Existing::Goes, Vec::new())?;
    let Written { replaced: keys, timers } = written;
    say(common, &serde_json::json!({ "deleted": keys, "timers": timers }), || {
        format!("deleted {}", show::counted(&[(keys, "key"), (timers, "timer")]))
    })
}

/// Changes a room through the server that uses the directory, or in it if there is none.
///
/// # Errors
/// When it is refused, or cannot be written.
pub(super) fn write(
    Directory { durable }: &Directory,
    room: &str,
    existing: Existing,
    records: Vec<Record>,
) -> anyhow::Result<Written> {
    let request =
        ControlRequest::Write { room: room.to_owned(), existing, lines: records.len() as u64 };
    let lines: Vec<String> = records.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    match ask(durable, &request, &lines)? {
        Some(ControlAnswer::Written { replaced, timers }) => {
            return Ok(Written { replaced, timers });
        }
        Some(answer) => {
            refused(answer)?;
            unreachable!("a refusal is an error");
        }
        None => {}
    }
    let mut write = RoomWrite::begin(room, existing)?;
    for record in records {
        write.add(record)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let written = zigttp_runtime::storage::write(durable, write, unix_millis());
    let written = runtime.block_on(written);
    written.with_context(|| format!("cannot write in {}", durable.display()))
}

fn say(
    common: &CommonOptions,
    json: &serde_json::Value,
    line: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    if common.json {
        writeln!(output, "{json}")?
    } else {
        writeln!(output, "{}", line())?
    }
    Ok(())
}
