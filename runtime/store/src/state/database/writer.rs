//! The thread that writes the database.
//!
//! The transactions that wait are a group, which is committed together: they share the work, and with `--fsync
//! always` the wait for the disk. If the database cannot be written none of the group has happened; each event
//! gets the error, and the next group is tried anew.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::failpoint;
use crate::state::database::checkpoints::Checkpoints;
use crate::state::database::file::DatabaseFile;
use crate::state::database::group::Group;
use crate::state::database::space::Space;
use crate::state::database::{rows, tidying};
use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;
use crate::state::live_rooms::{Changed, LiveRooms};
use crate::state::totals::Counts;
use crate::state::transaction::Transaction;

/// Most transactions of a group, and about how many bytes it may have.
const MOST_IN_GROUP: usize = 256;
const GROUP_BYTES: u64 = 16 << 20;

/// The writer empties the log when it is larger.
const LOG_BYTES: u64 = 64 << 20;

/// What is done after a commit. A part of the job, so that it happens also if the future that waits is dropped.
pub(crate) type Then = Box<dyn FnOnce() + Send>;

/// A transaction that waits to be committed.
pub(crate) struct Waiting {
    pub(crate) transaction: Transaction,
    pub(crate) then: Then,
    pub(crate) done: oneshot::Sender<Result<(), CommitStateError>>,
}

/// What the thread is to do.
pub(crate) enum Job {
    Commit(Waiting),
    /// Removes what has expired before a time.
    Sweep(u64),
}

/// What others see of the thread's work.
pub(crate) struct Shared {
    pub(crate) live: LiveRooms,
    pub(crate) counts: Counts,
    /// No entry expires before it.
    pub(crate) next_expiry: AtomicU64,
    /// Whether something was written since the last sweep.
    pub(crate) has_written: AtomicBool,
}

/// The state of the thread.
pub(crate) struct Writer {
    connection: Connection,
    file: Arc<DatabaseFile>,
    limits: StateLimits,
    shared: Arc<Shared>,
    checkpoints: Checkpoints,
    space: Space,
    last_room: i64,
    /// The length at which the log is emptied.
    empty_log_at: u64,
    /// There is more to remove of what has expired before this time.
    sweeps: Option<u64>,
}

impl Writer {
    /// Starts the thread. It ends when no more jobs can be sent.
    pub(crate) fn start(
        connection: Connection,
        file: Arc<DatabaseFile>,
        limits: StateLimits,
        shared: Arc<Shared>,
        checkpoints: Checkpoints,
        last_room: i64,
    ) -> io::Result<(Sender<Job>, JoinHandle<()>)> {
        let (jobs, queue) = channel();
        let space = Space::new(Arc::clone(&file), limits.free_bytes);
        let writer = Writer {
            connection,
            file,
            limits,
            shared,
            checkpoints,
            space,
            last_room,
            empty_log_at: LOG_BYTES,
            sweeps: None,
        };
        let work = move || writer.work(&queue);
        let thread = thread::Builder::new().name("zigttp-store".to_owned()).spawn(work)?;
        Ok((jobs, thread))
    }

    fn work(mut self, jobs: &Receiver<Job>) {
        loop {
            let mut next = if self.sweeps.is_some() {
                match jobs.try_recv() {
                    Ok(job) => Some(job),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return,
                }
            } else {
                match jobs.recv() {
                    Ok(job) => Some(job),
                    Err(_ended) => return,
                }
            };
            let (mut group, mut bytes) = (Vec::new(), 0);
            while let Some(job) = next {
                match job {
                    Job::Commit(waiting) => {
                        bytes += waiting.transaction.bytes();
                        group.push(waiting);
                    }
                    Job::Sweep(expired_before) => self.sweeps = Some(expired_before),
                }
                let is_full = group.len() >= MOST_IN_GROUP || bytes >= GROUP_BYTES;
                next = if is_full { None } else { jobs.try_recv().ok() };
            }
            if !group.is_empty() {
                self.space.before(bytes);
                self.commit(group);
                self.shared.has_written.store(true, Ordering::Relaxed);
            }
            if let Some(expired_before) = self.sweeps {
                self.sweep(expired_before);
            }
            if self.file.log_bytes() > self.empty_log_at {
                let is_empty = self.checkpoints.empty_log();
                let log = if is_empty { 0 } else { self.file.log_bytes() };
                self.empty_log_at = log + LOG_BYTES;
            }
        }
    }

    fn commit(&mut self, mut group: Vec<Waiting>) {
        match self.write(&group) {
            Ok(results) => {
                failpoint::reached("state-committed");
                self.shared.counts.groups.add(1);
                for (waiting, result) in group.into_iter().zip(results) {
                    let Waiting { then, done, .. } = waiting;
                    if result.is_ok() {
                        then();
                    }
                    // The receiver may be dropped: the server drops futures when it ends.
                    let _ = done.send(result);
                }
            }
            // There may be space for some of them, and those that only delete need none.
            Err(CommitStateError::Database(error)) if group.len() > 1 && error.is_full() => {
                for waiting in group.drain(..) {
                    self.commit(vec![waiting]);
                }
            }
            Err(error) => {
                self.shared.counts.failures.add(group.len());
                for waiting in group {
                    let _ = waiting.done.send(Err(error.clone()));
                }
            }
        }
    }

    /// Writes and commits a group, then changes the rooms in memory. Returns the result of each transaction.
    fn write(
        &mut self,
        group: &[Waiting],
    ) -> Result<Vec<Result<(), CommitStateError>>, CommitStateError> {
        let counts = &self.shared.counts;
        let mut writing = Group {
            connection: &self.connection,
            live: &self.shared.live,
            limits: &self.limits,
            no_space: self.space.problem(),
            changed: HashMap::new(),
            last_room: self.last_room,
            all_bytes: counts.bytes.get(),
            rooms: counts.rooms.get(),
            first_expiry: u64::MAX,
            has_cleared: false,
        };
        let result = rows::begin(&self.connection).map_err(CommitStateError::from).and_then(|()| {
            let mut results = Vec::with_capacity(group.len());
            for waiting in group {
                match writing.write(&waiting.transaction) {
                    Err(error @ CommitStateError::Database(_)) => return Err(error),
                    result => results.push(result),
                }
            }
            failpoint::reached("state-written");
            rows::commit(&self.connection)?;
            Ok(results)
        });
        let results = result.inspect_err(|_| rows::roll_back(&self.connection))?;

        self.last_room = writing.last_room;
        counts.bytes.set(writing.all_bytes);
        counts.rooms.set(writing.rooms);
        self.shared.next_expiry.fetch_min(writing.first_expiry, Ordering::Relaxed);
        let committed = group.iter().zip(&results).filter_map(|(waiting, result)| {
            let (room, id) = (waiting.transaction.changed_room()?, *result.as_ref().ok()?);
            Some(Changed { room, id, changes: &waiting.transaction.changes })
        });
        self.shared.live.apply(committed);
        self.checkpoints.wake();
        let failed = results.iter().filter(|result| result.is_err()).count();
        counts.failures.add(failed);
        counts.commits.add(results.len() - failed);
        Ok(results.into_iter().map(|result| result.map(|_id| ())).collect())
    }

    /// Removes a bit of what is no longer there for anybody.
    fn sweep(&mut self, expired_before: u64) {
        let removed = rows::begin(&self.connection).and_then(|()| {
            let tidied = tidying::remove_entries(&self.connection, expired_before)?;
            let next_expiry = rows::next_expiry(&self.connection)?;
            rows::commit(&self.connection)?;
            Ok((tidied, next_expiry))
        });
        let shrunk = match removed {
            Ok((tidied, next_expiry)) => {
                let counts = &self.shared.counts;
                counts.expired.add(tidied.entries);
                counts.bytes.set(counts.bytes.get().saturating_sub(tidied.bytes));
                counts.rooms.set(counts.rooms.get().saturating_sub(tidied.rooms_gone));
                self.shared.next_expiry.store(next_expiry.unwrap_or(u64::MAX), Ordering::Relaxed);
                let rooms = tidied.rooms.iter();
                self.shared.live.apply(rooms.map(|(room, id, changes)| Changed {
                    room,
                    id: *id,
                    changes,
                }));
                self.checkpoints.wake();
                tidying::shrink(&self.connection).map(|has_more| has_more || tidied.has_more)
            }
            Err(error) => {
                rows::roll_back(&self.connection);
                Err(error)
            }
        };
        match shrunk {
            Ok(true) => {}
            Ok(false) => self.sweeps = None,
            Err(error) => {
                tracing::error!(%error, "cannot remove entries that have expired");
                self.sweeps = None;
            }
        }
    }
}
