//! Frames waiting to be written to one connection, and the writing.
//!
//! Commits push from any task, and one task writes as much as the transport takes for all that has
//! been queued together (see [`crate::unwritten`]): waking the connection's own task for it costs
//! more than the system call that it would then make. What is left waits for that task, and so does
//! all that is for TLS or HTTP/2 (see [`crate::wire`]).
//!
//! Closing is part of the queue: a close goes out behind the frames that were queued before it, and
//! nothing is queued after it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;
use zigttp_protocol::close::Close;
use zigttp_protocol::frame::{Frame, queue_bytes};

use crate::wire::Writer;

/// Frames that go out with one system call.
const MAX_SLICES: usize = 16;

/// What is gathered while a peer's messages are handled before it is written.
const GATHERED_BYTES: usize = 16 << 10;

/// Frames that a queue keeps room for, however few there are.
const MAX_SPARE_ENTRIES: usize = 64;

pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// Bytes from which on a queue is over its bound.
    max_bytes: usize,
    /// A task has it among those that it is about to write (see [`crate::unwritten`]).
    is_gathered: AtomicBool,
    /// The connection's task, woken when it has something to do.
    waker: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    /// Where frames are written, once the handshake is done and until the transport is given up.
    writer: Option<Writer>,
    /// Encoded.
    frames: VecDeque<Bytes>,
    /// Bytes of the first frame that are written.
    written: usize,
    /// Frames that a further ping or pong goes behind: the pings and pongs at the front, and what was
    /// partly written before them.
    controls: usize,
    /// What `frames` hold (see [`queue_bytes`]).
    bytes: usize,
    /// Since when `bytes` has been over the bound without a break.
    over_since: Option<Instant>,
    /// Who wants to know whether the peer is still there.
    probes: Vec<oneshot::Sender<()>>,
    /// The server stops: it closes once the event that runs has ended.
    is_leaving: bool,
    phase: Phase,
}

/// What calls the connection's task away from reading.
pub(crate) enum Call {
    /// The server has begun to close.
    Close(Close),
    /// The queue is over its bound, since then.
    Over(Instant),
    /// Much has been gathered.
    Write,
}

#[derive(Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// The server closes: this goes out behind the frames.
    Closing(Close),
    /// A close frame is queued or has been sent or received, or the transport is gone.
    Closed,
}

impl Outbox {
    pub(crate) fn new(max_bytes: usize) -> Outbox {
        Outbox {
            queue: Mutex::default(),
            max_bytes,
            is_gathered: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    /// Frames are written here from now on.
    pub(crate) fn attach(&self, writer: Writer) {
        self.lock().writer = Some(writer);
    }

    /// Queues a frame unless the connection is closing. The bound was checked when the handler
    /// sent it; here a frame is only refused when nothing may follow a close.
    pub(crate) fn push(&self, frame: Frame) {
        let mut queue = self.lock();
        if queue.phase == Phase::Open {
            let encoded = frame.into_bytes();
            self.count(&mut queue, &encoded);
            queue.frames.push_back(encoded);
        }
    }

    /// Queues a frame that no handler's `send` has checked against the bound. Answers whether it
    /// was taken.
    pub(crate) fn push_bounded(&self, frame: Frame) -> bool {
        let has_room = self.queued_bytes().is_some_and(|queued| queued < self.max_bytes);
        if has_room {
            self.push(frame);
        }
        has_room
    }

    /// Queues a ping or a pong, which do not wait behind data (RFC 6455, 5.4), but behind each other.
    pub(crate) fn push_control(&self, encoded: Bytes) {
        let mut queue = self.lock();
        if queue.phase != Phase::Closed {
            let place = queue.controls.max(usize::from(queue.written > 0));
            self.count(&mut queue, &encoded);
            queue.frames.insert(place, encoded);
            queue.controls = place + 1;
        }
    }

    /// Begins a close; does nothing when one has begun.
    pub(crate) fn close(&self, close: Close) {
        let mut queue = self.lock();
        if queue.phase == Phase::Open {
            queue.phase = Phase::Closing(close);
        }
    }

    /// Begins the close of a server that stops, as soon as the connection's task is between two
    /// events: what a running one sends still goes out.
    pub(crate) fn leave(&self) {
        self.lock().is_leaving = true;
        self.waker.wake();
    }

    /// Asks the connection's task to ping its peer; `alive` is told when the peer says anything, and
    /// dropped when it does not.
    pub(crate) fn probe(&self, alive: oneshot::Sender<()>) {
        let mut queue = self.lock();
        if queue.phase != Phase::Closed {
            queue.probes.push(alive);
        }
        drop(queue);
        self.waker.wake();
    }

    /// Takes the questions out, for the connection's task.
    pub(crate) fn take_probes(&self) -> Vec<oneshot::Sender<()>> {
        std::mem::take(&mut self.lock().probes)
    }

    /// Begins a close that does not wait behind what is queued: that is dropped.
    pub(crate) fn close_at_once(&self, close: Close) {
        let mut queue = self.lock();
        queue.drop_frames();
        queue.phase = Phase::Closing(close);
    }

    /// Queues the close frame of a close that has begun.
    pub(crate) fn queue_close(&self) {
        let mut queue = self.lock();
        if let Phase::Closing(close) = &queue.phase {
            let encoded = close.encode();
            queue.end_with(encoded);
        }
    }

    /// Queues this close frame, the answer to the peer's, behind what waits: that may be answers to what
    /// came with it.
    pub(crate) fn answer_close(&self, encoded: Bytes) {
        self.lock().end_with(encoded);
    }

    /// Queues this close frame as the last thing that is written. What has not begun to be
    /// written is dropped, a close frame of our own included.
    pub(crate) fn end_with(&self, encoded: Bytes) {
        let mut queue = self.lock();
        queue.drop_frames();
        queue.end_with(encoded);
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
        queue.probes = Vec::new();
        queue.drop_frames();
    }

    /// Ends our direction of the transport.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = self.lock();
        if let Some(writer) = &mut queue.writer {
            // One that is broken has ended as well.
            let _ = ready!(writer.poll_shutdown(cx));
        }
        queue.writer = None;
        Poll::Ready(())
    }

    /// Whether frames may still be queued.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().phase == Phase::Open
    }

    /// What waits, with all that it holds, or `None` when the connection is closing or closed.
    pub(crate) fn queued_bytes(&self) -> Option<usize> {
        let queue = self.lock();
        (queue.phase == Phase::Open).then_some(queue.bytes)
    }

    /// What waits, with all that it holds, whether or not more may follow.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Says that a task is about to write this. Answers whether none was before.
    pub(crate) fn gather(&self) -> bool {
        !self.is_gathered.swap(true, Ordering::AcqRel)
    }

    /// Whether another task is about to write this.
    pub(crate) fn is_gathered(&self) -> bool {
        self.is_gathered.load(Ordering::Acquire)
    }

    /// Leaves the writing to the connection's task.
    pub(crate) fn wake_to_write(&self) {
        self.is_gathered.store(false, Ordering::Release);
        self.waker.wake();
    }

    /// Called by the connection's task before it looks at the queue for the last time.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// What the connection's task has to see to before it reads on.
    pub(crate) fn call(&self) -> Option<Call> {
        let mut queue = self.lock();
        if queue.is_leaving && queue.phase == Phase::Open {
            queue.phase = Phase::Closing(Close::shutdown());
        }
        match &queue.phase {
            Phase::Closing(close) => Some(Call::Close(close.clone())),
            Phase::Open | Phase::Closed => match queue.over_since {
                Some(since) => Some(Call::Over(since)),
                None => (queue.bytes >= GATHERED_BYTES).then_some(Call::Write),
            },
        }
    }

    /// Writes what the transport takes at once; called by whoever has queued something. The
    /// connection's task is woken for what is left, and to begin its end when it is closing.
    pub(crate) fn flush(&self) {
        // Before the look at the queue: who queues something after it gathers this anew.
        self.is_gathered.swap(false, Ordering::AcqRel);
        let mut queue = self.lock();
        let is_open = queue.phase == Phase::Open;
        // A broken transport shows when the task writes.
        let is_done = is_open && matches!(queue.poll_write(None), Poll::Ready(Ok(())));
        self.settle(&mut queue);
        drop(queue);
        if !is_done {
            self.waker.wake();
        }
    }

    /// Writes everything that waits. Only the connection's task waits here.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut queue = self.lock();
        let done = queue.poll_write(Some(cx));
        self.settle(&mut queue);
        done
    }

    /// Counts a frame that is about to be queued.
    fn count(&self, queue: &mut Queue, encoded: &Bytes) {
        queue.bytes += queue_bytes(encoded);
        if queue.bytes >= self.max_bytes {
            queue.over_since.get_or_insert_with(Instant::now);
        }
    }

    /// Notes that the queue is no longer over its bound.
    fn settle(&self, queue: &mut Queue) {
        if queue.bytes < self.max_bytes {
            queue.over_since = None;
        }
    }

    /// Takes the next frame, for a connection without a transport.
    pub(crate) fn take(&self) -> Option<Bytes> {
        let mut queue = self.lock();
        let encoded = queue.take_first()?;
        self.settle(&mut queue);
        Some(encoded)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing under this lock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Drops all frames but the one that is partly written.
    fn drop_frames(&mut self) {
        let kept = (self.written > 0).then(|| self.frames.pop_front()).flatten();
        self.bytes = kept.as_ref().map_or(0, queue_bytes);
        self.frames = kept.into_iter().collect();
        self.controls = 0;
        self.over_since = None;
    }

    /// Queues a close frame as the last one. It counts, but calls nobody slow: what follows has a time
    /// of its own.
    fn end_with(&mut self, close: Bytes) {
        self.bytes += queue_bytes(&close);
        self.frames.push_back(close);
        self.phase = Phase::Closed;
    }

    /// Takes the first frame out.
    fn take_first(&mut self) -> Option<Bytes> {
        let encoded = self.frames.pop_front()?;
        self.bytes -= queue_bytes(&encoded);
        self.controls = self.controls.saturating_sub(1);
        let (len, room) = (self.frames.len(), self.frames.capacity());
        if room > MAX_SPARE_ENTRIES && len < room / 2 {
            // The place that was doubled for a long queue is counted no more, so it is given up; what is
            // left grows a little before it doubles again.
            self.frames.shrink_to(len + len / 4);
        }
        Some(encoded)
    }

    /// Writes until nothing is left or the transport takes no more, which a context waits for. Without
    /// a transport everything stays.
    fn poll_write(&mut self, mut cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>> {
        while let Some(first) = self.frames.front() {
            let Some(writer) = &mut self.writer else { return Poll::Pending };
            let written = if self.frames.len() == 1 {
                let rest = IoSlice::new(&first[self.written..]);
                writer.poll_write(cx.as_deref_mut(), &[rest])
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let mut skip = self.written;
                for (slice, frame) in slices.iter_mut().zip(&self.frames) {
                    *slice = IoSlice::new(&frame[std::mem::take(&mut skip)..]);
                }
                let count = self.frames.len().min(MAX_SLICES);
                writer.poll_write(cx.as_deref_mut(), &slices[..count])
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
            while let Some(first) = self.frames.front()
                && self.written >= first.len()
            {
                self.written -= first.len();
                self.take_first();
            }
        }
        match &mut self.writer {
            Some(writer) => writer.poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::error::TryRecvError;
    use tungstenite::protocol::frame::Frame as ControlFrame;

    use super::*;
    use zigttp_protocol::close::encode;

    #[test]
    fn whoever_asks_for_the_peer_is_answered_also_when_others_ask() {
        let outbox = Outbox::new(1);
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
    fn a_queue_counts_all_that_it_holds_and_nothing_once_it_is_empty() {
        let outbox = Outbox::new(1000);
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
    fn room_for_many_frames_is_given_up_as_they_go() {
        let outbox = Outbox::new(usize::MAX);
        for _ in 0..10_000 {
            outbox.push(Frame::text(b"one"));
        }
        while outbox.take().is_some() {
            let queue = outbox.lock();
            let (len, room) = (queue.frames.len(), queue.frames.capacity());
            assert!(room <= (2 * len + 1).max(MAX_SPARE_ENTRIES), "{room} for {len}");
        }
    }

    #[test]
    fn pongs_go_before_data_and_behind_each_other() {
        let outbox = Outbox::new(1000);
        let sent = |count| -> Vec<Bytes> { (0..count).filter_map(|_| outbox.take()).collect() };
        let control =
            |payload: &'static [u8]| encode(ControlFrame::pong(Bytes::from_static(payload)));
        outbox.push(Frame::text(b"data"));
        outbox.push_control(control(b"1"));
        outbox.push_control(control(b"2"));
        assert_eq!(sent(1), [control(b"1")]);
        outbox.push_control(control(b"3"));
        assert_eq!(sent(2), [control(b"2"), control(b"3")]);
        outbox.push_control(control(b"4"));
        outbox.push(Frame::text(b"more"));
        let texts = [Frame::text(b"data").into_bytes(), Frame::text(b"more").into_bytes()];
        assert_eq!(sent(4), [control(b"4"), texts[0].clone(), texts[1].clone()]);
    }

    #[test]
    fn whoever_asks_for_a_peer_that_has_gone_is_told_at_once() {
        let outbox = Outbox::new(1);
        outbox.shut();
        let (alive, mut answer) = oneshot::channel();
        outbox.probe(alive);
        assert_eq!(answer.try_recv(), Err(TryRecvError::Closed));
    }
}
