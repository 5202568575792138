//! Attachment files whose bytes are in the database and may not be in their place yet.
//!
//! An event that stores an attachment and anything else is committed in the database with the bytes of its
//! files; then these are written. A row stays until a later group removes it. While a connection has a row, all that
//! concerns its file goes through the database too: so a row is never older than the file, and writing it again
//! after a crash is right.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use zigttp_abi::connection_id::ConnectionId;

/// What is known of the rows.
#[derive(Default)]
pub(crate) struct PendingFiles(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    /// The connections with rows, or with transactions that will have some.
    open: HashMap<ConnectionId, Open>,
    /// Files that are in their place, each with the number of its row.
    written: Vec<(ConnectionId, u64)>,
    /// Files that could not be written.
    failed: BTreeSet<ConnectionId>,
}

#[derive(Default)]
struct Open {
    rows: usize,
    waiting: Vec<oneshot::Sender<()>>,
}

impl PendingFiles {
    /// Whether a connection has rows.
    pub(crate) fn is_open(&self, id: ConnectionId) -> bool {
        self.lock().open.contains_key(&id)
    }

    /// To be called before a transaction with these files is sent.
    pub(crate) fn begin(&self, ids: impl Iterator<Item = ConnectionId>) {
        let mut pending = self.lock();
        for id in ids {
            pending.open.entry(id).or_default().rows += 1;
        }
    }

    /// To be called when so many rows of a connection are gone, or will not come.
    pub(crate) fn end(&self, id: ConnectionId, rows: usize) {
        let mut pending = self.lock();
        let Some(open) = pending.open.get_mut(&id) else { return };
        open.rows = open.rows.saturating_sub(rows);
        if open.rows == 0
            && let Some(open) = pending.open.remove(&id)
        {
            pending.failed.remove(&id);
            for waiting in open.waiting {
                // It may have been given up.
                let _ = waiting.send(());
            }
        }
    }

    /// To be called when a file is in its place. Returns whether somebody waits for its rows to go.
    pub(crate) fn is_written(&self, id: ConnectionId, number: u64) -> bool {
        let mut pending = self.lock();
        pending.written.push((id, number));
        pending.open.get(&id).is_some_and(|open| !open.waiting.is_empty())
    }

    pub(crate) fn has_failed(&self, id: ConnectionId) {
        self.lock().failed.insert(id);
    }

    /// The files whose rows can go.
    pub(crate) fn take_written(&self) -> Vec<(ConnectionId, u64)> {
        std::mem::take(&mut self.lock().written)
    }

    /// Gives back what was taken, because the rows are still there.
    pub(crate) fn give_back(&self, mut written: Vec<(ConnectionId, u64)>) {
        let mut pending = self.lock();
        written.append(&mut pending.written);
        pending.written = written;
    }

    pub(crate) fn has_any_failed(&self) -> bool {
        !self.lock().failed.is_empty()
    }

    /// The files that are to be written again.
    pub(crate) fn take_failed(&self) -> BTreeSet<ConnectionId> {
        std::mem::take(&mut self.lock().failed)
    }

    /// Whether rows can go, or files are to be written again.
    pub(crate) fn has_work(&self) -> bool {
        let pending = self.lock();
        !pending.written.is_empty() || !pending.failed.is_empty()
    }

    /// Waits until a connection has no rows.
    pub(crate) fn wait(&self, id: ConnectionId) -> Option<oneshot::Receiver<()>> {
        let mut pending = self.lock();
        let open = pending.open.get_mut(&id)?;
        let (done, result) = oneshot::channel();
        open.waiting.push(done);
        Some(result)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
