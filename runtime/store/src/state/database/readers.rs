//! Reads rooms that are not held in memory, on threads for what waits for a disk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::state::database::file::DatabaseFile;
use crate::state::database::{rows, signal_rows};
use crate::state::error::ReadError;
use crate::state::limits::WHOLE_ROOM_BYTES;
use crate::state::room_row::RoomRow;
use crate::state::table::Table;

/// How long an event waits until others have read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Events that see one state of a large room at the same time. The log cannot be emptied while they do.
const SNAPSHOTS: usize = 32;

/// Connections that are kept open while nobody reads.
const IDLE: usize = 4;

/// The connections that read.
pub(crate) struct Readers {
    file: Arc<DatabaseFile>,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
    snapshots: Arc<Semaphore>,
}

/// What was read of a room.
pub(crate) enum Found {
    /// Its row, if it has state, and all its entries.
    Whole(Option<i64>, Table),
    /// It is too large to be read whole.
    Large(RoomRow),
}

/// A large room as it was when an event first looked at it.
pub(crate) struct Snapshot {
    readers: Arc<Readers>,
    /// There until it is dropped.
    connection: Mutex<Option<Connection>>,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn new(file: Arc<DatabaseFile>, reads: usize) -> Readers {
        Readers {
            file,
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(reads.clamp(1, Semaphore::MAX_PERMITS))),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
        }
    }

    /// Reads with a connection. It is finished even if the future is dropped.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Readers>,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let place = place(&self.places).await?;
        let readers = Arc::clone(self);
        on_a_thread(move || {
            let connection = readers.take()?;
            let result = read(&connection);
            readers.give_back(connection);
            drop(place);
            result
        })
        .await
    }

    /// Looks at a large room: what is read of the snapshot later is of the same state.
    pub(crate) async fn snapshot(
        self: &Arc<Readers>,
        room: Arc<str>,
    ) -> Result<(Found, Arc<Snapshot>), ReadError> {
        let held = place(&self.snapshots).await?;
        let place = place(&self.places).await?;
        let readers = Arc::clone(self);
        on_a_thread(move || {
            let connection = readers.take()?;
            let found = rows::begin_read(&connection)
                .map_err(ReadError::from)
                .and_then(|()| find(&connection, &room));
            // From here on the connection is given back when the snapshot is dropped.
            let connection = Mutex::new(Some(connection));
            let snapshot = Snapshot { readers, connection, _place: held };
            drop(place);
            found.map(|found| (found, Arc::new(snapshot)))
        })
        .await
    }

    fn take(&self) -> Result<Connection, ReadError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.file.reader().map_err(ReadError::Database), Ok)
    }

    fn give_back(&self, connection: Connection) {
        if !connection.is_autocommit() {
            rows::roll_back(&connection);
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

impl Snapshot {
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Snapshot>,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let place = place(&self.readers.places).await?;
        let snapshot = Arc::clone(self);
        on_a_thread(move || {
            let connection = snapshot.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let connection =
                connection.as_ref().expect("it is there until the snapshot is dropped");
            let result = read(connection);
            drop(place);
            result
        })
        .await
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connection.take() {
            self.readers.give_back(connection);
        }
    }
}

/// Reads one committed state of a room.
pub(crate) fn read_room(connection: &Connection, room: &str) -> Result<Found, ReadError> {
    rows::begin_read(connection)?;
    let found = find(connection, room);
    rows::roll_back(connection);
    found
}

fn find(connection: &Connection, room: &str) -> Result<Found, ReadError> {
    match rows::room(connection, room)? {
        None => Ok(Found::Whole(None, Table::default())),
        Some(row) if row.usage.entries.bytes > WHOLE_ROOM_BYTES => Ok(Found::Large(row)),
        Some(row) => {
            let mut table = rows::table(connection, row.id)?;
            table.set_signals(row.usage.signals);
            if row.usage.signals.timers > 0 {
                for (name, timer) in signal_rows::timers(connection, room)? {
                    table.set_timer(&name, Some(timer));
                }
            }
            Ok(Found::Whole(Some(row.id), table))
        }
    }
}

async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ReadError> {
    match tokio::time::timeout(PATIENCE, Arc::clone(places).acquire_owned()).await {
        Ok(place) => Ok(place.expect("it is never closed")),
        Err(_late) => Err(ReadError::Busy { seconds: PATIENCE.as_secs() }),
    }
}

async fn on_a_thread<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    tokio::task::spawn_blocking(read).await.expect("a read does not panic")
}
