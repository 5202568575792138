//! The rooms that operators have paused.
//!
//! A pause holds the events of a room back, so that an operator can look and repair. It is in memory alone and
//! ends with the server. A paused room stays a room though nobody is in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::rooms::{Room, Rooms};
use crate::turn::Asker;

/// Most rooms that are paused at the same time.
const MAX_PAUSED: usize = 10_000;

/// The paused rooms.
#[derive(Default)]
pub struct Pauses {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_name: BTreeMap<Box<str>, Arc<Room>>,
    /// No room is paused any more.
    is_stopping: bool,
}

/// Why a room is not paused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PauseError {
    #[error("{MAX_PAUSED} rooms are paused already")]
    TooMany,
    #[error("the server is stopping")]
    Stopping,
}

impl Pauses {
    /// The paused rooms, in the order of their names.
    pub fn all(&self) -> Vec<Arc<Room>> {
        self.lock().by_name.values().map(Arc::clone).collect()
    }

    pub fn count(&self) -> usize {
        self.lock().by_name.len()
    }

    /// Pauses a room and waits for the end of the event that runs in it: after this no event of it runs. Returns the
    /// room, and false if it was paused before.
    ///
    /// # Errors
    /// See [`PauseError`].
    pub async fn pause(&self, rooms: &Rooms, key: &str) -> Result<(Arc<Room>, bool), PauseError> {
        let (room, is_new) = self.begin(rooms, key)?;
        // Whoever had the turn has ended when an operator gets it.
        drop(room.turn(Asker::Operator, 0).await);
        Ok((room, is_new))
    }

    fn begin(&self, rooms: &Rooms, key: &str) -> Result<(Arc<Room>, bool), PauseError> {
        let State { by_name: paused, is_stopping } = &mut *self.lock();
        if *is_stopping {
            return Err(PauseError::Stopping);
        }
        if let Some(room) = paused.get(key) {
            return Ok((Arc::clone(room), false));
        }
        if paused.len() >= MAX_PAUSED {
            return Err(PauseError::TooMany);
        }
        let room = rooms.enter(key.into());
        room.turns().pause();
        paused.insert(key.into(), Arc::clone(&room));
        Ok((room, true))
    }

    /// Ends a pause. Returns the room if it was paused.
    pub fn resume(&self, rooms: &Rooms, key: &str) -> Option<Arc<Room>> {
        let room = self.lock().by_name.remove(key)?;
        room.turns().resume();
        rooms.leave(key);
        Some(room)
    }

    /// Gives up what the paused rooms hold, because the server stops: they do not delay its end, and no event of
    /// theirs runs after all.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.is_stopping = true;
        for room in state.by_name.values() {
            room.turns().stop();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No change can panic in the middle.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
