//! Errors a caller of the crate gets.

use std::io;

use zigttp_abi::connection_id::ConnectionId;

use crate::disk::format::Damage;

/// An attachment could not be written; nothing of its event takes effect.
#[derive(Debug, thiserror::Error)]
#[error("cannot write attachment {id}")]
pub struct CommitError {
    pub id: ConnectionId,
    #[source]
    pub source: io::Error,
}

/// Why an attachment was not adopted. It is where it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The server keeps attachments in memory alone.
    #[error("the server has no durable folder")]
    NotDurable,
    /// The connection that is to have it is not there, or closing.
    #[error("there is no connection {0}")]
    NotConnected(u64),
    /// The connection that has it is there.
    #[error("connection {0} still has its attachment")]
    StillConnected(u64),
    /// No file of this id.
    #[error("there is no attachment {0}")]
    NoAttachment(u64),
    /// The file is not whole.
    #[error("attachment {id} is damaged: {damage}")]
    Damaged { id: u64, damage: Damage },
    /// The disk.
    #[error("cannot adopt it: {0}")]
    Io(#[source] io::Error),
}
