//! Attachments: the value a handler keeps with a connection between events.
//!
//! The committed value lives in the connection's record. With a durable folder it is also on
//! disk, and gets there first: a value that others could have heard of is never lost by a crash.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_store::attachment_files::{AttachmentFiles, Entry, Owner};
use zigttp_store::error::{AdoptError, CommitError};
use zigttp_store::version::Versions;

use crate::browser;
use crate::clock::Clock;
use crate::connection::Connection;

/// Where committed attachments go.
pub enum Attachments {
    InMemory(Versions),
    Durable(Durable),
}

pub struct Durable {
    files: AttachmentFiles,
    /// Held while a write is ordered, so that none comes behind the end of its connection's attachment.
    ordering: Mutex<()>,
}

impl Attachments {
    pub fn in_memory() -> Attachments {
        Attachments::InMemory(Versions::default())
    }

    pub fn durable(files: AttachmentFiles) -> Attachments {
        Attachments::Durable(Durable { files, ordering: Mutex::default() })
    }

    /// Where they are kept on disk, if they are.
    pub fn files(&self) -> Option<&AttachmentFiles> {
        match self {
            Attachments::InMemory(_) => None,
            Attachments::Durable(durable) => Some(&durable.files),
        }
    }

    /// Keeps the values one event wrote, all of them or none. What it wrote for a connection that has
    /// ended meanwhile is dropped.
    ///
    /// # Errors
    /// When one cannot be written to disk; then no connection's value has changed.
    pub async fn commit(
        &self,
        mut writes: Vec<(Arc<Connection>, Value)>,
        clock: Clock,
    ) -> Result<(), CommitError> {
        let version = match self {
            Attachments::InMemory(versions) => versions.next(),
            Attachments::Durable(Durable { files, ordering }) => {
                let committed = {
                    let _ordering = lock(ordering);
                    writes.retain(|(connection, _)| !connection.has_ended_attachment());
                    let entries = writes.iter().map(|(connection, value)| Entry {
                        id: connection.id,
                        owner: owner(connection, clock),
                        value: value.clone(),
                    });
                    files.commit(entries.collect())
                };
                committed.await?
            }
        };
        for (connection, value) in writes {
            connection.set_attachment(value, version);
        }
        Ok(())
    }

    /// Drops what is on disk for a connection whose closing ends its life, and what events that have
    /// addressed it before still write for it.
    pub async fn remove(&self, connection: &Connection) {
        if let Attachments::Durable(Durable { files, ordering }) = self {
            let removed = {
                let _ordering = lock(ordering);
                connection.end_attachment();
                files.remove(connection.id)
            };
            removed.await;
        }
    }

    /// No event writes a connection's file from now on: it may be another's.
    pub fn end(&self, connection: &Connection) {
        if let Attachments::Durable(Durable { ordering, .. }) = self {
            let _ordering = lock(ordering);
            connection.end_attachment();
        }
    }

    /// Gives a file that its connection has left to another connection.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn adopt(
        &self,
        prior: ConnectionId,
        new: &Connection,
        clock: Clock,
    ) -> Result<(), AdoptError> {
        let Attachments::Durable(Durable { files, ordering }) = self else {
            return Err(AdoptError::NotDurable);
        };
        let adopted = {
            let _ordering = lock(ordering);
            if new.has_ended_attachment() {
                return Err(AdoptError::NotConnected(new.id.number()));
            }
            files.adopt(prior, new.id, owner(new, clock))
        };
        let adopted = adopted.await?;
        new.set_attachment(adopted.value, adopted.version);
        Ok(())
    }
}

/// What a connection's file says of it.
fn owner(connection: &Connection, clock: Clock) -> Owner {
    Owner {
        room: connection.room.key().to_owned(),
        url: Arc::clone(&connection.url),
        browser: connection.browser.as_ref().map(browser::name),
        written: clock.unix_millis(),
    }
}

fn lock(ordering: &Mutex<()>) -> MutexGuard<'_, ()> {
    ordering.lock().unwrap_or_else(PoisonError::into_inner)
}
