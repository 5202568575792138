//! Requests of whose bodies nothing has come: their heads are all that is held, and have a bound together.
//!
//! No place is theirs that others could want (see [`crate::http`]), and a client pays next to nothing for
//! one: over HTTP/2 a transport has 100, and 12 MiB of heads held 344 (measured). So once all are over the
//! bound, the one that has waited longest gives way.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::http::request::Parts;
use tokio::sync::oneshot;

/// What all heads may hold together.
const MAX_BYTES: usize = 64 << 20;

/// What a request holds besides its fields: its task, and its stream.
const REQUEST_BYTES: usize = 4 << 10;
/// What a field holds besides its bytes: its place in a table that doubles, and two allocations. Those are up
/// to twice as long as what they were made for (measured: 35 KiB for a value of 15).
const FIELD_BYTES: usize = 256;

/// The requests that wait for the first byte of their bodies.
#[derive(Default)]
pub(crate) struct Expected {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// In the order they came.
    requests: BTreeMap<u64, Request>,
    next: u64,
    bytes: usize,
}

struct Request {
    bytes: usize,
    /// Dropped when it is to give way.
    _stays: oneshot::Sender<()>,
}

/// A request that waits, for as long as it does.
pub(crate) struct Waiting<'a> {
    all: &'a Expected,
    number: u64,
}

/// What a request's head holds.
pub(crate) fn held_by(head: &Parts) -> usize {
    let fields = head.headers.iter();
    let fields = fields.map(|(name, value)| FIELD_BYTES + 2 * (name.as_str().len() + value.len()));
    REQUEST_BYTES + head.uri.path().len() + fields.sum::<usize>()
}

impl Expected {
    /// A request waits from now on that holds so much; the receiver is ready when it is to give way.
    pub(crate) fn wait(&self, bytes: usize) -> (Waiting<'_>, oneshot::Receiver<()>) {
        let (stays, gives_way) = oneshot::channel();
        let mut table = self.lock();
        let number = table.next;
        table.next += 1;
        table.bytes += bytes;
        table.requests.insert(number, Request { bytes, _stays: stays });
        while table.bytes > MAX_BYTES
            && let Some((_, oldest)) = table.requests.pop_first()
        {
            table.bytes -= oldest.bytes;
        }
        (Waiting { all: self, number }, gives_way)
    }

    /// Bytes that all hold.
    pub(crate) fn held(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing under this lock can panic.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut table = self.all.lock();
        if let Some(request) = table.requests.remove(&self.number) {
            table.bytes -= request.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_has_waited_longest_gives_way() {
        let all = Expected::default();
        let (first, mut first_goes) = all.wait(MAX_BYTES / 2);
        let (second, mut second_goes) = all.wait(MAX_BYTES / 2);
        assert!(first_goes.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        let (third, mut third_goes) = all.wait(1);
        let closed = Err(oneshot::error::TryRecvError::Closed);
        assert!(first_goes.try_recv() == closed && second_goes.try_recv() != closed);
        assert_eq!(all.held(), MAX_BYTES / 2 + 1);
        drop((first, second));
        assert_eq!(all.held(), 1);
        assert!(third_goes.try_recv() != closed);
        drop(third);
        assert_eq!(all.held(), 0);
    }
}
