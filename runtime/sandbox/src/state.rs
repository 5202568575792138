//! The state of rooms, as an event reads it and changes that of its own room.

use std::future::Future;

use zigttp_abi::state::{Changes, Entry, KeyRange, ListLimits, Usage};

use crate::failure::Cause;

/// Where state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Space {
    /// `zigttp:storage`: on disk, if there is one.
    Storage,
    /// `zigttp:memory`: only in memory.
    Memory,
}

impl Space {
    pub const ALL: [Space; 2] = [Space::Storage, Space::Memory];

    /// The name of its module, without `zigttp:`, and the word before the names of its host functions.
    pub const fn name(self) -> &'static str {
        match self {
            Space::Storage => "storage",
            Space::Memory => "memory",
        }
    }
}

/// One committed state of a room, which later commits do not change. Cloning it is cheap.
pub trait RoomState: Clone + Send + Sync + 'static {
    /// Most bytes that one holds in memory.
    const MAX_HELD_BYTES: usize;

    /// The entry of a key, also one whose time is over.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Entry>, Cause>> + Send;

    /// The entries of a range that are there at this time, without the hidden keys. It ends with the first
    /// entry that exceeds a limit.
    fn list(
        &self,
        range: KeyRange,
        hidden: Vec<Box<str>>,
        limits: ListLimits,
        now: u64,
    ) -> impl Future<Output = Result<Vec<(Box<str>, Entry)>, Cause>> + Send;

    /// When a timer fires next; `None` if there is none of this name.
    fn timer(&self, name: &str) -> impl Future<Output = Result<Option<u64>, Cause>> + Send;

    /// How many timers it has.
    fn timers(&self) -> usize;

    /// What it takes.
    fn usage(&self) -> Usage;
}

/// The limits of the state of a room, and of what one event changes of it.
#[derive(Clone, Copy, Debug)]
pub struct StateLimits {
    /// Largest value in bytes.
    pub max_value: usize,
    /// Most bytes of one room.
    pub max_room_bytes: u64,
    /// Most keys that one event changes.
    pub max_writes: usize,
    /// Most signals that one event sends.
    pub max_signals: usize,
    /// Most timers of a room.
    pub max_timers: usize,
    /// Most streams of a room.
    pub max_room_streams: usize,
    /// Most streams of all rooms, those that wait included.
    pub max_all_streams: usize,
    /// Most bytes of the request of a stream.
    pub max_stream_request: usize,
    /// Most bytes of keys and values that one event stores.
    pub max_written_bytes: u64,
}

/// What an event changes of the state of its room in one space, and what the room takes then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomChanges {
    pub changes: Changes,
    /// The state's own size, with the changes.
    pub usage: Usage,
    /// Bytes that the state takes before the event.
    before: u64,
    /// Bytes of the entries in the changes.
    bytes: u64,
}

/// What a change takes in memory besides its key and value: its place in the tree, and what its commit
/// holds for it.
const CHANGE_BYTES: u64 = 192;

impl RoomChanges {
    /// The changes of an event that has changed nothing of a state of this size.
    pub(crate) fn of(usage: Usage) -> RoomChanges {
        RoomChanges { usage, before: usage.bytes, ..RoomChanges::default() }
    }

    /// Whether the state is larger than this with the event, and was not before it.
    pub fn grows_beyond(&self, bytes: u64) -> bool {
        self.before <= bytes && self.usage.bytes > bytes
    }

    /// The entry that the event has given a key: `None` if it has not changed it, `Some(None)` if it has
    /// removed it.
    pub(crate) fn get(&self, key: &str) -> Option<Option<&Entry>> {
        match self.changes.entries.get(key) {
            Some(entry) => Some(entry.as_ref()),
            None => self.changes.clears.then_some(None),
        }
    }

    /// Sets or removes an entry. `old` is the one that is there before.
    pub(crate) fn set(&mut self, key: &str, entry: Option<Entry>, old: Option<&Entry>) {
        self.usage = self.usage_with(key, entry.as_ref(), old);
        let bytes = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.bytes(key));
        self.bytes += bytes(entry.as_ref());
        if let Some(replaced) = self.changes.entries.insert(key.into(), entry) {
            self.bytes -= bytes(replaced.as_ref());
        }
    }

    /// What the room would take with this entry in place of the old one.
    pub(crate) fn usage_with(
        &self,
        key: &str,
        entry: Option<&Entry>,
        old: Option<&Entry>,
    ) -> Usage {
        let of = |entry: Option<&Entry>| entry.map_or((0, 0), |entry| (1, entry.bytes(key)));
        let ((keys, bytes), (old_keys, old_bytes)) = (of(entry), of(old));
        Usage {
            keys: (self.usage.keys + keys).saturating_sub(old_keys),
            bytes: (self.usage.bytes + bytes).saturating_sub(old_bytes),
        }
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self) {
        let changes = Changes { clears: true, ..Changes::default() };
        *self = RoomChanges { changes, before: self.before, ..RoomChanges::default() };
    }

    /// How many keys it changes.
    pub(crate) fn writes(&self) -> usize {
        self.changes.entries.len() + usize::from(self.changes.clears)
    }

    /// Bytes of keys and values that it stores.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.bytes
    }

    /// How much memory it takes.
    pub(crate) fn held_bytes(&self) -> u64 {
        // The keys of entries that are removed are short, and count with their place.
        self.bytes + self.writes() as u64 * CHANGE_BYTES
    }
}

/// Whose state a function of the guest is about.
pub(crate) enum RoomName {
    /// The event's own.
    Own,
    Other(Box<str>),
}

impl RoomName {
    /// The name, unless it is the event's own.
    pub(crate) fn other(&self) -> Option<&str> {
        match self {
            RoomName::Own => None,
            RoomName::Other(name) => Some(name),
        }
    }
}

/// The states that an event has read, each as it was at the first read. Boxed, because most events read none.
pub(crate) struct OpenStates<S> {
    own: [Option<Box<S>>; 2],
    others: Vec<(Space, Box<str>, S)>,
}

impl<S> OpenStates<S> {
    pub(crate) fn new() -> OpenStates<S> {
        OpenStates { own: [None, None], others: Vec::new() }
    }

    pub(crate) fn get(&self, space: Space, room: &RoomName) -> Option<&S> {
        match room {
            RoomName::Own => self.own[space as usize].as_deref(),
            RoomName::Other(name) => {
                let mut others = self.others.iter();
                others.find(|(of, room, _)| *of == space && room == name).map(|(_, _, it)| it)
            }
        }
    }

    pub(crate) fn add(&mut self, space: Space, room: &RoomName, state: S) {
        match room {
            RoomName::Own => self.own[space as usize] = Some(Box::new(state)),
            RoomName::Other(name) => self.others.push((space, name.clone(), state)),
        }
    }
}
