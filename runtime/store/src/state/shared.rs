//! What nodes tell each other with a commit, where they share rooms: who is a member, and what members are sent.
//!
//! Its form is the caller's. Here it is kept with its room, and handed to every node in the order of the room's commits.

use std::sync::Arc;

use bytes::Bytes;
use zigttp_abi::connection_id::ConnectionId;

/// What a commit says about one room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub members: Vec<(ConnectionId, MemberChange)>,
    /// Connections whose own room it is from now on, and those that have ended. For those who run the `onClose` of a
    /// node's connections when it has died; listeners are not told.
    pub arrived: Vec<ConnectionId>,
    pub ended: Vec<ConnectionId>,
    /// Not kept: for those that are members now.
    pub notice: Bytes,
}

/// How a member of a room changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// It comes, behind all others. Of one that is a member already, what is known of it changes.
    Add(Bytes),
    /// What is known of it changes.
    Update(Bytes),
    Remove,
}

/// Whoever follows rooms. It is called in the order of each room's commits, and must not wait.
pub trait RoomListener: Send + Sync + 'static {
    /// All members of a room, in their order: its copy was read. If it does not follow what was told before, members
    /// may have missed something.
    fn members(&self, room: &Arc<str>, members: Vec<(ConnectionId, Bytes)>, follows: bool);

    /// What a commit has told.
    fn told(&self, room: &Arc<str>, told: Told);

    /// The room is not followed any more.
    fn left(&self, room: &Arc<str>);
}
