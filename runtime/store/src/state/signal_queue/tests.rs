//! The queue against all that is stored.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::*;

fn signal(id: u64, room: &str, due: u64) -> Arc<Signal> {
    Arc::new(Signal {
        id,
        room: room.into(),
        sender: Some("/sender".into()),
        name: "name".into(),
        is_timer: false,
        cron: None,
        scheduled: due,
        due,
        period: None,
        attempt: 0,
        data: None,
        on_fail: None,
    })
}

/// A queue of few bytes beside what is stored.
struct Subject {
    queue: SignalQueue,
    stored: BTreeMap<Place, Arc<Signal>>,
}

impl Subject {
    fn store(&mut self, signal: Arc<Signal>) {
        self.stored.insert((signal.due, signal.id), Arc::clone(&signal));
        self.queue.apply([Step::Add(signal)]);
    }

    /// As the thread that writes does, a few at a time.
    fn load(&self, now: u64) {
        while let Some(gap) = self.queue.gap(now) {
            let behind = self.stored.range(gap.after..).filter(|(place, _)| **place > gap.after);
            let read: Vec<_> = behind
                .take_while(|(place, _)| place.0 <= gap.to)
                .map(|(_, signal)| Arc::clone(signal))
                .take(5)
                .collect();
            let next = self.stored.range((gap.to + 1, 0)..).next();
            let rest = match read.get(4) {
                Some(last) => Rest::Behind((last.due, last.id)),
                None => Rest::DueFrom(next.map_or(u64::MAX, |(place, _)| place.0)),
            };
            if !self.queue.fill(&gap, read, rest) {
                break;
            }
        }
    }

    fn feed(&self) {
        while let Some(gap) = self.queue.room_gap() {
            let places = (Bound::Excluded(gap.after), Bound::Included(gap.to));
            let is_of_room = |(_, signal): &(&Place, &Arc<Signal>)| signal.room == gap.room;
            let behind = self.stored.range(places).filter(is_of_room);
            let read: Vec<_> = behind.map(|(_, signal)| Arc::clone(signal)).take(3).collect();
            let to = read.get(2).map(|last| (last.due, last.id));
            self.queue.fill_room(&gap, read, to);
        }
    }

    fn take(&self, now: u64) -> Vec<Signal> {
        if self.queue.advance(now) {
            self.feed();
            self.load(now);
        }
        self.queue.take(now, usize::MAX)
    }

    fn end(&mut self, signal: &Signal) {
        self.stored.remove(&(signal.due, signal.id));
        self.queue.apply([Step::End(signal.id)]);
    }
}

#[test]
fn more_than_fit_into_memory_come_in_the_order_of_their_times() {
    let mut random = fastrand::Rng::with_seed(3);
    let most_bytes = 20 * (SIGNAL_BYTES + 80);
    let queue = SignalQueue::of_database(most_bytes, None);
    let mut subject = Subject { queue, stored: BTreeMap::new() };
    let (mut now, mut id, mut handled, mut most) = (1_000_000, 0, 0, 0);
    let mut taken: Vec<Signal> = Vec::new();
    for step in 0..20_000 {
        // More come at one time, and more go at another.
        if random.u32(..10) < if step / 2000 % 2 == 0 { 7 } else { 2 } && step < 18_000 {
            id += 1;
            let due = now + if random.bool() { 0 } else { random.u64(..400_000) };
            subject.store(signal(id, &format!("/{}", random.u32(..9)), due));
        } else {
            now += random.u64(..60);
            let some = subject.take(now);
            for signal in &some {
                assert!(signal.due <= now);
                assert!(taken.iter().all(|other| other.room != signal.room));
                // None of the room that is due was there before it.
                let is_before = |other: &&Arc<Signal>| {
                    other.room == signal.room && (other.due, other.id) < (signal.due, signal.id)
                };
                let before = subject.stored.values().filter(is_before).count();
                assert_eq!(before, 0, "{signal:?}");
            }
            taken.extend(some);
        }
        if !taken.is_empty() && random.u32(..3) > 0 {
            handled += 1;
            let signal = taken.swap_remove(random.usize(..taken.len()));
            subject.end(&signal);
        }
        most = most.max(subject.queue.lock().bytes);
        let queued = subject.queue.lock();
        assert_eq!(queued.taken as usize, taken.len());
        for (place, signal) in &subject.stored {
            let is_behind = *place > queued.covered && signal.due >= queued.beyond;
            let of_room = queued.rooms.get(&signal.room);
            let is_left = || of_room.is_some_and(|room| *place > room.covered);
            assert!(queued.by_id.contains_key(&signal.id) || is_behind || is_left());
        }
    }
    while let Some(signal) = taken.pop() {
        subject.end(&signal);
    }
    for _ in 0..subject.stored.len() {
        now += 400_000;
        for signal in subject.take(now) {
            handled += 1;
            subject.end(&signal);
        }
    }
    assert!(subject.stored.is_empty() && subject.take(now).is_empty());
    assert!(subject.queue.next_due().is_none());
    assert_eq!(handled, id);
    assert!(id > 5_000 && most <= most_bytes + SIGNAL_BYTES + 80, "{id} {most}");
    let queued = subject.queue.lock();
    assert_eq!((queued.rooms.len(), queued.by_id.len(), queued.bytes), (0, 0, 0));
}

/// Otherwise the one that waits for what is next would not sleep.
#[test]
fn what_is_being_read_is_not_due_before_it_is_here() {
    let mut subject =
        Subject { queue: SignalQueue::of_database(1 << 20, Some(5)), stored: BTreeMap::new() };
    subject.stored.insert((5, 1), signal(1, "/a", 5));
    assert_eq!(subject.queue.next_due(), Some(5));
    assert!(subject.queue.advance(10) && !subject.queue.advance(10));
    assert!(subject.queue.take(10, 9).is_empty());
    assert_eq!(subject.queue.next_due(), None);
    subject.load(10);
    assert_eq!(subject.queue.next_due(), Some(5));
}
