//! All rooms, for an operator: those that have state, and those that have only signals that are for them.
//!
//! No transaction is open between two pages: so a room is shown as it is when its page is read, and its signals are
//! counted when the first is.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use rusqlite::Connection;
use zigttp_abi::state::Usage;

use crate::state::database::{rows, signal_rows};
use crate::state::error::ReadError;
use crate::state::room_row::RoomUsage;

/// Rooms, and signals, that are read at once.
const ROOMS: usize = 1_000;
const SIGNALS: usize = 10_000;

/// What a room has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyedRoom {
    pub name: String,
    pub usage: Usage,
    /// All timers, parked ones included.
    pub timers: u64,
    /// The signals that wait for it.
    pub waiting: u64,
    /// The signals and timers that are parked.
    pub parked: u64,
    /// When an event of it last wrote, in milliseconds since 1970. If there are only signals for it: when the last of
    /// them was sent.
    pub written: u64,
}

/// The rooms, a page at a time.
pub struct SurveyedRooms<'a> {
    connection: &'a Connection,
    page: Peekable<IntoIter<(String, RoomUsage, u64)>>,
    /// The last name of the page. The next page is behind it; there is none after an empty one.
    last: Option<String>,
    /// The signals for rooms that have not come yet.
    signals: BTreeMap<String, Signals>,
}

/// The signals for a room.
#[derive(Default)]
struct Signals {
    waiting: u64,
    parked: u64,
    last_sent: u64,
}

impl<'a> SurveyedRooms<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Result<SurveyedRooms<'a>, ReadError> {
        let mut signals: BTreeMap<String, Signals> = BTreeMap::new();
        let mut after = Some(0);
        while let Some(number) = after {
            let (receivers, last) = signal_rows::receivers(connection, number, SIGNALS)?;
            for (room, sent, is_parked) in receivers {
                let of_room = signals.entry(room).or_default();
                *(if is_parked { &mut of_room.parked } else { &mut of_room.waiting }) += 1;
                of_room.last_sent = of_room.last_sent.max(sent);
            }
            after = last;
        }
        // Every name is behind it.
        let last = Some(String::new());
        Ok(SurveyedRooms { connection, page: Vec::new().into_iter().peekable(), last, signals })
    }

    fn read_page(&mut self) -> Result<(), ReadError> {
        if self.page.peek().is_none()
            && let Some(last) = self.last.take()
        {
            let page = rows::rooms(self.connection, &last, ROOMS)?;
            self.last = page.last().map(|(name, ..)| name.clone());
            self.page = page.into_iter().peekable();
        }
        Ok(())
    }
}

impl Iterator for SurveyedRooms<'_> {
    type Item = Result<SurveyedRoom, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.read_page() {
            return Some(Err(error));
        }
        let with_signals = self.signals.keys().next();
        let is_row_next = match (self.page.peek(), with_signals) {
            (Some((name, ..)), Some(other)) => name <= other,
            (row, _) => row.is_some(),
        };
        let room = if is_row_next {
            let (name, usage, written) = self.page.next()?;
            let signals = self.signals.remove(&name).unwrap_or_default();
            let Signals { waiting, parked, .. } = signals;
            let timers = usage.signals.timers;
            SurveyedRoom { name, usage: usage.of_room(), timers, waiting, parked, written }
        } else {
            let (name, Signals { waiting, parked, last_sent }) = self.signals.pop_first()?;
            let (usage, written) = (Usage::default(), last_sent);
            SurveyedRoom { name, usage, timers: 0, waiting, parked, written }
        };
        Some(Ok(room))
    }
}
