//! What of an event is stored: the state of its room and attachments, all of it or nothing.

use std::sync::Arc;

use zigttp_abi::value::Value;
use zigttp_sandbox::effects::StateEffects;
use zigttp_sandbox::failure::Cause;
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::signal::SignalEffect;
use zigttp_store::state::error::CommitStateError;
use zigttp_store::state::signals::{Done, NewSignal, NewTimer, SignalChanges};
use zigttp_store::state::transaction::Transaction;

use crate::attachments::Inheritance;
use crate::connection::Connection;
use crate::hub::Hub;

/// What an event has to store.
pub struct ToStore {
    /// The event's own room.
    pub room: Option<SharedText>,
    pub attachments: Vec<(Arc<Connection>, Value)>,
    /// What a connection takes over with this event.
    pub inheritance: Option<Inheritance>,
    /// Most events change no state.
    pub state: Option<Box<StateEffects>>,
    /// The signal that the event has handled.
    pub handled: Option<Done>,
}

impl ToStore {
    pub fn is_empty(&self) -> bool {
        self.attachments.is_empty()
            && self.inheritance.is_none()
            && self.state.is_none()
            && self.handled.is_none()
    }
}

/// Stores what an event has to store.
///
/// # Errors
/// When the disk cannot take it, or there is no room for it. Nothing of it is stored then.
pub async fn store(hub: &Arc<Hub>, to_store: ToStore) -> Result<(), Cause> {
    let ToStore { room, attachments, inheritance, state, handled } = to_store;
    if state.is_some() || handled.is_some() {
        store_state(hub, room, *state.unwrap_or_default(), handled).await?;
    }
    if !attachments.is_empty() || inheritance.is_some() {
        hub.counters.attachment_writes.add(attachments.len());
        hub.attachments.commit(attachments, inheritance, hub.clock).await?;
    }
    Ok(())
}

async fn store_state(
    hub: &Arc<Hub>,
    room: Option<SharedText>,
    state: StateEffects,
    handled: Option<Done>,
) -> Result<(), CommitStateError> {
    let room: Option<Arc<str>> = room.map(|room| match room.as_whole() {
        Some(whole) => Arc::clone(whole),
        None => Arc::from(&*room),
    });
    let now = hub.clock.unix_millis();
    let limit = hub.limits.state.max_room_bytes;
    let is_filling = state.changes.iter().any(|changes| changes.grows_beyond(limit / 5 * 4));
    let name = room.clone();
    let [mut storage, memory] = state.changes.map(|of_space| Transaction {
        room: room.clone(),
        changes: of_space.changes,
        now,
        ..Transaction::default()
    });
    storage.signals = SignalChanges { done: handled, ..signal_changes(state.signals) };
    let states = &hub.states;
    if memory.changes.is_empty() {
        states.storage.commit(storage, |_| {}).await?;
    } else {
        // Nobody else changes the room's memory meanwhile: it is this room's turn.
        states.memory.check(&memory)?;
        let hub = Arc::clone(hub);
        let set_memory = move |_| hub.states.memory.apply(&memory);
        states.storage.commit(storage, set_memory).await?;
    }
    if let Some(room) = name.filter(|_| is_filling) {
        hub.counters.filling_rooms.add_one();
        tracing::warn!(
            room = &*room,
            limit,
            "the state of this room has grown beyond 80 % of --max-room-state"
        );
    }
    Ok(())
}

/// The effects on signals as one change: of several for one timer the last wins.
fn signal_changes(effects: Vec<SignalEffect>) -> SignalChanges {
    let mut changes = SignalChanges::default();
    for effect in effects {
        match effect {
            SignalEffect::Send { room, name, data, on_fail } => {
                changes.sends.push(NewSignal { room: room.into(), name, data, on_fail });
            }
            SignalEffect::SetTimer { name, at, period, data } => {
                changes.timers.insert(name, Some(NewTimer { at, period, data }));
            }
            SignalEffect::CancelTimer { name } => {
                changes.timers.insert(name, None);
            }
            SignalEffect::CancelAllTimers => {
                changes.clears_timers = true;
                changes.timers.clear();
            }
        }
    }
    changes
}
