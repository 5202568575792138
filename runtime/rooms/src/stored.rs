//! What of an event is stored: the state of its room and attachments, all of it or nothing.

use std::sync::Arc;

use zigttp_sandbox::effects::StateEffects;
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::signal::SignalEffect;
use zigttp_sandbox::stream::StreamEffect;
use zigttp_store::state::error::CommitStateError;
use zigttp_store::state::signals::{Done, NewSignal, NewTimer, SignalChanges};
use zigttp_store::state::streams::StreamChanges;
use zigttp_store::state::transaction::Transaction;

use crate::attachments;
use crate::hub::Hub;
use crate::settings::Settings;
use crate::streams::stored_request::StoredRequest;

/// What an event has to store.
pub struct ToStore {
    /// The event's own room.
    pub room: Option<SharedText>,
    pub attachments: attachments::Changes,
    /// Most events change no state.
    pub state: Option<Box<StateEffects>>,
    /// What goes with the event.
    pub handled: Option<Handled>,
}

/// What is stored until the event that handles it has committed.
#[derive(Clone, Copy, Debug)]
pub enum Handled {
    Signal(Done),
    /// The last piece of the stream of this number.
    Stream(u64),
}

/// Stores what an event has to store.
///
/// # Errors
/// When the disk cannot take it, or there is no room for it. Nothing of it is stored then.
pub async fn store(hub: &Arc<Hub>, to_store: ToStore) -> Result<(), CommitStateError> {
    let ToStore { room, attachments, state, handled } = to_store;
    hub.counters.attachment_writes.add(attachments.values.len());
    if state.is_none() && handled.is_none() {
        let nothing = Transaction::default();
        return commit(hub, nothing, attachments, || {}).await;
    }
    let state = *state.unwrap_or_default();
    let room = room.map(|room| room.to_arc());
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
    storage.signals = signal_changes(state.signals);
    if !state.streams.is_empty() {
        storage.streams = stream_changes(state.streams, &hub.settings.current());
    }
    match handled {
        Some(Handled::Signal(done)) => storage.signals.done = Some(done),
        Some(Handled::Stream(id)) => storage.streams.ended = Some(id),
        None => {}
    }
    if memory.changes.is_empty() {
        commit(hub, storage, attachments, || {}).await?;
    } else {
        // Nobody else changes the room's memory meanwhile: it is this room's turn.
        hub.states.memory.check(&memory)?;
        let of_memory = Arc::clone(hub);
        let set_memory = move || of_memory.states.memory.apply(&memory);
        commit(hub, storage, attachments, set_memory).await?;
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

async fn commit(
    hub: &Hub,
    transaction: Transaction,
    attachments: attachments::Changes,
    then: impl FnOnce() + Send + 'static,
) -> Result<(), CommitStateError> {
    let began = hub.clock.now();
    let states = &hub.states.storage;
    let result = hub.attachments.commit(states, transaction, attachments, hub.clock, then).await;
    hub.counters.commits.record(hub.clock.now() - began);
    result
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

/// The effects on streams as one change: of several for one name the last wins.
fn stream_changes(effects: Vec<StreamEffect>, settings: &Settings) -> StreamChanges {
    let mut changes = StreamChanges::default();
    for effect in effects {
        match effect {
            StreamEffect::Open { name, request } => {
                changes.names.insert(name, Some(StoredRequest::of(*request, settings)));
            }
            StreamEffect::Cancel { name } => {
                changes.names.insert(name, None);
            }
            StreamEffect::CancelAll => {
                changes.cancels_all = true;
                changes.names.clear();
            }
        }
    }
    changes
}
