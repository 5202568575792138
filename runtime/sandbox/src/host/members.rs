//! The members of a room, as an event sees them: what is committed at its first look, with what the event itself
//! has done.

use zigttp_abi::value::well_formed;

use crate::budget::OverBudget;
use crate::event_state::EventState;
use crate::view::{Members, View};

impl<V: View> EventState<V> {
    /// The members of a room in the order in which they became members.
    pub(super) fn members(&mut self, room: &[u8]) -> Result<Members, OverBudget> {
        let own = self.event.room.as_ref().filter(|own| own.as_bytes() == room);
        if let Some(own) = own {
            let mut members = match &self.lists.own {
                Some(members) => members.clone(),
                None => {
                    self.reads.own_members();
                    self.lists.own.insert(self.view.members(own)).clone()
                }
            };
            if !self.effects.leaves_members() {
                self.effects.change_members(own, &mut members);
            }
            return Ok(members);
        }
        // Longer than any room: converting it to UTF-8, where it could grow, would be useless.
        if room.len() > self.view.limits().max_room {
            return Ok(Members::new());
        }
        let room = well_formed(room);
        let known = self.lists.others.iter().find(|(known, _)| **known == *room);
        let mut members = match known {
            Some((_, members)) => members.clone(),
            None => {
                let members = self.view.members(&room);
                self.has_read_members(&room, members.len())?;
                self.lists.others.push((room.clone().into(), members.clone()));
                members
            }
        };
        self.effects.change_members(&room, &mut members);
        Ok(members)
    }
}
