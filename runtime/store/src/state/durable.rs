//! The states of rooms in a database, with those of live rooms in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;
use zigttp_files::own_folder::OwnFolder;

use crate::fsync::Fsync;
use crate::state::database::checkpoints::Checkpoints;
use crate::state::database::file::DatabaseFile;
use crate::state::database::readers::{Found, Readers, read_room};
use crate::state::database::rows;
use crate::state::database::writer::{Job, Shared, Then, Waiting, Writer};
use crate::state::error::{CommitStateError, OpenStateError, ReadError};
use crate::state::limits::StateLimits;
use crate::state::live_rooms::LiveRooms;
use crate::state::room_state::{OnDisk, RoomState};
use crate::state::table::Table;
use crate::state::totals::{Counts, Totals};
use crate::state::transaction::Transaction;

/// How often a room is read again that has changed while it was read. Only a sweep changes a room beside its events.
const TRIES: usize = 4;

const STOPPED: &str = "the thread that writes the database does not panic";

/// The states of rooms in a database.
pub(crate) struct Durable {
    file: Arc<DatabaseFile>,
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    /// Taken when the thread is to end.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Durable {
    pub(crate) fn open(
        durable: &OwnFolder,
        fsync: Fsync,
        limits: StateLimits,
    ) -> Result<Durable, OpenStateError> {
        let (file, connection) = DatabaseFile::open(durable, fsync, limits.file_bytes)?;
        let file = Arc::new(file);
        let shared = read_totals(&connection, limits).map_err(OpenStateError::of_sqlite)?;
        let last_room = rows::last_room(&connection).map_err(OpenStateError::of_sqlite)?;
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
            last_room,
        )
        .map_err(OpenStateError::Thread)?;
        Ok(Durable { file, shared, readers, jobs: Some(jobs), thread: Some(thread) })
    }

    pub(crate) fn live(&self, room: &str) -> Option<RoomState> {
        self.shared.live.table(room).map(RoomState::Whole)
    }

    pub(crate) async fn load(&self, room: &str) -> Result<RoomState, ReadError> {
        let room: Arc<str> = room.into();
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
            Read::Large(row) => RoomState::OnDisk(OnDisk::latest(row, Arc::clone(&self.readers))),
        })
    }

    pub(crate) async fn look(&self, room: &str) -> Result<RoomState, ReadError> {
        if let Some((table, _id)) = self.shared.live.table_and_id(room) {
            return Ok(RoomState::Whole(table));
        }
        let room: Arc<str> = room.into();
        let name = Arc::clone(&room);
        let found = self.readers.read(move |connection| read_room(connection, &name)).await?;
        if let Found::Whole(_id, table) = found {
            return Ok(RoomState::Whole(Arc::new(table)));
        }
        let (found, snapshot) = self.readers.snapshot(room).await?;
        Ok(match found {
            // It has shrunk meanwhile.
            Found::Whole(_id, table) => RoomState::Whole(Arc::new(table)),
            Found::Large(row) => RoomState::OnDisk(OnDisk::snapshot(row, snapshot)),
        })
    }

    pub(crate) fn commit(
        &self,
        transaction: Transaction,
        then: Then,
    ) -> oneshot::Receiver<Result<(), CommitStateError>> {
        let (done, result) = oneshot::channel();
        self.send(Job::Commit(Waiting { transaction, then, done }));
        result
    }

    pub(crate) fn sweep(&self, expired_before: u64) {
        let has_expired = self.shared.next_expiry.load(Ordering::Relaxed) < expired_before;
        let has_written = self.shared.has_written.swap(false, Ordering::Relaxed);
        if has_expired || has_written {
            self.send(Job::Sweep(expired_before));
        }
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

/// A room that was read.
enum Read {
    Whole(Arc<Table>),
    Large(rows::RoomRow),
}

fn read_totals(connection: &Connection, limits: StateLimits) -> rusqlite::Result<Shared> {
    let counts = Counts::default();
    let (rooms, bytes) = rows::all_rooms(connection)?;
    counts.rooms.set(rooms);
    counts.bytes.set(bytes);
    let next_expiry = rows::next_expiry(connection)?.unwrap_or(u64::MAX);
    Ok(Shared {
        live: LiveRooms::new(limits.live_bytes),
        counts,
        next_expiry: AtomicU64::new(next_expiry),
        // Rooms may have been cleared.
        has_written: AtomicBool::new(true),
    })
}
