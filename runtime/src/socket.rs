//! Frames of one connection, in and out.
//!
//! Reading and writing go on side by side: whatever the connection's task waits for, its queue is
//! written meanwhile. All frames that are ready are read and handled before one flush: with 16
//! messages in flight that was 0.49 us of CPU a message against 4.6 (measured).

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, error::ProtocolError};
use zigttp_abi::close_code;
use zigttp_abi::value::ValueKind;

use crate::config::Config;
use crate::liveness::{Due, Liveness};
use crate::outbox::{Close, Next, Outbox};
use crate::value::Value;

/// Also caps one read. 4 KiB is 6 KB a connection; 128 KiB, the library's default, 134 (measured).
const READ_BUFFER_BYTES: usize = 4096;
/// Frames are gathered up to this size before they are written without waiting for a flush.
const WRITE_BUFFER_BYTES: usize = 16 << 10;
/// Pings answered while the peer takes nothing. Each unread pong grows the write buffer: a client
/// that pings and never reads grew memory by 56 MiB in 0.2 s (measured).
const MAX_UNFLUSHED_PINGS: u32 = 16;
/// How long input is drained after the closing handshake. Closing with unread input resets the
/// connection, and a reset can eat the close frame before the peer reads it.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// A WebSocket over any transport.
pub(crate) struct Socket<Io> {
    stream: WebSocketStream<Io>,
    is_flushed: bool,
    unflushed_pings: u32,
    liveness: Liveness,
}

/// What a completed flush has written.
enum Flushed {
    Frames,
    /// As many pongs as may be unflushed: reading was paused for them.
    Pongs,
}

/// What [`Socket::next`] waits for.
pub(crate) enum Inbound {
    Message(Value),
    /// The server has begun to close.
    Closing(Close),
    /// The peer's close frame; code 1005 if it held none.
    PeerClosed(Close),
    /// The peer broke the protocol; the close frame says how.
    Fault(Close),
    /// The queue has been over its bound for too long.
    Slow,
    /// No event for a while: time to give up buffers.
    Idle,
    /// A ping was not answered in time.
    Dead,
    /// The transport ended without a close frame.
    Dropped,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Socket<Io> {
    /// Takes over a transport after its handshake. `read_ahead` is what has been read past it.
    pub(crate) async fn new(io: Io, read_ahead: Bytes, config: &Config) -> Socket<Io> {
        let liveness = Liveness::new(config);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_message_size(Some(config.max_message_size))
            .max_frame_size(Some(config.max_message_size));
        let stream =
            WebSocketStream::from_partially_read(io, read_ahead.into(), Role::Server, Some(config))
                .await;
        Socket { stream, is_flushed: true, unflushed_pings: 0, liveness }
    }

    /// The next thing that happens, writing the queue meanwhile.
    pub(crate) async fn next(&mut self, outbox: &Outbox) -> Inbound {
        poll_fn(|cx| {
            outbox.register(cx.waker());
            if let Some(close) = outbox.pending_close() {
                return Poll::Ready(Inbound::Closing(close));
            }
            if self.poll_write(cx, outbox).is_err() {
                return Poll::Ready(Inbound::Dropped);
            }
            loop {
                if self.unflushed_pings < MAX_UNFLUSHED_PINGS
                    && let Poll::Ready(message) = self.poll_read(cx)
                {
                    self.liveness.heard();
                    match message {
                        Some(inbound) => return Poll::Ready(inbound),
                        None => continue,
                    }
                }
                match self.poll_flush(cx) {
                    // Pings were left unread until their pongs had gone.
                    Poll::Ready(Ok(Flushed::Pongs)) => continue,
                    Poll::Ready(Ok(Flushed::Frames)) | Poll::Pending => {}
                    Poll::Ready(Err(_broken)) => return Poll::Ready(Inbound::Dropped),
                }
                match ready!(self.liveness.poll_due(cx, outbox.over_since())) {
                    Due::Ping if self.ping(cx).is_err() => return Poll::Ready(Inbound::Dropped),
                    Due::Ping => {}
                    Due::Slow => return Poll::Ready(Inbound::Slow),
                    Due::Dormant => return Poll::Ready(Inbound::Idle),
                    Due::Dead => return Poll::Ready(Inbound::Dead),
                }
            }
        })
        .await
    }

    /// An event of the connection has ended.
    pub(crate) fn event_ended(&mut self) {
        self.liveness.event_ended();
    }

    /// Runs something to its end, writing the queue while it waits.
    pub(crate) async fn write_during<T>(
        &mut self,
        outbox: &Outbox,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            outbox.register(cx.waker());
            // A broken transport shows when it is next read; the work goes on regardless.
            if self.poll_write(cx, outbox).is_ok() {
                let _ = self.poll_flush(cx);
            }
            Poll::Pending
        })
        .await
    }

    /// Ends a connection whose close the server began: writes what is queued and the close frame,
    /// and waits for the peer's answer. A close frame of the peer that comes before ours has gone
    /// out is answered, and returned.
    pub(crate) async fn close(&mut self, outbox: &Outbox) -> Option<Close> {
        let mut has_sent_close = false;
        let crossed = poll_fn(|cx| {
            outbox.register(cx.waker());
            loop {
                if !has_sent_close {
                    match self.poll_write(cx, outbox) {
                        Ok(sent) => has_sent_close = sent,
                        Err(_broken) => return Poll::Ready(None),
                    }
                }
                if let Poll::Ready(Err(_broken)) = self.poll_flush(cx) {
                    return Poll::Ready(None);
                }
                match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                    Some(Ok(Message::Close(frame))) if !has_sent_close => {
                        return Poll::Ready(Some(close_of(frame)));
                    }
                    // Messages after a close of the server are discarded.
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Poll::Ready(None),
                }
            }
        })
        .await;
        if crossed.is_some() {
            self.answer_close().await;
        }
        crossed
    }

    /// Ends a connection whose peer closed first: the answering close frame goes out.
    pub(crate) async fn answer_close(&mut self) {
        // After the peer's close frame tungstenite queues the answer; reading on writes it.
        // Flushing would not do: a flush that is not finished at once loses sight of the answer.
        while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut self.stream).poll_next(cx)).await {}
    }

    /// Ends a connection whose peer broke the protocol: tells it why.
    pub(crate) async fn fail(&mut self, close: Close) {
        let sent = poll_fn(|cx| {
            ready!(Pin::new(&mut self.stream).poll_ready(cx))?;
            Pin::new(&mut self.stream).start_send(Message::Close(close_frame(&close)))?;
            Poll::Ready(Ok::<(), Error>(()))
        })
        .await;
        if sent.is_ok() {
            // Who does not take it has gone, or is about to be dropped.
            let _ = poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await;
        }
    }

    /// Ends our direction of the transport and drains the peer's, until it ends or a second has
    /// passed.
    pub(crate) async fn finish(mut self) {
        let io = self.stream.get_mut();
        let drain = async {
            if io.shutdown().await.is_ok() {
                let mut sink = [0; 1024];
                while io.read(&mut sink).await.is_ok_and(|read| read > 0) {}
            }
        };
        // Past the time the reset is the peer's own doing.
        let _ = tokio::time::timeout(DRAIN_TIME, drain).await;
    }

    /// Feeds the queue to the stream as far as that takes it. Answers whether that included the
    /// close frame.
    fn poll_write(&mut self, cx: &mut Context<'_>, outbox: &Outbox) -> Result<bool, Error> {
        while let Poll::Ready(is_ready) = Pin::new(&mut self.stream).poll_ready(cx) {
            is_ready?;
            let (message, is_close) = match outbox.next() {
                Next::Frame(value) => (Message::Frame(frame(value)), false),
                Next::Close(close) => (Message::Close(close_frame(&close)), true),
                Next::Nothing => return Ok(false),
            };
            self.is_flushed = false;
            Pin::new(&mut self.stream).start_send(message)?;
            if is_close {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<Flushed, Error>> {
        if self.is_flushed && self.unflushed_pings == 0 {
            return Poll::Ready(Ok(Flushed::Frames));
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.is_flushed = true;
        let pings = std::mem::take(&mut self.unflushed_pings);
        Poll::Ready(Ok(if pings < MAX_UNFLUSHED_PINGS { Flushed::Frames } else { Flushed::Pongs }))
    }

    /// Sends a ping. Where the peer takes nothing it is not sent, and counts as sent: who does not
    /// read for that long is as dead as who does not answer.
    fn ping(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if let Poll::Ready(is_ready) = Pin::new(&mut self.stream).poll_ready(cx) {
            is_ready?;
            Pin::new(&mut self.stream).start_send(Message::Ping(Bytes::new()))?;
            self.is_flushed = false;
        }
        Ok(())
    }

    /// Reads one frame: `None` for a control frame that was dealt with.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        let message = ready!(Pin::new(&mut self.stream).poll_next(cx));
        Poll::Ready(match message {
            Some(Ok(Message::Text(text))) => {
                Some(Inbound::Message(Value::new(ValueKind::Text, text.into())))
            }
            Some(Ok(Message::Binary(bytes))) => {
                Some(Inbound::Message(Value::new(ValueKind::ArrayBuffer, bytes)))
            }
            Some(Ok(Message::Close(frame))) => Some(Inbound::PeerClosed(close_of(frame))),
            // tungstenite has queued the pong.
            Some(Ok(Message::Ping(_))) => {
                self.unflushed_pings += 1;
                None
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => None,
            Some(Err(error)) => Some(fault(&error)),
            None => Some(Inbound::Dropped),
        })
    }
}

/// The close frame that answers a violation (RFC 6455, 7.4.1).
fn fault(error: &Error) -> Inbound {
    let (code, reason) = match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Inbound::Dropped,
        Error::Protocol(violation) => (close_code::PROTOCOL_ERROR, violation.to_string()),
        Error::Utf8(_) => (close_code::INVALID_PAYLOAD, "a text message is not UTF-8".to_owned()),
        Error::Capacity(_) => (close_code::MESSAGE_TOO_BIG, "the message is too large".to_owned()),
        _ => return Inbound::Dropped,
    };
    let end = reason.floor_char_boundary(close_code::MAX_REASON_BYTES);
    Inbound::Fault(Close::new(code, &reason[..end]))
}

/// The text was checked when it became a [`Value`]: a raw frame is not checked again.
fn frame(value: Value) -> Frame {
    let data = if value.kind() == ValueKind::Text { Data::Text } else { Data::Binary };
    Frame::message(value.into_bytes(), OpCode::Data(data), true)
}

fn close_frame(close: &Close) -> Option<CloseFrame> {
    (close.code != close_code::NO_STATUS)
        .then(|| CloseFrame { code: CloseCode::from(close.code), reason: (&*close.reason).into() })
}

fn close_of(frame: Option<CloseFrame>) -> Close {
    match frame {
        Some(frame) => Close::new(frame.code.into(), frame.reason.as_str()),
        None => Close::new(close_code::NO_STATUS, ""),
    }
}
