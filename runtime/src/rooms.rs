//! Rooms: who is in them, whose turn it is, and in which order frames reach their members.
//!
//! A room is an actor: the events of its connections run one at a time, in the order they arrive
//! ([`Room::turn`], a fair lock held while JavaScript runs). Its member list is a second, short
//! lock, under which a commit queues frames, so that all members see one order.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zigttp_abi::connection_id::ConnectionId;
use zigttp_sandbox::shared_text::SharedText;

use crate::connection::Connection;

/// Members of a room in the order they opened.
pub(crate) type Members = BTreeMap<ConnectionId, Arc<Connection>>;

/// One room, alive as long as a connection that opened on its path.
pub(crate) struct Room {
    /// The request path as sent, without query.
    key: SharedText,
    turn: tokio::sync::Mutex<()>,
    /// Connections whose `onOpen` has ended and whose closing has not begun to be handled.
    members: Mutex<Members>,
}

impl Room {
    /// The path that names the room.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The same for whoever keeps it.
    pub(crate) fn shared_key(&self) -> &SharedText {
        &self.key
    }

    /// Waits until no other event of this room runs. Turns are taken in the order they were asked
    /// for (tokio's mutex is a fair queue).
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(_taken) => self.turn.lock().await,
        }
    }

    /// The member list, locked: short, and never while JavaScript runs.
    pub(crate) fn members(&self) -> MutexGuard<'_, Members> {
        // Every change is a single insert or remove: a panic elsewhere leaves the map whole.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All rooms that have a connection.
#[derive(Default)]
pub(crate) struct Rooms {
    rooms: Mutex<HashMap<SharedText, Occupied>>,
}

struct Occupied {
    room: Arc<Room>,
    /// Connections that have entered and not yet left, listed as members or not.
    connections: usize,
}

impl Rooms {
    /// The room of a path that a connection is about to open on.
    pub(crate) fn enter(&self, key: SharedText) -> Arc<Room> {
        let mut rooms = self.lock();
        if let Some(occupied) = rooms.get_mut(&key) {
            occupied.connections += 1;
            return Arc::clone(&occupied.room);
        }
        let room = Arc::new(Room {
            key: key.clone(),
            turn: tokio::sync::Mutex::default(),
            members: Mutex::default(),
        });
        rooms.insert(key, Occupied { room: Arc::clone(&room), connections: 1 });
        room
    }

    /// Gives back one [`Rooms::enter`]; the last one removes the room.
    pub(crate) fn leave(&self, key: &str) {
        let mut rooms = self.lock();
        let occupied =
            rooms.get_mut(key).expect("a room is left once for every time it is entered");
        occupied.connections -= 1;
        if occupied.connections == 0 {
            rooms.remove(key);
        }
    }

    /// The room with this key, if a connection has opened on it.
    pub(crate) fn get(&self, key: &str) -> Option<Arc<Room>> {
        self.lock().get(key).map(|occupied| Arc::clone(&occupied.room))
    }

    /// How many rooms there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SharedText, Occupied>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
