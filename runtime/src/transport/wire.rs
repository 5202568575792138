//! What carries a connection's frames: a TCP socket, or a stream inside it (TLS, HTTP/2).
//!
//! Any task may write to a TCP socket, without waiting: measured to be the fastest way. A stream has state
//! (records, flow control) and wakes only the task that last waited for it, so only the connection's task
//! writes to it; other tasks wake that task.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use zigttp_rooms::wire::Wire;

use crate::transport::tcp::Tcp;

/// Most bytes of a frame that are written to a stream at once: what a TLS record and an HTTP/2 frame hold.
/// HTTP/2 copies them, and keeps up to four such pieces for a client that does not read, beyond the limit
/// of the queue and until the stream ends. So a piece is small: a connection has up to 100 streams.
const PIECE_BYTES: usize = 16 << 10;

/// A stream inside a TCP socket, as hyper hands it over.
type Stream = TokioIo<Upgraded>;

/// Where frames are read.
pub(crate) enum Reader {
    Tcp(OwnedReadHalf),
    Stream(ReadHalf<Stream>),
}

/// Where frames are written.
pub(crate) enum Writer {
    Tcp(TcpWriter),
    Stream {
        stream: WriteHalf<Stream>,
        /// Whether the stream has flushed all that was written to it.
        is_flushed: bool,
    },
}

/// The server's direction of a TCP socket. Dropping it does not end the direction, because closing the socket does
/// that too: one system call instead of two.
pub(crate) struct TcpWriter(Option<OwnedWriteHalf>);

impl TcpWriter {
    fn half(&mut self) -> &mut OwnedWriteHalf {
        self.0.as_mut().expect("only the drop takes it")
    }
}

impl Drop for TcpWriter {
    fn drop(&mut self) {
        if let Some(half) = self.0.take() {
            half.forget();
        }
    }
}

/// Takes a transport over from hyper: its two directions, and what hyper has read after the handshake.
pub(crate) fn split(upgraded: Upgraded) -> (Reader, Writer, Bytes) {
    match auto::upgrade::downcast::<TokioIo<Tcp>>(upgraded) {
        Ok(parts) => {
            let (stream, unused) = parts.io.into_inner().into_inner();
            let (reader, writer) = of_tcp(stream);
            // A copy, because the original keeps all of hyper's buffer.
            let read_ahead = Bytes::from([parts.read_buf, unused].concat());
            (reader, writer, read_ahead)
        }
        Err(upgraded) => {
            // What hyper has read after the handshake is read from the stream.
            let (reader, stream) = tokio::io::split(TokioIo::new(upgraded));
            let writer = Writer::Stream { stream, is_flushed: true };
            (Reader::Stream(reader), writer, Bytes::new())
        }
    }
}

/// The two directions of a TCP socket.
pub(crate) fn of_tcp(stream: TcpStream) -> (Reader, Writer) {
    let (reader, writer) = stream.into_split();
    (Reader::Tcp(reader), Writer::Tcp(TcpWriter(Some(writer))))
}

impl Reader {
    /// Whether the transport is a TCP socket, with nothing around it.
    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self, Reader::Tcp(_))
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Reader::Tcp(reader) => Pin::new(reader).poll_read(cx, buffer),
            Reader::Stream(reader) => Pin::new(reader).poll_read(cx, buffer),
        }
    }
}

impl Wire for Writer {
    /// Without a context nothing is written to a stream.
    fn poll_write(
        &mut self,
        cx: Option<&mut Context<'_>>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Writer::Tcp(writer) => poll_write_tcp(writer.half(), cx, slices),
            Writer::Stream { stream, is_flushed } => {
                let Some(cx) = cx else { return Poll::Pending };
                *is_flushed = false;
                let stream = Pin::new(stream);
                match slices {
                    [first, ..] if first.len() > PIECE_BYTES => {
                        stream.poll_write(cx, &first[..PIECE_BYTES])
                    }
                    slices => stream.poll_write_vectored(cx, slices),
                }
            }
        }
    }

    fn poll_flush(&mut self, cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>> {
        match self {
            Writer::Tcp(_) | Writer::Stream { is_flushed: true, .. } => Poll::Ready(Ok(())),
            Writer::Stream { stream, is_flushed } => {
                let Some(cx) = cx else { return Poll::Pending };
                ready!(Pin::new(stream).poll_flush(cx))?;
                *is_flushed = true;
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Writer::Tcp(writer) => Pin::new(writer.half()).poll_shutdown(cx),
            Writer::Stream { stream, .. } => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

fn poll_write_tcp(
    writer: &OwnedWriteHalf,
    mut cx: Option<&mut Context<'_>>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        let written = match slices {
            [one] => writer.try_write(one),
            several => writer.try_write_vectored(several),
        };
        match (written, &mut cx) {
            (Err(error), Some(cx)) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(writer.as_ref().poll_write_ready(cx))?;
            }
            (Err(error), None) if error.kind() == io::ErrorKind::WouldBlock => {
                return Poll::Pending;
            }
            (written, _) => return Poll::Ready(written),
        }
    }
}
