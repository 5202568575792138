//! What the events of a room have used, so that the room which costs most can be found.
//!
//! A room counts while somebody is in it. What it had used then is kept for some rooms that nobody is in any more
//! ([`Departed`]): a room that lives on requests or signals alone is entered anew for each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zigttp_sandbox::shared_text::SharedText;

/// Most rooms that nobody is in any more whose use is kept.
const MAX_DEPARTED: usize = 1 << 10;

/// What the events of one room have used. Only the one who has the room's turn changes it, so no change needs an
/// operation that locks memory.
#[derive(Default)]
pub struct RoomUse {
    cpu_ns: AtomicU64,
    wait_ns: AtomicU64,
    sent_bytes: AtomicU64,
    signals: AtomicU64,
    events: AtomicU64,
}

/// The use of one event.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventUse {
    pub cpu: Duration,
    /// Bytes of payload that it has sent, to each receiver.
    pub sent_bytes: usize,
    pub is_signal: bool,
}

/// Sums over events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UseTotals {
    pub cpu_ns: u64,
    /// How long events have waited for the room's turn.
    pub wait_ns: u64,
    pub sent_bytes: u64,
    pub signals: u64,
    pub events: u64,
}

impl RoomUse {
    /// Adds an event. The caller has the room's turn.
    pub fn add(&self, used: EventUse) {
        add(&self.cpu_ns, nanoseconds(used.cpu));
        add(&self.sent_bytes, used.sent_bytes as u64);
        add(&self.signals, u64::from(used.is_signal));
        add(&self.events, 1);
    }

    /// Adds a wait for the turn. The caller has it now.
    pub fn add_wait(&self, waited: Duration) {
        add(&self.wait_ns, nanoseconds(waited));
    }

    pub fn totals(&self) -> UseTotals {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        UseTotals {
            cpu_ns: get(&self.cpu_ns),
            wait_ns: get(&self.wait_ns),
            sent_bytes: get(&self.sent_bytes),
            signals: get(&self.signals),
            events: get(&self.events),
        }
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl UseTotals {
    pub fn plus(self, other: UseTotals) -> UseTotals {
        self.with(other, u64::wrapping_add)
    }

    /// What was added since an earlier moment; nothing where that is not known any more.
    pub fn since(self, earlier: UseTotals) -> UseTotals {
        self.with(earlier, u64::saturating_sub)
    }

    fn with(self, other: UseTotals, operation: fn(u64, u64) -> u64) -> UseTotals {
        UseTotals {
            cpu_ns: operation(self.cpu_ns, other.cpu_ns),
            wait_ns: operation(self.wait_ns, other.wait_ns),
            sent_bytes: operation(self.sent_bytes, other.sent_bytes),
            signals: operation(self.signals, other.signals),
            events: operation(self.events, other.events),
        }
    }
}

/// What rooms had used when the last left them. When there are too many, the half is forgotten that has used the
/// least CPU time.
#[derive(Default)]
pub struct Departed {
    rooms: Mutex<HashMap<SharedText, UseTotals>>,
}

impl Departed {
    /// Adds what a room has used that nobody is in any more.
    pub fn add(&self, room: &str, totals: UseTotals) {
        let mut rooms = self.lock();
        if let Some(known) = rooms.get_mut(room) {
            *known = known.plus(totals);
            return;
        }
        if rooms.len() >= MAX_DEPARTED {
            let mut cpu: Vec<u64> = rooms.values().map(|totals| totals.cpu_ns).collect();
            let (_, median, _) = cpu.select_nth_unstable(MAX_DEPARTED / 2);
            let median = *median;
            rooms.retain(|_, totals| totals.cpu_ns > median);
        }
        // A copy: the room's own text may be a part of a longer one.
        rooms.insert(room.into(), totals);
    }

    /// All of them.
    pub fn all(&self) -> HashMap<SharedText, UseTotals> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SharedText, UseTotals>> {
        // No change can panic in the middle.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(cpu_ns: u64) -> UseTotals {
        UseTotals { cpu_ns, events: 1, ..UseTotals::default() }
    }

    #[test]
    fn of_many_rooms_that_nobody_is_in_those_are_kept_that_have_used_most() {
        let departed = Departed::default();
        departed.add("/hot", totals(1_000_000));
        for number in 0..10_000_u64 {
            departed.add(&format!("/{number}"), totals(number % 1000));
            departed.add("/hot", totals(10));
        }
        let all = departed.all();
        assert!(all.len() <= MAX_DEPARTED);
        assert_eq!(all["/hot"].cpu_ns, 1_100_000);
        assert_eq!(all["/hot"].events, 10_001);
    }

    #[test]
    fn rooms_that_have_all_used_the_same_are_bounded_too() {
        let departed = Departed::default();
        for number in 0..5_000 {
            departed.add(&format!("/{number}"), totals(7));
        }
        assert!(departed.all().len() <= MAX_DEPARTED);
    }
}
