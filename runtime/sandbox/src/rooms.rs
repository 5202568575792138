//! Rooms in lists, and the rooms of a connection.

use crate::shared_text::SharedText;

/// Which rooms are listed.
#[derive(Clone, Debug)]
pub struct RoomRange {
    /// The beginning of their names.
    pub prefix: Box<str>,
    /// The name before the first.
    pub after: Option<Box<str>>,
    /// Most rooms.
    pub limit: usize,
}

/// A room in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRoom {
    pub room: SharedText,
    pub members: usize,
}

/// The rooms of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomsOf {
    /// The room in whose turn its events run.
    pub own: SharedText,
    /// Those that it has joined, in that order.
    pub joined: Vec<SharedText>,
}

impl RoomsOf {
    /// Whether it is a member of a room.
    pub fn contains(&self, room: &str) -> bool {
        *self.own == *room || self.has_joined(room)
    }

    pub fn has_joined(&self, room: &str) -> bool {
        self.joined.iter().any(|joined| **joined == *room)
    }
}
