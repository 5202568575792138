//! What an event has read of what others can change: if none of it has changed by the commit, the event
//! has run as if nothing else did.

use std::collections::HashSet;

use smallvec::SmallVec;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::version::Version;

/// Attachments and member lists that an event has read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reads {
    attachments: SmallVec<[(ConnectionId, Option<Version>); 2]>,
    own_members: bool,
    rooms: HashSet<Box<str>>,
}

/// Most bytes that one read of an attachment holds: its entry in a list that doubles as it grows.
pub(crate) const ATTACHMENT_BYTES: usize = 2 * size_of::<(ConnectionId, Option<Version>)>();
/// The same of the members of another room, besides the room's name.
const ROOM_BYTES: usize = 2 * size_of::<Box<str>>() + 16;

impl Reads {
    /// Adds an attachment that has not been read before.
    pub(crate) fn attachment(&mut self, id: ConnectionId, version: Option<Version>) {
        self.attachments.push((id, version));
    }

    /// The members of the event's own room were read.
    pub(crate) fn own_members(&mut self) {
        self.own_members = true;
    }

    /// The members of another room were read. Returns the bytes that it takes to remember that.
    pub(crate) fn members(&mut self, room: &str) -> usize {
        if self.rooms.contains(room) {
            return 0;
        }
        self.rooms.insert(room.into());
        room.len() + ROOM_BYTES
    }

    /// Attachments, each with the commit it was of; without one where there was none.
    pub fn attachments(&self) -> &[(ConnectionId, Option<Version>)] {
        &self.attachments
    }

    /// Whether the members of the event's own room were read.
    pub fn has_read_own_members(&self) -> bool {
        self.own_members
    }

    /// Other rooms whose members were read.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.iter().map(|room| &**room)
    }
}
