//! The thread that writes the database.
//!
//! The transactions that wait are a group, which is committed together: they share the work, and with `--fsync
//! always` the wait for the disk. If the database cannot be written none of the group has happened; each event
//! gets the error, and the next group is tried anew. While it cannot, each sweep tries a write of its own.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;
use zigttp_abi::version::Version;

use crate::attachment_files::{AttachmentFiles, Committed, CommittedFile};
use crate::backup_error::BackupError;
use crate::failpoint;
use crate::health::{Health, Part};
use crate::state::database::checkpoints::Checkpoints;
use crate::state::database::compactions::{Compactions, DoneCompacting};
use crate::state::database::file::DatabaseFile;
use crate::state::database::group::{Group, Sums};
use crate::state::database::rows::{self, FileRow};
use crate::state::database::signal_reader::SignalReader;
use crate::state::database::signal_rows;
use crate::state::database::snapshot::StateSnapshot;
use crate::state::database::space::Space;
use crate::state::database::tidying;
use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;
use crate::state::live_rooms::{Changed, LiveRooms};
use crate::state::pending_files::PendingFiles;
use crate::state::signal_queue::SignalQueue;
use crate::state::stream_index::StreamIndex;
use crate::state::totals::Counts;
use crate::state::transaction::Transaction;

/// Most transactions of a group, and about how many bytes it may have.
const MOST_IN_GROUP: usize = 256;
const GROUP_BYTES: u64 = 16 << 20;

/// Parked signals that are woken before other work has its turn.
const SIGNALS: usize = 1000;

/// The writer empties the log when it is larger.
const LOG_BYTES: u64 = 64 << 20;

/// What is done after a commit. A part of the job, so that it happens also if the future that waits is dropped.
pub(crate) type Then = Box<dyn FnOnce(Committed) + Send>;

/// A transaction that waits to be committed.
pub(crate) struct Waiting {
    pub(crate) transaction: Transaction,
    pub(crate) then: Then,
    pub(crate) done: oneshot::Sender<Result<(), CommitStateError>>,
}

/// What the thread is to do.
pub(crate) enum Job {
    Commit(Box<Waiting>),
    /// Removes what has expired before a time, and tries again what could not be written.
    Sweep(u64),
    /// Removes the rows of files that are in their place.
    Settle,
    /// Reads the signals that are due next after a time, and those of rooms that have few in memory.
    LoadSignals(u64),
    /// Makes all parked signals due once more, with so many attempts behind them.
    WakeSignals(u32),
    /// Keeps all of the directory as it is, for a backup.
    Snapshot(oneshot::Sender<Result<StateSnapshot, BackupError>>),
    /// Removes what has expired before a time, and gives all free space back.
    Compact {
        expired_before: u64,
        done: DoneCompacting,
    },
}

/// Which parked signals are left to wake.
#[derive(Clone, Copy)]
struct Wake {
    /// Those with greater numbers.
    after: u64,
    attempts: u32,
}

/// The result of each transaction of a group: the files that are left to write.
type Results = Vec<Result<Vec<FileRow>, CommitStateError>>;

/// What others see of the thread's work.
pub(crate) struct Shared {
    pub(crate) live: LiveRooms,
    pub(crate) counts: Counts,
    pub(crate) health: Arc<Health>,
    pub(crate) pending: PendingFiles,
    pub(crate) queue: SignalQueue,
    pub(crate) streams: StreamIndex,
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
    files: AttachmentFiles,
    /// To its own queue, while others can send to it.
    jobs: Weak<Sender<Job>>,
    sums: Sums,
    /// The length at which the log is emptied.
    empty_log_at: u64,
    /// There is more to remove of what has expired before this time.
    sweeps: Option<u64>,
    signals: SignalReader,
    wakes: Option<Wake>,
    compactions: Compactions,
}

impl Writer {
    /// Starts the thread. It ends when no more jobs can be sent.
    pub(crate) fn start(
        connection: Connection,
        file: Arc<DatabaseFile>,
        limits: StateLimits,
        shared: Arc<Shared>,
        checkpoints: Checkpoints,
        files: AttachmentFiles,
        sums: Sums,
    ) -> io::Result<(Arc<Sender<Job>>, JoinHandle<()>)> {
        let (jobs, queue) = channel();
        let jobs = Arc::new(jobs);
        let space = Space::new(Arc::clone(&file), limits);
        let writer = Writer {
            connection,
            file,
            limits,
            shared,
            checkpoints,
            space,
            files,
            jobs: Arc::downgrade(&jobs),
            sums,
            empty_log_at: LOG_BYTES,
            sweeps: None,
            signals: SignalReader::default(),
            wakes: None,
            compactions: Compactions::default(),
        };
        let work = move || writer.work(&queue);
        let thread = thread::Builder::new().name("zigttp-store".to_owned()).spawn(work)?;
        Ok((jobs, thread))
    }

    fn work(mut self, jobs: &Receiver<Job>) {
        self.do_jobs(jobs);
        // An operator may change files that have their place, and the next start must leave them.
        if self.shared.pending.has_work() {
            self.commit(Vec::new());
        }
    }

    /// Does jobs until no more can be sent.
    fn do_jobs(&mut self, jobs: &Receiver<Job>) {
        loop {
            let mut next = if self.has_work() {
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
            let (mut group, mut bytes, mut settles) = (Vec::new(), 0, false);
            while let Some(job) = next {
                match job {
                    Job::Commit(waiting) => {
                        bytes += waiting.transaction.bytes();
                        group.push(*waiting);
                    }
                    Job::Sweep(expired_before) => {
                        if self.can_write() {
                            self.sweeps = Some(expired_before);
                            self.redo_failed();
                            settles = true;
                        }
                    }
                    Job::Settle => settles = true,
                    Job::LoadSignals(now) => self.signals.begin(now),
                    Job::WakeSignals(attempts) => self.wakes = Some(Wake { after: 0, attempts }),
                    Job::Snapshot(done) => {
                        let (kept, files) = channel();
                        // Behind the files of all groups that are committed, before those of the next.
                        self.files.keep(move |snapshot| drop(kept.send(snapshot)));
                        let _ = done.send(StateSnapshot::new(&self.file, files));
                    }
                    Job::Compact { expired_before, done } => {
                        self.sweeps = Some(expired_before);
                        self.compactions.add(&self.file, done);
                    }
                }
                let is_full = group.len() >= MOST_IN_GROUP || bytes >= GROUP_BYTES;
                next = if is_full { None } else { jobs.try_recv().ok() };
            }
            if !group.is_empty() {
                self.space.before(bytes);
                self.commit(group);
                self.shared.has_written.store(true, Ordering::Relaxed);
            } else if settles && self.shared.pending.has_work() {
                self.commit(group);
            }
            self.signals.read(&self.connection, &self.shared.queue);
            if let Some(wake) = self.wakes {
                self.wake(wake);
            }
            if let Some(expired_before) = self.sweeps {
                self.sweep(expired_before);
            } else if self.compactions.advance(&self.connection, &self.checkpoints, &self.file) {
                self.empty_log_at = self.file.log_bytes() + LOG_BYTES;
            }
            if self.file.log_bytes() > self.empty_log_at && !self.file.has_snapshot() {
                let is_empty = self.checkpoints.empty_log();
                let log = if is_empty { 0 } else { self.file.log_bytes() };
                self.empty_log_at = log + LOG_BYTES;
            }
        }
    }

    /// Whether there is work that no job has to bring.
    fn has_work(&self) -> bool {
        self.sweeps.is_some()
            || self.signals.has_work()
            || self.wakes.is_some()
            || self.compactions.has_work()
    }

    fn commit(&mut self, mut group: Vec<Waiting>) {
        match self.write(&group) {
            Ok(results) => {
                failpoint::reached("state-committed");
                self.shared.counts.groups.add(usize::from(!group.is_empty()));
                for (waiting, result) in group.into_iter().zip(results) {
                    self.finish(waiting, result);
                }
            }
            // There may be space for some of them, and those that only delete need none.
            Err(CommitStateError::Database(error)) if group.len() > 1 && error.is_full() => {
                for waiting in group.drain(..) {
                    self.commit(vec![waiting]);
                }
            }
            Err(error) => {
                let error = self.failure(error, &group);
                self.shared.counts.failures.add(group.len());
                for waiting in group {
                    self.finish(waiting, Err(error.clone()));
                }
            }
        }
    }

    /// The error of a group that could not be written, which an operator is told too.
    fn failure(&mut self, error: CommitStateError, group: &[Waiting]) -> CommitStateError {
        let CommitStateError::Database(of_sqlite) = &error else { return error };
        if of_sqlite.is_full() {
            let bytes = group.iter().map(|waiting| waiting.transaction.bytes()).sum();
            if let Some(full) = self.space.lacks(&self.connection, bytes) {
                self.shared.health.has_failed(Part::Database, &full);
                return full;
            }
        }
        let problem = format!("`store/state.db`: {of_sqlite}");
        self.shared.health.has_failed(Part::Database, &problem);
        error
    }

    /// Whether the database can be written. If it could not be before, this tries to.
    fn can_write(&mut self) -> bool {
        if !self.shared.health.is_failing(Part::Database) {
            return true;
        }
        // SQLite does not write what has not changed.
        let reserved = self.sums.reserved_signals + 1;
        let written = self.space.is_back(&self.connection).and_then(|is_back| {
            if is_back {
                rows::begin(&self.connection)?;
                signal_rows::reserve(&self.connection, reserved)?;
                rows::commit(&self.connection)?;
            }
            Ok(is_back)
        });
        if written.is_err() {
            // It fails as the group before, whose error was told.
            rows::roll_back(&self.connection);
        }
        let is_written = written.unwrap_or(false);
        if is_written {
            self.sums.reserved_signals = reserved;
            self.shared.health.is_well(Part::Database);
            self.checkpoints.wake();
        }
        is_written
    }

    /// Tells what has become of a transaction, when its files are in their place.
    fn finish(&self, waiting: Waiting, result: Result<Vec<FileRow>, CommitStateError>) {
        let Waiting { transaction, then, done } = waiting;
        let result = match result {
            Ok(files) if files.is_empty() => {
                then(Committed::default());
                Ok(())
            }
            Ok(files) => {
                let adopted = transaction.adoption.map(|(_, value)| value);
                return self.redo(files, move |version| {
                    then(Committed { version, adopted });
                    let _ = done.send(Ok(()));
                });
            }
            Err(error) => {
                for id in transaction.connections() {
                    self.shared.pending.end(id, 1);
                }
                Err(error)
            }
        };
        // The receiver may be dropped: the server drops futures when it ends.
        let _ = done.send(result);
    }

    /// Writes files that are committed.
    fn redo(&self, files: Vec<FileRow>, then: impl FnOnce(Version) + Send + 'static) {
        let numbers: Vec<_> = files.iter().map(|file| (file.id, file.number)).collect();
        let files = files.into_iter().map(|FileRow { id, bytes, .. }| CommittedFile { id, bytes });
        let (shared, jobs) = (Arc::clone(&self.shared), Weak::clone(&self.jobs));
        self.files.redo(files.collect(), move |redone| {
            let mut settles = false;
            for (id, number) in numbers {
                if redone.failed.contains(&id) {
                    // The event is committed, and the next sweep tries again.
                    shared.pending.has_failed(id);
                } else {
                    settles |= shared.pending.is_written(id, number);
                }
            }
            if settles && let Some(jobs) = jobs.upgrade() {
                let _ = jobs.send(Job::Settle);
            }
            then(redone.version);
        });
    }

    /// Writes the last file of each connection whose file could not be written. Then all files can be, or one of
    /// them has failed again.
    fn redo_failed(&self) {
        for id in self.shared.pending.take_failed() {
            match rows::last_files(&self.connection, Some(id)) {
                Ok(files) => self.redo(files, |_version| {}),
                Err(error) => {
                    tracing::error!(conn = %id, %error, "cannot read an attachment that is committed");
                    self.shared.pending.has_failed(id);
                }
            }
        }
        if self.shared.health.is_failing(Part::Files) {
            let shared = Arc::clone(&self.shared);
            self.files.try_write(move || {
                if !shared.pending.has_any_failed() {
                    shared.health.is_well(Part::Files);
                }
            });
        }
    }

    /// Writes and commits a group, then changes what is in memory. Returns the result of each transaction.
    fn write(&mut self, group: &[Waiting]) -> Result<Results, CommitStateError> {
        let settled = self.shared.pending.take_written();
        let written = self.transact(|writing| {
            let mut results = Vec::with_capacity(group.len());
            for waiting in group {
                match writing.write(&waiting.transaction) {
                    Err(error @ CommitStateError::Database(_)) => return Err(error),
                    result => results.push(result),
                }
            }
            let mut removed = Vec::with_capacity(settled.len());
            for (id, number) in &settled {
                removed.push((*id, rows::delete_files(writing.connection, *id, *number)?));
            }
            failpoint::reached("state-written");
            Ok((results, removed))
        });
        let (results, removed) = match written {
            Ok(written) => written,
            Err(error) => {
                self.shared.pending.give_back(settled);
                return Err(error);
            }
        };
        for (id, rows) in removed {
            self.shared.pending.end(id, rows);
        }
        let no_space =
            |error: &&CommitStateError| matches!(error, CommitStateError::DiskFull { .. });
        if let Some(error) =
            results.iter().filter_map(|result| result.as_ref().err()).find(no_space)
        {
            self.shared.health.has_failed(Part::Database, error);
        }
        let failed = results.iter().filter(|result| result.is_err()).count();
        self.shared.counts.failures.add(failed);
        self.shared.counts.commits.add(results.len() - failed);
        Ok(results)
    }

    /// Does something in a transaction of the database, commits it, and then changes what is in memory.
    fn transact<'a, T>(
        &mut self,
        work: impl FnOnce(&mut Group<'_, 'a>) -> Result<T, CommitStateError>,
    ) -> Result<T, CommitStateError> {
        let shared = Arc::clone(&self.shared);
        let mut group = Group {
            connection: &self.connection,
            file: &self.file,
            live: &shared.live,
            queue: &shared.queue,
            streams: &shared.streams,
            limits: &self.limits,
            no_space: self.space.problem(),
            changed: Changed::default(),
            steps: Vec::new(),
            stream_steps: Vec::new(),
            sums: self.sums,
            first_expiry: u64::MAX,
        };
        let result = rows::begin(&self.connection)
            .map_err(CommitStateError::from)
            .and_then(|()| work(&mut group))
            .and_then(|result| Ok(rows::commit(&self.connection).map(|()| result)?));
        if result.is_err() {
            rows::roll_back(&self.connection);
            return result;
        }
        let Group { changed, steps, stream_steps, sums, first_expiry, .. } = group;
        self.set_sums(sums);
        self.shared.next_expiry.fetch_min(first_expiry, Ordering::Relaxed);
        self.shared.live.apply(changed);
        self.shared.queue.apply(steps);
        self.shared.streams.apply(stream_steps);
        self.checkpoints.wake();
        result
    }

    fn set_sums(&mut self, sums: Sums) {
        self.sums = sums;
        let counts = &self.shared.counts;
        counts.bytes.set(sums.bytes);
        counts.rooms.set(sums.rooms);
        counts.signals.set(sums.signals);
        counts.parked.set(sums.parked);
    }

    /// Makes some parked signals due once more.
    fn wake(&mut self, Wake { after, attempts }: Wake) {
        match self.transact(|group| group.wake(after, attempts, SIGNALS)) {
            Ok(last) => self.wakes = last.map(|after| Wake { after, attempts }),
            Err(error) => {
                tracing::error!(%error, "cannot wake parked signals");
                self.wakes = None;
            }
        }
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
                self.shared.counts.expired.add(tidied.entries);
                self.set_sums(Sums {
                    bytes: self.sums.bytes.saturating_sub(tidied.bytes),
                    rooms: self.sums.rooms.saturating_sub(tidied.rooms_gone),
                    ..self.sums
                });
                self.shared.next_expiry.store(next_expiry.unwrap_or(u64::MAX), Ordering::Relaxed);
                let mut changed = Changed::default();
                for (room, row, changes) in &tidied.rooms {
                    changed.entries.push((Arc::clone(room), changes));
                    changed.rows.insert(Arc::clone(room), *row);
                }
                self.shared.live.apply(changed);
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
