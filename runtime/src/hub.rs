//! What the connections of a server share: who is there, in which rooms, and what is kept.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;
use zigttp_abi::connection_id::{ById, ConnectionId};
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_sandbox::pool::Pool;
use zigttp_sandbox::route::{Opening, path};
use zigttp_sandbox::shared_text::SharedText;
use zigttp_store::ids::ConnectionIds;

use crate::attachments::Attachments;
use crate::browser::Browser;
use crate::compression::Compression;
use crate::config::Config;
use crate::connection::{Connection, State};
use crate::counters::Counters;
use crate::handler_log::HandlerLog;
use crate::rooms::Rooms;
use zigttp_sandbox::view::EventLimits;

/// Connections by what they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStates {
    /// An event of the connection runs, or waits for its turn.
    pub live: usize,
    /// Between events.
    pub parked: usize,
    /// Parked past the idle threshold, its buffers given up.
    pub dormant: usize,
}

/// All connections of one server.
pub(crate) struct Hub {
    /// As the server was started.
    pub(crate) config: Config,
    pub(crate) rooms: Rooms,
    pub(crate) attachments: Attachments,
    pub(crate) counters: Counters,
    pub(crate) handler_log: HandlerLog,
    pub(crate) compression: Compression,
    /// What messages under way hold, over all connections.
    pub(crate) partial: Arc<Pool>,
    /// The bounds that all events have in common.
    pub(crate) limits: EventLimits,
    ids: ConnectionIds,
    connections: RwLock<ById<Arc<Connection>>>,
    /// Told when the last connection has gone.
    emptied: Notify,
}

impl Hub {
    pub(crate) fn new(
        config: Config,
        ids: ConnectionIds,
        attachments: Attachments,
        handler_log: HandlerLog,
        compression: Compression,
    ) -> Hub {
        Hub {
            partial: Pool::with_room_for_little(config.max_partial_bytes),
            limits: EventLimits {
                max_queue: config.max_queue,
                max_attachment: config.max_attachment_size,
                max_room: config.max_url,
                compression_min_size: compression.min_size,
                event_memory: Pool::new(config.max_event_memory),
            },
            config,
            rooms: Rooms::default(),
            attachments,
            counters: Counters::default(),
            handler_log,
            compression,
            ids,
            connections: RwLock::default(),
            emptied: Notify::new(),
        }
    }

    /// Registers a connection that is about to open on a path with query. It can be addressed from
    /// now on, and becomes a member of its room when its `onOpen` has ended ([`Hub::join`]).
    ///
    /// # Errors
    /// When no id can be reserved on disk.
    pub(crate) fn register(
        &self,
        opening: Opening,
        browser: Option<Browser>,
        window: Option<WindowBits>,
        max_queue: usize,
    ) -> io::Result<Arc<Connection>> {
        let connection = self.prepare(opening, browser, window, max_queue)?;
        self.admit(&connection);
        Ok(connection)
    }

    /// The first half of [`Hub::register`]: the record of a connection that nobody can find yet, and
    /// that may come to nothing. [`Hub::forget`] is its end too.
    ///
    /// # Errors
    /// When no id can be reserved on disk.
    pub(crate) fn prepare(
        &self,
        opening: Opening,
        browser: Option<Browser>,
        window: Option<WindowBits>,
        max_queue: usize,
    ) -> io::Result<Arc<Connection>> {
        let id = self.ids.next()?;
        let Opening { url, parameters } = opening;
        let path_len = path(&url).len();
        let room = self.rooms.enter(SharedText::part(&url, 0..path_len));
        // Without a query all members of a room share its key.
        let shared = room.shared_key().as_whole().filter(|_| path_len == url.len());
        let url = shared.map_or(url, Arc::clone);
        let connection = Connection::new(id, room, url, browser, parameters, window, max_queue);
        Ok(Arc::new(connection))
    }

    /// The second half: it can be addressed from now on.
    pub(crate) fn admit(&self, connection: &Arc<Connection>) {
        self.write().insert(connection.id, Arc::clone(connection));
    }

    /// Lists a connection in its room.
    pub(crate) fn join(&self, connection: &Arc<Connection>) {
        connection.room.members().insert(connection.id, Arc::clone(connection));
    }

    /// Takes a connection out of its room's list, before its `onClose`.
    pub(crate) fn part(&self, connection: &Connection) {
        connection.room.members().remove(&connection.id);
    }

    /// Forgets a connection: from now on it is gone. The opposite of [`Hub::register`].
    pub(crate) fn forget(&self, connection: &Connection) {
        self.part(connection);
        // Its file may be another's now. An event that has addressed it before must not make one.
        self.attachments.end(connection);
        let mut connections = self.write();
        connections.remove(&connection.id);
        if connections.is_empty() {
            self.emptied.notify_waiters();
        }
        drop(connections);
        self.rooms.leave(connection.room.key());
    }

    /// The connection with this id, unless it is gone.
    pub(crate) fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).get(&id).map(Arc::clone)
    }

    /// Every registered connection.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        let connections = self.connections.read().unwrap_or_else(PoisonError::into_inner);
        connections.values().map(Arc::clone).collect()
    }

    /// How many connections are in each state.
    pub(crate) fn states(&self) -> ConnectionStates {
        let mut states = ConnectionStates::default();
        for connection in self.connections.read().unwrap_or_else(PoisonError::into_inner).values() {
            match connection.state() {
                State::Live => states.live += 1,
                State::Parked => states.parked += 1,
                State::Dormant => states.dormant += 1,
            }
        }
        states
    }

    /// Waits until no connection is registered.
    pub(crate) async fn emptied(&self) {
        loop {
            // Registered before the look, so that the last one cannot go in between.
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// How many connections are registered.
    pub(crate) fn len(&self) -> usize {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, ById<Arc<Connection>>> {
        // Every change is a single insert or remove.
        self.connections.write().unwrap_or_else(PoisonError::into_inner)
    }
}
