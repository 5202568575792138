//! Signals and timers, as events send and receive them.

use std::fmt::Write;

use zigttp_abi::value::Value;

use crate::shared_text::SharedText;

/// A signal that has come, or a timer that is due.
#[derive(Debug)]
pub struct Signal {
    pub name: Box<str>,
    pub data: Option<Value>,
    pub info: SignalInfo,
    /// When a timer with a period fires next.
    pub next: Option<u64>,
    /// The JSON of the information, for the guest.
    pub(crate) json: String,
}

/// What `onSignal` learns besides name and data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// The same at each attempt.
    pub id: u64,
    pub kind: SignalKind,
    /// When it was due, in milliseconds since 1970.
    pub scheduled: u64,
    /// 1 at the first attempt.
    pub attempt: u32,
    /// Whether it is parked if this attempt fails.
    pub is_last: bool,
    /// Periods that have passed without a signal.
    pub missed: u64,
    /// The room that has sent it.
    pub from: Option<SharedText>,
}

/// What has made a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    Signal,
    /// A timer of the room.
    Timer,
    /// A schedule of the handler, which no event can see or cancel. For the guest it is a timer.
    Schedule,
}

impl Signal {
    pub fn new(name: Box<str>, data: Option<Value>, info: SignalInfo, next: Option<u64>) -> Signal {
        let json = info.json();
        Signal { name, data, info, next, json }
    }

    /// Whether it is the timer of this name.
    pub(crate) fn is_timer(&self, name: &str) -> bool {
        self.info.kind == SignalKind::Timer && *self.name == *name
    }

    /// Bytes of the data.
    pub(crate) fn data_bytes(&self) -> &[u8] {
        self.data.as_ref().map_or(&[], |data| data.bytes())
    }
}

impl SignalInfo {
    /// The `SignalInfo` of the typings.
    fn json(&self) -> String {
        let SignalInfo { id, kind, scheduled, attempt, is_last, missed, from } = self;
        let kind = match kind {
            SignalKind::Signal => "signal",
            SignalKind::Timer | SignalKind::Schedule => "timer",
        };
        let mut json = format!(
            "{{\"id\":\"{id}\",\"kind\":\"{kind}\",\"scheduledTime\":{scheduled},\"attempt\":{attempt},\
             \"last\":{is_last},\"missed\":{missed}"
        );
        if let Some(from) = from {
            let from = serde_json::to_string(from).expect("a text always serialises");
            write!(json, ",\"from\":{from}").expect("writing to a string cannot fail");
        }
        json.push('}');
        json
    }
}

/// One effect of an event on signals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalEffect {
    /// Send a signal to a room.
    Send { room: Box<str>, name: Box<str>, data: Option<Value>, on_fail: Option<Box<str>> },
    /// Set a timer of the event's own room. With a period it fires again and again.
    SetTimer { name: Box<str>, at: u64, period: Option<u64>, data: Option<Value> },
    /// Remove a timer of the event's own room.
    CancelTimer { name: Box<str> },
    /// Remove all timers of the event's own room.
    CancelAllTimers,
}

impl SignalEffect {
    /// How much memory it takes.
    pub(crate) fn held_bytes(&self) -> usize {
        /// Its entry in a list that doubles as it grows, and what its commit holds for it.
        const EFFECT_BYTES: usize = 4 * size_of::<SignalEffect>();
        let of_data = |data: &Option<Value>| data.as_ref().map_or(0, |data| data.bytes().len());
        EFFECT_BYTES
            + match self {
                SignalEffect::Send { room, name, data, on_fail } => {
                    let on_fail = on_fail.as_ref().map_or(0, |name| name.len());
                    room.len() + name.len() + on_fail + of_data(data)
                }
                SignalEffect::SetTimer { name, data, .. } => name.len() + of_data(data),
                SignalEffect::CancelTimer { name } => name.len(),
                SignalEffect::CancelAllTimers => 0,
            }
    }
}

/// How many timers its room has more for an event than are stored.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimerCount {
    /// Whether the event has removed all that are stored.
    is_cleared: bool,
    added: isize,
}

impl TimerCount {
    pub(crate) fn clear(&mut self) {
        *self = TimerCount { is_cleared: true, added: 0 };
    }

    pub(crate) fn add(&mut self, count: isize) {
        self.added += count;
    }

    /// How many there are, if so many are stored.
    pub(crate) fn of(self, stored: usize) -> usize {
        let stored = if self.is_cleared { 0 } else { stored };
        stored.saturating_add_signed(self.added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_information_is_json() {
        let mut info = SignalInfo {
            id: 7,
            kind: SignalKind::Timer,
            scheduled: 1_000,
            attempt: 2,
            is_last: false,
            missed: 3,
            from: None,
        };
        assert_eq!(
            info.json(),
            r#"{"id":"7","kind":"timer","scheduledTime":1000,"attempt":2,"last":false,"missed":3}"#
        );
        info.kind = SignalKind::Signal;
        info.from = Some("/a\"b".into());
        assert!(info.json().ends_with(r#""missed":3,"from":"/a\"b"}"#), "{}", info.json());
    }
}
