//! Reads a durable folder for an operator, with or without a server that uses it.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;

use crate::dir::{self, DurableDir};
use crate::disk::folder::{Folder, ReadError};
use crate::disk::format::{Damage, Header};

/// No server can be configured to store a larger attachment.
const MAX_ATTACHMENT_BYTES: usize = i32::MAX as usize;

/// One attachment file.
#[derive(Clone, Debug)]
pub struct PersistedAttachment {
    /// The connection that it belongs to.
    pub id: u64,
    /// How long ago it was written.
    pub age: Duration,
    /// The room of its own.
    pub room: String,
    /// The rooms that it has joined.
    pub joined: Vec<String>,
    /// The path and query that the connection opened.
    pub url: String,
    pub value: Value,
}

/// Why a file cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadAttachmentError {
    /// It does not exist, or cannot be read.
    #[error("cannot read attachment {id}")]
    Io {
        id: u64,
        #[source]
        source: io::Error,
    },
    /// It is damaged.
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

/// The attachment files of a durable folder, in ascending order of their ids. Each is read when the iterator
/// reaches it; one that cannot be read is an error.
///
/// # Errors
/// When the folder cannot be read.
pub fn list_attachments(
    dir: &Path,
) -> io::Result<impl Iterator<Item = Result<PersistedAttachment, ReadAttachmentError>>> {
    let folder = look_into(dir)?;
    let ids = folder.ids()?;
    // Files that were removed meanwhile are left out.
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

/// Removes the files that were written longer ago than `age`, in a directory that no server uses. Returns
/// how many.
///
/// # Errors
/// When a server uses the directory, or it cannot be read.
pub fn prune_leftovers(dir: &Path, age: Duration) -> io::Result<usize> {
    // Opened first, because taking the lock would make a missing directory.
    let folder = look_into(dir)?;
    let _lock = DurableDir::take(dir)?;
    let mut pruned = 0;
    for id in folder.ids()? {
        if folder.age(id, now())? > age && folder.remove(id)? {
            pruned += 1;
        }
    }
    Ok(pruned)
}

#[expect(clippy::disallowed_methods, reason = "there may be no server whose clock could be used")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn look_into(dir: &Path) -> io::Result<Folder> {
    Folder::open_existing(&dir::look_into(dir)?).map_err(|error| match error.kind() {
        // The directory exists, or opening it would have failed.
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
    let Header { room, joined, url, .. } = header;
    Ok(PersistedAttachment { id: number, age, room, joined, url, value })
}
