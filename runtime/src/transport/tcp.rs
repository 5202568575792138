//! The TCP socket of a transport. Hyper reads and writes it; meanwhile a request that waits can look whether
//! its client has left, which hyper does not notice while a response is due over HTTP/1.1.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// Pause between two looks of a request that waits.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// How much is read where hyper wants less: the preface of HTTP/2, by which it tells the versions apart. A request is
/// mostly shorter, so it takes one system call.
const AHEAD_BYTES: usize = 2 << 10;

/// `None` once the transport has ended, or a WebSocket has taken it over.
type Shared = Arc<Mutex<Option<TcpStream>>>;

/// The socket, for hyper. Dropping it closes it.
pub(crate) struct Tcp {
    socket: Shared,
    /// What was read before hyper wants it.
    ahead: Bytes,
}

/// A look at the socket, for its requests.
#[derive(Clone)]
pub(crate) struct ClientWatch {
    socket: Shared,
    is_secure: bool,
}

impl Tcp {
    pub(crate) fn new(stream: TcpStream) -> Tcp {
        Tcp { socket: Arc::new(Mutex::new(Some(stream))), ahead: Bytes::new() }
    }

    /// A watch over the client. With TLS inside of the socket it `is_secure`.
    pub(crate) fn watch(&self, is_secure: bool) -> ClientWatch {
        ClientWatch { socket: Arc::clone(&self.socket), is_secure }
    }

    /// The socket itself, for a WebSocket, with what was read and is not used.
    pub(crate) fn into_inner(mut self) -> (TcpStream, Bytes) {
        let stream = lock(&self.socket).take().expect("only this and the drop take it");
        (stream, std::mem::take(&mut self.ahead))
    }

    fn poll<T>(
        &self,
        poll: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match lock(&self.socket).as_mut() {
            Some(stream) => poll(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        lock(&self.socket).take();
    }
}

impl ClientWatch {
    /// Whether the client has closed the transport, as far as the system knows. One that has only ended its
    /// direction counts: this is about WebSockets, over which it could send nothing.
    pub(crate) fn has_left(&self) -> bool {
        let socket = lock(&self.socket);
        let Some(stream) = &*socket else { return false };
        let ready = stream.ready(Interest::READABLE).now_or_never().and_then(Result::ok);
        ready.is_some_and(|ready| ready.is_read_closed())
            // Over TLS its last record is unread at the end. Else unread input is what the client has said,
            // which may still be handled.
            && (self.is_secure || matches!(stream.peek(&mut [0]).now_or_never(), Some(Ok(0) | Err(_))))
    }

    /// Waits until it has, for one task while nothing else reads the socket. A client that has sent something more is
    /// not noticed here, but when something is written to it.
    pub(crate) fn poll_left(&self, cx: &mut Context<'_>) -> Poll<()> {
        let socket = lock(&self.socket);
        let Some(stream) = &*socket else { return Poll::Ready(()) };
        if stream.poll_read_ready(cx).is_pending() {
            return Poll::Pending;
        }
        drop(socket);
        if self.has_left() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until it has.
    pub(crate) async fn left(&self) {
        while !self.has_left() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

fn lock(socket: &Shared) -> MutexGuard<'_, Option<TcpStream>> {
    // No change can panic in the middle.
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wanted = buffer.remaining();
        if !self.ahead.is_empty() {
            let count = wanted.min(self.ahead.len());
            buffer.put_slice(&self.ahead[..count]);
            self.ahead.advance(count);
            return Poll::Ready(Ok(()));
        }
        if wanted >= AHEAD_BYTES {
            return self.poll(|stream| stream.poll_read(cx, buffer));
        }
        let mut space = [MaybeUninit::uninit(); AHEAD_BYTES];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(self.poll(|stream| stream.poll_read(cx, &mut space)))?;
        let (now, ahead) = space.filled().split_at(wanted.min(space.filled().len()));
        buffer.put_slice(now);
        self.ahead = Bytes::copy_from_slice(ahead);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll(|stream| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn nothing_that_was_read_ahead_is_lost_or_out_of_order() {
        let sent: Vec<u8> = (0..10 * AHEAD_BYTES).map(|at| (at % 251) as u8).collect();
        // Steps of reading, as the preface of HTTP/2 and a head are read, and then the socket is taken over.
        for steps in [
            &[24][..],
            &[24, AHEAD_BYTES - 24],
            &[24, 1, AHEAD_BYTES],
            &[1, 2, 3, AHEAD_BYTES - 1],
            &[24, 8 * AHEAD_BYTES, 24, 7],
            &[AHEAD_BYTES, 24],
            &[],
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            let mut client = TcpStream::connect(address).await.expect("it listens");
            let (stream, _) = listener.accept().await.expect("there is a client");
            client.write_all(&sent).await.expect("the socket holds it");
            drop(client);
            let mut all = vec![0; sent.len()];
            while stream.peek(&mut all).await.expect("it is open") < sent.len() {
                tokio::task::yield_now().await;
            }
            let mut tcp = Tcp::new(stream);
            let mut read = Vec::new();
            for step in steps {
                let mut buffer = vec![0; *step];
                let count = tcp.read(&mut buffer).await.expect("it is open");
                assert!((1..=*step).contains(&count), "{count} of {step} in {steps:?}");
                read.extend(&buffer[..count]);
            }
            let (mut stream, ahead) = tcp.into_inner();
            let has_read_ahead = steps.last().is_some_and(|last| *last < AHEAD_BYTES - 24);
            assert!(!has_read_ahead || !ahead.is_empty(), "{steps:?} reads ahead");
            read.extend(ahead);
            stream.read_to_end(&mut read).await.expect("it is open");
            assert!(read == sent, "{} of {} bytes after {steps:?}", read.len(), sent.len());
        }
    }

    #[tokio::test]
    async fn what_was_read_ahead_comes_before_the_end_of_the_transport() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("there is a client");
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("the socket holds it");
        drop(client);
        let mut tcp = Tcp::new(stream);
        let mut read = Vec::<u8>::new();
        loop {
            let mut buffer = [0; 3];
            match tcp.read(&mut buffer).await.expect("it is open") {
                0 => break,
                count => read.extend(&buffer[..count]),
            }
        }
        assert_eq!(read, b"GET / HTTP/1.1\r\n\r\n");
    }
}
