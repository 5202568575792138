//! Attachments: the value a handler keeps with a connection between events.
//!
//! The committed value lives in the connection's record. With a durable folder it is also on
//! disk, and gets there first: a value that others could have heard of is never lost by a crash.

pub(crate) mod durable;
pub(crate) mod file;
pub(crate) mod folder;
pub(crate) mod persisted;
pub(crate) mod recovery;

use std::io;
use std::sync::Arc;

use zigttp_abi::connection_id::ConnectionId;

use self::durable::{DurableAttachments, Writes};
use crate::connection::Connection;

/// Where committed attachments go.
pub(crate) struct Attachments {
    durable: Option<DurableAttachments>,
}

/// An attachment could not be written; nothing of its event takes effect.
#[derive(Debug, thiserror::Error)]
#[error("cannot write attachment {id}")]
pub(crate) struct AttachmentError {
    pub(crate) id: ConnectionId,
    #[source]
    pub(crate) source: io::Error,
}

impl Attachments {
    pub(crate) fn in_memory() -> Attachments {
        Attachments { durable: None }
    }

    pub(crate) fn durable(store: DurableAttachments) -> Attachments {
        Attachments { durable: Some(store) }
    }

    /// Where they are kept on disk, if they are.
    pub(crate) fn store(&self) -> Option<&DurableAttachments> {
        self.durable.as_ref()
    }

    /// Keeps the values one event wrote, all of them or none.
    ///
    /// # Errors
    /// When one cannot be written to disk; then no connection's value has changed.
    pub(crate) async fn write_all(&self, writes: Writes) -> Result<(), AttachmentError> {
        if writes.is_empty() {
            return Ok(());
        }
        match &self.durable {
            Some(store) => store.write(writes).await,
            None => {
                for (connection, value) in writes {
                    connection.set_attachment(value);
                }
                Ok(())
            }
        }
    }

    /// Drops what is on disk for a connection whose closing ends its life.
    pub(crate) async fn remove(&self, connection: &Arc<Connection>) {
        if let Some(store) = &self.durable {
            store.remove(Arc::clone(connection)).await;
        }
    }
}
