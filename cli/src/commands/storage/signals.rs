//! What waits, and what has failed too often: `signals`.

use std::time::Duration;

use serde::Serialize;
use zigts_rules::printable::printable;
use zigttp_runtime::storage::{Signal, SignalRecord, StoredSignal, check_room};

use super::options::{CommonOptions, unix_millis};
use super::table::Printer;
use crate::values::age;

/// Timers and signals that are read at once.
const PAGE: usize = 1_000;

/// A timer or signal as programs read it: as in an export, with its room.
#[derive(Serialize)]
struct JsonSignal {
    id: u64,
    kind: &'static str,
    #[serde(flatten)]
    record: SignalRecord,
    /// Of the data alone.
    bytes: usize,
}

pub(super) fn list(
    common: &CommonOptions,
    room: Option<&str>,
    only_parked: bool,
) -> anyhow::Result<()> {
    if let Some(room) = room {
        check_room(room)?;
    }
    let survey = common.survey()?;
    let now = unix_millis();
    let mut printer = Printer::new(common.json);
    printer.head(&format!(
        "{:>14}  {:<6}  {:>13}  {:>10}  {:>8}  {:>6}  ROOM  NAME",
        "ID", "KIND", "DUE", "EVERY", "ATTEMPTS", "BYTES"
    ))?;
    let mut after = 0;
    loop {
        let page = survey.signals(room, only_parked, after, PAGE)?;
        let Some(last) = page.last() else { return printer.end() };
        after = last.signal.id;
        for stored in &page {
            printer.row(&json_of(stored), || line_of(stored, now))?;
        }
    }
}

fn json_of(stored: &StoredSignal) -> JsonSignal {
    let Signal { id, room, is_timer, .. } = &stored.signal;
    let record = SignalRecord { room: Some((&**room).into()), ..SignalRecord::of(stored) };
    JsonSignal { id: *id, kind: kind(*is_timer), record, bytes: data_bytes(&stored.signal) }
}

fn line_of(StoredSignal { signal, is_parked }: &StoredSignal, now: u64) -> String {
    let Signal { id, room, sender, name, is_timer, due, period, attempt, .. } = signal;
    let (kind, bytes) = (kind(*is_timer), data_bytes(signal));
    let duration = |millis| age(Duration::from_millis(millis));
    let due = match (is_parked, due.checked_sub(now)) {
        (true, _) => "parked".to_owned(),
        (false, Some(left)) => format!("in {}", duration(left)),
        (false, None) => format!("{} overdue", duration(now - due)),
    };
    let every = period.map_or_else(String::new, |period| match period {
        0..10_000 => format!("{period} ms"),
        _ => duration(period),
    });
    let from = sender.as_ref().map_or_else(String::new, |from| format!("  from {from}"));
    let names = format!("{room}  {name}{from}");
    let names = printable(&names);
    format!("{id:>14}  {kind:<6}  {due:>13}  {every:>10}  {attempt:>8}  {bytes:>6}  {names}")
}

fn kind(is_timer: bool) -> &'static str {
    if is_timer { "timer" } else { "signal" }
}

fn data_bytes(signal: &Signal) -> usize {
    signal.data.as_ref().map_or(0, |data| data.bytes().len())
}
