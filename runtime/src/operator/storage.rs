//! The states of rooms, for operators: what they write goes through the server that uses the directory, if there
//! is one.

pub(crate) mod writing;

use std::io;
use std::path::Path;

use zigttp_files::own_folder::OwnFolder;
use zigttp_rooms::operator_signal::OperatorSignal;
use zigttp_rooms::operator_write::{OperatorWriteError, Written};
use zigttp_store::attachment_files::AttachmentFiles;
use zigttp_store::dir::{self, DurableDir};
use zigttp_store::fsync::Fsync;
use zigttp_store::state::error::{CommitStateError, OpenStateError};
use zigttp_store::state::limits::StateLimits;
use zigttp_store::state::states::States;
use zigttp_store::state::totals::Compacted;

use crate::operator::storage::writing::RoomWrite;

/// No server can be configured to store a larger attachment.
const MAX_ATTACHMENT_BYTES: usize = i32::MAX as usize;

/// Why the state of a room cannot be changed in a directory that no server uses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageWriteError {
    /// It does not exist, a server uses it, or it cannot be written.
    #[error("cannot write in the directory")]
    Directory(#[source] io::Error),
    #[error(transparent)]
    Database(#[from] OpenStateError),
    #[error(transparent)]
    Write(#[from] OperatorWriteError),
    #[error(transparent)]
    Compact(#[from] CommitStateError),
}

/// Changes the state of a room in a directory that no server uses, within no limit but the disk's.
///
/// # Errors
/// See [`StorageWriteError`].
pub async fn write(dir: &Path, write: RoomWrite, now: u64) -> Result<Written, StorageWriteError> {
    let storage = Unused::open(dir)?;
    Ok(write.finish().apply(&storage.states, now).await?)
}

/// Gives all free space of the database back, in a directory that no server uses.
///
/// # Errors
/// See [`StorageWriteError`].
pub async fn compact(dir: &Path, now: u64) -> Result<Compacted, StorageWriteError> {
    let storage = Unused::open(dir)?;
    let compacted = storage.states.compact(now).await?;
    Ok(compacted.expect("there is a directory"))
}

/// Stores a signal in a directory that no server uses. The next server delivers it.
///
/// # Errors
/// See [`StorageWriteError`].
pub async fn send_signal(
    dir: &Path,
    signal: OperatorSignal,
    now: u64,
) -> Result<(), StorageWriteError> {
    let storage = Unused::open(dir)?;
    Ok(signal.send(&storage.states, now).await?)
}

/// Lets held signals and timers be delivered by the next server of a directory that no server uses. Returns whether they
/// were held.
///
/// # Errors
/// When a server uses it, or it cannot be written.
pub fn release_signals(dir: &Path) -> io::Result<bool> {
    // Opened first, because taking the lock would make a missing directory.
    dir::look_into(dir)?;
    DurableDir::take(dir)?.release_signals()
}

/// The states of rooms in a directory that no server uses.
pub(super) struct Unused {
    pub(super) states: States,
    /// Released last.
    dir: DurableDir,
}

impl Unused {
    pub(super) fn folder(&self) -> &OwnFolder {
        self.dir.folder()
    }

    pub(super) fn open(dir: &Path) -> Result<Unused, StorageWriteError> {
        let io = StorageWriteError::Directory;
        // Opened first, because taking the lock would make a missing directory.
        dir::look_into(dir).map_err(io)?;
        let dir = DurableDir::take(dir).map_err(io)?;
        let files =
            AttachmentFiles::open(dir.folder(), Fsync::Always, MAX_ATTACHMENT_BYTES).map_err(io)?;
        let limits = StateLimits {
            room_bytes: u64::MAX,
            room_signals: u64::MAX,
            all_bytes: u64::MAX,
            ..StateLimits::of_database()
        };
        let states = States::open(dir.folder(), Fsync::Always, limits, &files)?;
        Ok(Unused { states, dir })
    }
}
