//! Reads the signals that are due soon into memory, a part at a time, so that other work has its turn.

use std::sync::Arc;

use rusqlite::Connection;

use crate::state::database::signal_rows;
use crate::state::signal_queue::{Rest, SignalQueue};
use crate::state::signals::Signal;

/// Signals that are read at once.
const SIGNALS: usize = 1000;

/// Signals that are looked through at once for those of one room.
const MOST_VISITED: usize = 10_000;

/// What is left to read.
#[derive(Default)]
pub(super) struct SignalReader {
    /// There are more signals to read, which are due soon after this time.
    loads: Option<u64>,
    /// There may be rooms with few signals in memory and others on disk.
    feeds: bool,
}

impl SignalReader {
    /// Has the signals read that are due next after a time, and those of rooms that have few in memory.
    pub(super) fn begin(&mut self, now: u64) {
        self.loads = Some(now);
        self.feeds = true;
    }

    pub(super) fn has_work(&self) -> bool {
        self.loads.is_some() || self.feeds
    }

    /// Reads a part of what is left.
    pub(super) fn read(&mut self, connection: &Connection, queue: &SignalQueue) {
        if let Some(now) = self.loads {
            self.load(connection, queue, now);
        }
        if self.feeds {
            self.feed_room(connection, queue);
        }
    }

    /// Reads some of the signals of one room that has few in memory.
    fn feed_room(&mut self, connection: &Connection, queue: &SignalQueue) {
        let Some(gap) = queue.room_gap() else {
            self.feeds = false;
            return;
        };
        match signal_rows::due_of_room(connection, &gap, MOST_VISITED) {
            Ok((read, to)) => queue.fill_room(&gap, undamaged(read).collect(), to),
            Err(error) => {
                tracing::error!(%error, room = &*gap.room, "cannot read signals");
                // The next sweep tries again.
                queue.not_fed();
                self.feeds = false;
            }
        }
    }

    /// Reads some of the signals that are due next.
    fn load(&mut self, connection: &Connection, queue: &SignalQueue, now: u64) {
        let Some(gap) = queue.gap(now) else {
            self.loads = None;
            return;
        };
        let read =
            signal_rows::due(connection, gap.after, gap.to, SIGNALS).and_then(|(read, to)| {
                let rest = match to {
                    Some(place) => Rest::Behind(place),
                    None => Rest::DueFrom(
                        signal_rows::next_due(connection, gap.to.saturating_add(1))?
                            .unwrap_or(u64::MAX),
                    ),
                };
                Ok((read, rest))
            });
        match read {
            Ok((read, rest)) => {
                let has_more = queue.fill(&gap, undamaged(read).collect(), rest);
                self.loads = has_more.then_some(now);
            }
            Err(error) => {
                tracing::error!(%error, "cannot read signals");
                // The next sweep tries again.
                self.loads = None;
            }
        }
    }
}

/// The signals that could be read. The log tells of others.
fn undamaged(read: Vec<Result<Signal, u64>>) -> impl Iterator<Item = Arc<Signal>> {
    read.into_iter().filter_map(|signal| {
        let damaged = |id| tracing::error!(id, "a signal in `store/state.db` is damaged");
        signal.map_err(damaged).ok().map(Arc::new)
    })
}
