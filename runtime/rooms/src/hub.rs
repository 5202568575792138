//! All connections of a server, with their rooms and the storage that they share.

use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Notify, Semaphore};
use zigttp_abi::connection_id::{ById, ConnectionId};
use zigttp_abi::value::Value;
use zigttp_sandbox::route::Opening;
use zigttp_sandbox::view::EventLimits;
use zigttp_store::dir::DurableDir;
use zigttp_store::ids::ConnectionIds;
use zigttp_store::state::limits::StateLimits;
use zigttp_store::state::states::States;

use crate::attachments::Attachments;
use crate::clock::Clock;
use crate::compression::Compression;
use crate::connection::{Client, Connection, State};
use crate::counters::Counters;
use crate::gauge::Gauge;
use crate::handler_log::HandlerLog;
use crate::leftovers::Leftovers;
use crate::members::Member;
use crate::pauses::Pauses;
use crate::room_states::RoomStates;
use crate::rooms::{Room, Rooms};
use crate::settings::CurrentSettings;
use crate::signals_hold::SignalsHold;
use crate::streams::open_streams::OpenStreams;

/// How many connections are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStates {
    /// One of the connection's events runs, or waits for its turn or the outside.
    pub live: usize,
    /// Between events.
    pub parked: usize,
    /// Parked for longer than `dormant_after`; its buffers are freed.
    pub dormant: usize,
}

/// The state that outlives connections.
pub struct Storage {
    pub ids: ConnectionIds,
    pub attachments: Attachments,
    pub states: RoomStates,
    pub leftovers: Option<Leftovers>,
    pub durable_dir: Option<DurableDir>,
}

impl Storage {
    /// In memory only.
    pub fn in_memory(limits: StateLimits) -> Storage {
        Storage {
            ids: ConnectionIds::in_memory(),
            attachments: Attachments::in_memory(),
            states: RoomStates {
                storage: States::in_memory(limits),
                memory: States::in_memory(limits),
            },
            leftovers: None,
            durable_dir: None,
        }
    }
}

/// All connections of one server.
pub struct Hub {
    pub clock: Clock,
    pub rooms: Rooms,
    /// The rooms that operators have paused.
    pub pauses: Pauses,
    pub attachments: Attachments,
    pub states: RoomStates,
    pub signals_hold: SignalsHold,
    /// What handlers read with `env`.
    pub open_streams: OpenStreams,
    pub settings: CurrentSettings,
    pub counters: Counters,
    pub handler_log: HandlerLog,
    pub compression: Compression,
    /// The attachments that wait to be resumed, where connections are resumed.
    pub leftovers: Option<Leftovers>,
    /// The limits of every event.
    pub limits: EventLimits,
    ids: ConnectionIds,
    /// The lock of the directory, held as long as anything may be written there.
    pub durable_dir: Option<DurableDir>,
    /// The server stops, and no connection opens any more. Set once, before the connections are closed.
    pub is_draining: AtomicBool,
    connections: RwLock<ById<Arc<Connection>>>,
    /// How many rooms connections have joined, each of each connection.
    pub joins: AtomicUsize,
    /// How many events wait for the outside.
    pub waiting: Gauge,
    /// Closed when what waits is given up, because the server stops.
    waits: Semaphore,
    /// Notified when the last connection has closed.
    emptied: Notify,
}

/// The hub for the events of one worker. Every event holds a reference, and workers do not write to the same count.
pub struct WorkersHub(pub Arc<Hub>);

impl Deref for WorkersHub {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.0
    }
}

fn member(connection: &Arc<Connection>) -> Member {
    Arc::clone(connection) as Member
}

impl Hub {
    /// A hub without connections.
    pub fn new(
        storage: Storage,
        limits: EventLimits,
        compression: Compression,
        handler_log: HandlerLog,
        rooms: Rooms,
        clock: Clock,
    ) -> Hub {
        let Storage { ids, attachments, states, leftovers, durable_dir } = storage;
        Hub {
            clock,
            rooms,
            pauses: Pauses::default(),
            attachments,
            states,
            leftovers,
            signals_hold: SignalsHold::default(),
            open_streams: OpenStreams::default(),
            settings: CurrentSettings::default(),
            counters: Counters::default(),
            handler_log,
            compression,
            limits,
            ids,
            durable_dir,
            is_draining: AtomicBool::new(false),
            connections: RwLock::default(),
            joins: AtomicUsize::new(0),
            waiting: Gauge::default(),
            waits: Semaphore::new(0),
            emptied: Notify::new(),
        }
    }

    /// What outlives its connections, of a hub that nobody else has any more.
    pub fn into_storage(self) -> Storage {
        let Hub { ids, attachments, states, leftovers, durable_dir, .. } = self;
        Storage { ids, attachments, states, leftovers, durable_dir }
    }

    /// The record of a connection that no event can find yet, and that may come to nothing. [`Hub::forget`] is
    /// its end too.
    ///
    /// # Errors
    /// When no id can be reserved on disk.
    pub fn prepare(&self, opening: Opening, client: Client) -> io::Result<Arc<Connection>> {
        Ok(self.prepare_as(self.ids.next()?, opening, client))
    }

    /// The same with an id that no other connection has: for tests.
    pub fn prepare_as(
        &self,
        id: ConnectionId,
        opening: Opening,
        client: Client,
    ) -> Arc<Connection> {
        let Opening { url, room, parameters } = opening;
        let room = self.rooms.enter(room);
        // Members whose URL is the room's name share it.
        let shared = room.shared_key().as_whole().filter(|name| **name == url);
        let url = shared.map_or(url, Arc::clone);
        let max_queue = self.limits.max_queue;
        let connection = Connection::new(id, room, url, parameters, client, max_queue, self.clock);
        Arc::new(connection)
    }

    /// It can be addressed from now on.
    pub fn admit(&self, connection: &Arc<Connection>) {
        self.write().insert(connection.id, Arc::clone(connection));
    }

    /// Opens a connection as if it had been open for a while, without any event: for tests, whose attachments are in
    /// memory.
    pub fn place(
        &self,
        connection: &Arc<Connection>,
        attachment: Option<Value>,
        joined: &[Arc<str>],
    ) {
        if let Some(attachment) = attachment {
            self.attachments.give(connection, attachment);
        }
        self.admit(connection);
        self.join(connection);
        self.join_again(connection, joined);
    }

    /// Lists a connection in its own room.
    pub fn join(&self, connection: &Arc<Connection>) {
        connection.rooms.own().members().insert(connection.id, member(connection));
    }

    /// Lets a connection that is in no list yet open in another room than that of its path.
    pub(crate) fn open_in(&self, connection: &Connection, room: &str) {
        let room = self.rooms.enter(room.into());
        let left = match connection.rooms.move_to(&room) {
            Some(moved) => moved.from,
            None => room,
        };
        self.rooms.leave(left.key());
    }

    /// Lists a connection in the rooms that it had joined before it was resumed.
    pub(crate) fn join_again(&self, connection: &Arc<Connection>, rooms: &[Arc<str>]) {
        for name in rooms {
            let room = self.rooms.enter(Arc::clone(name).into());
            let mut members = room.members();
            let has_joined = connection.rooms.join(&room);
            if has_joined {
                members.insert(connection.id, member(connection));
                self.joins.fetch_add(1, Ordering::Relaxed);
            }
            drop(members);
            if !has_joined {
                self.rooms.leave(name);
            }
        }
    }

    /// Removes a connection from the lists of its rooms, before its `onClose`. Returns the rooms, which it has still
    /// entered, with the places that it had.
    pub fn part(&self, connection: &Connection) -> Vec<(Arc<Room>, Option<u64>)> {
        let rooms = connection.rooms.end();
        let parted = rooms.into_iter().map(|room| {
            let place = room.members().remove(connection.id);
            (room, place)
        });
        parted.collect()
    }

    /// Lists a connection again that has parted and whose `onClose` waits, in the places that it had.
    pub(crate) fn list_again(
        &self,
        connection: &Arc<Connection>,
        parted: &[(Arc<Room>, Option<u64>)],
    ) {
        for (room, place) in parted {
            if let Some(place) = place {
                room.members().put_back(connection.id, member(connection), *place);
            }
        }
    }

    /// Forgets a connection: from now on it is gone. The opposite of [`Hub::prepare`].
    pub fn forget(&self, connection: &Connection) {
        let rooms = self.part(connection);
        // Its file may belong to another connection now. An event that has addressed this one before must
        // not write it.
        self.attachments.end(connection);
        let mut connections = self.write();
        connections.remove(&connection.id);
        if connections.is_empty() {
            self.emptied.notify_waiters();
        }
        drop(connections);
        self.joins.fetch_sub(rooms.len() - 1, Ordering::Relaxed);
        for (room, _place) in rooms {
            self.rooms.leave(room.key());
        }
    }

    /// The connection with this id, if it is registered.
    pub fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).get(&id).map(Arc::clone)
    }

    /// Every registered connection.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        let connections = self.connections.read().unwrap_or_else(PoisonError::into_inner);
        connections.values().map(Arc::clone).collect()
    }

    /// How many connections are in each state.
    pub fn states(&self) -> ConnectionStates {
        let mut states = ConnectionStates::default();
        for connection in self.connections.read().unwrap_or_else(PoisonError::into_inner).values() {
            match connection.state() {
                State::Live | State::Waiting => states.live += 1,
                State::Parked => states.parked += 1,
                State::Dormant => states.dormant += 1,
            }
        }
        states
    }

    /// Gives up all that waits for the outside.
    pub fn give_up_waits(&self) {
        self.waits.close();
    }

    /// Waits until what waits for the outside is given up.
    pub(crate) async fn waits_given_up(&self) {
        // There is no permit: it ends when the semaphore is closed.
        let _closed = self.waits.acquire().await;
    }

    /// Waits until no connection is registered.
    pub async fn emptied(&self) {
        loop {
            // Registered before the check, so that the last connection cannot close in between.
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// How many connections are registered.
    pub fn count(&self) -> usize {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, ById<Arc<Connection>>> {
        // Every change is a single insert or remove.
        self.connections.write().unwrap_or_else(PoisonError::into_inner)
    }
}
