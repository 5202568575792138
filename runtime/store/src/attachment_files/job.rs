//! What is stored in attachment files, and what the thread that writes them does.

use std::sync::Arc;

use tokio::sync::oneshot;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;

use crate::backup_error::BackupError;
use crate::disk::files_snapshot::FilesSnapshot;
use crate::disk::format::{self, Header};
use crate::error::{AdoptError, CommitError};

/// A value that is stored under a connection's id.
pub struct Entry {
    pub id: ConnectionId,
    pub owner: Owner,
    pub value: Value,
}

/// What a file says about the connection that it belongs to.
pub struct Owner {
    /// The path and query that the connection opened.
    pub url: Arc<str>,
    /// The name of its room, unless that is the path of the URL. Shared, because one event may write for every
    /// member of a room.
    pub room: Option<Arc<str>>,
    /// The room that it has opened in, if it has moved since.
    pub opened: Option<Arc<str>>,
    /// The rooms that it has joined.
    pub joined: Vec<Arc<str>>,
    /// The browser that opened it, where connections are resumed.
    pub browser: Option<String>,
    /// The present time, in milliseconds since 1970.
    pub written: u64,
}

/// A file of an event that is committed in the database already.
pub(crate) struct CommittedFile {
    pub(crate) id: ConnectionId,
    /// What it contains, if it is not removed.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// What is left to do of an event that is committed in the database.
pub(crate) struct Redone {
    pub(crate) version: Version,
    /// The connections whose files could not be written or removed.
    pub(crate) failed: Vec<ConnectionId>,
}

/// An attachment after it was given to another connection.
pub struct Adopted {
    pub value: Value,
    pub version: Version,
}

/// A commit that is done. Of an event without attachments the version means nothing.
#[derive(Default)]
pub struct Committed {
    pub version: Version,
    /// The value that an adoption of this commit has given.
    pub adopted: Option<Value>,
}

/// One connection's file is given to another connection.
pub struct Adoption {
    pub prior: ConnectionId,
    pub new: ConnectionId,
    pub owner: Owner,
}

/// What the thread does with the result of a job before it reports it. A part of the job, so that it happens
/// also if the future that waits for the result is dropped.
pub(super) type Then<T> = Box<dyn FnOnce(T) + Send>;

/// A job for the thread, and the channel for its result.
pub(super) enum Job {
    Commit {
        entry: Entry,
        then: Then<Version>,
        done: Reply<CommitError>,
    },
    Read {
        id: ConnectionId,
        done: oneshot::Sender<Result<(Header, Value), AdoptError>>,
    },
    Adopt {
        adoption: Adoption,
        then: Then<Adopted>,
        done: Reply<AdoptError>,
    },
    Redo {
        files: Vec<CommittedFile>,
        then: Then<Redone>,
    },
    Try(Box<dyn FnOnce() + Send>),
    /// Keeps all files as they are for a backup.
    Keep(Then<Result<FilesSnapshot, BackupError>>),
}

pub(super) type Reply<E> = oneshot::Sender<Result<(), E>>;

/// The bytes of a file.
pub(crate) fn encode(owner: &Owner, value: &Value) -> Vec<u8> {
    format::encode(&header(owner, value), value)
}

fn header(owner: &Owner, value: &Value) -> Header {
    let path = owner.url.split_once('?').map_or(&*owner.url, |(path, _query)| path);
    Header {
        kind: value.kind().name().to_owned(),
        room: owner.room.as_deref().unwrap_or(path).to_owned(),
        opened: owner.opened.as_deref().map(str::to_owned),
        joined: owner.joined.iter().map(|room| (**room).to_owned()).collect(),
        url: owner.url.to_string(),
        browser: owner.browser.clone(),
        written: owner.written,
        length: value.bytes().len(),
    }
}

/// The largest size of a file of a connection that is in these rooms, without characters that JSON escapes.
pub fn file_bytes<'a>(
    rooms: impl IntoIterator<Item = &'a str>,
    url: &str,
    value_bytes: usize,
) -> u64 {
    /// What stands around a name.
    const QUOTES: usize = 3;
    let rooms: usize = rooms.into_iter().map(|room| room.len() + QUOTES).sum();
    (rooms + url.len() + format::OTHER_HEADER_BYTES + value_bytes) as u64
}
