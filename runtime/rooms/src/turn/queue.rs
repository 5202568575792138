//! Those who wait for the turn of a room, in the order in which they asked, and those who wait to read its sockets.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::asker::Asker;

/// An empty queue keeps the memory of so many.
const KEPT: usize = 16;

/// How often the log tells of one room that too much waits in it.
const TELLING: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Queue {
    /// Ordered by their tickets.
    waiting: VecDeque<Waits>,
    last_ticket: u64,
    bytes: usize,
    /// How many of those who wait can be told to come back.
    clients: usize,
    /// Woken, in their order, when the room's sockets may be read again.
    readers: BTreeMap<u64, Waker>,
    /// When the log has last told of this room.
    told: Option<Instant>,
}

struct Waits {
    asker: Asker,
    left: Left,
}

/// One who waits no more.
pub(super) struct Left {
    pub(super) ticket: u64,
    pub(super) bytes: usize,
    /// Set when it was polled.
    pub(super) waker: Option<Waker>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clients(&self) -> usize {
        self.clients
    }

    /// A number that is higher than all before.
    pub(super) fn ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    /// Whether the log may tell of this room again. Then it has.
    pub(super) fn may_tell(&mut self, now: Instant) -> bool {
        let may = self.told.is_none_or(|told| now.saturating_duration_since(told) >= TELLING);
        if may {
            self.told = Some(now);
        }
        may
    }

    pub(super) fn push(&mut self, ticket: u64, asker: Asker, bytes: usize) {
        self.bytes += bytes;
        self.clients += usize::from(is_client(asker));
        self.waiting.push_back(Waits { asker, left: Left { ticket, bytes, waker: None } });
    }

    pub(super) fn pop(&mut self) -> Option<Left> {
        self.take(0)
    }

    pub(super) fn pop_operator(&mut self) -> Option<Left> {
        self.take(self.waiting.iter().position(|it| it.asker == Asker::Operator)?)
    }

    pub(super) fn remove(&mut self, ticket: u64) -> Option<Left> {
        self.take(self.index(ticket)?)
    }

    /// Removes all of some kinds.
    pub(super) fn remove_all(&mut self, whom: impl Fn(Asker) -> bool) -> Vec<Left> {
        let all = std::mem::take(&mut self.waiting);
        let (away, stay): (VecDeque<_>, _) = all.into_iter().partition(|it| whom(it.asker));
        self.waiting = stay;
        away.into_iter()
            .map(|it| {
                self.bytes -= it.left.bytes;
                self.clients -= usize::from(is_client(it.asker));
                it.left
            })
            .collect()
    }

    /// Sets whom to wake when this one has the turn. Returns false if it does not wait.
    pub(super) fn set_waker(&mut self, ticket: u64, waker: &Waker) -> bool {
        let Some(index) = self.index(ticket) else { return false };
        let known = &mut self.waiting[index].left.waker;
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
        true
    }

    pub(super) fn add_reader(&mut self, ticket: u64, waker: &Waker) {
        self.readers.insert(ticket, waker.clone());
    }

    pub(super) fn remove_reader(&mut self, ticket: u64) {
        self.readers.remove(&ticket);
    }

    pub(super) fn take_readers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.readers).into_values().collect()
    }

    fn index(&self, ticket: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket, |it| it.left.ticket).ok()
    }

    fn take(&mut self, index: usize) -> Option<Left> {
        let Waits { asker, left } = self.waiting.remove(index)?;
        self.bytes -= left.bytes;
        self.clients -= usize::from(is_client(asker));
        if self.waiting.is_empty() && self.waiting.capacity() > KEPT {
            self.waiting = VecDeque::new();
        }
        Some(left)
    }
}

fn is_client(asker: Asker) -> bool {
    matches!(asker, Asker::Client { .. })
}
