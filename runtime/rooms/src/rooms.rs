//! Rooms: their members, the order of their events, and the order in which frames reach the members.
//!
//! A room is an actor: the events of its connections run one at a time, in the order they arrive
//! ([`Room::turn`], held while JavaScript runs). Its member list has a second lock, which is
//! held only briefly. A commit queues frames under it, so that all members see one order.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zigttp_sandbox::rooms::{ListedRoom, RoomRange};
use zigttp_sandbox::shared_text::SharedText;

#[cfg(test)]
use crate::clock::Clock;
use crate::members::Members;
use crate::room_use::{Departed, RoomUse};
use crate::turn::{Asker, NoTurn, TurnGuard, Turns};
#[cfg(test)]
use crate::turn_queues::QueueLimits;
use crate::turn_queues::TurnQueues;

/// One room. It exists as long as it has a member, or an event that waits or runs.
pub struct Room {
    key: SharedText,
    turns: Turns,
    usage: RoomUse,
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

    /// Waits until no other event of this room runs, with so many bytes in hand. Turns are taken in the order
    /// they were asked for.
    ///
    /// # Errors
    /// See [`NoTurn`].
    pub async fn turn(&self, asker: Asker, bytes: usize) -> Result<TurnGuard<'_>, NoTurn> {
        if let Some(turn) = self.turns.try_take() {
            return Ok(turn);
        }
        let (turn, waited) = self.turns.wait(asker, bytes, &self.key).await?;
        self.usage.add_wait(waited);
        Ok(turn)
    }

    /// Who waits for a turn, and how much.
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// What its events have used since it was entered first.
    pub fn usage(&self) -> &RoomUse {
        &self.usage
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

/// All rooms that have a member, or an event that waits or runs.
pub struct Rooms {
    /// In the order of their names, for listing them.
    rooms: Mutex<BTreeMap<SharedText, Occupied>>,
    queues: Arc<TurnQueues>,
    departed: Departed,
}

struct Occupied {
    room: Arc<Room>,
    /// How many connections and events have entered and not left.
    entered: usize,
}

impl Rooms {
    pub fn new(queues: Arc<TurnQueues>) -> Rooms {
        Rooms { rooms: Mutex::default(), queues, departed: Departed::default() }
    }

    /// What the turns of all rooms have in common.
    pub fn queues(&self) -> &TurnQueues {
        &self.queues
    }

    /// The room of this name, for a connection that is or becomes a member, or for an event.
    pub fn enter(&self, key: SharedText) -> Arc<Room> {
        let mut rooms = self.lock();
        if let Some(occupied) = rooms.get_mut(&key) {
            occupied.entered += 1;
            return Arc::clone(&occupied.room);
        }
        let room = Arc::new(Room {
            key: key.clone(),
            turns: Turns::new(Arc::clone(&self.queues)),
            usage: RoomUse::default(),
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
        if occupied.entered > 0 {
            return;
        }
        let left = rooms.remove(key);
        drop(rooms);
        if let Some(Occupied { room, .. }) = left {
            let totals = room.usage.totals();
            if totals.events > 0 {
                self.departed.add(key, totals);
            }
        }
    }

    /// All rooms.
    pub fn all(&self) -> Vec<Arc<Room>> {
        self.lock().values().map(|occupied| Arc::clone(&occupied.room)).collect()
    }

    /// What rooms had used that nobody is in any more.
    pub fn departed(&self) -> &Departed {
        &self.departed
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

#[cfg(test)]
impl Default for Rooms {
    fn default() -> Rooms {
        let (limits, clock) = (QueueLimits::default(), Clock::system());
        Rooms::new(Arc::new(TurnQueues::new(limits, clock)))
    }
}
