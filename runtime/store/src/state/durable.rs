//! The states of rooms in a database, with those of live rooms in memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_files::own_folder::OwnFolder;

use crate::attachment_files::{Adopted, AttachmentFiles, Committed, CommittedFile};
use crate::backup_error::BackupError;
use crate::error::CommitError;
use crate::fsync::Fsync;
use crate::health::Health;
use crate::state::database::checkpoints::Checkpoints;
use crate::state::database::contents;
use crate::state::database::file::DatabaseFile;
use crate::state::database::group::Sums;
use crate::state::database::readers::{Found, Readers, read_room};
use crate::state::database::rows::{self, FileRow};
use crate::state::database::signal_rows;
use crate::state::database::snapshot::StateSnapshot;
use crate::state::database::stream_rows;
use crate::state::database::writer::{Job, Shared, Waiting, Writer};
use crate::state::error::{CommitStateError, OpenStateError, ReadError};
use crate::state::limits::StateLimits;
use crate::state::live_rooms::LiveRooms;
use crate::state::pending_files::PendingFiles;
use crate::state::room_contents::{ContentsQuery, RoomContents};
use crate::state::room_row::RoomRow;
use crate::state::room_state::{OnDisk, RoomState};
use crate::state::signal_queue::{HELD_BYTES, SignalQueue};
use crate::state::stream_index::StreamIndex;
use crate::state::streams::StreamRequest;
use crate::state::table::Table;
use crate::state::totals::{Compacted, Counts, Totals};
use crate::state::transaction::Transaction;

/// How often a room is read again that has changed while it was read. Only a sweep changes a room beside its events.
const TRIES: usize = 4;

const STOPPED: &str = "the thread that writes the database does not panic";

/// The states of rooms in a database.
pub(crate) struct Durable {
    file: Arc<DatabaseFile>,
    files: AttachmentFiles,
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    /// Taken when the thread is to end.
    jobs: Option<Arc<Sender<Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Durable {
    pub(crate) fn open(
        durable: &OwnFolder,
        fsync: Fsync,
        limits: StateLimits,
        files: &AttachmentFiles,
    ) -> Result<Durable, OpenStateError> {
        let (file, connection) = DatabaseFile::open(durable, fsync, limits.file_bytes)?;
        let file = Arc::new(file);
        let sums = read_sums(&connection).map_err(OpenStateError::of_sqlite)?;
        let shared = shared(&connection, limits, sums, files).map_err(OpenStateError::of_sqlite)?;
        redo_files(&connection, files)?;
        let checkpointer = file.checkpointer().map_err(OpenStateError::Database)?;
        let checkpoints = Checkpoints::start(checkpointer).map_err(OpenStateError::Thread)?;
        let shared = Arc::new(shared);
        let readers = Arc::new(Readers::new(Arc::clone(&file), limits.reads));
        let (jobs, thread) = Writer::start(
            connection,
            Arc::clone(&file),
            limits,
            Arc::clone(&shared),
            checkpoints,
            files.clone(),
            sums,
        )
        .map_err(OpenStateError::Thread)?;
        Ok(Durable {
            file,
            files: files.clone(),
            shared,
            readers,
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(crate) fn live(&self, room: &str) -> Option<RoomState> {
        self.shared.live.table(room).map(RoomState::Whole)
    }

    pub(crate) async fn load(&self, room: &str) -> Result<RoomState, ReadError> {
        let room: Arc<str> = room.into();
        let name = Arc::clone(&room);
        let shared = Arc::clone(&self.shared);
        let read = move |connection: &Connection| {
            let mut tries = 1;
            loop {
                shared.live.begin_load(&room);
                let found = read_room(connection, &room);
                let (live, found) = match found {
                    Ok(Found::Whole(id, table)) => {
                        let table = Arc::new(table);
                        (Some((id, Arc::clone(&table))), Ok(Read::Whole(table)))
                    }
                    Ok(Found::Large(row)) => (None, Ok(Read::Large(row))),
                    Err(error) => (None, Err(error)),
                };
                if shared.live.end_load(&room, live) || tries == TRIES {
                    return found;
                }
                tries += 1;
            }
        };
        Ok(match self.readers.read(read).await? {
            Read::Whole(table) => RoomState::Whole(table),
            Read::Large(row) => {
                RoomState::OnDisk(OnDisk::latest(name, row, Arc::clone(&self.readers)))
            }
        })
    }

    pub(crate) async fn look(&self, room: &str) -> Result<RoomState, ReadError> {
        if let Some((table, _row)) = self.shared.live.table_and_row(room) {
            return Ok(RoomState::Whole(table));
        }
        let room: Arc<str> = room.into();
        let name = Arc::clone(&room);
        let found = self.readers.read(move |connection| read_room(connection, &name)).await?;
        if let Found::Whole(_id, table) = found {
            return Ok(RoomState::Whole(Arc::new(table)));
        }
        let (found, snapshot) = self.readers.snapshot(Arc::clone(&room)).await?;
        Ok(match found {
            // It has shrunk meanwhile.
            Found::Whole(_id, table) => RoomState::Whole(Arc::new(table)),
            Found::Large(row) => RoomState::OnDisk(OnDisk::snapshot(room, row, snapshot)),
        })
    }

    pub(crate) async fn room_names(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Arc<str>>, ReadError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let read = move |connection: &Connection| {
            Ok(rows::room_names(connection, &prefix, after.as_deref(), most)?)
        };
        self.readers.read(read).await
    }

    pub(crate) async fn contents(
        &self,
        room: &str,
        query: ContentsQuery,
        now: u64,
    ) -> Result<RoomContents, ReadError> {
        let name = room.to_owned();
        let read = move |connection: &Connection| contents::read(connection, &name, &query, now);
        let contents = self.readers.read(read).await?;
        Ok(RoomContents { taken: self.shared.queue.taken_of(room), ..contents })
    }

    pub(crate) fn commit<F: FnOnce(Committed) + Send + 'static>(
        &self,
        transaction: Transaction,
        then: F,
    ) -> impl Future<Output = Result<(), CommitStateError>> + use<F> {
        let pending = &self.shared.pending;
        let (done, result) = oneshot::channel();
        let way = if !transaction.is_one_file()
            || transaction.connections().any(|id| pending.is_open(id))
        {
            pending.begin(transaction.connections());
            let then = Box::new(then);
            self.send(Job::Commit(Box::new(Waiting { transaction, then, done })));
            Way::Queue(result)
        } else if let Some(id) = transaction.removed.first() {
            let removal = CommittedFile { id: *id, bytes: None };
            self.files.redo(vec![removal], move |redone| {
                then(Committed { version: redone.version, adopted: None });
                let _ = done.send(Ok(()));
            });
            Way::Queue(result)
        } else if let Some((adoption, _value)) = transaction.adoption {
            let id = adoption.new;
            let then = move |Adopted { value, version }| {
                then(Committed { version, adopted: Some(value) });
            };
            Way::Adoption(id, self.files.adopt(adoption, then))
        } else {
            let entry = transaction.files.into_iter().next().expect("it is one file");
            let then = move |version| then(Committed { version, adopted: None });
            Way::File(self.files.commit(entry, then))
        };
        async {
            match way {
                Way::File(file) => Ok(file.await?),
                Way::Adoption(id, adopted) => {
                    let failed = |error| CommitError { id, source: io::Error::other(error) };
                    Ok(adopted.await.map_err(failed)?)
                }
                Way::Queue(result) => {
                    result.await.expect("a job is finished before its thread ends")
                }
            }
        }
    }

    /// Waits until a file can be changed without its connection's transactions.
    pub(crate) fn settle(&self, id: ConnectionId) -> impl Future<Output = ()> + use<> {
        let settled = self.shared.pending.wait(id);
        if settled.is_some() {
            self.send(Job::Settle);
        }
        async {
            if let Some(settled) = settled {
                // If the server ends, so does the wait.
                let _ = settled.await;
            }
        }
    }

    pub(crate) fn queue(&self) -> &SignalQueue {
        &self.shared.queue
    }

    pub(crate) fn streams(&self) -> &StreamIndex {
        &self.shared.streams
    }

    pub(crate) async fn stream_request(&self, id: u64) -> Result<Option<StreamRequest>, ReadError> {
        self.readers.read(move |connection| Ok(stream_rows::request(connection, id)?)).await
    }

    /// Has the signals read that are due soon, if they are not in memory.
    pub(crate) fn advance(&self, now: u64) {
        if self.shared.queue.advance(now) {
            self.send(Job::LoadSignals(now));
        }
    }

    pub(crate) fn wake_parked(&self, attempts: u32) {
        self.send(Job::WakeSignals(attempts));
    }

    pub(crate) fn signal_counts(&self) -> (u64, u64) {
        (self.shared.counts.signals.get(), self.shared.counts.parked.get())
    }

    pub(crate) fn sweep(&self, now: u64, expired_before: u64) {
        // If it could not be read before, it is tried again.
        if self.shared.queue.gap(now).is_some() {
            self.send(Job::LoadSignals(now));
        }
        self.advance(now);
        let has_expired = self.shared.next_expiry.load(Ordering::Relaxed) < expired_before;
        let has_written = self.shared.has_written.swap(false, Ordering::Relaxed);
        let is_failing = self.shared.health.problem().is_some();
        if has_expired || has_written || is_failing || self.shared.pending.has_work() {
            self.send(Job::Sweep(expired_before));
        }
    }

    pub(crate) fn compact(
        &self,
        expired_before: u64,
    ) -> impl Future<Output = Result<Compacted, CommitStateError>> + use<> {
        let (done, result) = oneshot::channel();
        self.send(Job::Compact { expired_before, done });
        async { result.await.unwrap_or(Err(CommitStateError::Stopped)) }
    }

    pub(crate) fn snapshot(
        &self,
    ) -> impl Future<Output = Result<StateSnapshot, BackupError>> + use<> {
        let (done, result) = oneshot::channel();
        self.send(Job::Snapshot(done));
        async { result.await.unwrap_or(Err(BackupError::Stopped)) }
    }

    pub(crate) fn health(&self) -> &Health {
        &self.shared.health
    }

    pub(crate) fn totals(&self) -> Totals {
        let (counts, live) = (&self.shared.counts, self.shared.live.totals());
        Totals {
            rooms: counts.rooms.get(),
            bytes: counts.bytes.get(),
            commits: counts.commits.get(),
            groups: counts.groups.get(),
            failures: counts.failures.get(),
            expired: counts.expired.get(),
            log_bytes: self.file.log_bytes(),
            live_rooms: live.rooms,
            live_bytes: live.bytes,
            loads: live.loads,
            evictions: live.evictions,
        }
    }

    fn send(&self, job: Job) {
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).expect(STOPPED);
    }
}

/// Waits until what was sent is committed and the log is empty.
impl Drop for Durable {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.thread.take()
            // What is done after a commit may be the last that holds this.
            && writer.thread().id() != thread::current().id()
        {
            let _ = writer.join();
        }
    }
}

/// Where a transaction is committed.
enum Way<F, A> {
    /// In a single file, which needs nothing of the database.
    File(F),
    Adoption(ConnectionId, A),
    Queue(oneshot::Receiver<Result<(), CommitStateError>>),
}

/// A room that was read.
enum Read {
    Whole(Arc<Table>),
    Large(RoomRow),
}

fn read_sums(connection: &Connection) -> rusqlite::Result<Sums> {
    let (rooms, bytes) = rows::all_rooms(connection)?;
    let (signals, parked) = signal_rows::counts(connection)?;
    let last_signal = signal_rows::reserved(connection)?;
    let last_room = rows::last_room(connection)?;
    Ok(Sums {
        last_room,
        last_file: 0,
        last_signal,
        reserved_signals: last_signal,
        bytes,
        rooms,
        signals,
        parked,
    })
}

fn shared(
    connection: &Connection,
    limits: StateLimits,
    sums: Sums,
    files: &AttachmentFiles,
) -> rusqlite::Result<Shared> {
    let counts = Counts::default();
    counts.rooms.set(sums.rooms);
    counts.bytes.set(sums.bytes);
    counts.signals.set(sums.signals);
    counts.parked.set(sums.parked);
    let next_expiry = rows::next_expiry(connection)?.unwrap_or(u64::MAX);
    let first_due = signal_rows::next_due(connection, 0)?;
    Ok(Shared {
        live: LiveRooms::new(limits.live_bytes),
        counts,
        health: Arc::clone(files.health()),
        pending: PendingFiles::default(),
        queue: SignalQueue::of_database(HELD_BYTES, first_due),
        streams: StreamIndex::new(stream_rows::all(connection)?),
        next_expiry: AtomicU64::new(next_expiry),
        // Rooms may have been cleared.
        has_written: AtomicBool::new(true),
    })
}

/// Writes the files of events that were committed when the last server ended.
fn redo_files(connection: &Connection, files: &AttachmentFiles) -> Result<(), OpenStateError> {
    let last = rows::last_files(connection, None).map_err(OpenStateError::of_sqlite)?;
    if last.is_empty() {
        return Ok(());
    }
    tracing::info!(
        files = last.len(),
        "writing attachments that were committed before the last stop"
    );
    let numbers: Vec<_> = last.iter().map(|file| (file.id, file.number)).collect();
    let committed = last.into_iter().map(|FileRow { id, bytes, .. }| CommittedFile { id, bytes });
    let (done, result) = mpsc::channel();
    files.redo(committed.collect(), move |redone| {
        let _ = done.send(redone.failed);
    });
    let failed = result.recv().expect("a job is finished before its thread ends");
    if let Some(id) = failed.first() {
        return Err(OpenStateError::Attachment { id: *id });
    }
    for (id, number) in numbers {
        rows::delete_files(connection, id, number).map_err(OpenStateError::of_sqlite)?;
    }
    Ok(())
}
