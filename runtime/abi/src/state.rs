//! The state of a room: values under keys, and what one event changes of them.
//!
//! Keys are strings in the order of their bytes. Times are in milliseconds since 1970.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::value::Value;

/// What an entry counts besides the bytes of its key and value: the place of both in memory and on disk.
pub const ENTRY_BYTES: u64 = 64;

/// A value that is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: Value,
    /// When it stops being there, if it does.
    pub expires: Option<u64>,
}

impl Entry {
    /// Whether it is still there at this time.
    pub fn is_there_at(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// What it counts in [`Usage::bytes`].
    pub fn bytes(&self, key: &str) -> u64 {
        (key.len() + self.value.bytes().len()) as u64 + ENTRY_BYTES
    }
}

/// What the state of a room takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub keys: u64,
    pub bytes: u64,
}

/// What one event changes of the state of its room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether all that was there before the event is removed first.
    pub clears: bool,
    /// The entry that each key has after the event; `None` removes it.
    pub entries: BTreeMap<Box<str>, Option<Entry>>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        !self.clears && self.entries.is_empty()
    }
}

/// A range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Bound<Box<str>>,
    pub end: Bound<Box<str>>,
    /// Whether the last key comes first.
    pub reverse: bool,
}

/// How much a list may return. It ends with the first entry that exceeds one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    pub entries: usize,
    /// Bytes of keys and values.
    pub bytes: usize,
}
