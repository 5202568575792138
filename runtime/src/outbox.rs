//! Frames waiting to be written to one connection.
//!
//! Commits push from any task; the connection's own task takes. Closing is part of the queue: a
//! close goes out behind the frames that were queued before it, and nothing is queued after it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use futures_util::task::AtomicWaker;

use zigttp_abi::close_code;

use crate::value::Value;

/// Code and reason of a close frame the server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    /// A code that may be sent (RFC 6455, 7.4), or 1005 for a close frame without one.
    pub(crate) code: u16,
    /// At most 123 bytes.
    pub(crate) reason: Box<str>,
    /// The server stops, and the client may be back: what is kept with the connection stays.
    pub(crate) is_shutdown: bool,
}

impl Close {
    pub(crate) fn new(code: u16, reason: impl Into<Box<str>>) -> Close {
        Close { code, reason: reason.into(), is_shutdown: false }
    }

    /// The 1001 of a server that stops.
    pub(crate) fn shutdown() -> Close {
        Close { is_shutdown: true, ..Close::new(close_code::GOING_AWAY, "") }
    }
}

pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// Bytes from which on a queue is over its bound.
    max_bytes: usize,
    /// The connection's task, woken when something was queued.
    waker: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Value>,
    /// Payload bytes of `frames`.
    bytes: usize,
    /// Since when `bytes` has been over the bound without a break.
    over_since: Option<Instant>,
    phase: Phase,
}

#[derive(Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// The server closes: this goes out behind the frames.
    Closing(Close),
    /// A close frame has been sent or received, or the transport is gone.
    Closed,
}

/// What the connection's task has to write next.
pub(crate) enum Next {
    Frame(Value),
    /// The last thing to be written.
    Close(Close),
    Nothing,
}

impl Outbox {
    pub(crate) fn new(max_bytes: usize) -> Outbox {
        Outbox { queue: Mutex::default(), max_bytes, waker: AtomicWaker::new() }
    }

    /// Queues a frame unless the connection is closing. The bound was checked when the handler
    /// sent it; here a frame is only refused when nothing may follow a close.
    pub(crate) fn push(&self, frame: Value) {
        let mut queue = self.lock();
        if queue.phase == Phase::Open {
            queue.bytes += frame.bytes().len();
            queue.frames.push_back(frame);
            if queue.bytes >= self.max_bytes {
                queue.over_since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// Queues a frame that no handler's `send` has checked against the bound. Answers whether it
    /// was taken.
    pub(crate) fn push_bounded(&self, frame: Value) -> bool {
        let has_room = self.queued_bytes().is_some_and(|queued| queued < self.max_bytes);
        if has_room {
            self.push(frame);
        }
        has_room
    }

    /// Begins a close; does nothing when one has begun. Answers whether it was the first.
    pub(crate) fn close(&self, close: Close) -> bool {
        let mut queue = self.lock();
        let is_first = queue.phase == Phase::Open;
        if is_first {
            queue.phase = Phase::Closing(close);
        }
        is_first
    }

    /// Begins a close that does not wait behind what is queued: that is dropped.
    pub(crate) fn close_at_once(&self, close: Close) {
        let mut queue = self.lock();
        queue.frames = VecDeque::new();
        queue.bytes = 0;
        queue.over_since = None;
        queue.phase = Phase::Closing(close);
    }

    /// Since when the queue has been over its bound, if it is.
    pub(crate) fn over_since(&self) -> Option<Instant> {
        self.lock().over_since
    }

    /// Gives up memory that an empty queue holds.
    pub(crate) fn shrink(&self) {
        self.lock().frames.shrink_to_fit();
    }

    /// Drops what waits and takes nothing more.
    pub(crate) fn shut(&self) {
        let mut queue = self.lock();
        queue.phase = Phase::Closed;
        queue.frames = VecDeque::new();
        queue.bytes = 0;
    }

    /// Whether frames may still be queued.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().phase == Phase::Open
    }

    /// Bytes that wait, or `None` when the connection is closing or closed.
    pub(crate) fn queued_bytes(&self) -> Option<usize> {
        let queue = self.lock();
        (queue.phase == Phase::Open).then_some(queue.bytes)
    }

    /// Wakes the connection's task to write what was queued.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Called by the connection's task before it looks at the queue.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Takes the next thing to write. After [`Next::Close`] the queue takes nothing more.
    pub(crate) fn next(&self) -> Next {
        let mut queue = self.lock();
        if let Some(frame) = queue.frames.pop_front() {
            queue.bytes -= frame.bytes().len();
            if queue.bytes < self.max_bytes {
                queue.over_since = None;
            }
            return Next::Frame(frame);
        }
        if !matches!(queue.phase, Phase::Closing(_)) {
            return Next::Nothing;
        }
        let Phase::Closing(close) = std::mem::replace(&mut queue.phase, Phase::Closed) else {
            unreachable!("the phase was looked at under the same lock");
        };
        Next::Close(close)
    }

    /// The close the server has begun and not yet written.
    pub(crate) fn pending_close(&self) -> Option<Close> {
        match &self.lock().phase {
            Phase::Closing(close) => Some(close.clone()),
            Phase::Open | Phase::Closed => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing under this lock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
