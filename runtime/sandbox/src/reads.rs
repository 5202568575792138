//! What an event has read that other events can change. If none of it has changed until the commit, the event
//! has run as if no other had.

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

/// Most bytes that one read of an attachment takes: its entry in a list that doubles as it grows.
pub(crate) const ATTACHMENT_BYTES: usize = 2 * size_of::<(ConnectionId, Option<Version>)>();
/// Most bytes that reading the members of another room takes, besides the room's name.
const ROOM_BYTES: usize = 2 * size_of::<Box<str>>() + 16;

impl Reads {
    /// An attachment was read for the first time.
    pub(crate) fn attachment(&mut self, id: ConnectionId, version: Option<Version>) {
        self.attachments.push((id, version));
    }

    /// The members of the event's own room were read.
    pub(crate) fn own_members(&mut self) {
        self.own_members = true;
    }

    /// The members of another room were read. Returns how many bytes this record takes.
    pub(crate) fn members(&mut self, room: &str) -> usize {
        if self.rooms.contains(room) {
            return 0;
        }
        self.rooms.insert(room.into());
        room.len() + ROOM_BYTES
    }

    /// The attachments, each with the commit that wrote it; `None` where there was no attachment.
    pub fn attachments(&self) -> &[(ConnectionId, Option<Version>)] {
        &self.attachments
    }

    /// Whether the members of the event's own room were read.
    pub fn has_read_own_members(&self) -> bool {
        self.own_members
    }

    /// The other rooms whose members were read.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.iter().map(|room| &**room)
    }
}
