//! The body of a response that is a stream of events: what a connection's outbox writes, hyper sends.
//!
//! Between them is one piece of memory of a limited size, and none while nothing is under way. Any task may write, as
//! to a TCP socket; hyper is woken to take it.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use zigttp_rooms::wire::Wire;

/// Most bytes that hyper has not taken yet.
const PIECE_BYTES: usize = 16 << 10;

/// Both ends of a body, and a watch over the end that hyper has.
pub(crate) fn pair() -> (EventWriter, EventBody, ClientGone) {
    let shared = Arc::<Mutex<Shared>>::default();
    (EventWriter(Arc::clone(&shared)), EventBody(Arc::clone(&shared)), ClientGone(shared))
}

#[derive(Debug, Default)]
struct Shared {
    /// What was written and hyper has not taken.
    piece: Vec<u8>,
    /// Nothing follows.
    is_ended: bool,
    /// Hyper has dropped the body: the client has gone, or has all of it.
    is_gone: bool,
    /// Hyper's task, while it waits for a piece.
    body: Option<Waker>,
    /// The connection's task, while it waits for room.
    writer: Option<Waker>,
    /// The same, while it waits for the client to go.
    watch: Option<Waker>,
}

/// Where a connection's outbox writes. Dropping it ends the body.
pub(crate) struct EventWriter(Arc<Mutex<Shared>>);

/// The body of the response, for hyper.
#[derive(Debug)]
pub(crate) struct EventBody(Arc<Mutex<Shared>>);

/// A watch over the body.
pub(crate) struct ClientGone(Arc<Mutex<Shared>>);

impl EventWriter {
    fn end(&self) {
        let mut shared = lock(&self.0);
        shared.is_ended = true;
        wake(&mut shared.body);
    }
}

impl Drop for EventWriter {
    fn drop(&mut self) {
        self.end();
    }
}

impl Wire for EventWriter {
    fn poll_write(
        &mut self,
        cx: Option<&mut Context<'_>>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut shared = lock(&self.0);
        if shared.is_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = PIECE_BYTES.saturating_sub(shared.piece.len());
        if room == 0 {
            if let Some(cx) = cx {
                shared.writer = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let mut written = 0;
        for slice in slices {
            let part = &slice[..slice.len().min(room - written)];
            shared.piece.extend_from_slice(part);
            written += part.len();
        }
        wake(&mut shared.body);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&mut self, _cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl EventBody {
    /// The next piece; `None` at the end.
    pub(crate) fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut shared = lock(&self.0);
        if !shared.piece.is_empty() {
            let piece = Bytes::from(std::mem::take(&mut shared.piece));
            wake(&mut shared.writer);
            return Poll::Ready(Some(piece));
        }
        if shared.is_ended {
            return Poll::Ready(None);
        }
        shared.body = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        let mut shared = lock(&self.0);
        shared.is_gone = true;
        shared.piece = Vec::new();
        wake(&mut shared.writer);
        wake(&mut shared.watch);
    }
}

impl ClientGone {
    /// Waits until hyper has dropped the body.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut shared = lock(&self.0);
        if shared.is_gone {
            return Poll::Ready(());
        }
        shared.watch = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // No change can panic in the middle.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_out_in_order_and_no_more_is_held_than_a_piece() {
        let (mut writer, body, gone) = pair();
        let mut cx = Context::from_waker(Waker::noop());
        let text: Vec<u8> = (0..PIECE_BYTES + 10).map(|number| number as u8).collect();
        let (first, second) = text.split_at(7);
        let slices = [IoSlice::new(first), IoSlice::new(second)];
        assert!(matches!(writer.poll_write(None, &slices), Poll::Ready(Ok(PIECE_BYTES))));
        assert!(writer.poll_write(Some(&mut cx), &slices).is_pending(), "it is full");
        assert_eq!(
            body.poll_piece(&mut cx),
            Poll::Ready(Some(text[..PIECE_BYTES].to_vec().into()))
        );
        assert!(body.poll_piece(&mut cx).is_pending() && gone.poll(&mut cx).is_pending());
        let rest = [IoSlice::new(&text[PIECE_BYTES..])];
        assert!(matches!(writer.poll_write(None, &rest), Poll::Ready(Ok(10))));
        drop(writer);
        assert_eq!(
            body.poll_piece(&mut cx),
            Poll::Ready(Some(text[PIECE_BYTES..].to_vec().into()))
        );
        assert_eq!(body.poll_piece(&mut cx), Poll::Ready(None));
    }

    #[test]
    fn a_body_that_is_dropped_breaks_the_wire() {
        let (mut writer, body, gone) = pair();
        let mut cx = Context::from_waker(Waker::noop());
        drop(body);
        assert!(gone.poll(&mut cx).is_ready());
        let written = writer.poll_write(Some(&mut cx), &[IoSlice::new(b"a")]);
        assert!(matches!(written, Poll::Ready(Err(_))));
    }
}
