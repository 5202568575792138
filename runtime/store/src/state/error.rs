//! What can go wrong with the state of rooms.

use std::io;
use std::sync::Arc;

use zigttp_abi::connection_id::ConnectionId;

#[cfg(feature = "cluster")]
use crate::cluster::error::ClusterError;
use crate::error::CommitError;

/// An error of SQLite.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct DatabaseError(Arc<rusqlite::Error>);

impl DatabaseError {
    /// Whether there is no space for what was to be written.
    pub(crate) fn is_full(&self) -> bool {
        self.0.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> DatabaseError {
        DatabaseError(Arc::new(error))
    }
}

/// The database cannot be used. Nothing in it has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenStateError {
    /// The folder or file cannot be made, or other users can write it.
    #[error("cannot open the folder `store` in it")]
    Folder(#[source] io::Error),
    /// The thread that writes cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// A later version of the program has written it.
    #[error(
        "`store/state.db` has version {found}, and this program knows versions up to {known}: a later version of \
         zigttp has written it"
    )]
    Newer { found: u32, known: u32 },
    /// Another program has written it.
    #[error("`store/state.db` is not a database of zigttp")]
    Foreign,
    /// A part of it is missing or was changed.
    #[error("`store/state.db` is damaged")]
    Damaged(#[source] DatabaseError),
    /// It is too short to be a database.
    #[error(
        "`store/state.db` is damaged: it has {bytes} bytes, which is less than the header of a database"
    )]
    Torn { bytes: u64 },
    /// An attachment of an event that was committed before the last stop cannot be written.
    #[error("cannot write attachment {id}, which an event has stored before the last stop")]
    Attachment { id: ConnectionId },
    /// The disk or another program does not let it be opened.
    #[error("cannot open `store/state.db`")]
    Database(#[source] DatabaseError),
}

impl OpenStateError {
    /// Tells what SQLite says about the file.
    pub(crate) fn of_sqlite(error: rusqlite::Error) -> OpenStateError {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => OpenStateError::Damaged(error.into()),
            Some(rusqlite::ErrorCode::NotADatabase) => OpenStateError::Foreign,
            _ => OpenStateError::Database(error.into()),
        }
    }
}

/// The state of a room cannot be read. The event that reads it fails.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Too many events wait for the database.
    #[error("the database has not answered within {seconds} s, because too many events read it")]
    Busy { seconds: u64 },
    /// An entry is not what this program writes.
    #[error("the entry {key:?} in `store/state.db` is damaged")]
    Damaged { key: String },
    /// The same of a signal or timer.
    #[error("the signal {id} in `store/state.db` is damaged")]
    DamagedSignal { id: u64 },
    /// The database cannot be read.
    #[error("cannot read `store/state.db`")]
    Database(#[source] DatabaseError),
    /// The cluster cannot be read.
    #[cfg(feature = "cluster")]
    #[error("cannot read the state of the room from the cluster")]
    Cluster(#[from] ClusterError),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> ReadError {
        ReadError::Database(error.into())
    }
}

/// The changes of an event cannot be committed. None of them has happened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitStateError {
    /// The room would have more than a room may have.
    #[error("the state of room {room:?} would have {bytes} bytes, and may have {most}")]
    RoomFull { room: Arc<str>, bytes: u64, most: u64 },
    /// All rooms together would have more than they may have.
    #[error("the states of all rooms would have {bytes} bytes, and may have {most}")]
    Full { bytes: u64, most: u64 },
    /// A room has sent too many signals that their receivers have not taken yet.
    #[error("room {room:?} would have {signals} signals that are not taken, and may have {most}")]
    TooManySignals { room: Arc<str>, signals: u64, most: u64 },
    /// All rooms together would have more streams than they may have.
    #[error("there would be {streams} streams, and there may be {most}")]
    TooManyStreams { streams: u64, most: u64 },
    /// An import was to find no timers and signals.
    #[error("room {room:?} has timers or signals already: {signals} in all")]
    HasSignals { room: Arc<str>, signals: usize },
    /// The disk is nearly full.
    #[error("the disk of `store/state.db` has {free} bytes left, and must keep {least}")]
    DiskFull { free: u64, least: u64 },
    /// The database's file has no space, and is nearly as large as it may be.
    #[error("`store/state.db` may have {most} bytes, and has no space for {bytes} more")]
    FileFull { bytes: u64, most: u64 },
    /// The server stops before it was done.
    #[error("the server stops")]
    Stopped,
    /// The database cannot be written.
    #[error("cannot write `store/state.db`")]
    Database(#[source] DatabaseError),
    /// An attachment file cannot be written.
    #[error(transparent)]
    Attachment(Arc<CommitError>),
    /// Another node has changed what the event has read. It is to run again, on the state that the room has now.
    #[error("another node has changed what the event has read")]
    Conflict,
    /// The cluster cannot take it.
    #[cfg(feature = "cluster")]
    #[error("the cluster cannot store it")]
    Cluster(#[from] ClusterError),
}

impl CommitStateError {
    /// Whether the event itself has exceeded a limit, so that it would fail again.
    pub fn is_of_the_event(&self) -> bool {
        matches!(self, CommitStateError::RoomFull { .. } | CommitStateError::TooManySignals { .. })
    }
}

impl From<CommitError> for CommitStateError {
    fn from(error: CommitError) -> CommitStateError {
        CommitStateError::Attachment(Arc::new(error))
    }
}

impl From<rusqlite::Error> for CommitStateError {
    fn from(error: rusqlite::Error) -> CommitStateError {
        CommitStateError::Database(error.into())
    }
}
