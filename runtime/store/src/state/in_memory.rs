//! The states of rooms without a durable folder: every room is a table, and none ever leaves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zigttp_abi::state::{Changes, Entry};

use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;
use crate::state::room_contents::{ContentsQuery, RoomContents, SignalList};
use crate::state::room_row::RoomUsage;
use crate::state::signal_plan::{MOST_PARKED, Plan, StoredSignals, TimerChange};
use crate::state::signal_queue::{SignalQueue, Step};
use crate::state::signals::{Charge, Signal, StoredSignal, Timer};
use crate::state::stream_index::{StreamIndex, StreamStep};
use crate::state::stream_plan::StreamPlan;
use crate::state::table::{Table, replace};
use crate::state::totals::{Counts, Totals};
use crate::state::transaction::Transaction;

/// The first number of a signal is the present time in these many bits more.
const NUMBERS_A_MS: u32 = 20;

/// The states of rooms in memory alone.
pub(crate) struct InMemory {
    limits: StateLimits,
    /// Of rooms without state.
    empty: Arc<Table>,
    rooms: Mutex<Rooms>,
    /// Changed while the rooms are locked.
    queue: SignalQueue,
    /// The same.
    streams: StreamIndex,
}

/// A room with state.
#[derive(Default)]
struct Held {
    table: Arc<Table>,
    /// Whether an event has used it since [`InMemory::unused`] was called.
    is_used: bool,
}

#[derive(Default)]
struct Rooms {
    by_name: BTreeMap<Arc<str>, Held>,
    /// The entries that expire, by when they do.
    expiring: BTreeSet<(u64, Arc<str>, Box<str>)>,
    /// Those that are parked, and their numbers by the room that was to get them. All others are in the queue.
    parked: BTreeMap<u64, Arc<Signal>>,
    parked_rooms: HashMap<Arc<str>, BTreeSet<u64>>,
    /// How many signals there are.
    signals: u64,
    last_signal: u64,
    counts: Counts,
}

impl InMemory {
    pub(crate) fn new(limits: StateLimits) -> InMemory {
        let queue = SignalQueue::of_memory();
        let streams = StreamIndex::new(Vec::new());
        InMemory { limits, empty: Arc::default(), rooms: Mutex::default(), queue, streams }
    }

    pub(crate) fn table(&self, room: &str) -> Arc<Table> {
        let mut rooms = self.lock();
        let Some(held) = rooms.by_name.get_mut(room) else { return Arc::clone(&self.empty) };
        held.is_used = true;
        Arc::clone(&held.table)
    }

    /// The names of rooms, as [`States::room_names`](crate::state::states::States::room_names) returns them.
    pub(crate) fn names(&self, prefix: &str, after: Option<&str>, most: usize) -> Vec<Arc<str>> {
        let start = after.filter(|after| *after >= prefix);
        let start = start.map_or(Bound::Included(prefix), Bound::Excluded);
        let rooms = self.lock();
        let behind = rooms.by_name.range::<str, _>((start, Bound::Unbounded));
        behind
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(prefix))
            .take(most)
            .map(Arc::clone)
            .collect()
    }

    /// What a room has, for an operator, who is no reason to keep it.
    pub(crate) fn contents(&self, room: &str, query: &ContentsQuery, now: u64) -> RoomContents {
        let rooms = self.lock();
        let table = rooms.by_name.get(room).map_or(&self.empty, |held| &held.table);
        let table = Arc::clone(table);
        let parked = rooms.parked_rooms.get(room).into_iter().flatten();
        let parked = parked.filter_map(|id| rooms.parked.get(id)).map(Arc::clone);
        let parked = SignalList::of(parked, query.signals);
        let (queued, taken) = self.queue.of_room(room);
        drop(rooms);
        let (timers, waiting): (Vec<_>, Vec<_>) =
            queued.into_iter().partition(|signal| signal.is_timer);
        RoomContents {
            usage: table.usage(),
            entries: table.list(&query.keys, |_| false, query.limits, now),
            timers: SignalList::of(timers.into_iter(), query.signals),
            waiting: SignalList::of(waiting.into_iter(), query.signals),
            parked,
            is_complete: true,
            taken,
        }
    }

    pub(crate) fn commit(&self, transaction: &Transaction) -> Result<(), CommitStateError> {
        if !transaction.changes_state() {
            return Ok(());
        }
        let mut rooms = self.lock();
        let mut last_signal = match rooms.last_signal {
            // No server before has given these numbers.
            0 => transaction.now << NUMBERS_A_MS,
            last => last,
        };
        let stored = Stored { rooms: &rooms, states: self };
        let plan = Plan::new(&stored, transaction, &mut last_signal).and_then(|plan| {
            self.allow(&rooms, transaction, &plan)?;
            Ok(plan)
        });
        let mut plan = plan.inspect_err(|_| rooms.counts.failures.add(1))?;
        rooms.last_signal = last_signal;
        let cleared = rooms.apply(transaction);
        let streams = std::mem::take(&mut plan.streams);
        self.queue.apply(rooms.apply_signals(plan));
        self.streams.apply(steps_of(streams));
        drop(rooms);
        // Freed without the lock.
        drop(cleared);
        Ok(())
    }

    /// Whether there is room for the changes of an event, which has no signals.
    pub(crate) fn check(&self, transaction: &Transaction) -> Result<(), CommitStateError> {
        let rooms = self.lock();
        let allowed = self.allow(&rooms, transaction, &Plan::default());
        rooms.counts.failures.add(usize::from(allowed.is_err()));
        allowed
    }

    /// Makes the changes of an event that were checked.
    pub(crate) fn apply(&self, transaction: &Transaction) {
        let cleared = self.lock().apply(transaction);
        // Freed without the lock.
        drop(cleared);
    }

    fn allow(
        &self,
        rooms: &Rooms,
        transaction: &Transaction,
        plan: &Plan,
    ) -> Result<(), CommitStateError> {
        if plan.is_forced {
            return Ok(());
        }
        let usage = |room: &str| rooms.usage(room);
        let mut after = Vec::new();
        if let Some(room) = transaction.changed_room() {
            let old = rooms.by_name.get(room).map_or(&self.empty, |held| &held.table);
            after.push((room, usage_after(old, &transaction.changes)));
        }
        for (room, charge) in &plan.charges {
            let index = after.iter().position(|(other, _)| *other == room).unwrap_or_else(|| {
                after.push((room, usage(room)));
                after.len() - 1
            });
            let signals = &mut after[index].1.signals;
            *signals = signals.after(*charge);
        }
        let (mut bytes_before, mut bytes_after) = (0, 0);
        for (room, after) in after {
            let before = usage(room);
            self.limits.allow_room(room, before, after)?;
            bytes_before += before.bytes();
            bytes_after += after.bytes();
        }
        let all = rooms.counts.bytes.get();
        self.limits.allow_all(all, (all + bytes_after).saturating_sub(bytes_before))
    }

    /// The rooms that no event has used since the last call.
    pub(crate) fn unused(&self) -> Vec<Arc<str>> {
        let mut rooms = self.lock();
        let all = rooms.by_name.iter_mut();
        let unused = all.filter_map(|(room, held)| {
            let is_used = std::mem::take(&mut held.is_used);
            (!is_used).then(|| Arc::clone(room))
        });
        unused.collect()
    }

    pub(crate) fn sweep(&self, expired_before: u64) {
        // Not all at once: other rooms' events wait for the lock.
        while self.sweep_some(expired_before) {}
    }

    /// Removes some entries. Returns whether there are more.
    fn sweep_some(&self, expired_before: u64) -> bool {
        let mut rooms = self.lock();
        for _ in 0..1000 {
            match rooms.expiring.first() {
                Some((expires, _, _)) if *expires < expired_before => {}
                _ => return false,
            }
            let (_, room, key) = rooms.expiring.pop_first().expect("there is one");
            let changes = Changes { clears: false, entries: [(key, None)].into() };
            rooms.change_entries(&room, &changes);
            rooms.counts.expired.add(1);
        }
        true
    }

    pub(crate) fn totals(&self) -> Totals {
        let rooms = self.lock();
        let held = rooms.by_name.len() as u64;
        let bytes = rooms.counts.bytes.get();
        Totals {
            rooms: held,
            bytes,
            commits: rooms.counts.commits.get(),
            groups: rooms.counts.commits.get(),
            failures: rooms.counts.failures.get(),
            expired: rooms.counts.expired.get(),
            live_rooms: held,
            live_bytes: bytes,
            ..Totals::default()
        }
    }

    pub(crate) fn queue(&self) -> &SignalQueue {
        &self.queue
    }

    pub(crate) fn streams(&self) -> &StreamIndex {
        &self.streams
    }

    pub(crate) fn wake_parked(&self, attempts: u32) {
        let mut rooms = self.lock();
        let mut steps = Vec::new();
        rooms.parked_rooms.clear();
        for (_id, signal) in std::mem::take(&mut rooms.parked) {
            if signal.is_sent() {
                let charge = Charge { sent: 1, ..Charge::default() };
                let payer = signal.payer();
                rooms.change(payer, |table| {
                    table.set_signals(table.room_usage().signals.after(charge));
                });
            }
            steps.push(Step::Add(Arc::new(Signal { attempt: attempts, ..Signal::clone(&signal) })));
        }
        self.queue.apply(steps);
    }

    pub(crate) fn signal_counts(&self) -> (u64, u64) {
        let rooms = self.lock();
        (rooms.signals, rooms.parked.len() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rooms {
    fn usage(&self, room: &str) -> RoomUsage {
        self.by_name.get(room).map(|held| held.table.room_usage()).unwrap_or_default()
    }

    /// Makes the changes of an event's entries. Returns what it has cleared.
    fn apply(&mut self, transaction: &Transaction) -> Option<Table> {
        let cleared = match transaction.changed_room() {
            Some(room) => self.change_entries(room, &transaction.changes),
            None => None,
        };
        if transaction.changes_state() {
            self.counts.commits.add(1);
        }
        cleared
    }

    fn change_entries(&mut self, room: &Arc<str>, changes: &Changes) -> Option<Table> {
        let mut expiring = std::mem::take(&mut self.expiring);
        let cleared = self.change(room, |table| {
            let cleared = changes.clears.then(|| table.clear());
            for (key, entry) in cleared.iter().flat_map(|table| table.iter()) {
                if let Some(expires) = entry.expires {
                    expiring.remove(&(expires, Arc::clone(room), key.clone()));
                }
            }
            for (key, entry) in &changes.entries {
                let old = table.set(key, entry.clone());
                let (old, new) =
                    (old.and_then(|old| old.expires), entry.as_ref().and_then(|it| it.expires));
                if old != new {
                    if let Some(expires) = old {
                        expiring.remove(&(expires, Arc::clone(room), key.clone()));
                    }
                    if let Some(expires) = new {
                        expiring.insert((expires, Arc::clone(room), key.clone()));
                    }
                }
            }
            cleared
        });
        self.expiring = expiring;
        cleared
    }

    /// Makes the changes of an event's signals. Returns what they mean for those in the queue.
    fn apply_signals(&mut self, plan: Plan) -> Vec<Step> {
        let mut steps: Vec<_> = plan.ended.map(Step::End).into_iter().collect();
        for (id, _room) in plan.removed {
            self.signals -= 1;
            self.unpark(id);
            steps.push(Step::Remove(id));
        }
        steps.extend(plan.changed.map(Step::Add));
        self.signals += (plan.added.len() + plan.added_parked.len()) as u64;
        for signal in plan.parked.into_iter().chain(plan.added_parked) {
            self.parked_rooms.entry(Arc::clone(&signal.room)).or_default().insert(signal.id);
            self.parked.insert(signal.id, signal);
        }
        steps.extend(plan.added.into_iter().map(Step::Add));
        for TimerChange { room, name, timer } in plan.timers {
            self.change(&room, |table| table.set_timer(&name, timer));
        }
        for (room, charge) in plan.charges {
            self.change(&room, |table| table.set_signals(table.room_usage().signals.after(charge)));
        }
        steps
    }

    /// Removes a signal from those that are parked, if it is one.
    fn unpark(&mut self, id: u64) -> Option<Arc<Signal>> {
        let signal = self.parked.remove(&id)?;
        if let Some(of_room) = self.parked_rooms.get_mut(&signal.room) {
            of_room.remove(&id);
            if of_room.is_empty() {
                self.parked_rooms.remove(&signal.room);
            }
        }
        Some(signal)
    }

    fn change<T>(&mut self, room: &Arc<str>, change: impl FnOnce(&mut Table) -> T) -> T {
        let held = self.by_name.entry(Arc::clone(room)).or_default();
        held.is_used = true;
        let before = held.table.room_usage().bytes();
        let result = change(Arc::make_mut(&mut held.table));
        let after = held.table.room_usage();
        self.counts.bytes.set(self.counts.bytes.get() - before + after.bytes());
        if after.is_empty() && held.table.timers().is_empty() {
            self.by_name.remove(room);
        }
        result
    }
}

/// The signals in memory.
struct Stored<'a> {
    rooms: &'a Rooms,
    states: &'a InMemory,
}

impl StoredSignals for Stored<'_> {
    fn timer(&self, room: &Arc<str>, name: &str) -> Result<Option<Timer>, CommitStateError> {
        Ok(self.rooms.by_name.get(room).and_then(|held| held.table.timer(name)))
    }

    fn timers(&self, room: &Arc<str>) -> Result<Vec<(Box<str>, Timer)>, CommitStateError> {
        let timers = self.rooms.by_name.get(room).map(|held| held.table.timers());
        Ok(timers.into_iter().flatten().map(|(name, timer)| (name.clone(), *timer)).collect())
    }

    fn taken(&self, id: u64) -> Result<Option<(Arc<Signal>, u64)>, CommitStateError> {
        Ok(self.states.queue.taken(id))
    }

    fn planned(&self) -> Result<Vec<Arc<Signal>>, CommitStateError> {
        Ok(self.states.queue.planned())
    }

    fn of_room(&self, room: &Arc<str>) -> Result<Vec<StoredSignal>, CommitStateError> {
        let (mut queued, _taken) = self.states.queue.of_room(room);
        queued.retain(|signal| !signal.is_planned());
        let parked = self.rooms.parked_rooms.get(room).into_iter().flatten();
        let parked = parked.filter_map(|id| self.rooms.parked.get(id)).map(|it| (it, true));
        let all = queued.iter().map(|it| (it, false)).chain(parked);
        let stored = all
            .map(|(signal, is_parked)| StoredSignal { signal: Signal::clone(signal), is_parked });
        Ok(stored.collect())
    }

    fn streams(
        &self,
        transaction: &Transaction,
        last_id: &mut u64,
    ) -> Result<StreamPlan, CommitStateError> {
        let InMemory { streams, limits, .. } = self.states;
        StreamPlan::new(streams, 0, limits.streams, transaction, last_id)
    }

    fn displace_parked(&self, room: &str) -> Result<Vec<Arc<Signal>>, CommitStateError> {
        let Some(parked) = self.rooms.parked_rooms.get(room) else { return Ok(Vec::new()) };
        let too_many = (parked.len() + 1).saturating_sub(MOST_PARKED);
        let oldest = parked.iter().take(too_many).filter_map(|id| self.rooms.parked.get(id));
        let oldest = oldest.inspect(|signal| {
            tracing::error!(
                room,
                signal = &*signal.name,
                id = signal.id,
                "the room has more than {MOST_PARKED} parked signals: the oldest is removed"
            );
        });
        Ok(oldest.map(Arc::clone).collect())
    }
}

/// What a plan means for the streams in memory, with their requests.
fn steps_of(plan: StreamPlan) -> impl Iterator<Item = StreamStep> {
    let StreamPlan { cancelled, removed, added, charges: _ } = plan;
    let cancelled = cancelled.into_iter().map(StreamStep::Cancel);
    let removed = removed.map(StreamStep::Remove);
    let added = added.into_iter().map(|(stream, request)| StreamStep::Add(stream, Some(request)));
    cancelled.chain(removed).chain(added)
}

/// What a room will take after changes of its entries.
fn usage_after(table: &Table, changes: &Changes) -> RoomUsage {
    let mut usage = table.room_usage();
    if changes.clears {
        usage.entries = RoomUsage::default().entries;
    }
    for (key, entry) in &changes.entries {
        let old = if changes.clears { None } else { table.get(key) };
        let bytes = |entry: &Entry| entry.bytes(key);
        replace(&mut usage.entries, old.map(bytes), entry.as_ref().map(bytes));
    }
    usage
}
