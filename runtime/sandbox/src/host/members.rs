//! The members of a room, as an event sees them: what is committed at its first look, with what the event itself
//! has done.

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::well_formed;

use crate::budget::OverBudget;
use crate::event_state::EventState;
use crate::view::View;

impl<V: View> EventState<V> {
    /// Calls `look` with the members of a room in the order in which they became members.
    pub(super) fn with_members<R>(
        &mut self,
        room: &[u8],
        look: impl FnOnce(&[ConnectionId]) -> R,
    ) -> Result<R, OverBudget> {
        let own = self.event.room.as_ref().filter(|own| own.as_bytes() == room);
        if let Some(own) = own {
            let members = match &mut self.lists.own {
                Some(members) => members,
                first => {
                    self.reads.own_members();
                    let members = self.view.members(own);
                    if let Some(given) = &mut self.given {
                        given.members(own, &members);
                    }
                    first.insert(members)
                }
            };
            if self.effects.leaves_members() {
                return Ok(look(members));
            }
            let mut members = members.clone();
            self.effects.change_members(own, &mut members);
            return Ok(look(&members));
        }
        // Longer than any room: converting it to UTF-8, where it could grow, would be useless.
        if room.len() > self.view.limits().max_room {
            return Ok(look(&[]));
        }
        let room = well_formed(room);
        let known = self.lists.others.iter().find(|(known, _)| **known == *room);
        let mut members = match known {
            Some((_, members)) => members.clone(),
            None => {
                let members = self.view.members(&room);
                if let Some(given) = &mut self.given {
                    given.members(&room, &members);
                }
                self.has_read_members(&room, members.len())?;
                self.lists.others.push((room.clone().into(), members.clone()));
                members
            }
        };
        self.effects.change_members(&room, &mut members);
        Ok(look(&members))
    }
}
