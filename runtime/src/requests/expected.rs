//! Requests that wait for the first byte of their body. Only their heads are held, and all heads together
//! have a limit.
//!
//! Such a request holds no permit for a body, and costs a client almost nothing: over HTTP/2 a transport
//! has 100 of them, and 12 MiB of heads held 344 MiB (measured). So once all heads are over the limit, the
//! request that has waited longest is dropped.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::http::request::Parts;
use tokio::sync::oneshot;

/// Most bytes that all heads together may hold.
const MAX_BYTES: usize = 64 << 20;

/// What a request takes besides its fields: its task, and its stream.
const REQUEST_BYTES: usize = 4 << 10;
/// What a field takes besides its bytes: its entry in a table that doubles as it grows, and two
/// allocations. Those are up to twice as long as their contents (measured: 35 KiB for a value of 15).
const FIELD_BYTES: usize = 256;

/// The requests that wait for the first byte of their body.
#[derive(Default)]
pub(crate) struct Expected {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// In the order of their arrival.
    requests: BTreeMap<u64, Request>,
    next: u64,
    bytes: usize,
}

struct Request {
    bytes: usize,
    /// Dropped with the entry, which the request notices.
    _keep: oneshot::Sender<()>,
}

/// The entry of a request that waits; it is removed when this is dropped.
pub(crate) struct Waiting<'a> {
    all: &'a Expected,
    number: u64,
}

/// How much memory a request's head takes.
pub(crate) fn head_bytes(head: &Parts) -> usize {
    let fields = head.headers.iter();
    let fields = fields.map(|(name, value)| FIELD_BYTES + 2 * (name.as_str().len() + value.len()));
    REQUEST_BYTES + head.uri.path().len() + fields.sum::<usize>()
}

impl Expected {
    /// Adds a request whose head takes `bytes`. The receiver is ready when the request has to be dropped.
    pub(crate) fn wait(&self, bytes: usize) -> (Waiting<'_>, oneshot::Receiver<()>) {
        let (keep, dropped) = oneshot::channel();
        let mut table = self.lock();
        let number = table.next;
        table.next += 1;
        table.bytes += bytes;
        table.requests.insert(number, Request { bytes, _keep: keep });
        while table.bytes > MAX_BYTES
            && let Some((_, oldest)) = table.requests.pop_first()
        {
            table.bytes -= oldest.bytes;
        }
        (Waiting { all: self, number }, dropped)
    }

    /// Bytes that all heads hold.
    pub(crate) fn held_bytes(&self) -> usize {
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
    fn over_the_limit_the_request_that_has_waited_longest_is_dropped() {
        let all = Expected::default();
        let (first, mut first_dropped) = all.wait(MAX_BYTES / 2);
        let (second, mut second_dropped) = all.wait(MAX_BYTES / 2);
        assert!(first_dropped.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        let (third, mut third_dropped) = all.wait(1);
        let closed = Err(oneshot::error::TryRecvError::Closed);
        assert!(first_dropped.try_recv() == closed && second_dropped.try_recv() != closed);
        assert_eq!(all.held_bytes(), MAX_BYTES / 2 + 1);
        drop((first, second));
        assert_eq!(all.held_bytes(), 1);
        assert!(third_dropped.try_recv() != closed);
        drop(third);
        assert_eq!(all.held_bytes(), 0);
    }
}
