//! Opens the state of a room for an event, and waits for it if it is not in memory.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use wasmtime::Caller;
use zigttp_abi::state::Usage;

use crate::event_state::{EventState, HostData};
use crate::failure::Cause;
use crate::state::{RoomChanges, RoomName, RoomState, Space};
use crate::view::View;

/// A state that could not be read. The event fails.
#[derive(Debug, thiserror::Error)]
#[error("the state of a room cannot be read")]
pub(crate) struct NotRead(#[source] pub(crate) Cause);

/// The state of a room as this event sees it, without its own changes.
pub(crate) async fn open<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room: &RoomName,
) -> wasmtime::Result<V::State> {
    let event = &**caller.data();
    if let Some(state) = event.states.get(space, room) {
        return Ok(state.clone());
    }
    let name = event.name_of(room);
    let state = match event.view.state(space, name) {
        Some(state) => state,
        None => {
            let loading = event.view.load_state(space, name, matches!(room, RoomName::Own));
            wait(caller, loading).await?
        }
    };
    caller.data_mut().open_state(space, room, state.clone())?;
    Ok(state)
}

/// Waits for the store. Meanwhile other events run: no time of theirs counts for this one.
pub(crate) async fn wait<V: View, T>(
    caller: &mut Caller<'_, HostData<V>>,
    work: impl Future<Output = Result<T, Cause>> + Send,
) -> wasmtime::Result<T> {
    let mut work = pin!(work);
    let first = std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
    let result = match first {
        Poll::Ready(result) => result,
        Poll::Pending => {
            caller.data_mut().suspend()?;
            let result = work.await;
            caller.data_mut().cpu.resume();
            result
        }
    };
    Ok(result.map_err(NotRead)?)
}

impl<V: View> HostData<V> {
    /// Prepares for a wait outside of the guest.
    fn suspend(&mut self) -> wasmtime::Result<()> {
        self.idle_permit = None;
        let event = &mut **self;
        let now = event.view.now();
        event.cpu.pause(now)?;
        let all = &event.view.limits().event_memory;
        Ok(event.memory_budget.count_all(all)?)
    }
}

impl<V: View> EventState<V> {
    /// The room's name, whose state this is.
    fn name_of<'a>(&'a self, room: &'a RoomName) -> &'a str {
        match room {
            RoomName::Own => self.event.room.as_ref().map_or("", |room| room),
            RoomName::Other(name) => name,
        }
    }

    /// What the event changes of its own room.
    pub(crate) fn changes(&self, space: Space, room: &RoomName) -> Option<&RoomChanges> {
        match room {
            RoomName::Own => self.effects.room_changes(space),
            RoomName::Other(_) => None,
        }
    }
}

/// The size of a state with the changes of this event.
pub(crate) fn usage_of<S: RoomState>(changes: Option<&RoomChanges>, state: &S) -> Usage {
    changes.map_or_else(|| state.usage(), |changes| changes.usage)
}
