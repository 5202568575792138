//! The members of a room, in the order in which they became members.

use std::any::Any;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use zigttp_abi::connection_id::{ById, ConnectionId};

/// The connection of a member, of any type: a connection knows its rooms, and a room does not know connections.
pub type Member = Arc<dyn Any + Send + Sync>;

/// The members of a room. Adding and removing one takes as long in a large room as in a small one.
#[derive(Default)]
pub struct Members {
    by_place: BTreeMap<u64, ConnectionId>,
    /// Each with its place. An event finds here whom it addresses, because all events use the hub's list.
    places: ById<(u64, Member)>,
    /// The place of the last that was added. Ids are given out before a turn, so they have another order.
    last: u64,
}

impl Members {
    /// Adds one at the end, unless it is a member.
    pub fn insert(&mut self, id: ConnectionId, member: Member) {
        if let Entry::Vacant(place) = self.places.entry(id) {
            self.last += 1;
            place.insert((self.last, member));
            self.by_place.insert(self.last, id);
        }
    }

    /// Removes one, if it is a member. Returns the place that it had.
    pub fn remove(&mut self, id: ConnectionId) -> Option<u64> {
        let (place, _member) = self.places.remove(&id)?;
        self.by_place.remove(&place);
        Some(place)
    }

    /// Adds one in the place that it had before.
    pub fn put_back(&mut self, id: ConnectionId, member: Member, place: u64) {
        if self.places.insert(id, (place, member)).is_none() {
            self.by_place.insert(place, id);
        }
    }

    /// The member with this id.
    pub fn get(&self, id: ConnectionId) -> Option<&Member> {
        self.places.get(&id).map(|(_place, member)| member)
    }

    pub fn contains(&self, id: ConnectionId) -> bool {
        self.places.contains_key(&id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All in their order.
    pub fn ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.by_place.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_the_order_in_which_they_were_added() {
        let mut members = Members::default();
        let id = ConnectionId::from_number;
        for number in [3, 1, 4, 2] {
            members.insert(id(number), Arc::new(number));
        }
        let first = members.get(id(1)).and_then(|member| member.downcast_ref());
        assert_eq!(first, Some(&1_u64));
        members.remove(id(1));
        members.remove(id(9));
        let place = members.remove(id(4)).expect("it is a member");
        members.insert(id(1), Arc::new(1));
        members.put_back(id(4), Arc::new(4), place);
        members.insert(id(4), Arc::new(4));
        assert!(members.ids().eq([3, 4, 2, 1].map(id)));
        for number in [4, 3, 1, 2] {
            members.remove(id(number));
        }
        assert!(members.by_place.is_empty() && members.places.is_empty());
    }
}
