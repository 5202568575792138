//! The state of rooms, as events see and change it.

use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};
use zigttp_sandbox::failure::Cause;
use zigttp_sandbox::state::Space;
use zigttp_store::state::limits::WHOLE_ROOM_BYTES;
use zigttp_store::state::room_state::RoomState;
use zigttp_store::state::states::States;

/// The states of all rooms: what `zigttp:storage` and `zigttp:memory` store.
pub struct RoomStates {
    pub storage: States,
    pub memory: States,
}

impl RoomStates {
    pub fn of(&self, space: Space) -> &States {
        match space {
            Space::Storage => &self.storage,
            Space::Memory => &self.memory,
        }
    }
}

/// One committed state of a room.
#[derive(Clone)]
pub struct CommittedState(pub RoomState);

impl zigttp_sandbox::state::RoomState for CommittedState {
    const MAX_HELD_BYTES: usize = WHOLE_ROOM_BYTES as usize;

    async fn get(&self, key: &str) -> Result<Option<Entry>, Cause> {
        Ok(self.0.get(key).await?)
    }

    async fn list(
        &self,
        range: KeyRange,
        hidden: Vec<Box<str>>,
        limits: ListLimits,
        now: u64,
    ) -> Result<Vec<(Box<str>, Entry)>, Cause> {
        Ok(self.0.list(range, hidden, limits, now).await?)
    }

    async fn timer(&self, name: &str) -> Result<Option<u64>, Cause> {
        Ok(self.0.timer(name).await?)
    }

    fn timers(&self) -> usize {
        self.0.timers()
    }

    fn usage(&self) -> Usage {
        self.0.usage()
    }
}
