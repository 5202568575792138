//! A durable folder looked at from outside, with or without a server that uses it.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;

use crate::dir::{self, DurableDir};
use crate::disk::folder::{Folder, ReadError};
use crate::disk::format::Damage;

/// No server can be configured to keep a larger one.
const MAX_ATTACHMENT_BYTES: usize = i32::MAX as usize;

/// One attachment file.
#[derive(Clone, Debug)]
pub struct PersistedAttachment {
    /// The connection that it belongs to.
    pub id: u64,
    /// How long ago it was written.
    pub age: Duration,
    pub room: String,
    /// Path and query that the connection opened on.
    pub url: String,
    pub value: Value,
}

/// Why a file cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadAttachmentError {
    /// It is not there, or cannot be read.
    #[error("cannot read attachment {id}")]
    Io {
        id: u64,
        #[source]
        source: io::Error,
    },
    /// It is not whole.
    #[error("attachment {id} is damaged: {damage}")]
    Damaged { id: u64, damage: Damage },
}

impl ReadAttachmentError {
    /// The connection that the file belongs to.
    pub fn id(&self) -> u64 {
        match self {
            ReadAttachmentError::Io { id, .. } | ReadAttachmentError::Damaged { id, .. } => *id,
        }
    }
}

/// The attachment files of a durable folder, in ascending order of their ids, each read when it is asked
/// for. One that cannot be shown says why.
///
/// # Errors
/// When the folder cannot be read.
pub fn list_attachments(
    dir: &Path,
) -> io::Result<impl Iterator<Item = Result<PersistedAttachment, ReadAttachmentError>>> {
    let folder = look_into(dir)?;
    let ids = folder.ids()?;
    // One that went meanwhile was not there.
    let gone = |result: &Result<_, ReadAttachmentError>| {
        matches!(result, Err(ReadAttachmentError::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound)
    };
    Ok(ids.into_iter().map(move |id| read(&folder, id)).filter(move |result| !gone(result)))
}

/// One attachment file of a durable folder.
///
/// # Errors
/// When it is not there, cannot be read, or is damaged.
pub fn read_attachment(dir: &Path, id: u64) -> Result<PersistedAttachment, ReadAttachmentError> {
    let folder = look_into(dir).map_err(|source| ReadAttachmentError::Io { id, source })?;
    read(&folder, ConnectionId::from_number(id))
}

/// Unlinks the files that were written longer ago than `age`, where no server uses the directory;
/// answers how many.
///
/// # Errors
/// When one does, or the folder cannot be read.
pub fn prune_leftovers(dir: &Path, age: Duration) -> io::Result<usize> {
    // Not made by looking at it.
    let folder = look_into(dir)?;
    let _alone = DurableDir::take(dir)?;
    let mut pruned = 0;
    for id in folder.ids()? {
        if folder.age(id, now())? > age && folder.remove(id)? {
            pruned += 1;
        }
    }
    Ok(pruned)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an operator looks in without a server and its clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn look_into(dir: &Path) -> io::Result<Folder> {
    Folder::open_existing(&dir::look_into(dir)?).map_err(|error| match error.kind() {
        // The directory is there, or that would have been the error.
        io::ErrorKind::NotFound => {
            io::Error::new(error.kind(), "no server has kept attachments in it")
        }
        _ => error,
    })
}

fn read(folder: &Folder, id: ConnectionId) -> Result<PersistedAttachment, ReadAttachmentError> {
    let number = id.number();
    let io = |source| ReadAttachmentError::Io { id: number, source };
    let age = folder.age(id, now()).map_err(io)?;
    let (header, value) = folder.read(id, MAX_ATTACHMENT_BYTES).map_err(|error| match error {
        ReadError::Io(source) => io(source),
        ReadError::Damaged(damage) => ReadAttachmentError::Damaged { id: number, damage },
    })?;
    Ok(PersistedAttachment { id: number, age, room: header.room, url: header.url, value })
}
