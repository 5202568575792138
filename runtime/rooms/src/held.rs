//! What an event holds while it runs: the turn of its room, and a slot.

use std::sync::Arc;

use crate::connection::Connection;
use crate::rooms::Room;
use crate::slots::{Slot, Slots};
use crate::turn::{Asker, NoTurn};
use crate::undone::Undone;

/// What an event holds while it runs.
pub struct Held<'a> {
    /// `None` for an event of no room, and while the event waits.
    pub(crate) turn: Option<RoomTurn>,
    /// `None` before the event has one.
    pub(crate) slot: Option<Slot<'a>>,
}

/// The turn of a room. Dropping it hands the turn to the next.
pub struct RoomTurn {
    room: Arc<Room>,
}

impl Drop for RoomTurn {
    fn drop(&mut self) {
        self.room.turns().pass_on();
    }
}

impl RoomTurn {
    /// Waits for the turn of a room, with so many bytes in hand.
    ///
    /// # Errors
    /// See [`NoTurn`].
    pub(crate) async fn take(
        room: Arc<Room>,
        asker: Asker,
        bytes: usize,
    ) -> Result<RoomTurn, NoTurn> {
        room.turn(asker, bytes).await?.keep();
        Ok(RoomTurn { room })
    }

    /// Waits for the turn of a connection's own room.
    ///
    /// # Errors
    /// When the server stops and the room is paused: nothing else refuses a connection.
    pub(crate) async fn of_connection(
        connection: &Connection,
        bytes: usize,
    ) -> Result<RoomTurn, Undone> {
        loop {
            let turn = RoomTurn::take(connection.rooms.own(), Asker::Connection, bytes).await;
            let turn = turn.map_err(|_stopped| Undone::GivenUp)?;
            // An event of another connection may have moved it meanwhile.
            if connection.rooms.is_own(&turn.room) {
                return Ok(turn);
            }
        }
    }

    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.room
    }
}

impl<'a> Held<'a> {
    /// The room whose turn it is.
    pub(crate) fn room(&self) -> Option<&Arc<Room>> {
        self.turn.as_ref().map(RoomTurn::room)
    }

    /// A slot: the one that it has, or the next that is free.
    pub(crate) async fn take_slot(&mut self, slots: &'a Slots) -> Slot<'a> {
        match self.slot.take() {
            Some(slot) => slot,
            None => slots.slot().await,
        }
    }
}
