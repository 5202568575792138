//! Attachments: the value that a handler stores with a connection between events.
//!
//! The committed value is in the connection's record. With a durable folder it is also on disk, and is
//! written there first: so a crash never loses a value that another client could have seen.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_sandbox::route::path;
use zigttp_store::attachment_files::{Adoption, AttachmentFiles, Entry, Owner};
use zigttp_store::disk::format::Header;
use zigttp_store::error::AdoptError;
use zigttp_store::state::error::CommitStateError;
use zigttp_store::state::states::States;
use zigttp_store::state::transaction::Transaction;
use zigttp_store::version::Versions;

use crate::browser;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::ordered::Ordered;
use crate::room_change::RoomChange;

/// Where committed attachments are stored.
pub enum Attachments {
    InMemory(InMemory),
    Durable(Durable),
}

/// Attachments are with their connections.
#[derive(Default)]
pub struct InMemory {
    versions: Versions,
    /// What connections have left, in a world without a disk in which it can be resumed: that of a test.
    left: Mutex<BTreeMap<u64, (Header, Value)>>,
}

pub struct Durable {
    files: AttachmentFiles,
    /// Held while a job is sent to the disk, so that no write follows the removal of its attachment.
    ordering: Mutex<()>,
    /// Held while an operator's adoption is stored: of two of one file, one finds none.
    adopting: tokio::sync::Mutex<()>,
}

/// A connection that opens gets what connection `prior` has left, unless the commit that opens it writes
/// another value for it. In both cases that is gone then.
pub struct Inheritance {
    pub prior: ConnectionId,
    pub heir: Arc<Connection>,
    pub value: Value,
    /// The rooms that it joins, in both cases.
    pub joined: Vec<Arc<str>>,
}

/// What one event changes of attachments.
#[derive(Default)]
pub struct Changes {
    pub values: Vec<(Arc<Connection>, Value)>,
    /// Changes of the rooms of connections, which are stored with their attachments.
    pub rooms: Vec<RoomChange>,
    /// Boxed, because few events have one and all pass its place on.
    pub inheritance: Option<Box<Inheritance>>,
    /// A connection that has closed: what it has stored is removed.
    pub closed: Option<Arc<Connection>>,
}

impl Attachments {
    pub fn in_memory() -> Attachments {
        Attachments::InMemory(InMemory::default())
    }

    /// Gives a connection a value that no event has stored, where attachments are in memory.
    pub(crate) fn give(&self, connection: &Connection, value: Value) {
        if let Attachments::InMemory(InMemory { versions, .. }) = self {
            connection.set_attachment(value, versions.next());
        }
    }

    pub fn durable(files: AttachmentFiles) -> Attachments {
        Attachments::Durable(Durable {
            files,
            ordering: Mutex::default(),
            adopting: tokio::sync::Mutex::default(),
        })
    }

    /// The files, if attachments are stored on disk.
    pub fn files(&self) -> Option<&AttachmentFiles> {
        match self {
            Attachments::InMemory(_) => None,
            Attachments::Durable(durable) => Some(&durable.files),
        }
    }

    /// Commits the transaction of one event, with what it changes of attachments: all of it or nothing. Values for
    /// connections that have ended meanwhile are dropped. `then` is called when it is committed.
    ///
    /// # Errors
    /// When it cannot be committed; then nothing has changed.
    pub async fn commit(
        &self,
        states: &States,
        mut transaction: Transaction,
        changes: Changes,
        clock: Clock,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<(), CommitStateError> {
        let Changes { mut values, rooms, inheritance, closed } = changes;
        let set = |values: Vec<(Arc<Connection>, Value)>, version| {
            for (connection, value) in values {
                connection.set_attachment(value, version);
            }
        };
        match self {
            Attachments::InMemory(InMemory { versions, left }) => {
                let version = versions.next();
                if let Some(inheritance) = inheritance {
                    let Inheritance { prior, heir, value, .. } = *inheritance;
                    lock(left).remove(&prior.number());
                    if !values.iter().any(|(written, _)| written.id == heir.id) {
                        values.push((heir, value));
                    }
                }
                let done = move |_| {
                    set(values, version);
                    then();
                };
                states.commit(transaction, done).await
            }
            Attachments::Durable(Durable { ordering, .. }) => {
                let is_written =
                    |id| values.iter().any(|(written, _): &(Arc<Connection>, _)| written.id == id);
                let mut heir = None;
                let mut written: Vec<Arc<Connection>> = Vec::new();
                let committed = {
                    let _ordering = lock(ordering);
                    match inheritance.map(|it| *it) {
                        Some(Inheritance { prior, heir, joined, .. }) if is_written(heir.id) => {
                            heir.order(|ordered| ordered.joined = joined);
                            transaction.removed.push(prior);
                        }
                        Some(Inheritance { prior, heir: new, value, joined }) => {
                            let owner = new.order(|ordered| {
                                ordered.joined = joined;
                                ordered.value = Some(value.clone());
                                owner(&new, ordered, clock)
                            });
                            let adoption = Adoption { prior, new: new.id, owner };
                            transaction.adoption = Some((adoption, value));
                            heir = Some(new);
                        }
                        None => {}
                    }
                    if let Some(closed) = closed {
                        closed.end_attachment();
                        transaction.removed.push(closed.id);
                    }
                    values.retain(|(connection, _)| !connection.has_ended_attachment());
                    for (connection, value) in &values {
                        connection.order(|ordered| ordered.value = Some(value.clone()));
                        written.push(Arc::clone(connection));
                    }
                    for RoomChange { connection, what, room } in &rooms {
                        if connection.has_ended_attachment() {
                            continue;
                        }
                        connection.order(|ordered| ordered.change(*what, room));
                        if !written.iter().any(|written| written.id == connection.id) {
                            written.push(Arc::clone(connection));
                        }
                    }
                    let file = |connection: &Arc<Connection>| {
                        connection.order(|ordered| {
                            let value = ordered.value.clone()?;
                            Some(Entry {
                                id: connection.id,
                                owner: owner(connection, ordered, clock),
                                value,
                            })
                        })
                    };
                    transaction.files = written.iter().filter_map(file).collect();
                    if transaction.is_empty() {
                        then();
                        return Ok(());
                    }
                    states.commit(transaction, move |committed| {
                        if let (Some(heir), Some(value)) = (heir, committed.adopted) {
                            heir.set_attachment(value, committed.version);
                        }
                        set(values, committed.version);
                        then();
                    })
                };
                let committed = committed.await;
                if committed.is_err() {
                    for connection in written {
                        connection.reset_order();
                    }
                }
                committed
            }
        }
    }

    /// Removes the attachment of a closed connection from the disk. Later writes for it, by events that have
    /// addressed it before, are dropped.
    pub async fn remove(&self, states: &States, connection: &Connection) {
        if let Attachments::Durable(Durable { ordering, .. }) = self {
            let removed = {
                let _ordering = lock(ordering);
                connection.end_attachment();
                states.commit(removal(connection.id), |_| {})
            };
            if let Err(error) = removed.await {
                tracing::error!(conn = %connection.id, %error, "cannot remove an attachment");
            }
        }
    }

    /// Removes what closed connections have left, without waiting for it.
    pub fn discard(&self, states: &States, closed: Vec<ConnectionId>) {
        if let Attachments::Durable(_) = self {
            for id in closed {
                drop(states.commit(removal(id), |_| {}));
            }
        }
    }

    /// Reads what a closed connection has left.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn read(
        &self,
        states: &States,
        id: ConnectionId,
    ) -> Result<(Header, Value), AdoptError> {
        match self {
            Attachments::InMemory(InMemory { left, .. }) => {
                let left = lock(left).get(&id.number()).cloned();
                left.ok_or(AdoptError::NoAttachment(id.number()))
            }
            Attachments::Durable(Durable { files, .. }) => {
                states.settle(id).await;
                files.read(id).await
            }
        }
    }

    /// Keeps what a connection leaves where there is no disk that has it already.
    pub fn keep(&self, connection: &Connection, clock: Clock) {
        let (Attachments::InMemory(InMemory { left, .. }), Some(value)) =
            (self, connection.attachment())
        else {
            return;
        };
        let ordered = Ordered::of(Some(value.clone()), &connection.rooms.names());
        let Owner { url, room, opened, joined, browser, written } =
            owner(connection, &ordered, clock);
        let header = Header {
            kind: value.kind().name().to_owned(),
            room: room.unwrap_or_else(|| path(&url).into()).to_string(),
            opened: opened.map(|room| room.to_string()),
            joined: joined.iter().map(|room| room.to_string()).collect(),
            url: url.to_string(),
            browser,
            written,
            length: value.bytes().len(),
        };
        lock(left).insert(connection.id.number(), (header, value));
    }

    /// What connections have left where there is no disk.
    pub(crate) fn kept(&self) -> Vec<(ConnectionId, Header)> {
        match self {
            Attachments::InMemory(InMemory { left, .. }) => {
                let left = lock(left);
                let kept = left.iter();
                kept.map(|(id, (header, _))| (ConnectionId::from_number(*id), header.clone()))
                    .collect()
            }
            Attachments::Durable(_) => Vec::new(),
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
        states: &States,
        prior: ConnectionId,
        new: Arc<Connection>,
        clock: Clock,
    ) -> Result<(), AdoptError> {
        let Attachments::Durable(Durable { ordering, adopting, .. }) = self else {
            return Err(AdoptError::NotDurable);
        };
        let _adopting = adopting.lock().await;
        let (_header, value) = self.read(states, prior).await?;
        let adopted = {
            let _ordering = lock(ordering);
            if new.has_ended_attachment() {
                return Err(AdoptError::NotConnected(new.id.number()));
            }
            let owner = new.order(|ordered| {
                ordered.value = Some(value.clone());
                owner(&new, ordered, clock)
            });
            let adoption = Adoption { prior, new: new.id, owner };
            let adoption = Some((adoption, value));
            // In its order with the events that store for this connection, over crashes too.
            states.commit(Transaction { adoption, ..Transaction::default() }, move |committed| {
                if let Some(value) = committed.adopted {
                    new.set_attachment(value, committed.version);
                }
            })
        };
        adopted.await.map_err(|error| match error {
            CommitStateError::Attachment(error) => {
                AdoptError::Io(io::Error::new(error.source.kind(), error.source.to_string()))
            }
            error => AdoptError::Io(io::Error::other(error)),
        })
    }
}

fn removal(id: ConnectionId) -> Transaction {
    Transaction { removed: vec![id], ..Transaction::default() }
}

/// What a connection's file says about it.
fn owner(connection: &Connection, Ordered { own, joined, .. }: &Ordered, clock: Clock) -> Owner {
    let first = connection.rooms.first().shared_key();
    Owner {
        url: Arc::clone(&connection.url),
        room: (**own != *path(&connection.url)).then(|| Arc::clone(own)),
        opened: (**own != **first).then(|| first.to_arc()),
        joined: joined.clone(),
        browser: connection.browser.as_ref().map(browser::name),
        written: clock.unix_millis(),
    }
}

fn lock<T>(ordering: &Mutex<T>) -> MutexGuard<'_, T> {
    ordering.lock().unwrap_or_else(PoisonError::into_inner)
}
