//! The streams that run: what operators see of them, and whether any is left.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use zigttp_sandbox::outgoing::OutgoingRequest;
use zigttp_store::state::streams::Stream;

/// The streams whose request was made.
#[derive(Default)]
pub struct OpenStreams {
    open: Arc<Open>,
}

#[derive(Default)]
struct Open {
    by_id: Mutex<BTreeMap<u64, Arc<Progress>>>,
    /// The last one has ended.
    emptied: Notify,
}

/// What is known of a stream that runs.
pub struct Progress {
    pub method: String,
    /// Without its query, which may hold what is secret.
    pub url: String,
    pub since: Instant,
    /// 0 until the response has begun.
    status: AtomicU16,
    bytes: AtomicUsize,
    pieces: AtomicUsize,
}

/// A stream that runs, until it is dropped.
pub struct OpenStream {
    open: Arc<Open>,
    id: u64,
    progress: Arc<Progress>,
}

impl OpenStreams {
    pub fn open(&self, stream: &Stream, request: &OutgoingRequest, now: Instant) -> OpenStream {
        let progress = Arc::new(Progress {
            method: request.method.clone(),
            url: request.url.split('?').next().unwrap_or_default().to_owned(),
            since: now,
            status: AtomicU16::new(0),
            bytes: AtomicUsize::new(0),
            pieces: AtomicUsize::new(0),
        });
        self.open.lock().insert(stream.id, Arc::clone(&progress));
        OpenStream { open: Arc::clone(&self.open), id: stream.id, progress }
    }

    pub fn progress(&self, id: u64) -> Option<Arc<Progress>> {
        self.open.lock().get(&id).map(Arc::clone)
    }

    /// How many there are, and since when the oldest.
    pub fn totals(&self) -> (usize, Option<Instant>) {
        let open = self.open.lock();
        (open.len(), open.values().map(|progress| progress.since).min())
    }

    /// Waits until none runs.
    pub async fn emptied(&self) {
        loop {
            // Registered before the check, so that the last one cannot end in between.
            let mut emptied = std::pin::pin!(self.open.emptied.notified());
            emptied.as_mut().enable();
            if self.open.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Progress {
    /// The status of the response, once it has begun.
    pub fn status(&self) -> Option<u16> {
        Some(self.status.load(Ordering::Relaxed)).filter(|status| *status > 0)
    }

    /// Bytes of the body that were read.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Pieces that the room has taken.
    pub fn pieces(&self) -> usize {
        self.pieces.load(Ordering::Relaxed)
    }
}

impl OpenStream {
    pub(super) fn has_started(&self, status: u16) {
        self.progress.status.store(status, Ordering::Relaxed);
    }

    pub(super) fn has_read(&self, bytes: usize) {
        self.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn has_delivered(&self) {
        self.progress.pieces.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.remove(&self.id);
        let is_empty = open.is_empty();
        drop(open);
        if is_empty {
            self.open.emptied.notify_waiters();
        }
    }
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Progress>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
