//! What an event has read of the state of rooms, noted for the inspector. An event that nobody watches notes nothing.

use crate::state::Space;

/// Most reads of an event that are noted.
const MOST_READS: usize = 24;

/// Most bytes that are noted of a text. Keys and names are shorter; the bounds of a list may have any length.
const MAX_TEXT: usize = 512;

/// The reads of an event, in the order in which each came first.
#[derive(Debug, Default)]
pub struct ReadLog {
    pub reads: Vec<StateRead>,
    /// How many more there were.
    pub more: usize,
}

/// One read of the state of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRead {
    pub space: Space,
    /// `None` is the event's own.
    pub room: Option<Box<str>>,
    pub what: WhatWasRead,
}

/// What was read, with what the event has learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhatWasRead {
    /// A key, and how many bytes its value has, if it is there.
    Key {
        key: Box<str>,
        bytes: Option<usize>,
    },
    List(ListRead),
    /// A timer, and when it fires, if it is there.
    Timer {
        name: Box<str>,
        at: Option<u64>,
    },
    /// How much the room takes.
    Usage,
}

/// A list as the handler has asked for it. Texts without a meaning are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRead {
    pub prefix: Box<str>,
    pub start: Box<str>,
    /// Whether the list begins after `start`.
    pub is_after: bool,
    pub end: Option<Box<str>>,
    pub is_reverse: bool,
    pub limit: Option<u32>,
    /// How many entries it has; `None` if it was refused as too long.
    pub entries: Option<usize>,
}

impl ReadLog {
    /// Notes a read, unless the same was noted before.
    pub(crate) fn note(&mut self, read: StateRead) {
        if self.reads.contains(&read) {
            return;
        }
        if self.reads.len() < MOST_READS {
            self.reads.push(read);
        } else {
            self.more += 1;
        }
    }
}

/// The beginning of a text, for a note.
pub(crate) fn shortened(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MAX_TEXT)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str) -> StateRead {
        let what = WhatWasRead::Key { key: key.into(), bytes: None };
        StateRead { space: Space::Storage, room: None, what }
    }

    #[test]
    fn each_read_is_noted_once_and_those_beyond_the_limit_are_counted() {
        let mut log = ReadLog::default();
        for number in 0..30 {
            log.note(key(&number.to_string()));
            log.note(key("0"));
        }
        assert_eq!((log.reads.len(), log.more), (24, 6));
        assert_eq!(log.reads[23], key("23"));
        log.note(StateRead { space: Space::Memory, ..key("0") });
        assert_eq!(log.more, 7, "the same key elsewhere is another");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(300)).len(), 512);
        assert_eq!(shortened(&format!("a{}", "é".repeat(300))).len(), 511);
    }
}
