//! Attachments: the value that a handler stores with a connection between events.
//!
//! The committed value is in the connection's record. With a durable folder it is also on disk, and is
//! written there first: so a crash never loses a value that another client could have seen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_store::attachment_files::{Adoption, AttachmentFiles, Entry, Owner};
use zigttp_store::error::{AdoptError, CommitError};
use zigttp_store::version::Versions;

use crate::browser;
use crate::clock::Clock;
use crate::connection::Connection;

/// Where committed attachments are stored.
pub enum Attachments {
    InMemory(Versions),
    Durable(Durable),
}

pub struct Durable {
    files: AttachmentFiles,
    /// Held while a job is sent to the disk, so that no write follows the removal of its attachment.
    ordering: Mutex<()>,
}

/// A connection that opens gets what connection `prior` has left, unless the commit that opens it writes
/// another value for it. In both cases that is gone then.
pub struct Inheritance {
    pub prior: ConnectionId,
    pub heir: Arc<Connection>,
}

impl Attachments {
    pub fn in_memory() -> Attachments {
        Attachments::InMemory(Versions::default())
    }

    pub fn durable(files: AttachmentFiles) -> Attachments {
        Attachments::Durable(Durable { files, ordering: Mutex::default() })
    }

    /// The files, if attachments are stored on disk.
    pub fn files(&self) -> Option<&AttachmentFiles> {
        match self {
            Attachments::InMemory(_) => None,
            Attachments::Durable(durable) => Some(&durable.files),
        }
    }

    /// Stores the values that one event has written, and the one that its connection inherits: all of them or
    /// none. Values for connections that have ended meanwhile are dropped.
    ///
    /// # Errors
    /// When a value cannot be written to disk; then no connection's value has changed.
    pub async fn commit(
        &self,
        mut writes: Vec<(Arc<Connection>, Value)>,
        inheritance: Option<Inheritance>,
        clock: Clock,
    ) -> Result<(), CommitError> {
        let set = |writes: Vec<(Arc<Connection>, Value)>, version| {
            for (connection, value) in writes {
                connection.set_attachment(value, version);
            }
        };
        match self {
            Attachments::InMemory(versions) => {
                set(writes, versions.next());
                Ok(())
            }
            Attachments::Durable(Durable { files, ordering }) => {
                let replaced = inheritance.as_ref().and_then(|it| {
                    writes.iter().any(|(written, _)| written.id == it.heir.id).then_some(it.prior)
                });
                let heir = inheritance.filter(|_| replaced.is_none());
                let adoption = heir.as_ref().map(|Inheritance { prior, heir }| Adoption {
                    prior: *prior,
                    new: heir.id,
                    owner: owner(heir, clock),
                });
                let committed = {
                    let _ordering = lock(ordering);
                    writes.retain(|(connection, _)| !connection.has_ended_attachment());
                    let entries = writes.iter().map(|(connection, value)| Entry {
                        id: connection.id,
                        owner: owner(connection, clock),
                        value: value.clone(),
                    });
                    files.commit(entries.collect(), adoption, move |committed| {
                        if let (Some(it), Some(value)) = (heir, committed.adopted) {
                            it.heir.set_attachment(value, committed.version);
                        }
                        set(writes, committed.version);
                    })
                };
                committed.await?;
                if let Some(prior) = replaced {
                    files.discard(vec![prior]);
                }
                Ok(())
            }
        }
    }

    /// Removes the attachment of a closed connection from the disk. Later writes for it, by events that have
    /// addressed it before, are dropped.
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

    /// Drops later writes for a connection, because its file may belong to another connection now.
    pub fn end(&self, connection: &Connection) {
        if let Attachments::Durable(Durable { ordering, .. }) = self {
            let _ordering = lock(ordering);
            connection.end_attachment();
        }
    }

    /// Gives the file of a closed connection to another connection.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn adopt(
        &self,
        prior: ConnectionId,
        new: Arc<Connection>,
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
            let adoption = Adoption { prior, new: new.id, owner: owner(&new, clock) };
            files.adopt(adoption, move |adopted| {
                new.set_attachment(adopted.value, adopted.version);
            })
        };
        adopted.await
    }
}

/// What a connection's file says about it.
fn owner(connection: &Connection, clock: Clock) -> Owner {
    Owner {
        url: Arc::clone(&connection.url),
        room_len: connection.room.key().len(),
        browser: connection.browser.as_ref().map(browser::name),
        written: clock.unix_millis(),
    }
}

fn lock(ordering: &Mutex<()>) -> MutexGuard<'_, ()> {
    ordering.lock().unwrap_or_else(PoisonError::into_inner)
}
