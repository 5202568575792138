//! Writes the transactions of one group, in their order, inside one transaction of the database.

use std::sync::Arc;

use rusqlite::Connection;
use zigttp_abi::state::{Changes, ENTRY_BYTES};

use crate::attachment_files::encode;
use crate::state::database::file::DatabaseFile;
use crate::state::database::rows::{self, FileRow};
use crate::state::database::{signal_rows, stream_rows};
use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;
use crate::state::live_rooms::{Changed, LiveRooms};
use crate::state::room_row::{RoomRow, RoomUsage};
use crate::state::signal_plan::{MOST_PARKED, Plan, StoredSignals};
use crate::state::signal_queue::{SignalQueue, Step};
use crate::state::signals::{Charge, Signal, StoredSignal, Timer};
use crate::state::stream_index::{StreamIndex, StreamStep};
use crate::state::stream_plan::StreamPlan;
use crate::state::table::{Table, replace};
use crate::state::transaction::Transaction;

/// The entries of a room with more are removed bit by bit after it was cleared.
const CLEARED_AT_ONCE: u64 = 1000;

/// So many numbers of signals are reserved at a time: to store each would cost a write more.
const RESERVED: u64 = 1 << 20;

/// A group that is being written.
pub(crate) struct Group<'w, 'a> {
    pub(crate) connection: &'w Connection,
    pub(crate) file: &'w DatabaseFile,
    pub(crate) live: &'w LiveRooms,
    pub(crate) queue: &'w SignalQueue,
    pub(crate) streams: &'w StreamIndex,
    pub(crate) limits: &'w StateLimits,
    /// Why no room may grow.
    pub(crate) no_space: Option<CommitStateError>,
    /// What the group has changed so far. The rooms in memory are as before it.
    pub(crate) changed: Changed<'a>,
    /// The same of signals.
    pub(crate) steps: Vec<Step>,
    /// And of streams.
    pub(crate) stream_steps: Vec<StreamStep>,
    pub(crate) sums: Sums,
    /// When the first of the entries that were written expires.
    pub(crate) first_expiry: u64,
}

/// What the thread that writes knows of the whole database.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sums {
    /// The last numbers that were given to a room, a file and a signal.
    pub(crate) last_room: i64,
    pub(crate) last_file: u64,
    pub(crate) last_signal: u64,
    /// The number up to which signals may be numbered.
    pub(crate) reserved_signals: u64,
    /// What all rooms take.
    pub(crate) bytes: u64,
    pub(crate) rooms: u64,
    pub(crate) signals: u64,
    pub(crate) parked: u64,
}

/// A room before a transaction.
struct Known {
    row: Option<RoomRow>,
    /// Its entries and timers, if they are in memory.
    table: Option<Arc<Table>>,
}

/// A room that a transaction changes.
struct Touched<'a> {
    room: Arc<str>,
    known: Known,
    after: RoomUsage,
    /// The changes of its entries, and which of them were there before.
    entries: Option<(&'a Changes, Vec<bool>)>,
}

impl<'a> Group<'_, 'a> {
    /// Writes a transaction. Returns the files that are left to write.
    ///
    /// # Errors
    /// When the database cannot be written: then the group cannot be committed. Any other error is the
    /// transaction's alone, and nothing of it is written.
    pub(crate) fn write(
        &mut self,
        transaction: &'a Transaction,
    ) -> Result<Vec<FileRow>, CommitStateError> {
        let mut last_signal = self.sums.last_signal;
        let mut plan = if transaction.signals.is_empty() && transaction.streams.is_empty() {
            Plan { at: transaction.now, ..Plan::default() }
        } else {
            Plan::new(&*self, transaction, &mut last_signal)?
        };
        let mut touched = Vec::new();
        if let Some(room) = transaction.changed_room() {
            touched.push(self.touch(room, &transaction.changes)?);
        }
        for (room, charge) in &plan.charges {
            self.charge(&mut touched, room, *charge)?;
        }
        self.check(&touched, plan.is_forced)?;

        for touched in touched {
            // What signals of other rooms change of a room is no event of it.
            let is_own = transaction.room.as_ref() == Some(&touched.room);
            self.write_room(touched, plan.at, is_own)?;
        }
        let streams = std::mem::take(&mut plan.streams);
        self.write_signals(plan)?;
        self.write_streams(streams)?;
        self.sums.last_signal = last_signal;
        if last_signal > self.sums.reserved_signals {
            self.sums.reserved_signals = last_signal + RESERVED;
            signal_rows::reserve(self.connection, self.sums.reserved_signals)?;
        }
        self.write_files(transaction)
    }

    /// Makes some parked signals behind a number due once more. Returns the last number, if there may be more.
    pub(crate) fn wake(
        &mut self,
        after: u64,
        attempts: u32,
        most: usize,
    ) -> Result<Option<u64>, CommitStateError> {
        let parked = signal_rows::parked(self.connection, after, most)?;
        let has_more = parked.len() == most;
        let last = parked.last().map(|signal| signal.as_ref().map_or_else(|id| *id, |it| it.id));
        let mut touched = Vec::new();
        for mut signal in parked.into_iter().flatten() {
            if signal.is_sent() {
                let charge = Charge { sent: 1, ..Charge::default() };
                self.charge(&mut touched, signal.payer(), charge)?;
            }
            signal.attempt = attempts;
            signal_rows::update(self.connection, &signal)?;
            self.sums.parked -= 1;
            self.steps.push(Step::Add(Arc::new(signal)));
        }
        for touched in touched {
            self.write_room(touched, 0, false)?;
        }
        Ok(last.filter(|_| has_more))
    }

    /// A room and what it takes after changes of its entries.
    fn touch(
        &self,
        room: &Arc<str>,
        changes: &'a Changes,
    ) -> Result<Touched<'a>, CommitStateError> {
        let known = self.known(room)?;
        let mut after = known.usage();
        if changes.clears {
            after.entries = RoomUsage::default().entries;
        }
        let mut had = Vec::with_capacity(changes.entries.len());
        for (key, entry) in &changes.entries {
            let old = if changes.clears { None } else { self.bytes_of(&known, key)? };
            replace(&mut after.entries, old, entry.as_ref().map(|entry| entry.bytes(key)));
            had.push(old.is_some());
        }
        Ok(Touched { room: Arc::clone(room), known, after, entries: Some((changes, had)) })
    }

    /// Changes what the signals of a room take.
    fn charge(
        &self,
        touched: &mut Vec<Touched<'a>>,
        room: &Arc<str>,
        charge: Charge,
    ) -> Result<(), CommitStateError> {
        let index = match touched.iter().position(|touched| touched.room == *room) {
            Some(index) => index,
            None => {
                let known = self.known(room)?;
                let (room, after) = (Arc::clone(room), known.usage());
                touched.push(Touched { room, known, after, entries: None });
                touched.len() - 1
            }
        };
        let after = &mut touched[index].after;
        after.signals = after.signals.after(charge);
        Ok(())
    }

    /// Whether the rooms may take that much.
    fn check(&mut self, touched: &[Touched<'a>], is_forced: bool) -> Result<(), CommitStateError> {
        let (mut before, mut after) = (0, 0);
        for room in touched {
            before += room.known.usage().bytes();
            after += room.after.bytes();
        }
        let all = (self.sums.bytes + after).saturating_sub(before);
        if !is_forced {
            for Touched { room, known, after, .. } in touched {
                self.limits.allow_room(room, known.usage(), *after)?;
            }
            self.limits.allow_all(self.sums.bytes, all)?;
            if let Some(no_space) = self.no_space.as_ref().filter(|_| after > before) {
                return Err(no_space.clone());
            }
        }
        self.sums.bytes = all;
        Ok(())
    }

    fn write_room(
        &mut self,
        touched: Touched<'a>,
        now: u64,
        is_own: bool,
    ) -> Result<(), CommitStateError> {
        let Touched { room, known, after, entries } = touched;
        let mut old = known.row;
        drop(known);
        if let Some((changes, _)) = &entries
            && changes.clears
            && let Some(row) = old
        {
            if row.usage.entries.keys > CLEARED_AT_ONCE {
                rows::insert_cleared(self.connection, row.id)?;
                rows::delete_room(self.connection, row.id)?;
                self.sums.rooms -= 1;
                old = None;
            } else {
                rows::delete_entries(self.connection, row.id)?;
            }
        }
        let id = old.map_or(self.sums.last_room + 1, |row| row.id);
        for ((key, entry), had) in
            entries.iter().flat_map(|(changes, had)| changes.entries.iter().zip(had))
        {
            match entry {
                Some(entry) => {
                    rows::put(self.connection, id, key, entry)?;
                    self.first_expiry = self.first_expiry.min(entry.expires.unwrap_or(u64::MAX));
                }
                None if *had => rows::delete(self.connection, id, key)?,
                None => {}
            }
        }
        let row = RoomRow { id, usage: after };
        match (old, after.is_empty()) {
            (Some(old), false) if old == row && entries.is_none() => {}
            (Some(_), false) => rows::update_room(self.connection, row, is_own.then_some(now))?,
            (Some(_), true) => {
                rows::delete_room(self.connection, id)?;
                self.sums.rooms -= 1;
            }
            (None, false) => {
                rows::insert_room(self.connection, row, &room, now)?;
                self.sums.last_room = id;
                self.sums.rooms += 1;
            }
            (None, true) => {}
        }
        if let Some((changes, _)) = entries {
            self.changed.entries.push((Arc::clone(&room), changes));
        }
        self.changed.rows.insert(room, (!after.is_empty()).then_some(row));
        Ok(())
    }

    fn write_signals(&mut self, plan: Plan) -> Result<(), CommitStateError> {
        self.steps.extend(plan.ended.map(Step::End));
        for (id, _room) in plan.removed {
            if let Some(was_parked) = signal_rows::delete(self.connection, id)? {
                self.sums.signals -= 1;
                self.sums.parked -= u64::from(was_parked);
            }
            self.steps.push(Step::Remove(id));
        }
        if let Some(signal) = plan.changed {
            signal_rows::update(self.connection, &signal)?;
            self.steps.push(Step::Add(signal));
        }
        if let Some(signal) = plan.parked {
            signal_rows::park(self.connection, &signal)?;
            self.sums.parked += 1;
        }
        for signal in plan.added {
            signal_rows::insert(self.connection, &signal, false)?;
            self.sums.signals += 1;
            self.steps.push(Step::Add(signal));
        }
        for signal in plan.added_parked {
            signal_rows::insert(self.connection, &signal, true)?;
            self.sums.signals += 1;
            self.sums.parked += 1;
        }
        self.changed.timers.extend(plan.timers);
        Ok(())
    }

    fn write_streams(&mut self, plan: StreamPlan) -> Result<(), CommitStateError> {
        let StreamPlan { cancelled, removed, added, charges: _ } = plan;
        for id in cancelled {
            stream_rows::cancel(self.connection, id)?;
            self.stream_steps.push(StreamStep::Cancel(id));
        }
        if let Some(id) = removed {
            stream_rows::delete(self.connection, id)?;
            self.stream_steps.push(StreamStep::Remove(id));
        }
        for (stream, request) in added {
            stream_rows::insert(self.connection, &stream, &request)?;
            self.stream_steps.push(StreamStep::Add(stream, None));
        }
        Ok(())
    }

    /// Writes the bytes of the files that are to be written, and which are to be removed.
    fn write_files(&mut self, transaction: &Transaction) -> Result<Vec<FileRow>, CommitStateError> {
        let stored = transaction.files.iter().map(|entry| (entry.id, &entry.owner, &entry.value));
        let adoption = transaction.adoption.as_ref();
        let adopted = adoption.map(|(adoption, value)| (adoption.new, &adoption.owner, value));
        let written =
            stored.chain(adopted).map(|(id, owner, value)| (id, Some(encode(owner, value))));
        let left = adoption.map(|(adoption, _value)| adoption.prior);
        let removed = transaction.removed.iter().copied().chain(left).map(|id| (id, None));
        let mut files = Vec::new();
        for (id, bytes) in written.chain(removed) {
            self.sums.last_file += 1;
            let file = FileRow { id, number: self.sums.last_file, bytes };
            rows::insert_file(self.connection, &file)?;
            files.push(file);
        }
        Ok(files)
    }

    fn known(&self, room: &str) -> Result<Known, CommitStateError> {
        if let Some(row) = self.changed.rows.get(room) {
            return Ok(Known { row: *row, table: None });
        }
        if let Some((table, row)) = self.live.table_and_row(room) {
            return Ok(Known { row, table: Some(table) });
        }
        Ok(Known { row: rows::room(self.connection, room)?, table: None })
    }

    /// What an entry counts, if there is one.
    fn bytes_of(&self, known: &Known, key: &str) -> Result<Option<u64>, CommitStateError> {
        match (known.row, &known.table) {
            (None, _) => Ok(None),
            (_, Some(table)) => Ok(table.get(key).map(|entry| entry.bytes(key))),
            (Some(row), None) => {
                let value = rows::value_bytes(self.connection, row.id, key)?;
                Ok(value.map(|bytes| key.len() as u64 + bytes + ENTRY_BYTES))
            }
        }
    }

    /// The table of a room, if it is in memory and the group has not changed the room.
    fn table(&self, room: &str) -> Option<Arc<Table>> {
        if self.changed.rows.contains_key(room) {
            return None;
        }
        self.live.table_and_row(room).map(|(table, _row)| table)
    }
}

impl Known {
    fn usage(&self) -> RoomUsage {
        self.row.map(|row| row.usage).unwrap_or_default()
    }
}

impl StoredSignals for Group<'_, '_> {
    fn timer(&self, room: &Arc<str>, name: &str) -> Result<Option<Timer>, CommitStateError> {
        match self.table(room) {
            Some(table) => Ok(table.timer(name)),
            None => Ok(signal_rows::timer(self.connection, room, name)?),
        }
    }

    fn timers(&self, room: &Arc<str>) -> Result<Vec<(Box<str>, Timer)>, CommitStateError> {
        match self.table(room) {
            Some(table) => {
                Ok(table.timers().iter().map(|(name, it)| (name.clone(), *it)).collect())
            }
            None => Ok(signal_rows::timers(self.connection, room)?),
        }
    }

    fn taken(&self, id: u64) -> Result<Option<(Arc<Signal>, u64)>, CommitStateError> {
        let Some(taken) = self.queue.taken(id) else { return Ok(None) };
        // A transaction of this group may have removed it.
        Ok(signal_rows::is_there(self.connection, id)?.then_some(taken))
    }

    fn planned(&self) -> Result<Vec<Arc<Signal>>, CommitStateError> {
        Ok(signal_rows::planned(self.connection)?.into_iter().map(Arc::new).collect())
    }

    fn of_room(&self, room: &Arc<str>) -> Result<Vec<StoredSignal>, CommitStateError> {
        let stored = signal_rows::stored(self.connection, Some(room), None, 0, usize::MAX)?;
        // One that is damaged stays where it is.
        let stored = stored.into_iter().flatten();
        Ok(stored.filter(|stored| !stored.signal.is_planned()).collect())
    }

    fn streams(
        &self,
        transaction: &Transaction,
        last_id: &mut u64,
    ) -> Result<StreamPlan, CommitStateError> {
        let is_added = |step: &&StreamStep| matches!(step, StreamStep::Add(..));
        let added = self.stream_steps.iter().filter(is_added).count();
        StreamPlan::new(self.streams, added, self.limits.streams, transaction, last_id)
    }

    fn displace_parked(&self, room: &str) -> Result<Vec<Arc<Signal>>, CommitStateError> {
        let oldest = signal_rows::parked_too_many(self.connection, room, MOST_PARKED)?;
        if oldest.is_empty() {
            return Ok(Vec::new());
        }
        let oldest: Vec<_> = oldest.into_iter().map(Arc::new).collect();
        let signals = oldest.len();
        match self.file.keep_parked(&oldest) {
            Ok(()) => {
                tracing::error!(
                    room,
                    signals,
                    "the room has more than {MOST_PARKED} parked signals: the oldest go to `store/parked.ndjson`"
                );
                Ok(oldest)
            }
            Err(error) => {
                tracing::error!(
                    room,
                    signals,
                    %error,
                    "the room has more than {MOST_PARKED} parked signals, and cannot write `store/parked.ndjson`: they stay"
                );
                Ok(Vec::new())
            }
        }
    }
}
