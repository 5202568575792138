//! The frames that wait to be written to one connection, and writing them.
//!
//! Commits queue frames from any task. One task then writes as much as the transport accepts, for all
//! connections that were queued together (see [`crate::unwritten`]): waking each connection's own task would
//! cost more than the system call that it would make. The rest waits for that task, and so do all frames of
//! a transport that only its own task may write (see [`crate::wire`]).
//!
//! Closing is part of the queue: a close frame follows the frames that were queued before it, and nothing
//! is queued after it.

mod closing;
mod queue;

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;
use zigttp_protocol::close::Close;
use zigttp_protocol::frame::Frame;

pub use self::closing::Closing;
use self::queue::{MAX_SLICES, Queue};
use crate::clock::Clock;
use crate::transport::Transport;
use crate::wire::Wire;

/// How many bytes are gathered, while a client's messages are handled, before they are written.
const GATHERED_BYTES: usize = 16 << 10;

pub struct Outbox {
    state: Mutex<State>,
    /// What messages are encoded for.
    transport: Transport,
    /// The limit of the queue.
    max_bytes: usize,
    clock: Clock,
    /// Whether the connection's task may have more to see to than writing, so that it takes no lock to learn that it has
    /// not. Written under the lock of the state.
    needs_attention: AtomicBool,
    /// Whether a task has undertaken to write this queue (see [`crate::unwritten`]).
    is_gathered: AtomicBool,
    /// The connection's task, woken when it has something to do.
    waker: AtomicWaker,
}

#[derive(Default)]
struct State {
    /// Where frames are written, from the end of the handshake until the transport is closed.
    wire: Option<Box<dyn Wire>>,
    queue: Queue,
    closing: closing::State,
    /// Since when the queue has been over its limit without interruption.
    over_since: Option<Instant>,
    /// Get a message when the client sends anything.
    probes: Vec<oneshot::Sender<()>>,
}

/// Why the connection's task must stop reading for a moment.
pub enum Interrupt {
    /// The server has begun to close.
    Close(Closing),
    /// The queue is over its limit, since this time.
    Over(Instant),
    /// The queue has gathered enough bytes to write them.
    Write,
}

impl Outbox {
    pub fn new(transport: Transport, max_bytes: usize, clock: Clock) -> Outbox {
        Outbox {
            state: Mutex::default(),
            transport,
            max_bytes,
            clock,
            needs_attention: AtomicBool::new(false),
            is_gathered: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    /// Sets where frames are written from now on.
    pub fn attach(&self, wire: Box<dyn Wire>) {
        self.lock().wire = Some(wire);
    }

    /// Queues a frame unless the connection is closing. The limit was checked when the handler sent it.
    pub fn push(&self, frame: Frame) {
        let encoded = self.transport.encode(frame);
        let mut state = self.lock();
        if state.closing.is_open() {
            state.queue.push(encoded);
            self.note_full(&mut state);
        }
    }

    /// Queues a frame if the queue is below its limit, for frames that no `send` of a handler has checked.
    /// Returns whether it was queued.
    pub fn push_bounded(&self, frame: Frame) -> bool {
        let has_room = self.queued_bytes().is_some_and(|queued| queued < self.max_bytes);
        if has_room {
            self.push(frame);
        }
        has_room
    }

    /// Queues a ping or a pong, which do not wait behind data (RFC 6455, 5.4).
    pub fn push_control(&self, encoded: Bytes) {
        let mut state = self.lock();
        if !state.closing.is_closed() {
            state.queue.push_control(encoded);
            self.note_full(&mut state);
        }
    }

    /// Begins a close; does nothing when one has begun.
    pub fn close(&self, close: Close) {
        let mut state = self.lock();
        state.closing.begin(close);
        self.ask_for_attention(&state);
    }

    /// Begins the close for a server that stops, once the connection's task is between two events: so what
    /// a running event sends is still written.
    pub fn leave(&self) {
        let mut state = self.lock();
        state.closing.leave();
        self.ask_for_attention(&state);
        drop(state);
        self.waker.wake();
    }

    /// Asks the connection's task to ping the client. `alive` gets a message when the client sends anything,
    /// and is dropped when it does not.
    pub fn probe(&self, alive: oneshot::Sender<()>) {
        let mut state = self.lock();
        if !state.closing.is_closed() {
            state.probes.push(alive);
            self.ask_for_attention(&state);
        }
        drop(state);
        self.waker.wake();
    }

    /// Takes the probes, for the connection's task.
    pub fn take_probes(&self) -> Vec<oneshot::Sender<()>> {
        if !self.needs_attention() {
            return Vec::new();
        }
        std::mem::take(&mut self.lock().probes)
    }

    /// Begins a close whose frame is the next to be written. The queued frames are dropped.
    pub fn close_at_once(&self, close: Close) {
        let mut state = self.lock();
        state.drop_unstarted();
        state.closing.begin_anew(close);
        self.ask_for_attention(&state);
    }

    /// Queues the close frame of a close that has begun.
    pub fn queue_close(&self) {
        let mut state = self.lock();
        if let Some(closing) = state.closing.begun() {
            match self.transport.close(&closing.close()) {
                Some(encoded) => state.end_with(encoded),
                None => state.closing.end(),
            }
        }
    }

    /// Queues the close frame that answers the client's, after all queued frames: they may be replies to
    /// messages that the client has sent before its close.
    pub fn answer_close(&self, encoded: Bytes) {
        self.lock().end_with(encoded);
    }

    /// Queues this close frame as the last frame. All frames that are not partly written are dropped, also
    /// another close frame of the server.
    pub fn end_with(&self, encoded: Bytes) {
        let mut state = self.lock();
        state.drop_unstarted();
        state.end_with(encoded);
    }

    /// Since when the queue has been over its limit, if it is.
    pub fn over_since(&self) -> Option<Instant> {
        self.lock().over_since
    }

    /// Frees the memory that an empty queue holds.
    pub fn shrink(&self) {
        self.lock().queue.shrink();
    }

    /// Drops all queued frames and accepts no more.
    pub fn shut(&self) {
        let mut state = self.lock();
        state.closing.end();
        state.probes = Vec::new();
        state.drop_unstarted();
    }

    /// Ends the server's direction of the transport.
    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if let Some(wire) = &mut state.wire {
            // A broken transport has ended as well.
            let _ = ready!(wire.poll_shutdown(cx));
        }
        state.wire = None;
        Poll::Ready(())
    }

    /// Drops the transport, so that whoever reads it closes it by dropping it too.
    pub fn detach(&self) {
        self.lock().wire = None;
    }

    /// Whether frames may still be queued.
    pub fn is_open(&self) -> bool {
        self.lock().closing.is_open()
    }

    /// How many bytes the queue holds; `None` when the connection is closing or closed.
    pub fn queued_bytes(&self) -> Option<usize> {
        let state = self.lock();
        state.closing.is_open().then(|| state.queue.bytes())
    }

    /// How many bytes the queue holds, also when the connection is closing.
    pub fn waiting_bytes(&self) -> usize {
        self.lock().queue.bytes()
    }

    /// Marks this queue as one that a task has undertaken to write. Returns whether none had before.
    pub fn gather(&self) -> bool {
        !self.is_gathered.swap(true, Ordering::AcqRel)
    }

    /// Whether another task has undertaken to write this queue.
    pub fn is_gathered(&self) -> bool {
        self.is_gathered.load(Ordering::Acquire)
    }

    /// Leaves the writing to the connection's task.
    pub fn wake_to_write(&self) {
        self.is_gathered.store(false, Ordering::Release);
        self.waker.wake();
    }

    /// Sets the waker of the connection's task. The task then checks the queue once more before it waits.
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// What the connection's task has to do before it reads on.
    pub fn interrupt(&self) -> Option<Interrupt> {
        if !self.needs_attention() {
            return None;
        }
        let mut state = self.lock();
        let closing = state.closing.due().cloned();
        let interrupt = state.interrupt(closing);
        if interrupt.is_none() && state.probes.is_empty() {
            self.needs_attention.store(false, Ordering::Relaxed);
        }
        interrupt
    }

    /// The same while an event of the connection waits: the close of a server that stops begins when it has ended.
    pub fn interrupt_during_event(&self) -> Option<Interrupt> {
        if !self.needs_attention() {
            return None;
        }
        let state = self.lock();
        let closing = state.closing.begun().cloned();
        state.interrupt(closing)
    }

    fn ask_for_attention(&self, _locked: &MutexGuard<'_, State>) {
        self.needs_attention.store(true, Ordering::Release);
    }

    /// One who has registered its waker and reads false is woken for what comes after.
    fn needs_attention(&self) -> bool {
        self.needs_attention.load(Ordering::Acquire)
    }

    /// Writes what the transport accepts at once, from any task. Wakes the connection's task for the rest,
    /// and to complete a close.
    pub fn flush(&self) {
        // Before the queue is read: a task that queues something afterwards gathers this queue again.
        self.is_gathered.swap(false, Ordering::AcqRel);
        let mut state = self.lock();
        let is_open = state.closing.is_open();
        // The connection's task notices a broken transport when it writes.
        let is_done = is_open && matches!(state.poll_write(None), Poll::Ready(Ok(())));
        self.note_below(&mut state);
        drop(state);
        if !is_done {
            self.waker.wake();
        }
    }

    /// Writes the whole queue. Only the connection's task waits here.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        let done = state.poll_write(Some(cx));
        self.note_below(&mut state);
        done
    }

    /// Notes when the queue went over its limit, if it is over, and asks for attention if it is to be written.
    fn note_full(&self, state: &mut MutexGuard<'_, State>) {
        let bytes = state.queue.bytes();
        if bytes >= self.max_bytes {
            state.over_since.get_or_insert_with(|| self.clock.now());
        }
        if bytes >= self.max_bytes.min(GATHERED_BYTES) {
            self.ask_for_attention(state);
        }
    }

    /// Notes that the queue is below its limit, if it is.
    fn note_below(&self, state: &mut State) {
        if state.queue.bytes() < self.max_bytes {
            state.over_since = None;
        }
    }

    /// Takes the next frame, for a connection without a transport.
    pub fn take(&self) -> Option<Bytes> {
        let mut state = self.lock();
        let encoded = state.queue.take_first()?;
        self.note_below(&mut state);
        Some(encoded)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What the connection's task has to see to.
    fn interrupt(&self, closing: Option<Closing>) -> Option<Interrupt> {
        if let Some(closing) = closing {
            return Some(Interrupt::Close(closing));
        }
        match self.over_since {
            Some(since) => Some(Interrupt::Over(since)),
            None => (self.queue.bytes() >= GATHERED_BYTES).then_some(Interrupt::Write),
        }
    }

    /// Drops all frames that are not partly written.
    fn drop_unstarted(&mut self) {
        self.queue.drop_unstarted();
        self.over_since = None;
    }

    /// Queues a close frame as the last one. It counts, but does not make the client a slow consumer: the
    /// closing handshake has a time-out of its own.
    fn end_with(&mut self, close: Bytes) {
        self.queue.push(close);
        self.closing.end();
    }

    /// Writes until the queue is empty or the transport accepts no more; with a context the task is then
    /// woken. Without a transport everything stays queued.
    fn poll_write(&mut self, mut cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>> {
        while self.queue.bytes() > 0 {
            let Some(wire) = &mut self.wire else { return Poll::Pending };
            let written = match self.queue.only() {
                Some(only) => wire.poll_write(cx.as_deref_mut(), &[only]),
                None => {
                    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                    let count = self.queue.slices(&mut slices);
                    wire.poll_write(cx.as_deref_mut(), &slices[..count])
                }
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.queue.wrote(count),
            }
        }
        match &mut self.wire {
            Some(wire) => wire.poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot::error::TryRecvError;
    use tungstenite::protocol::frame::Frame as ControlFrame;

    use zigttp_protocol::close::encode;
    use zigttp_protocol::frame::queue_bytes;

    use super::*;

    #[test]
    fn every_probe_gets_a_reply() {
        let outbox = Outbox::new(Transport::WebSocket, 1, Clock::system());
        let (first, mut first_answer) = oneshot::channel();
        let (second, mut second_answer) = oneshot::channel();
        outbox.probe(first);
        outbox.probe(second);
        assert_eq!(first_answer.try_recv(), Err(TryRecvError::Empty), "it still waits");
        for probe in outbox.take_probes() {
            probe.send(()).expect("both wait");
        }
        assert_eq!((first_answer.try_recv(), second_answer.try_recv()), (Ok(()), Ok(())));
    }

    #[test]
    fn a_queue_counts_all_the_memory_of_its_frames() {
        let outbox = Outbox::new(Transport::WebSocket, 1000, Clock::system());
        for _ in 0..4 {
            outbox.push(Frame::text(b""));
        }
        outbox.push_control(encode(ControlFrame::pong(Bytes::from_static(b"and why?"))));
        let held = 5 * queue_bytes(&Bytes::new()) + 4 * 2 + (2 + 8);
        assert_eq!((outbox.queued_bytes(), outbox.over_since()), (Some(held), None));
        while outbox.queued_bytes() < Some(1000) {
            outbox.push(Frame::text(b""));
        }
        assert!(outbox.over_since().is_some(), "frames without a payload are held too");
        assert!(!outbox.push_bounded(Frame::text(b"")));
        outbox.close(Close::new(1000, ""));
        outbox.queue_close();
        while outbox.take().is_some() {}
        assert_eq!((outbox.waiting_bytes(), outbox.over_since()), (0, None));
    }

    #[test]
    fn a_stream_of_events_ends_after_what_was_queued() {
        let outbox = Outbox::new(Transport::Events, 1000, Clock::system());
        outbox.push(Frame::text(b"a"));
        outbox.close(Close::new(1000, "done"));
        outbox.push(Frame::text(b"nothing follows a close"));
        outbox.queue_close();
        assert_eq!(outbox.take().as_deref(), Some(&b"data: a\n\n"[..]));
        assert!(outbox.take().is_none() && !outbox.is_open());
    }

    #[test]
    fn a_probe_of_a_closed_connection_fails_at_once() {
        let outbox = Outbox::new(Transport::WebSocket, 1, Clock::system());
        outbox.shut();
        let (alive, mut answer) = oneshot::channel();
        outbox.probe(alive);
        assert_eq!(answer.try_recv(), Err(TryRecvError::Closed));
    }

    /// A transport that accepts this many bytes each time.
    struct Slow(usize, Arc<Mutex<Vec<u8>>>);

    impl Wire for Slow {
        fn poll_write(
            &mut self,
            cx: Option<&mut Context<'_>>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            if cx.is_none() {
                return Poll::Pending;
            }
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let taken = &all[..all.len().min(self.0)];
            self.1.lock().expect("no test panics with it").extend(taken);
            Poll::Ready(Ok(taken.len()))
        }

        fn poll_flush(&mut self, _cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_slow_transport_gets_every_byte_in_order_and_the_close_last() {
        for step in 1..20 {
            let received = Arc::<Mutex<Vec<u8>>>::default();
            let outbox = Outbox::new(Transport::WebSocket, usize::MAX, Clock::system());
            outbox.attach(Box::new(Slow(step, Arc::clone(&received))));
            let mut expected = Vec::new();
            for number in 0..40 {
                let frame = Frame::text(format!("message {number}").as_bytes());
                expected.extend(frame.bytes());
                outbox.push(frame);
            }
            outbox.close(Close::new(1000, "done"));
            outbox.push(Frame::text(b"nothing follows a close"));
            outbox.queue_close();
            expected.extend(Close::new(1000, "done").encode());
            // Without a waiting task nothing is written to this transport.
            outbox.flush();
            assert!(received.lock().expect("no test panics with it").is_empty());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(matches!(outbox.poll_flush(&mut cx), Poll::Ready(Ok(()))));
            assert_eq!(*received.lock().expect("no test panics with it"), expected);
            assert_eq!(outbox.waiting_bytes(), 0);
        }
    }
}
