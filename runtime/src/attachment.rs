//! Attachments: the value a handler keeps with a connection between events.
//!
//! The committed value lives in the connection's record. With a durable folder it is also on
//! disk, and gets there first: a value that others could have heard of is never lost by a crash.

pub(crate) mod durable;

use std::io;
use std::sync::Arc;

use self::durable::DurableAttachments;
use crate::connection::Connection;
use crate::connection_id::ConnectionId;
use crate::value::Value;

/// Where committed attachments go.
pub(crate) struct Attachments {
    durable: Option<Durable>,
}

struct Durable {
    store: Arc<DurableAttachments>,
    /// Held from the first file to the last record of an event, so that disk and memory agree on
    /// which of two events that wrote the same attachment was the last.
    commit: tokio::sync::Mutex<()>,
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
        Attachments {
            durable: Some(Durable {
                store: Arc::new(store),
                commit: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Keeps the values one event wrote, all of them or none.
    ///
    /// # Errors
    /// When one cannot be written to disk; then no connection's value has changed.
    pub(crate) async fn write_all(
        &self,
        writes: Vec<(Arc<Connection>, Value)>,
    ) -> Result<(), AttachmentError> {
        let mut _commit = None;
        if let Some(Durable { store, commit }) = &self.durable
            && !writes.is_empty()
        {
            _commit = Some(commit.lock().await);
            let files = writes
                .iter()
                .map(|(connection, value)| {
                    (connection.id, connection.room.key().to_owned(), value.clone())
                })
                .collect();
            let store = Arc::clone(store);
            // File system calls block; a worker that waits for a disk would hold up every
            // connection it drives.
            tokio::task::spawn_blocking(move || store.write_all(files))
                .await
                .expect("writing attachments does not panic")?;
        }
        for (connection, value) in writes {
            connection.set_attachment(value);
        }
        Ok(())
    }

    /// Drops what is on disk for a connection whose closing ends its life.
    pub(crate) async fn remove(&self, id: ConnectionId) {
        let Some(Durable { store, commit }) = &self.durable else { return };
        let _commit = commit.lock().await;
        let store = Arc::clone(store);
        tokio::task::spawn_blocking(move || store.remove(id))
            .await
            .expect("removing an attachment does not panic");
    }
}
