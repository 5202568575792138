//! The rooms that use most, for operators.
//!
//! Two samples are taken, and what was used between them is compared. So nothing is computed while nobody looks.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zigttp_sandbox::shared_text::SharedText;

use crate::hub::Hub;
use crate::room_use::UseTotals;
use crate::rooms::Room;
use crate::turn::Waits;

/// By what rooms are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomOrder {
    /// CPU time of its events.
    #[default]
    Cpu,
    /// How long its events have waited for their turn.
    Wait,
    /// Bytes sent.
    Bytes,
    /// Signals and timers handled.
    Signals,
    /// Events of all kinds.
    Events,
}

/// What one room is using.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomSummary {
    pub room: String,
    pub members: usize,
    /// What waits for its turn now.
    pub waiting_events: usize,
    pub waiting_bytes: usize,
    /// Too much waits: it is not read, and clients are refused.
    pub is_over: bool,
    pub is_paused: bool,
    /// Between the samples.
    pub cpu_ms: f64,
    pub wait_ms: f64,
    pub sent_bytes: u64,
    pub signals: u64,
    pub events: u64,
}

/// What each room has used up to a moment. The room itself is there while somebody is in it.
pub struct Sample(HashMap<SharedText, (UseTotals, Option<Arc<Room>>)>);

impl Sample {
    /// Visits all rooms, which takes a moment if there are many.
    pub fn take(hub: &Hub) -> Sample {
        let departed = hub.rooms.departed().all().into_iter();
        let mut all: HashMap<_, _> = departed.map(|(key, used)| (key, (used, None))).collect();
        for room in hub.rooms.all() {
            let (used, known) = all.entry(room.shared_key().clone()).or_default();
            *used = used.plus(room.usage().totals());
            *known = Some(room);
        }
        Sample(all)
    }
}

impl RoomOrder {
    pub const ALL: [RoomOrder; 5] =
        [RoomOrder::Cpu, RoomOrder::Wait, RoomOrder::Bytes, RoomOrder::Signals, RoomOrder::Events];

    /// The word in queries and options.
    pub fn name(self) -> &'static str {
        match self {
            RoomOrder::Cpu => "cpu",
            RoomOrder::Wait => "wait",
            RoomOrder::Bytes => "bytes",
            RoomOrder::Signals => "signals",
            RoomOrder::Events => "events",
        }
    }

    fn of(self, used: &UseTotals) -> u64 {
        match self {
            RoomOrder::Cpu => used.cpu_ns,
            RoomOrder::Wait => used.wait_ns,
            RoomOrder::Bytes => used.sent_bytes,
            RoomOrder::Signals => used.signals,
            RoomOrder::Events => used.events,
        }
    }
}

/// The rooms that have used most since an earlier sample, at most so many. Paused rooms, and those in which something
/// waits, are listed though they have used nothing.
pub fn top(hub: &Hub, before: &Sample, order: RoomOrder, limit: usize) -> Vec<RoomSummary> {
    let Sample(now) = Sample::take(hub);
    let mut rows: Vec<Row> = now
        .into_iter()
        .map(|(key, (totals, room))| {
            let earlier = before.0.get(&key).map_or(UseTotals::default(), |(earlier, _)| *earlier);
            let waits = room.as_ref().map_or(Waits::default(), |room| room.turns().waits());
            Row { key, room, used: totals.since(earlier), waits }
        })
        .filter(|row| {
            row.used != UseTotals::default() || row.waits.events > 0 || row.waits.is_paused
        })
        .collect();
    rows.sort_unstable_by(|a, b| {
        let rank = |row: &Row| (order.of(&row.used), row.waits.events, row.used.cpu_ns);
        rank(b).cmp(&rank(a)).then_with(|| a.key.cmp(&b.key))
    });
    rows.truncate(limit);
    rows.iter().map(Row::summary).collect()
}

/// A room as it is, without what it has used.
pub fn idle(room: &Arc<Room>) -> RoomSummary {
    let (key, room, waits) =
        (room.shared_key().clone(), Some(Arc::clone(room)), room.turns().waits());
    Row { key, room, used: UseTotals::default(), waits }.summary()
}

struct Row {
    key: SharedText,
    room: Option<Arc<Room>>,
    used: UseTotals,
    waits: Waits,
}

impl Row {
    fn summary(&self) -> RoomSummary {
        let Row { key, room, used, waits } = self;
        RoomSummary {
            room: key.to_string(),
            members: room.as_ref().map_or(0, |room| room.members().ids().count()),
            waiting_events: waits.events,
            waiting_bytes: waits.bytes,
            is_over: waits.is_over,
            is_paused: waits.is_paused,
            cpu_ms: used.cpu_ns as f64 / 1e6,
            wait_ms: used.wait_ns as f64 / 1e6,
            sent_bytes: used.sent_bytes,
            signals: used.signals,
            events: used.events,
        }
    }
}
