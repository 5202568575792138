//! A connection to a host: TCP, TLS over it, or either through a proxy.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::counters::Counters;

/// What bytes are written to and read from.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connection, as hyper takes it.
pub(crate) struct Stream {
    pub(crate) io: Box<dyn Io>,
    pub(crate) via: Via,
    pub(crate) speaks_http2: bool,
    /// Whether a proxy reads the requests, and wants whole URLs in them.
    pub(crate) is_proxied: bool,
    pub(crate) _open: Open,
}

/// What is known of the connection that a request went over.
#[derive(Clone)]
pub(crate) struct Via {
    pub(crate) is_internal: bool,
    is_used: Arc<AtomicBool>,
}

/// Counts a connection as long as it is open.
pub(crate) struct Open {
    of_pool: Arc<AtomicUsize>,
    counters: Arc<Counters>,
}

impl Via {
    pub(crate) fn new(is_internal: bool) -> Via {
        Via { is_internal, is_used: Arc::default() }
    }

    /// Whether an answer has come over it.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    pub(crate) fn mark_used(&self) {
        self.is_used.store(true, Ordering::Relaxed);
    }
}

impl Open {
    pub(crate) fn new(of_pool: &Arc<AtomicUsize>, counters: &Arc<Counters>) -> Open {
        of_pool.fetch_add(1, Ordering::Relaxed);
        counters.open_connections.fetch_add(1, Ordering::Relaxed);
        counters.count_connection();
        Open { of_pool: Arc::clone(of_pool), counters: Arc::clone(counters) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.of_pool.fetch_sub(1, Ordering::Relaxed);
        self.counters.open_connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.via.clone()).proxy(self.is_proxied);
        if self.speaks_http2 { connected.negotiated_h2() } else { connected }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
