//! Where a connection's frames are written: what a transport is to a room.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

/// The direction of a transport that goes to the client. Dropping it ends it.
pub trait Wire: Send {
    /// Writes as many bytes as are taken at once. Who passes a context waits with it for more to be
    /// taken; only the connection's task may. Who passes none is not told.
    fn poll_write(
        &mut self,
        cx: Option<&mut Context<'_>>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Waits until what was taken has been passed on.
    fn poll_flush(&mut self, cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>>;

    /// Says that nothing more follows.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
