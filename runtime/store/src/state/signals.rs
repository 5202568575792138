//! Signals and timers: those that are stored, and what an event changes of them.
//!
//! A signal waits for its receiver, a room; a timer is one that a room has set for itself, by a name.

use std::collections::BTreeMap;
use std::sync::Arc;

use zigttp_abi::state::ENTRY_BYTES;
use zigttp_abi::value::Value;

/// A signal or timer as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Greater than those of all that were stored before, and never given twice.
    pub id: u64,
    /// The room that gets it.
    pub room: Arc<str>,
    /// The room that has sent it, if a room has. A timer has none.
    pub sender: Option<Arc<str>>,
    pub name: Box<str>,
    pub is_timer: bool,
    /// The cron expression of the schedule that has made it. Empty when it was parked: its schedule goes on without it.
    pub cron: Option<Box<str>>,
    /// When it is to run, as its event has said.
    pub scheduled: u64,
    /// When it is to run next, which is later after it has failed.
    pub due: u64,
    /// The time between two runs of a timer that runs again and again.
    pub period: Option<u64>,
    /// The attempts that have failed.
    pub attempt: u32,
    pub data: Option<Value>,
    /// What its sender is told under if it is parked.
    pub on_fail: Option<Box<str>>,
}

/// A signal or timer as it is stored, and whether it waits or is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSignal {
    pub signal: Signal,
    pub is_parked: bool,
}

impl Signal {
    /// What it counts in its payer's bytes.
    pub fn bytes(&self) -> u64 {
        signal_bytes(&self.name, self.data.as_ref().map_or(0, |data| data.bytes().len() as u64))
    }

    /// The room whose state it counts for: the one that has sent it, or without one the one that gets it.
    pub(crate) fn payer(&self) -> &Arc<str> {
        self.sender.as_ref().unwrap_or(&self.room)
    }

    /// Whether it is the next run of a schedule: the server has planned it, and plans it again.
    pub fn is_planned(&self) -> bool {
        self.cron.as_ref().is_some_and(|cron| !cron.is_empty())
    }

    /// Whether an event has sent it. All others are timers, and runs of schedules.
    pub(crate) fn is_sent(&self) -> bool {
        !self.is_timer && self.cron.is_none()
    }

    pub(crate) fn timer(&self) -> Timer {
        Timer { id: self.id, scheduled: self.scheduled, bytes: self.bytes() }
    }
}

/// What a signal of this name counts, with so many bytes of data.
pub(crate) fn signal_bytes(name: &str, data: u64) -> u64 {
    name.len() as u64 + data + ENTRY_BYTES
}

/// What one event changes of signals and timers.
#[derive(Debug, Default)]
pub struct SignalChanges {
    /// Whether all timers of the room that were there before the event are removed first.
    pub clears_timers: bool,
    /// The timer that each name has after the event; `None` removes it.
    pub timers: BTreeMap<Box<str>, Option<NewTimer>>,
    /// In their order.
    pub sends: Vec<NewSignal>,
    /// The signal that the event has handled.
    pub done: Option<Done>,
    /// The signal whose event has failed. That changes nothing else.
    pub failed: Option<(u64, FailedSignal)>,
    /// What an import stores. That changes no other signals.
    pub restored: Option<Restored>,
    /// The schedules that there are from now on. That changes no other signals.
    pub schedules: Option<Vec<PlannedSchedule>>,
}

impl SignalChanges {
    pub(crate) fn is_empty(&self) -> bool {
        let SignalChanges { clears_timers, timers, sends, done, failed, restored, schedules } =
            self;
        !clears_timers
            && timers.is_empty()
            && sends.is_empty()
            && done.is_none()
            && failed.is_none()
            && restored.is_none()
            && schedules.is_none()
    }

    /// About how many bytes they write.
    pub(crate) fn bytes(&self) -> u64 {
        let data = |data: &Option<Value>| data.as_ref().map_or(0, |data| data.bytes().len() as u64);
        let timers = self.timers.iter().filter_map(|(name, timer)| Some((name, timer.as_ref()?)));
        let timers = timers.map(|(name, timer)| signal_bytes(name, data(&timer.data)));
        let sends = self.sends.iter().map(|sent| signal_bytes(&sent.name, data(&sent.data)));
        let restored = self.restored.iter().flat_map(|restored| &restored.signals);
        let restored = restored.map(|stored| stored.signal.bytes());
        timers.sum::<u64>() + sends.sum::<u64>() + restored.sum::<u64>()
    }
}

/// A timer that is set.
#[derive(Debug)]
pub struct NewTimer {
    pub at: u64,
    /// The time between two runs, if it runs again and again.
    pub period: Option<u64>,
    pub data: Option<Value>,
}

/// A signal that is sent. It is due at once.
#[derive(Debug)]
pub struct NewSignal {
    /// The room that gets it.
    pub room: Arc<str>,
    pub name: Box<str>,
    pub data: Option<Value>,
    pub on_fail: Option<Box<str>>,
}

/// A schedule of the handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSchedule {
    pub room: Arc<str>,
    pub name: Box<str>,
    pub cron: Box<str>,
    /// When it runs first, if it is not planned already.
    pub first: u64,
}

/// Timers and signals of the transaction's room as they were stored before, there or elsewhere.
#[derive(Debug, Default)]
pub struct Restored {
    /// Whether the room's timers and all signals for it go first, parked ones included. Otherwise it must have none.
    pub replaces: bool,
    /// In their order. Each gets a new number, and the transaction's room.
    pub signals: Vec<StoredSignal>,
}

/// The signal that an event has handled: it goes.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub id: u64,
    /// Then it stays and is due at this time, unless the event sets or removes the timer of its name.
    pub again: Option<u64>,
}

/// What becomes of a signal whose event has failed.
#[derive(Clone, Copy, Debug)]
pub enum FailedSignal {
    /// The attempt counts, and it is due again.
    Retry { due: u64 },
    /// It stays, and does not run until [`wake_parked`](super::states::States::wake_parked). Its sender is told.
    Park,
}

/// What an operator sees of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalTotals {
    /// All that are stored, those that are parked included.
    pub stored: u64,
    /// Those that an event handles, or that wait for the turn of their room.
    pub taken: u64,
    pub parked: u64,
    /// When the first is due of those that are not taken.
    pub first_due: Option<u64>,
}

/// What a room remembers of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    pub(crate) id: u64,
    pub(crate) scheduled: u64,
    /// What it counts.
    pub(crate) bytes: u64,
}

/// What the signals of a room take: its timers, and those that it has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SignalUsage {
    pub(crate) timers: u64,
    /// Signals that were not taken yet and are not parked.
    pub(crate) sent: u64,
    /// Of all, those that are parked included.
    pub(crate) bytes: u64,
}

impl SignalUsage {
    pub(crate) fn after(self, charge: Charge) -> SignalUsage {
        SignalUsage {
            timers: self.timers.saturating_add_signed(charge.timers),
            sent: self.sent.saturating_add_signed(charge.sent),
            bytes: self.bytes.saturating_add_signed(charge.bytes),
        }
    }
}

/// A change of what the signals of a room take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) timers: i64,
    pub(crate) sent: i64,
    pub(crate) bytes: i64,
}

impl Charge {
    /// That of a signal that comes, or with -1 of one that goes.
    pub(crate) fn of(signal: &Signal, sign: i64) -> Charge {
        // What the server itself has planned counts nothing.
        let bytes = if signal.cron.is_some() { 0 } else { signal.bytes() };
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let (timers, sent) = (i64::from(signal.is_timer), i64::from(signal.is_sent()));
        Charge { timers: sign * timers, sent: sign * sent, bytes: sign * bytes }
    }

    /// The same of one that is parked, which does not count as sent any more.
    pub(crate) fn of_parked(signal: &Signal, sign: i64) -> Charge {
        Charge { sent: 0, ..Charge::of(signal, sign) }
    }

    pub(crate) fn of_timer(timer: Timer, sign: i64) -> Charge {
        let bytes = i64::try_from(timer.bytes).unwrap_or(i64::MAX);
        Charge { timers: sign, sent: 0, bytes: sign * bytes }
    }

    pub(crate) fn add(&mut self, other: Charge) {
        self.timers += other.timers;
        self.sent += other.sent;
        self.bytes += other.bytes;
    }
}
