//! Records events for the inspector, while a page of it is open.
//!
//! Each event checks once whether it is recorded ([`Observer::begin`]). If no page has requested events in
//! the last seconds, it is not, and nothing is copied or formatted. The records are in a ring buffer, whose
//! length and the length of each record are limited, whatever handlers and clients do.

mod preview;
mod record;
mod state_record;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use zigttp_abi::value::Value;

use zigttp_recording::block::RecordedLimits;
use zigttp_recording::kept::Kept;
use zigttp_sandbox::event::Event;

pub use self::preview::Preview;
pub use self::record::EventRecord;
use crate::clock::Clock;
use crate::connection::Connection;

/// How long events are recorded after a request of a page. A page sends one at least every second.
const WATCH_TIME: Duration = Duration::from_secs(10);

/// Most records that one request gets.
const MAX_RETURNED: usize = 500;

/// Keeps the records of the latest events.
pub struct Observer {
    started: Instant,
    clock: Clock,
    /// Until when events are recorded, in milliseconds since the start; set by each request.
    watched_until: AtomicU64,
    ring: Mutex<Ring>,
    max_records: usize,
    /// The limits that events run under, to run them again.
    pub limits: RecordedLimits,
    added: Notify,
}

#[derive(Default)]
struct Ring {
    records: VecDeque<EventRecord>,
    /// The number of the next record; the first is 1.
    next: u64,
}

/// The records since the last request of a page.
pub struct NewEvents {
    pub records: Vec<EventRecord>,
    /// How many records before these are not kept any more.
    pub missed: u64,
    /// The number of the last record, for the next request.
    pub last: u64,
}

impl Observer {
    pub fn new(max_records: usize, limits: RecordedLimits, clock: Clock) -> Observer {
        Observer {
            started: clock.now(),
            clock,
            watched_until: AtomicU64::new(0),
            ring: Mutex::new(Ring { next: 1, ..Ring::default() }),
            max_records,
            limits,
            added: Notify::new(),
        }
    }

    /// Milliseconds since the observer was made.
    pub fn milliseconds(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    /// Begins the record of an event, if events are recorded now. Boxed, so that an event without a record
    /// holds no memory for it.
    pub fn begin(&self, event: &Event, now: Instant) -> Option<Box<EventRecord>> {
        let at = self.milliseconds(now);
        (at < self.watched_until.load(Ordering::Relaxed))
            .then(|| Box::new(EventRecord::of(event, at)))
    }

    /// Records a message that got an auto-response, if events are recorded now.
    pub fn auto_response(&self, connection: &Connection, message: &Value, response: &Value) {
        let at = self.milliseconds(self.clock.now());
        if at < self.watched_until.load(Ordering::Relaxed) {
            self.add(EventRecord::of_auto_response(connection, message, response, at));
        }
    }

    /// Adds the record of an event that has ended.
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

    /// Returns the records after the one of this number. Events are recorded for some time from now on.
    pub fn events_after(&self, after: u64, now: Instant) -> NewEvents {
        self.watched_until.store(self.milliseconds(now + WATCH_TIME), Ordering::Relaxed);
        let ring = self.ring();
        let first = ring.records.front().map_or(ring.next, |record| record.number);
        let skipped = (after + 1).saturating_sub(first);
        let records: Vec<EventRecord> = ring
            .records
            .iter()
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
            .take(MAX_RETURNED)
            .cloned()
            .collect();
        NewEvents {
            missed: first.saturating_sub(after + 1),
            last: records.last().map_or(ring.next - 1, |record| record.number),
            records,
        }
    }

    /// The event of this number, to run it again.
    pub fn kept(&self, number: u64) -> Option<Arc<Kept>> {
        let ring = self.ring();
        let first = ring.records.front()?.number;
        let index = usize::try_from(number.checked_sub(first)?).ok()?;
        ring.records.get(index)?.kept.clone()
    }

    /// Waits until there is a record after the one of this number.
    pub async fn added(&self, after: u64) {
        loop {
            // Registered before the check, so that no record can be added in between.
            let mut added = std::pin::pin!(self.added.notified());
            added.as_mut().enable();
            if self.ring().next > after + 1 {
                return;
            }
            added.await;
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // No change can panic in the middle.
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
        Event::request(Request { method: text(), target: text(), headers: text(), body }, None)
    }

    #[test]
    fn nothing_is_recorded_before_a_page_asks() {
        let observer = Observer::new(10, RecordedLimits::default(), Clock::system());
        let now = Clock::system().now();
        assert!(observer.begin(&request(), now).is_none());
        assert_eq!(observer.events_after(0, now).last, 0);
        assert!(observer.begin(&request(), now).is_some());
        assert!(observer.begin(&request(), now + WATCH_TIME).is_none(), "the page has gone");
    }

    #[test]
    fn the_ring_is_limited_and_counts_missed_events() {
        let observer = Observer::new(3, RecordedLimits::default(), Clock::system());
        for _ in 0..5 {
            observer.add(EventRecord::of(&request(), 0));
        }
        let new = observer.events_after(0, Clock::system().now());
        let numbers: Vec<_> = new.records.iter().map(|record| record.number).collect();
        assert_eq!((numbers, new.missed, new.last), (vec![3, 4, 5], 2, 5));
        let new = observer.events_after(4, Clock::system().now());
        assert_eq!((new.records.len(), new.missed, new.last), (1, 0, 5));
        let new = observer.events_after(5, Clock::system().now());
        assert_eq!((new.records.len(), new.missed, new.last), (0, 0, 5));
    }
}
