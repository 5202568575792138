//! The errors of the crate.

use std::io;

use zigttp_abi::connection_id::ConnectionId;

use crate::disk::format::Damage;

/// An attachment could not be written. Its event has no effect.
#[derive(Debug, thiserror::Error)]
#[error("cannot write attachment {id}")]
pub struct CommitError {
    pub id: ConnectionId,
    #[source]
    pub source: io::Error,
}

/// Why an attachment was not adopted. It still belongs to its connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The server keeps attachments in memory only.
    #[error("the server has no durable folder")]
    NotDurable,
    /// The new connection is not open, or is closing.
    #[error("there is no connection {0}")]
    NotConnected(u64),
    /// The connection that has the attachment is open.
    #[error("connection {0} still has its attachment")]
    StillConnected(u64),
    /// There is no file of this id.
    #[error("there is no attachment {0}")]
    NoAttachment(u64),
    /// The file is damaged.
    #[error("attachment {id} is damaged: {damage}")]
    Damaged { id: u64, damage: Damage },
    /// The disk could not read or write it.
    #[error("cannot adopt it: {0}")]
    Io(#[source] io::Error),
}
