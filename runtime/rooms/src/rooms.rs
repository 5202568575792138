//! Rooms: their members, the order of their events, and the order in which frames reach the members.
//!
//! A room is an actor: the events of its connections run one at a time, in the order they arrive
//! ([`Room::turn`], a fair lock held while JavaScript runs). Its member list has a second lock, which is
//! held only briefly. A commit queues frames under it, so that all members see one order.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zigttp_sandbox::rooms::{ListedRoom, RoomRange};
use zigttp_sandbox::shared_text::SharedText;

use crate::members::Members;

/// One room. It exists as long as it has a member, or an event that waits or runs.
pub struct Room {
    key: SharedText,
    turn: tokio::sync::Mutex<()>,
    /// Of those who wait for a turn, how many may be turned away.
    waiting: AtomicUsize,
    /// Connections that `onUpgrade` has accepted and whose `onClose` has not had its turn: those whose own room it
    /// is, and those that have joined it.
    members: Mutex<Members>,
}

impl Room {
    /// The name of the room.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name of the room, as a text that can be shared.
    pub fn shared_key(&self) -> &SharedText {
        &self.key
    }

    /// Waits until no other event of this room runs. Turns are taken in the order they were asked
    /// for (tokio's mutex is a fair queue).
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(_taken) => self.turn.lock().await,
        }
    }

    /// The same for a client that can be told to come back: `None` when so many wait already.
    pub async fn turn_among(&self, max_waits: usize) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if let Ok(turn) = self.turn.try_lock() {
            return Some(turn);
        }
        let waiting = Waiting::begin(&self.waiting);
        if waiting.others >= max_waits {
            return None;
        }
        Some(self.turn.lock().await)
    }

    /// The member list, locked: short, and never while JavaScript runs.
    pub fn members(&self) -> MutexGuard<'_, Members> {
        // No change can panic in the middle.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How upgrades and requests wait for the turn of their room.
#[derive(Clone, Copy, Debug)]
pub struct TurnLimits {
    pub time: Duration,
    /// Of each room.
    pub max_waits: usize,
}

/// One who waits for a turn.
struct Waiting<'a> {
    all: &'a AtomicUsize,
    /// Who waited before.
    others: usize,
}

impl Waiting<'_> {
    fn begin(all: &AtomicUsize) -> Waiting<'_> {
        Waiting { all, others: all.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All rooms that have a member, or an event that waits or runs.
#[derive(Default)]
pub struct Rooms {
    /// In the order of their names, for listing them.
    rooms: Mutex<BTreeMap<SharedText, Occupied>>,
}

struct Occupied {
    room: Arc<Room>,
    /// How many connections and events have entered and not left.
    entered: usize,
}

impl Rooms {
    /// The room of this name, for a connection that is or becomes a member, or for an event.
    pub fn enter(&self, key: SharedText) -> Arc<Room> {
        let mut rooms = self.lock();
        if let Some(occupied) = rooms.get_mut(&key) {
            occupied.entered += 1;
            return Arc::clone(&occupied.room);
        }
        let room = Arc::new(Room {
            key: key.clone(),
            turn: tokio::sync::Mutex::default(),
            waiting: AtomicUsize::new(0),
            members: Mutex::default(),
        });
        rooms.insert(key, Occupied { room: Arc::clone(&room), entered: 1 });
        room
    }

    /// Undoes one [`Rooms::enter`]; the last one removes the room.
    pub fn leave(&self, key: &str) {
        let mut rooms = self.lock();
        let occupied =
            rooms.get_mut(key).expect("a room is left once for each time it was entered");
        occupied.entered -= 1;
        if occupied.entered == 0 {
            rooms.remove(key);
        }
    }

    /// The room of this name, if there is one.
    pub fn get(&self, key: &str) -> Option<Arc<Room>> {
        self.lock().get(key).map(|occupied| Arc::clone(&occupied.room))
    }

    /// Whether nobody else has entered a room that the caller has entered.
    pub fn is_alone_in(&self, key: &str) -> bool {
        self.lock().get(key).is_some_and(|occupied| occupied.entered == 1)
    }

    /// How many rooms there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The rooms of a range that have members.
    pub fn list(&self, range: &RoomRange) -> Vec<ListedRoom> {
        let RoomRange { prefix, after, limit } = range;
        let start = after.as_deref().filter(|after| *after >= &**prefix);
        let start = start.map_or(Bound::Included(&**prefix), Bound::Excluded);
        let rooms = self.lock();
        rooms
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&**prefix))
            .filter_map(|(key, occupied)| {
                let members = occupied.room.members().len();
                (members > 0).then(|| ListedRoom { room: key.clone(), members })
            })
            .take(*limit)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SharedText, Occupied>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
