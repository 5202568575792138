//! What an inspector is told of events, while somebody looks.
//!
//! An event asks once whether it is observed ([`Observer::begin`]). Unless a page has asked for events
//! within the last seconds it is not, and nothing of it is copied or formatted. What is kept is a ring
//! of short records: how many there are and how long each may be is bounded, whatever handlers and
//! clients do.

mod preview;
mod record;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use zigttp_abi::value::Value;

pub use self::preview::Preview;
pub use self::record::EventRecord;

use zigttp_sandbox::event::Event;

use crate::clock::Clock;
use crate::connection::Connection;

/// How long a look lasts: pages look again every second at the latest.
const LOOK: Duration = Duration::from_secs(10);

/// Most records that one look takes.
const MAX_TAKEN: usize = 500;

/// Keeps the latest events for whoever looks.
pub struct Observer {
    started: Instant,
    clock: Clock,
    /// Until when somebody looks, in milliseconds since the start; written by each look.
    watched_until: AtomicU64,
    ring: Mutex<Ring>,
    max_records: usize,
    added: Notify,
}

#[derive(Default)]
struct Ring {
    records: VecDeque<EventRecord>,
    /// Number of the record that is added next; the first is 1.
    next: u64,
}

/// What a look has found.
pub struct Look {
    pub records: Vec<EventRecord>,
    /// Records between the last look and these that are kept no more.
    pub missed: u64,
    /// Where the next look begins.
    pub last: u64,
}

impl Observer {
    pub fn new(max_records: usize, clock: Clock) -> Observer {
        Observer {
            started: clock.now(),
            clock,
            watched_until: AtomicU64::new(0),
            ring: Mutex::new(Ring { next: 1, ..Ring::default() }),
            max_records,
            added: Notify::new(),
        }
    }

    /// Milliseconds since the observer was made.
    pub fn milliseconds(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    /// The record of an event that begins now, if somebody looks. Boxed: an event that nobody looks
    /// at holds no room for it.
    pub fn begin(&self, event: &Event, now: Instant) -> Option<Box<EventRecord>> {
        let at = self.milliseconds(now);
        (at < self.watched_until.load(Ordering::Relaxed))
            .then(|| Box::new(EventRecord::of(event, at)))
    }

    /// Notes a message that an auto-response has answered, if somebody looks.
    pub fn auto_response(&self, connection: &Connection, message: &Value, answer: &Value) {
        let at = self.milliseconds(self.clock.now());
        if at < self.watched_until.load(Ordering::Relaxed) {
            self.add(EventRecord::of_auto_response(connection, message, answer, at));
        }
    }

    /// Keeps the record of an event that has ended.
    pub fn add(&self, mut record: EventRecord) {
        let mut ring = self.ring();
        record.number = ring.next;
        ring.next += 1;
        if ring.records.len() >= self.max_records {
            ring.records.pop_front();
        }
        ring.records.push_back(record);
        drop(ring);
        self.added.notify_waiters();
    }

    /// The records after the one of this number; from now on somebody looks.
    pub fn look(&self, after: u64, now: Instant) -> Look {
        self.watched_until.store(self.milliseconds(now + LOOK), Ordering::Relaxed);
        let ring = self.ring();
        let first = ring.records.front().map_or(ring.next, |record| record.number);
        let skipped = (after + 1).saturating_sub(first);
        let records: Vec<EventRecord> = ring
            .records
            .iter()
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
            .take(MAX_TAKEN)
            .cloned()
            .collect();
        Look {
            missed: first.saturating_sub(after + 1),
            last: records.last().map_or(ring.next - 1, |record| record.number),
            records,
        }
    }

    /// Waits until there is a record after the one of this number.
    pub async fn added(&self, after: u64) {
        loop {
            // Registered before the look, so that the last one cannot come in between.
            let mut added = std::pin::pin!(self.added.notified());
            added.as_mut().enable();
            if self.ring().next > after + 1 {
                return;
            }
            added.await;
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Every change leaves a whole ring behind.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use zigttp_sandbox::event::Request;

    fn request() -> Event {
        let text = String::new;
        let body = Bytes::new();
        Event::request(Request { method: text(), target: text(), headers: text(), body })
    }

    #[test]
    fn nothing_is_kept_unless_somebody_looks() {
        let observer = Observer::new(10, Clock::system());
        let now = Clock::system().now();
        assert!(observer.begin(&request(), now).is_none());
        assert_eq!(observer.look(0, now).last, 0);
        assert!(observer.begin(&request(), now).is_some());
        assert!(observer.begin(&request(), now + LOOK).is_none(), "the look is over");
    }

    #[test]
    fn the_ring_is_bounded_and_says_what_is_missed() {
        let observer = Observer::new(3, Clock::system());
        for _ in 0..5 {
            observer.add(EventRecord::of(&request(), 0));
        }
        let look = observer.look(0, Clock::system().now());
        let numbers: Vec<_> = look.records.iter().map(|record| record.number).collect();
        assert_eq!((numbers, look.missed, look.last), (vec![3, 4, 5], 2, 5));
        let look = observer.look(4, Clock::system().now());
        assert_eq!((look.records.len(), look.missed, look.last), (1, 0, 5));
        let look = observer.look(5, Clock::system().now());
        assert_eq!((look.records.len(), look.missed, look.last), (0, 0, 5));
    }
}
