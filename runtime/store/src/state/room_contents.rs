//! What a room has, as an operator sees it: some of its keys, its timers, and the signals that it is to get.

use std::sync::Arc;

use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};

use crate::state::signals::Signal;

/// Which part of a room is read.
#[derive(Clone, Debug)]
pub struct ContentsQuery {
    pub keys: KeyRange,
    pub limits: ListLimits,
    /// Most signals of each list.
    pub signals: usize,
}

/// One committed state of a room. Reading it changes nothing: neither what is held in memory nor when a room was
/// used last.
#[derive(Debug)]
pub struct RoomContents {
    /// What all entries and signals take, also those that have expired and are not swept yet.
    pub usage: Usage,
    /// Ends with the first that exceeds a limit.
    pub entries: Vec<(Box<str>, Entry)>,
    /// Timers that are not parked, those first that are due first.
    pub timers: SignalList,
    /// Signals of rooms that wait for this room, in their order.
    pub waiting: SignalList,
    /// Signals and timers that have failed too often, the oldest first.
    pub parked: SignalList,
    /// Whether no other signal can wait: of very many of all rooms only the first were looked at.
    pub is_complete: bool,
    /// The signal or timer that an event handles, or that waits for the room's turn.
    pub taken: Option<u64>,
}

/// The first signals of a list.
#[derive(Debug, Default)]
pub struct SignalList {
    pub first: Vec<Arc<Signal>>,
    /// Of all.
    pub count: usize,
}

impl SignalList {
    /// The first of these.
    pub(crate) fn of(all: impl Iterator<Item = Arc<Signal>>, most: usize) -> SignalList {
        let mut list = SignalList::default();
        for signal in all {
            list.count += 1;
            if list.count <= most {
                list.first.push(signal);
            }
        }
        list
    }
}
