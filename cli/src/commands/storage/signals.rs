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
    /// Of a schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
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
        "{:>14}  {:<8}  {:>13}  {:>10}  {:>8}  {:>6}  ROOM  NAME",
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
    let Signal { id, room, cron, .. } = &stored.signal;
    let record = SignalRecord { room: Some((&**room).into()), ..SignalRecord::of(stored) };
    let cron = cron.as_deref().map(str::to_owned);
    JsonSignal {
        id: *id,
        kind: kind(&stored.signal),
        cron,
        record,
        bytes: data_bytes(&stored.signal),
    }
}

fn line_of(StoredSignal { signal, is_parked }: &StoredSignal, now: u64) -> String {
    let Signal { id, room, sender, name, cron, due, period, attempt, .. } = signal;
    let (kind, bytes) = (kind(signal), data_bytes(signal));
    let duration = |millis| age(Duration::from_millis(millis));
    let due = match (is_parked, due.checked_sub(now)) {
        (true, _) => "parked".to_owned(),
        (false, Some(left)) => format!("in {}", duration(left)),
        (false, None) => format!("{} overdue", duration(now - due)),
    };
    let every = match (period, cron.as_deref()) {
        (Some(period @ 0..10_000), _) => format!("{period} ms"),
        (Some(period), _) => duration(*period),
        (None, cron) => cron.unwrap_or_default().to_owned(),
    };
    let from = sender.as_ref().map_or_else(String::new, |from| format!("  from {from}"));
    let names = format!("{room}  {name}{from}");
    let names = printable(&names);
    format!("{id:>14}  {kind:<8}  {due:>13}  {every:>10}  {attempt:>8}  {bytes:>6}  {names}")
}

fn kind(Signal { is_timer, cron, .. }: &Signal) -> &'static str {
    match (is_timer, cron) {
        (true, _) => "timer",
        (false, Some(_)) => "schedule",
        (false, None) => "signal",
    }
}

fn data_bytes(signal: &Signal) -> usize {
    signal.data.as_ref().map_or(0, |data| data.bytes().len())
}
