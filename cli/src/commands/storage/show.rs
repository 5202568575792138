//! What rooms have: `rooms`, `list` and `get`.

use std::io::Write;
use std::ops::Bound;
use std::time::Duration;

use serde::Serialize;
use zigts_rules::printable::{printable, printable_json};
use zigttp_runtime::storage::{
    Entry, EntryRecord, KeyRange, ListLimits, SurveyedRoom, check_key, check_room,
};

use super::options::{CommonOptions, unix_millis};
use super::table::Printer;
use crate::exit::ErrorsFound;
use crate::values::age;

/// Keys that are read at once.
const PAGE: usize = 1_000;
const PAGE_BYTES: usize = 1 << 20;

/// A room as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRoom<'a> {
    room: &'a str,
    keys: u64,
    bytes: u64,
    /// Parked ones included.
    timers: u64,
    /// Those that wait for it.
    signals: u64,
    parked: u64,
    /// When an event of it last wrote, in milliseconds since 1970.
    written: u64,
}

/// A key as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonKey<'a> {
    key: &'a str,
    kind: &'static str,
    /// Of the value alone.
    bytes: usize,
    expires: Option<u64>,
}

pub(super) fn rooms(common: &CommonOptions, idle: Option<Duration>) -> anyhow::Result<()> {
    let survey = common.survey()?;
    let now = unix_millis();
    let since = |room: &SurveyedRoom| Duration::from_millis(now.saturating_sub(room.written));
    let mut printer = Printer::new(common.json);
    printer.head(&format!(
        "{:>9}  {:>12}  {:>6}  {:>7}  {:>6}  {:>10}  ROOM",
        "KEYS", "BYTES", "TIMERS", "SIGNALS", "PARKED", "LAST WRITE"
    ))?;
    for room in survey.rooms()? {
        let room = room?;
        if idle.is_some_and(|idle| since(&room) < idle) {
            continue;
        }
        let SurveyedRoom { name, usage, timers, waiting, parked, written } = &room;
        let json = JsonRoom {
            room: name,
            keys: usage.keys,
            bytes: usage.bytes,
            timers: *timers,
            signals: *waiting,
            parked: *parked,
            written: *written,
        };
        printer.row(&json, || {
            let (keys, bytes, since) = (usage.keys, usage.bytes, age(since(&room)));
            let name = printable(name);
            format!("{keys:>9}  {bytes:>12}  {timers:>6}  {waiting:>7}  {parked:>6}  {since:>10}  {name}")
        })?;
    }
    printer.end()
}

pub(super) fn list(
    common: &CommonOptions,
    room: &str,
    prefix: &str,
    limit: Option<u64>,
) -> anyhow::Result<()> {
    check_room(room)?;
    let survey = common.survey()?;
    let now = unix_millis();
    let mut printer = Printer::new(common.json);
    printer.head(&format!("{:<18}  {:>9}  {:>10}  KEY", "KIND", "BYTES", "EXPIRES IN"))?;
    let mut start = Bound::Included(prefix.into());
    let mut left = limit.unwrap_or(u64::MAX);
    while left > 0 {
        let range = KeyRange { start, end: Bound::Unbounded, reverse: false };
        let limits = ListLimits { entries: PAGE, bytes: PAGE_BYTES };
        let page = survey.list(room, &range, limits, now)?;
        let Some((last, _)) = page.last() else { break };
        start = Bound::Excluded(last.clone());
        for (key, entry) in &page {
            if left == 0 || !key.starts_with(prefix) {
                return printer.end();
            }
            left -= 1;
            printer.row(&json_key(key, entry), || {
                let expires = entry.expires.map_or_else(String::new, |expires| {
                    age(Duration::from_millis(expires.saturating_sub(now)))
                });
                let (kind, bytes) = (entry.value.kind().name(), entry.value.bytes().len());
                format!("{kind:<18}  {bytes:>9}  {expires:>10}  {}", printable(key))
            })?;
        }
    }
    printer.end()
}

fn json_key<'a>(key: &'a str, entry: &Entry) -> JsonKey<'a> {
    JsonKey {
        key,
        kind: entry.value.kind().name(),
        bytes: entry.value.bytes().len(),
        expires: entry.expires,
    }
}

pub(super) fn get(common: &CommonOptions, room: &str, key: &str) -> anyhow::Result<()> {
    check_room(room)?;
    check_key(key)?;
    let Some(entry) = common.survey()?.get(room, key, unix_millis())? else {
        crate::show::error(&anyhow::anyhow!("room {room:?} has no key {key:?}"));
        return Err(ErrorsFound.into());
    };
    let mut output = std::io::stdout().lock();
    if common.json {
        let json = serde_json::to_string_pretty(&EntryRecord::of(key, &entry))?;
        writeln!(output, "{}", printable_json(json))?;
        return Ok(());
    }
    crate::value_output::write(entry.value.bytes(), &mut output)?;
    Ok(())
}
