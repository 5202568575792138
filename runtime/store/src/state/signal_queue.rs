//! The signals that are due soon, in memory, and those that an event has taken.
//!
//! With a database this holds all signals that are due up to a moment, the `covered` one, and the rest stays on
//! disk until its time comes. The database is the truth: what is here changes when the database has it. Only what
//! is taken, and what was given back without having run, is known here alone.
//!
//! Each room has one of its signals taken at a time, so they run in the order in which they are due; one that waits
//! for the outside keeps up only those of its name. Those of a room
//! take a small part of the memory: when many wait in one, the later ones are on disk too, and are read bit by bit. So
//! they delay no other room.

mod place;
mod room_signals;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use self::place::BEHIND_ALL;
pub(crate) use self::place::Place;
use self::room_signals::RoomSignals;
use crate::state::signals::Signal;

/// How far ahead signals are held in memory, in milliseconds.
const AHEAD_MS: u64 = 60_000;

/// Bytes of the signals that are held in memory, if there is a database.
pub(crate) const HELD_BYTES: u64 = 64 << 20;

/// A room may hold one of so many parts of that.
const PARTS: u64 = 256;

/// What a signal takes in memory besides what it counts: measured.
const SIGNAL_BYTES: u64 = 320;

/// The signals that are due soon.
pub(crate) struct SignalQueue {
    most_bytes: u64,
    queued: Mutex<Queued>,
    /// One waits for it.
    sooner: Notify,
}

#[derive(Default)]
struct Queued {
    by_id: HashMap<u64, Held>,
    rooms: HashMap<Arc<str>, RoomSignals>,
    /// The first of each room of which none is taken: when it may run, and its number.
    firsts: BTreeSet<Place>,
    /// All signals up to this place are here, and none behind it, except those that are taken. In some rooms those
    /// that are here end earlier.
    covered: Place,
    /// None that is not here is due before it.
    beyond: u64,
    /// Whether those are being read that come next.
    is_loading: bool,
    /// Most bytes of the signals of a room that wait here.
    most_of_room: u64,
    /// The rooms that have few signals here and others on disk.
    hungry: BTreeSet<Arc<str>>,
    /// Whether those are being read.
    is_feeding: bool,
    bytes: u64,
    taken: u64,
}

struct Held {
    signal: Arc<Signal>,
    state: HeldState,
}

#[derive(Clone, Copy, PartialEq)]
enum HeldState {
    Waiting,
    /// At this time.
    Taken(u64),
    /// It was removed after it was taken.
    Gone,
}

/// What a commit means for the signals in memory.
pub(crate) enum Step {
    /// It was stored, or has another time.
    Add(Arc<Signal>),
    Remove(u64),
    /// It is no longer taken.
    End(u64),
}

/// Which signals of a room are to be read next.
pub(crate) struct RoomGap {
    pub(crate) room: Arc<str>,
    /// Those behind this place.
    pub(crate) after: Place,
    /// Those up to this place.
    pub(crate) to: Place,
    /// Until they take so many bytes in memory.
    pub(crate) bytes: u64,
}

/// Which signals are to be read next.
pub(crate) struct Gap {
    /// Those behind this place.
    pub(crate) after: Place,
    /// Those that are due up to this time.
    pub(crate) to: u64,
}

/// What was left of a gap when a part of it was read.
pub(crate) enum Rest {
    /// There may be more behind this place.
    Behind(Place),
    /// Nothing; the next signal is due at this time.
    DueFrom(u64),
}

impl SignalQueue {
    /// Of states in memory: all signals are here.
    pub(crate) fn of_memory() -> SignalQueue {
        let queued = Queued { covered: BEHIND_ALL, beyond: u64::MAX, ..Queued::default() };
        SignalQueue::new(u64::MAX, queued)
    }

    /// Of a database. `first_due` is when its first signal is due.
    pub(crate) fn of_database(most_bytes: u64, first_due: Option<u64>) -> SignalQueue {
        let beyond = first_due.unwrap_or(u64::MAX);
        SignalQueue::new(most_bytes, Queued { beyond, ..Queued::default() })
    }

    fn new(most_bytes: u64, queued: Queued) -> SignalQueue {
        let most_of_room = most_bytes / PARTS;
        let queued = Mutex::new(Queued { most_of_room, ..queued });
        SignalQueue { most_bytes, queued, sooner: Notify::new() }
    }

    pub(crate) fn next_due(&self) -> Option<u64> {
        Some(self.lock().next(self.most_bytes)).filter(|&due| due < u64::MAX)
    }

    /// Takes the first due signal of each room of which none is taken, the longest due first.
    pub(crate) fn take(&self, now: u64, most: usize) -> Vec<Signal> {
        let mut queued = self.lock();
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(&(due, id)) = queued.firsts.first()
            && due <= now
        {
            taken.push(queued.take(id, now));
        }
        taken
    }

    /// Whether a signal that was taken is still to run. Otherwise it is forgotten.
    pub(crate) fn is_current(&self, id: u64) -> bool {
        match self.lock().by_id.get(&id).map(|held| held.state) {
            Some(HeldState::Taken(_)) => return true,
            Some(HeldState::Waiting) | None => return false,
            Some(HeldState::Gone) => {}
        }
        self.change(|queued| queued.end(id));
        false
    }

    /// A signal that is taken waits for the outside: others of its room may be taken, but for those of its name.
    pub(crate) fn suspend(&self, id: u64) {
        self.change(|queued| {
            let Some(held) = queued.by_id.get(&id) else { return };
            let signal = Arc::clone(&held.signal);
            queued.change_room(&signal.room, |room| {
                if room.taken == Some(id) {
                    room.taken = None;
                    room.suspended.push((id, signal.name.clone()));
                }
            });
        });
    }

    /// A signal that was taken did not run. It and all others of its room wait until this time.
    pub(crate) fn give_back(&self, id: u64, due: u64) {
        self.change(|queued| {
            let Some(held) = queued.by_id.get_mut(&id) else { return };
            match held.state {
                HeldState::Waiting => {}
                HeldState::Gone => queued.end(id),
                HeldState::Taken(_) => {
                    held.state = HeldState::Waiting;
                    let signal = Arc::clone(&held.signal);
                    let place = (signal.due, id);
                    queued.taken -= 1;
                    let is_covered = queued.change_room(&signal.room, |room| {
                        room.end(id);
                        room.not_before = due;
                        room.put(place, held_bytes(&signal));
                        place <= room.covered
                    });
                    if place > queued.covered {
                        queued.leave_on_disk(&signal);
                    } else if !is_covered {
                        queued.remove(id);
                    }
                }
            }
        });
    }

    /// None that was taken has run, and whoever has taken them is gone.
    pub(crate) fn restart(&self) {
        let held: Vec<u64> = self.lock().by_id.keys().copied().collect();
        for id in held {
            self.give_back(id, 0);
        }
    }

    /// A signal that is taken, if it was not removed meanwhile, and when it was taken.
    pub(crate) fn taken(&self, id: u64) -> Option<(Arc<Signal>, u64)> {
        let queued = self.lock();
        let held = queued.by_id.get(&id)?;
        match held.state {
            HeldState::Taken(at) => Some((Arc::clone(&held.signal), at)),
            HeldState::Waiting | HeldState::Gone => None,
        }
    }

    /// Does what commits mean, in their order.
    pub(crate) fn apply(&self, steps: impl IntoIterator<Item = Step>) {
        let most_bytes = self.most_bytes;
        self.change(|queued| {
            for step in steps {
                match step {
                    Step::Add(signal) => queued.add(signal, most_bytes),
                    Step::Remove(id) => queued.remove(id),
                    Step::End(id) => queued.end(id),
                }
            }
        });
    }

    /// Covers the next minute. Returns true if signals must be read for it: then [`SignalQueue::gap`] and
    /// [`SignalQueue::room_gap`] say which.
    pub(crate) fn advance(&self, now: u64) -> bool {
        let mut queued = self.lock();
        let feeds = !queued.hungry.is_empty() && !queued.is_feeding;
        queued.is_feeding |= feeds;
        queued.advance(now, self.most_bytes) || feeds
    }

    /// Which signals of a room are to be read, if any are.
    pub(crate) fn room_gap(&self) -> Option<RoomGap> {
        let mut queued = self.lock();
        let Some(room) = queued.hungry.first().cloned() else {
            queued.is_feeding = false;
            return None;
        };
        let of_room = queued.rooms.get(&room);
        let (after, held) = of_room.map_or((BEHIND_ALL, 0), |room| (room.covered, room.bytes));
        let bytes = queued.most_of_room.saturating_sub(held);
        Some(RoomGap { room, after, to: queued.covered, bytes })
    }

    /// Takes signals of a room that were read, in their order, up to a place or, without one, to the end of the gap.
    pub(crate) fn fill_room(&self, gap: &RoomGap, read: Vec<Arc<Signal>>, to: Option<Place>) {
        self.change(|queued| {
            queued.change_room(&gap.room, |room| room.covered = to.unwrap_or(BEHIND_ALL));
            for signal in read {
                if !queued.by_id.contains_key(&signal.id) {
                    queued.insert(signal);
                }
            }
        });
    }

    /// The signals of rooms could not be read. They are asked for again.
    pub(crate) fn not_fed(&self) {
        self.lock().is_feeding = false;
    }

    /// Which signals are to be read, if any are.
    pub(crate) fn gap(&self, now: u64) -> Option<Gap> {
        let queued = self.lock();
        let to = now.saturating_add(AHEAD_MS);
        queued.is_loading.then_some(Gap { after: queued.covered, to })
    }

    /// Takes signals that were read, in their order. Returns whether there are more to read.
    pub(crate) fn fill(&self, gap: &Gap, read: Vec<Arc<Signal>>, rest: Rest) -> bool {
        let most_bytes = self.most_bytes;
        self.change(|queued| {
            for signal in read {
                // The rest is for those that are stored meanwhile.
                if queued.bytes > most_bytes / 4 * 3 {
                    queued.beyond = signal.due;
                    queued.is_loading = false;
                    return false;
                }
                queued.covered = queued.covered.max((signal.due, signal.id));
                if !queued.by_id.contains_key(&signal.id) {
                    queued.insert(signal);
                }
            }
            match rest {
                Rest::Behind(place) => {
                    // Also if none of them could be read, or the same would be read for ever.
                    queued.covered = queued.covered.max(place);
                    true
                }
                Rest::DueFrom(next_due) => {
                    queued.covered = queued.covered.max((gap.to, u64::MAX));
                    queued.beyond = next_due;
                    queued.is_loading = false;
                    false
                }
            }
        })
    }

    /// Waits until one is due earlier than [`SignalQueue::next_due`] has said.
    pub(crate) async fn sooner(&self) {
        self.sooner.notified().await;
    }

    /// The number of the signal of a room that is taken.
    pub(crate) fn taken_of(&self, room: &str) -> Option<u64> {
        self.lock().rooms.get(room)?.taken
    }

    /// The signals of a room that are here, in their order, and with a number the one that is taken.
    pub(crate) fn of_room(&self, room: &str) -> (Vec<Arc<Signal>>, Option<u64>) {
        let queued = self.lock();
        let Some(of_room) = queued.rooms.get(room) else { return (Vec::new(), None) };
        let waiting = of_room.waiting.iter().map(|(_due, id)| *id);
        let is_there = |held: &&Held| held.state != HeldState::Gone;
        let signals = of_room.taken.into_iter().chain(waiting);
        let signals = signals.filter_map(|id| queued.by_id.get(&id).filter(is_there));
        (signals.map(|held| Arc::clone(&held.signal)).collect(), of_room.taken)
    }

    /// Whether none of a room is here or taken.
    #[cfg(feature = "cluster")]
    pub(crate) fn is_idle(&self, room: &str) -> bool {
        !self.lock().rooms.contains_key(room)
    }

    /// The next runs of schedules that are here.
    pub(crate) fn planned(&self) -> Vec<Arc<Signal>> {
        let queued = self.lock();
        let is_there = |held: &&Held| held.state != HeldState::Gone && held.signal.is_planned();
        queued.by_id.values().filter(is_there).map(|held| Arc::clone(&held.signal)).collect()
    }

    /// How many are taken.
    pub(crate) fn taken_count(&self) -> u64 {
        self.lock().taken
    }

    fn change<T>(&self, change: impl FnOnce(&mut Queued) -> T) -> T {
        let mut queued = self.lock();
        let before = queued.next(self.most_bytes);
        let result = change(&mut queued);
        let is_sooner = queued.next(self.most_bytes) < before;
        drop(queued);
        if is_sooner {
            self.sooner.notify_one();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Queued> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queued {
    /// See [`SignalQueue::advance`].
    fn advance(&mut self, now: u64, most_bytes: u64) -> bool {
        let to = now.saturating_add(AHEAD_MS);
        if self.is_loading || self.covered.0 >= to - AHEAD_MS / 2 {
            return false;
        }
        if self.beyond > to {
            self.covered = (to, u64::MAX);
            return false;
        }
        self.is_loading = self.bytes <= most_bytes / 2;
        self.is_loading
    }

    /// When the next thing is to be done.
    fn next(&self, most_bytes: u64) -> u64 {
        let first = self.firsts.first().map_or(u64::MAX, |(due, _)| *due);
        // What is being read is told of when it is here, and what has no space when there is some.
        let is_waiting = self.is_loading || self.bytes > most_bytes / 2;
        if is_waiting { first } else { first.min(self.beyond) }
    }

    /// Takes the first of a room.
    fn take(&mut self, id: u64, now: u64) -> Signal {
        let held = self.by_id.get_mut(&id).expect("what is first is held");
        held.state = HeldState::Taken(now);
        let signal = Arc::clone(&held.signal);
        self.taken += 1;
        self.change_room(&signal.room, |room| {
            room.pull((signal.due, id), held_bytes(&signal));
            room.taken = Some(id);
        });
        Signal::clone(&signal)
    }

    /// Takes in a signal that was stored, if it is due soon.
    fn add(&mut self, signal: Arc<Signal>, most_bytes: u64) {
        if self.bytes > most_bytes {
            self.shrink(most_bytes / 2);
        }
        if (signal.due, signal.id) > self.covered {
            self.beyond = self.beyond.min(signal.due);
        } else {
            self.insert(signal);
        }
    }

    /// Takes a signal in, unless it comes behind those of its room that are here.
    fn insert(&mut self, signal: Arc<Signal>) {
        let (id, room) = (signal.id, Arc::clone(&signal.room));
        let (place, bytes) = ((signal.due, id), held_bytes(&signal));
        if self.rooms.get(&room).is_some_and(|room| place > room.covered) {
            return;
        }
        self.bytes += bytes;
        self.by_id.insert(id, Held { signal, state: HeldState::Waiting });
        self.change_room(&room, |room| room.put(place, bytes));
        self.trim(&room);
    }

    /// Leaves the last signals of a room on disk, until the others take as many bytes as they may.
    fn trim(&mut self, name: &Arc<str>) {
        while let Some(room) = self.rooms.get(name)
            && room.bytes > self.most_of_room
            && room.waiting.len() > 1
            && let Some(&(due, id)) = room.waiting.last()
        {
            self.remove(id);
            self.change_room(name, |room| room.covered = (due, id - 1));
        }
    }

    /// Leaves those on disk that are due last, until the others take so many bytes.
    fn shrink(&mut self, bytes: u64) {
        let waiting = self.by_id.values().filter(|held| held.state == HeldState::Waiting);
        let mut waiting: Vec<_> = waiting.map(|held| Arc::clone(&held.signal)).collect();
        waiting.sort_unstable_by_key(|signal| (signal.due, signal.id));
        while self.bytes > bytes
            && let Some(last) = waiting.pop()
        {
            self.covered = (last.due, last.id - 1);
            self.leave_on_disk(&last);
        }
    }

    fn leave_on_disk(&mut self, signal: &Signal) {
        self.beyond = self.beyond.min(signal.due);
        self.remove(signal.id);
    }

    fn remove(&mut self, id: u64) {
        let Some(held) = self.by_id.get_mut(&id) else { return };
        match held.state {
            HeldState::Taken(_) => held.state = HeldState::Gone,
            HeldState::Gone => {}
            HeldState::Waiting => {
                let signal = Arc::clone(&held.signal);
                self.forget(id);
                self.change_room(&signal.room, |room| {
                    room.pull((signal.due, id), held_bytes(&signal));
                });
            }
        }
    }

    /// One that was taken is no longer, and is not here.
    fn end(&mut self, id: u64) {
        let Some(held) = self.by_id.get(&id) else { return };
        if held.state == HeldState::Waiting {
            return;
        }
        let signal = Arc::clone(&held.signal);
        self.forget(id);
        self.taken -= 1;
        self.change_room(&signal.room, |room| room.end(id));
    }

    fn forget(&mut self, id: u64) {
        if let Some(held) = self.by_id.remove(&id) {
            self.bytes -= held_bytes(&held.signal);
        }
    }

    /// Changes a room, and with it which of its signals is the first.
    fn change_room<T>(&mut self, name: &Arc<str>, change: impl FnOnce(&mut RoomSignals) -> T) -> T {
        if !self.rooms.contains_key(name) {
            self.rooms.insert(Arc::clone(name), RoomSignals::default());
        }
        let room = self.rooms.get_mut(name).expect("it was inserted");
        let result = change(room);
        let by_id = &self.by_id;
        let after =
            room.first(|id, name| by_id.get(&id).is_some_and(|it| *it.signal.name == *name));
        let before = std::mem::replace(&mut room.listed, after);
        if room.covered < BEHIND_ALL && room.bytes <= self.most_of_room / 2 {
            self.hungry.insert(Arc::clone(name));
        } else if !self.hungry.is_empty() {
            self.hungry.remove(name);
        }
        let is_idle = room.taken.is_none() && room.suspended.is_empty();
        if room.waiting.is_empty() && is_idle && room.covered == BEHIND_ALL {
            self.rooms.remove(name);
        }
        if before != after {
            if let Some(before) = before {
                self.firsts.remove(&before);
            }
            if let Some(after) = after {
                self.firsts.insert(after);
            }
        }
        result
    }
}

/// What a signal takes in memory.
pub(crate) fn held_bytes(signal: &Signal) -> u64 {
    signal.bytes() + signal.room.len() as u64 + SIGNAL_BYTES
}
