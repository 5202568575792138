//! One stream: its response is read while there is room in the buffer, and what has come goes to the room.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::event::Event;
use zigttp_sandbox::failure::{Cause, Failure};
use zigttp_sandbox::outgoing::{FetchError, FetchErrorKind};
use zigttp_sandbox::stream::{Piece, StreamError, StreamPiece, StreamRequest};
use zigttp_store::state::error::CommitStateError;
use zigttp_store::state::streams::Stream;

use super::buffer::{Buffer, Ready};
use super::cutter::Cutter;
use super::limits::StreamLimits;
use super::open_streams::OpenStream;
use crate::dispatch::StreamRun;
use crate::dispatcher::Dispatcher;
use crate::event_of::Sender;
use crate::outside::OpenResponse;

/// What comes within this time of the piece before comes as one.
const GATHER_TIME: Duration = Duration::from_millis(20);

/// How long a piece waits that the server could not hand over, such as when the disk is full.
const UNRUN_DELAY: Duration = Duration::from_secs(1);

/// Most bytes that are cut at a time, so that no part of a body is much larger than the buffer.
const PART_BYTES: usize = 16 << 10;

/// The way of one stream to its room.
pub(super) struct Flow<'a> {
    dispatcher: &'a Arc<Dispatcher>,
    limits: StreamLimits,
    stream: Arc<Stream>,
    cancelled: watch::Receiver<bool>,
    buffer: Buffer,
}

/// How a stream has ended early, and why.
type Ended = (StreamError, Option<String>);

impl<'a> Flow<'a> {
    pub(super) fn new(
        dispatcher: &'a Arc<Dispatcher>,
        limits: StreamLimits,
        stream: Arc<Stream>,
        cancelled: watch::Receiver<bool>,
    ) -> Flow<'a> {
        Flow { dispatcher, limits, stream, cancelled, buffer: Buffer::new(limits.buffer) }
    }

    /// Tells the room that the stream has ended, without a request.
    pub(super) async fn end(self, error: StreamError, message: Option<String>) {
        self.buffer.end(Piece::End { error: Some(error), message });
        self.deliver(None).await;
    }

    /// Makes the request, and hands its response to the room.
    pub(super) async fn run(self, request: StreamRequest, opened: &OpenStream) {
        let read = async {
            let error = self.read(request, opened).await.err();
            let (error, message) = match error {
                Some((error, message)) => (Some(error), message),
                None => (None, None),
            };
            self.buffer.end(Piece::End { error, message });
            // All pieces are still to be handed over.
            std::future::pending::<()>().await;
        };
        // The response is dropped, and with it its connection, when the last piece was taken.
        tokio::select! {
            () = read => {}
            () = self.deliver(Some(opened)) => {}
        }
    }

    /// Reads the response into the buffer, until it has ended.
    async fn read(&self, request: StreamRequest, opened: &OpenStream) -> Result<(), Ended> {
        let mut cancelled = self.cancelled.clone();
        tokio::select! {
            result = self.read_all(request, opened) => result,
            () = sleep(self.limits.max_time) => {
                let seconds = self.limits.max_time.as_secs();
                Err((StreamError::Timeout, Some(format!("it has not ended within {seconds} s"))))
            }
            // The store has forgotten it otherwise, which ends it too.
            _ = cancelled.wait_for(|is_cancelled| *is_cancelled) => {
                self.cut_off(StreamError::Cancelled);
                Ok(())
            }
        }
    }

    async fn read_all(
        &self,
        StreamRequest { request, cut }: StreamRequest,
        opened: &OpenStream,
    ) -> Result<(), Ended> {
        let room = (&*self.stream.room).into();
        let response = self.dispatcher.outside.open(request, Some(room));
        let response = timeout(self.limits.first_byte_timeout, response);
        let OpenResponse { head, mut body } = response
            .await
            .map_err(|_late| late("there is no response", self.limits.first_byte_timeout))?
            .map_err(|error| self.failed(error))?;
        opened.has_started(head.status);
        let cut = cut.unwrap_or_else(|| Cutter::of_type(content_type(&head.headers)));
        self.buffer.start(Piece::Start { status: head.status, headers: head.headers }, cut);
        let mut total = 0;
        loop {
            // Nothing is read that there is no room for: then the other server waits.
            self.buffer.room().await;
            let part = timeout(self.limits.idle_timeout, body.next())
                .await
                .map_err(|_late| late("nothing has come", self.limits.idle_timeout))?;
            let Some(part) = part else { return Ok(()) };
            let mut part = part.map_err(|error| self.failed(error))?;
            total += part.len();
            opened.has_read(part.len());
            self.dispatcher.hub.counters.stream_bytes.add(part.len());
            let most = self.limits.max_bytes;
            if total > most {
                let message =
                    format!("the response has more than {most} bytes (--max-stream-bytes)");
                return Err((StreamError::TooLarge, Some(message)));
            }
            while !part.is_empty() {
                self.buffer.room().await;
                let first = &part[..part.len().min(PART_BYTES)];
                let used = self.buffer.push(first).map_err(|_too_long| {
                    let most = self.limits.buffer;
                    let message =
                        format!("a line or event has more than {most} bytes (--stream-buffer)");
                    (StreamError::TooLarge, Some(message))
                })?;
                drop(part.split_to(used));
            }
        }
    }

    /// How a failure of the client ends the stream.
    fn failed(&self, FetchError { kind, message }: FetchError) -> Ended {
        let error = match kind {
            FetchErrorKind::TooLarge => StreamError::TooLarge,
            FetchErrorKind::TimedOut | FetchErrorKind::Limit => StreamError::Timeout,
            FetchErrorKind::NotAllowed | FetchErrorKind::Network => StreamError::Network,
        };
        if kind == FetchErrorKind::NotAllowed {
            let Stream { room, name, .. } = &*self.stream;
            tracing::warn!(room = &**room, stream = &**name, "a stream is not allowed: {message}");
        }
        (error, Some(message))
    }

    /// From now on nothing comes but this end.
    fn cut_off(&self, error: StreamError) {
        self.buffer.cut_off(Piece::End { error: Some(error), message: None });
    }

    /// Hands pieces to the room until the last one is taken, or the server stops.
    async fn deliver(&self, opened: Option<&OpenStream>) {
        let mut gather = pin!(sleep(Duration::ZERO));
        loop {
            if self.buffer.filled().await == Ready::Body {
                tokio::select! {
                    () = gather.as_mut() => {}
                    () = self.buffer.closed() => {}
                }
            }
            gather.set(sleep(GATHER_TIME));
            match self.hand_over(opened).await {
                Handed::Piece => {}
                Handed::Last => return,
            }
        }
    }

    /// Hands the next piece over, in the room's turn.
    async fn hand_over(&self, opened: Option<&OpenStream>) -> Handed {
        let room = (&*self.stream.room).into();
        // The piece that was taken; it is taken when the turn has come.
        let mut taken: Option<Arc<StreamPiece>> = None;
        loop {
            let bytes = taken.as_ref().map_or_else(|| self.buffer.bytes(), |piece| piece.bytes());
            let is_end = AtomicBool::new(false);
            let event = || {
                let piece = self.take(&mut taken)?;
                is_end.store(piece.is_end(), Ordering::Relaxed);
                Some(Event::stream((&*self.stream.room).into(), piece))
            };
            let sender = Sender {
                is_wanted: &|| is_end.load(Ordering::Relaxed) || !*self.cancelled.borrow(),
                on_wait: &|| {},
            };
            let ran = self.dispatcher.dispatch_stream(&room, bytes, &sender, event).await;
            let Some(piece) = &taken else { return Handed::Last };
            match ran {
                Ok(StreamRun::Handled) => {
                    if let Some(opened) = opened {
                        opened.has_delivered();
                    }
                    if let Piece::End { error, .. } = &piece.piece {
                        self.note_end(*error);
                        return Handed::Last;
                    }
                    return Handed::Piece;
                }
                // The next one is its end.
                Ok(StreamRun::Stale) => {}
                // It is in the store still: the next server tells the room.
                Ok(StreamRun::GivenUp) => return Handed::Last,
                Ok(StreamRun::Unwanted) => {
                    let Stream { room, name, .. } = &*self.stream;
                    tracing::warn!(
                        room = &**room,
                        stream = &**name,
                        "a stream has no receiver, because the handler exports no onStream: it is ended"
                    );
                    self.forget().await;
                    self.note_end(Some(StreamError::Handler));
                    return Handed::Last;
                }
                Err(failure) if is_not_its_fault(&failure) => sleep(UNRUN_DELAY).await,
                Err(_logged) if piece.is_end() => {
                    // Nobody is told twice.
                    self.forget().await;
                    self.note_end(Some(StreamError::Handler));
                    return Handed::Last;
                }
                Err(_logged) => {
                    self.cut_off(StreamError::Handler);
                    return Handed::Piece;
                }
            }
        }
    }

    /// The piece to hand over: the one that was taken before and could not be, or the next one.
    fn take(&self, taken: &mut Option<Arc<StreamPiece>>) -> Option<Arc<StreamPiece>> {
        if *self.cancelled.borrow() && !taken.as_ref().is_some_and(|piece| piece.is_end()) {
            self.cut_off(StreamError::Cancelled);
            *taken = None;
        }
        if taken.is_none() {
            let piece = self.buffer.take()?;
            let Stream { id, name, .. } = &*self.stream;
            *taken = Some(Arc::new(StreamPiece::new(*id, name.clone(), piece)));
        }
        taken.clone()
    }

    /// Removes the stream without an event.
    async fn forget(&self) {
        while let Err(error) = self.dispatcher.hub.states.storage.end_stream(self.stream.id).await {
            let Stream { room, name, .. } = &*self.stream;
            tracing::error!(room = &**room, stream = &**name, %error, "cannot remove a stream that has ended");
            sleep(UNRUN_DELAY).await;
        }
    }

    fn note_end(&self, error: Option<StreamError>) {
        let counters = &self.dispatcher.hub.counters;
        let Stream { room, name, .. } = &*self.stream;
        match error {
            None => counters.ended_streams.add_one(),
            Some(error) => counters.failed_streams[error as usize].add_one(),
        }
        let error = error.map(StreamError::name);
        tracing::debug!(room = &**room, stream = &**name, error, "a stream has ended");
    }
}

/// What has become of a piece.
enum Handed {
    Piece,
    /// None follows.
    Last,
}

fn late(what: &str, time: Duration) -> Ended {
    (StreamError::Timeout, Some(format!("{what} within {} s", time.as_secs())))
}

/// Whether an event has failed for want of what all events share. It can run later.
fn is_not_its_fault(failure: &Failure) -> bool {
    match failure {
        Failure::OverBudget(OverBudget::EventMemory)
        | Failure::NotRead(_)
        | Failure::NotRestored => true,
        Failure::NotCommitted(cause) => !is_of_the_event(cause),
        Failure::Threw(_) | Failure::OverBudget(_) | Failure::Trapped(_) => false,
    }
}

fn is_of_the_event(cause: &Cause) -> bool {
    cause.downcast_ref::<CommitStateError>().is_some_and(CommitStateError::is_of_the_event)
}

/// The `Content-Type` of these header lines, or nothing.
fn content_type(headers: &str) -> &str {
    let fields = headers.lines().filter_map(|line| line.split_once(':'));
    let mut types = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    types.next().map_or("", |(_, value)| value.trim())
}
