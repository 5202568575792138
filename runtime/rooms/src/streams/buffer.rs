//! What has come of a stream and was not taken yet, in order: its start, what was cut of its body, its end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use zigttp_sandbox::stream::{Cut, Piece};

use super::cutter::{Cutter, Items};

/// Between the one who reads a response and the one who hands pieces to the room.
pub(super) struct Buffer {
    most: usize,
    state: Mutex<State>,
    /// Something has come.
    filled: Notify,
    /// Something was taken.
    emptied: Notify,
}

struct State {
    start: Option<Piece>,
    /// Once the start has come.
    body: Option<Body>,
    end: Option<Piece>,
    /// Nothing comes any more.
    is_closed: bool,
}

struct Body {
    cut: Cut,
    cutter: Cutter,
    items: Items,
}

/// A line or an event is longer than the buffer.
pub(super) struct TooLong;

/// What can be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    Nothing,
    /// A part of the body: more may join it.
    Body,
    /// The start, or all that there will be.
    AtOnce,
}

impl Buffer {
    pub(super) fn new(most: usize) -> Buffer {
        let state = State { start: None, body: None, end: None, is_closed: false };
        let (filled, emptied) = (Notify::new(), Notify::new());
        Buffer { most, state: Mutex::new(state), filled, emptied }
    }

    /// The head of the response has come.
    pub(super) fn start(&self, start: Piece, cut: Cut) {
        let mut state = self.lock();
        if !state.is_closed {
            state.start = Some(start);
            state.body = Some(Body { cut, cutter: Cutter::new(cut), items: Items::none(cut) });
        }
        drop(state);
        self.filled.notify_one();
    }

    /// A part of the body has come. Returns how many bytes of it were taken.
    pub(super) fn push(&self, part: &[u8]) -> Result<usize, TooLong> {
        let mut state = self.lock();
        let Some(Body { cutter, items, .. }) = &mut state.body else { return Ok(part.len()) };
        let used = cutter.push(part, items, self.most);
        let (is_filled, is_too_long) = (!items.is_empty(), cutter.held() > self.most);
        drop(state);
        if is_filled {
            self.filled.notify_one();
        }
        if is_too_long { Err(TooLong) } else { Ok(used) }
    }

    /// The stream has ended; the first end counts.
    pub(super) fn end(&self, end: Piece) {
        let mut state = self.lock();
        if !state.is_closed {
            if let Some(Body { cutter, items, .. }) = &mut state.body {
                cutter.end(items);
            }
            state.end = Some(end);
            state.is_closed = true;
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Nothing is left of it but this end.
    pub(super) fn cut_off(&self, end: Piece) {
        let mut state = self.lock();
        (state.start, state.body) = (None, None);
        state.end = Some(end);
        state.is_closed = true;
        drop(state);
        self.filled.notify_one();
        self.emptied.notify_one();
    }

    /// Waits until there is room for more. For the one who reads.
    pub(super) async fn room(&self) {
        loop {
            let held = self.bytes();
            if held < self.most {
                return;
            }
            self.emptied.notified().await;
        }
    }

    /// Waits until something can be taken. For the one who takes.
    pub(super) async fn filled(&self) -> Ready {
        loop {
            match self.ready() {
                Ready::Nothing => self.filled.notified().await,
                ready => return ready,
            }
        }
    }

    /// Waits until all that comes has come. For the one who takes.
    pub(super) async fn closed(&self) {
        while self.ready() != Ready::AtOnce {
            self.filled.notified().await;
        }
    }

    fn ready(&self) -> Ready {
        let state = self.lock();
        let has_body = state.body.as_ref().is_some_and(|body| !body.items.is_empty());
        match (state.start.is_some() || state.end.is_some(), has_body) {
            (true, _) => Ready::AtOnce,
            (false, true) => Ready::Body,
            (false, false) => Ready::Nothing,
        }
    }

    /// Takes the next piece: of the body all that has come.
    pub(super) fn take(&self) -> Option<Piece> {
        let mut state = self.lock();
        if let Some(start) = state.start.take() {
            return Some(start);
        }
        if let Some(Body { cut, items, .. }) = &mut state.body
            && !items.is_empty()
        {
            let piece = items.take(*cut);
            drop(state);
            self.emptied.notify_one();
            return Some(piece);
        }
        state.end.take()
    }

    /// Bytes that wait, those of a line or event that has begun included.
    pub(super) fn bytes(&self) -> usize {
        let state = self.lock();
        state.body.as_ref().map_or(0, |body| body.items.bytes + body.cutter.held())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use zigttp_sandbox::stream::StreamError;

    use super::*;

    fn start() -> Piece {
        Piece::Start { status: 200, headers: String::new() }
    }

    fn end(error: Option<StreamError>) -> Piece {
        Piece::End { error, message: None }
    }

    fn lines(lines: &[&str]) -> Option<Piece> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Some(Piece::Lines { lines })
    }

    #[test]
    fn pieces_come_in_order_and_what_waits_is_one() {
        let buffer = Buffer::new(1000);
        assert_eq!(buffer.take(), None);
        buffer.start(start(), Cut::Lines);
        assert!(buffer.push(b"one\ntw").is_ok() && buffer.push(b"o\nthree").is_ok());
        assert_eq!(buffer.take(), Some(start()));
        assert_eq!(buffer.take(), lines(&["one", "two"]));
        assert_eq!(buffer.take(), None);
        buffer.end(end(None));
        buffer.end(end(Some(StreamError::Network)));
        assert_eq!(buffer.take(), lines(&["three"]));
        assert_eq!(buffer.take(), Some(end(None)));
        assert_eq!(buffer.take(), None);
    }

    #[test]
    fn of_a_stream_that_is_cut_off_nothing_but_its_end_is_left() {
        let buffer = Buffer::new(1000);
        buffer.start(start(), Cut::Lines);
        assert!(buffer.push(b"one\n").is_ok());
        buffer.cut_off(end(Some(StreamError::Cancelled)));
        assert!(buffer.push(b"two\n").is_ok());
        buffer.end(end(None));
        assert_eq!(buffer.take(), Some(end(Some(StreamError::Cancelled))));
        assert_eq!(buffer.take(), None);
    }

    fn poll_once(future: &mut std::pin::Pin<&mut impl Future<Output = ()>>) -> std::task::Poll<()> {
        future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }

    #[tokio::test]
    async fn there_is_room_again_when_a_piece_is_taken() {
        let buffer = Buffer::new(100);
        buffer.start(start(), Cut::Lines);
        assert!(buffer.push("x".repeat(99).as_bytes()).is_ok());
        buffer.room().await;
        assert!(buffer.push(b"\n").is_ok());
        let mut room = std::pin::pin!(buffer.room());
        assert!(poll_once(&mut room).is_pending());
        assert_eq!(buffer.take(), Some(start()));
        assert!(poll_once(&mut room).is_pending());
        assert!(buffer.take().is_some());
        room.await;
        assert!(buffer.push("x".repeat(101).as_bytes()).is_err(), "a line that does not fit");
    }
}
