//! Whose turn it is in a room, and who waits for it.
//!
//! The turn is handed from one to the next in the order in which they asked. What waits is counted in events
//! and bytes: a room over its limit refuses clients that can come back, and asks that its sockets are not read
//! until half of the queue is gone. While a room is paused only operators get the turn.
//!
//! A turn that nobody else wants costs two short locks. Everything else here happens only in a room that is busy.

mod asker;
mod queue;

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub use self::asker::Asker;
use self::queue::{Left, Queue};
use crate::turn_queues::TurnQueues;

/// Why somebody gets no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTurn {
    /// Too much waits already.
    Busy,
    /// The room is paused.
    Paused,
    /// The room is paused, and the server stops: what it holds is given up.
    Stopped,
}

/// The turns of one room.
pub struct Turns {
    queues: Arc<TurnQueues>,
    /// Whether the room's sockets are not to be read. Written under the lock of the state.
    is_over: AtomicBool,
    state: Mutex<State>,
}

/// Nobody has the turn.
const NOBODY: u64 = 0;
/// One who has not waited has the turn. No ticket has this number.
const AT_ONCE: u64 = u64::MAX;

#[derive(Default)]
struct State {
    /// The ticket of the one who has the turn. If nobody has it, nobody waits, unless the room is paused.
    holder: u64,
    is_paused: bool,
    /// The server stops, and the room is paused.
    is_stopped: bool,
    /// There from the first time that somebody has to wait.
    queue: Option<Box<Queue>>,
}

/// The turn of a room. Dropping it hands the turn to the next.
#[must_use]
pub struct TurnGuard<'a> {
    turns: &'a Turns,
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        self.turns.pass_on();
    }
}

/// What waits for the turn of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    pub events: usize,
    pub bytes: usize,
    pub is_over: bool,
    pub is_paused: bool,
}

/// Tasks that are to be woken once the lock is released.
#[derive(Default)]
#[must_use]
struct Woken {
    next: Option<Waker>,
    others: Vec<Waker>,
}

impl Woken {
    fn wake(self) {
        for waker in self.next.into_iter().chain(self.others) {
            waker.wake();
        }
    }
}

impl TurnGuard<'_> {
    /// Keeps the turn: whoever calls this passes it on.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Turns {
    pub fn new(queues: Arc<TurnQueues>) -> Turns {
        Turns { queues, is_over: AtomicBool::new(false), state: Mutex::default() }
    }

    /// The turn, if it is free.
    pub fn try_take(&self) -> Option<TurnGuard<'_>> {
        let mut state = self.lock();
        if state.holder != NOBODY || state.is_paused {
            return None;
        }
        state.holder = AT_ONCE;
        drop(state);
        self.queues.waits.record_none();
        Some(TurnGuard { turns: self })
    }

    /// Waits for the turn, with so many bytes in hand. Returns it with the time that it has waited. The room is for
    /// the log.
    ///
    /// # Errors
    /// See [`NoTurn`].
    pub async fn wait(
        &self,
        asker: Asker,
        bytes: usize,
        room: &str,
    ) -> Result<(TurnGuard<'_>, Duration), NoTurn> {
        let began = self.queues.clock.now();
        let mut waiting = self.join(asker, bytes, began, room)?;
        poll_fn(|cx| waiting.poll(cx)).await?;
        let turn = TurnGuard { turns: self };
        let waited = self.queues.clock.now() - began;
        self.queues.waits.record(waited);
        Ok((turn, waited))
    }

    /// Joins the queue.
    fn join(
        &self,
        asker: Asker,
        bytes: usize,
        now: Instant,
        room: &str,
    ) -> Result<Waiting<'_>, NoTurn> {
        let mut state = self.lock();
        let State { holder, is_paused, is_stopped, queue } = &mut *state;
        let queue = &mut **queue.get_or_insert_default();
        let is_free = *holder == NOBODY && (!*is_paused || asker == Asker::Operator);
        match asker {
            Asker::Client { .. } | Asker::Signal if *is_paused => return Err(NoTurn::Paused),
            Asker::Connection | Asker::Stream if *is_stopped => return Err(NoTurn::Stopped),
            Asker::Client { max_waits }
                if !is_free && (self.is_over() || queue.clients() >= max_waits) =>
            {
                return Err(NoTurn::Busy);
            }
            _ => {}
        }
        let ticket = queue.ticket();
        let mut is_told = false;
        if is_free {
            *holder = ticket;
        } else {
            queue.push(ticket, asker, bytes);
            self.queues.events.add(1);
            self.queues.bytes.add(bytes);
            is_told = self.note_over(queue) && queue.may_tell(now);
        }
        let (events, bytes) = (queue.len(), queue.bytes());
        drop(state);
        if is_told {
            tracing::warn!(room, events, bytes, "too much waits in this room: it is not read");
        }
        Ok(Waiting { turns: self, ticket, is_done: false })
    }

    /// Whoever has the turn gives it up.
    pub(crate) fn pass_on(&self) {
        let mut state = self.lock();
        state.holder = NOBODY;
        let woken = self.hand_over(&mut state);
        drop(state);
        woken.wake();
    }

    /// Gives a turn that nobody has to the next.
    fn hand_over(&self, state: &mut State) -> Woken {
        let Some(queue) = state.queue.as_deref_mut() else { return Woken::default() };
        let next = if state.is_paused { queue.pop_operator() } else { queue.pop() };
        let Some(mut next) = next else { return Woken::default() };
        state.holder = next.ticket;
        let waker = next.waker.take();
        Woken { next: waker, others: self.left(queue, [next]) }
    }

    /// Counts what waits no more. Returns whom that wakes: those who read the room's sockets.
    fn left(&self, queue: &mut Queue, left: impl IntoIterator<Item = Left>) -> Vec<Waker> {
        for one in left {
            self.queues.events.sub(1);
            self.queues.bytes.sub(one.bytes);
        }
        let limits = self.queues.limits;
        let is_under = queue.len() <= limits.events / 2 && queue.bytes() <= limits.bytes / 2;
        if !is_under || !self.is_over() {
            return Vec::new();
        }
        self.is_over.store(false, Ordering::Relaxed);
        queue.take_readers()
    }

    /// Notes if the queue is over its limit now. Returns whether it has just gone over.
    fn note_over(&self, queue: &Queue) -> bool {
        let limits = self.queues.limits;
        let is_over = queue.len() >= limits.events || queue.bytes() >= limits.bytes;
        let is_new = is_over && !self.is_over();
        if is_new {
            self.is_over.store(true, Ordering::Relaxed);
            self.queues.over.add_one();
        }
        is_new
    }

    /// Whether so much waits that the room's sockets are not to be read.
    pub fn is_over(&self) -> bool {
        // A socket that is read a moment longer adds one message.
        self.is_over.load(Ordering::Relaxed)
    }

    /// What waits.
    pub fn waits(&self) -> Waits {
        let state = self.lock();
        let queue = state.queue.as_deref();
        Waits {
            events: queue.map_or(0, Queue::len),
            bytes: queue.map_or(0, Queue::bytes),
            is_over: self.is_over(),
            is_paused: state.is_paused,
        }
    }

    /// Keeps the turn from all but operators, and turns clients and signals away that wait. Whoever has the turn
    /// keeps it to its end. Returns false if the room is paused already.
    pub fn pause(&self) -> bool {
        let mut state = self.lock();
        if std::mem::replace(&mut state.is_paused, true) {
            return false;
        }
        let can_come_later = |asker| matches!(asker, Asker::Client { .. } | Asker::Signal);
        self.turn_away(state, can_come_later);
        true
    }

    /// The opposite of [`Turns::pause`].
    pub fn resume(&self) {
        let mut state = self.lock();
        (state.is_paused, state.is_stopped) = (false, false);
        let woken = match state.holder {
            NOBODY => self.hand_over(&mut state),
            _ => Woken::default(),
        };
        drop(state);
        woken.wake();
    }

    /// Gives up what a paused room holds, because the server stops.
    pub fn stop(&self) {
        let mut state = self.lock();
        if state.is_paused {
            state.is_stopped = true;
            self.turn_away(state, |asker| asker != Asker::Operator);
        }
    }

    fn turn_away(&self, mut state: MutexGuard<'_, State>, whom: impl Fn(Asker) -> bool) {
        let Some(queue) = state.queue.as_deref_mut() else { return };
        let mut away = queue.remove_all(whom);
        let mut wakers: Vec<Waker> = away.iter_mut().filter_map(|one| one.waker.take()).collect();
        wakers.extend(self.left(queue, away));
        drop(state);
        Woken { next: None, others: wakers }.wake();
    }

    /// A ticket for one who reads a socket of the room.
    pub(crate) fn begin_unread(&self) -> u64 {
        self.queues.unread.add(1);
        self.lock().queue.get_or_insert_default().ticket()
    }

    /// Whether a socket may be read again. If not, the waker is called then.
    pub(crate) fn is_readable(&self, ticket: u64, waker: &Waker) -> bool {
        let mut state = self.lock();
        let is_over = self.is_over();
        if let Some(queue) = state.queue.as_deref_mut().filter(|_| is_over) {
            queue.add_reader(ticket, waker);
        }
        !is_over
    }

    pub(crate) fn end_unread(&self, ticket: u64) {
        self.queues.unread.sub(1);
        if let Some(queue) = &mut self.lock().queue {
            queue.remove_reader(ticket);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits. Dropping it leaves the queue, or hands the turn on that it has just got.
struct Waiting<'a> {
    turns: &'a Turns,
    ticket: u64,
    /// It has got the turn, or gets none.
    is_done: bool,
}

impl Waiting<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NoTurn>> {
        let mut state = self.turns.lock();
        if state.holder == self.ticket {
            self.is_done = true;
            return Poll::Ready(Ok(()));
        }
        let queue = state.queue.as_deref_mut();
        if queue.is_some_and(|queue| queue.set_waker(self.ticket, cx.waker())) {
            return Poll::Pending;
        }
        // It was turned away.
        self.is_done = true;
        Poll::Ready(Err(if state.is_stopped { NoTurn::Stopped } else { NoTurn::Paused }))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = self.turns.lock();
        if state.holder == self.ticket {
            drop(state);
            return self.turns.pass_on();
        }
        let Some(queue) = state.queue.as_deref_mut() else { return };
        let left = queue.remove(self.ticket);
        let others = self.turns.left(queue, left);
        drop(state);
        Woken { next: None, others }.wake();
    }
}

#[cfg(test)]
mod tests;
