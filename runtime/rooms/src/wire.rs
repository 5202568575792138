//! Where a connection's frames are written: all that this crate knows of a transport.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

/// The server's direction of a transport.
pub trait Wire: Send {
    /// Writes as many bytes as the transport accepts at once. With a context, the task is woken when it
    /// accepts more; only the connection's task may pass one.
    fn poll_write(
        &mut self,
        cx: Option<&mut Context<'_>>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Waits until all accepted bytes are flushed.
    fn poll_flush(&mut self, cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>>;

    /// Ends the direction.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
