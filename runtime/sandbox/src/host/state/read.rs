//! `get(room, key)` and `usage(room)`.

use wasmtime::Caller;
use zigttp_abi::state::Entry;

use super::open::{open, usage_of, wait};
use crate::event_state::HostData;
use crate::guest_memory::{self, Span};
use crate::host::answer;
use crate::host::room_argument::{key as key_of, room};
use crate::read_log::WhatWasRead;
use crate::state::{RoomName, RoomState, Space};
use crate::view::View;

/// Offers the value of a key to the guest. Returns its kind and length, or -1.
pub(super) async fn get<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room_name: Span,
    key: Span,
    to: Span,
) -> wasmtime::Result<i64> {
    let room = room(caller, room_name)?;
    let key = key_of(caller, key)?;
    let entry = find(caller, space, &room, &key).await?;
    let entry = entry.filter(|entry| entry.is_there_at(caller.data_mut().unix_millis()));
    let bytes = entry.as_ref().map(|entry| entry.value.bytes().len());
    caller.data_mut().note_read(space, &room, || WhatWasRead::Key { key, bytes });
    let Some(entry) = entry else { return Ok(-1) };
    let bytes = entry.value.bytes();
    answer::offer(caller, to, bytes, || bytes.clone())?;
    Ok(i64::from(entry.value.kind().number()) << 32 | bytes.len() as i64)
}

/// The entry of a key as this event sees it, also one whose time is over.
pub(super) async fn find<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room: &RoomName,
    key: &str,
) -> wasmtime::Result<Option<Entry>> {
    let event = caller.data_mut();
    event.used.state_reads += 1;
    if let Some(changed) = event.changes(space, room).and_then(|changes| changes.get(key)) {
        return Ok(changed.cloned());
    }
    let state = open(caller, space, room).await?;
    let entry = wait(caller, state.get(key)).await?;
    if let Some(given) = &mut caller.data_mut().given {
        given.entry(space, room, key, entry.as_ref());
    }
    Ok(entry)
}

/// Writes keys, bytes and the limit of a room.
pub(super) async fn usage<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room_name: Span,
    to: i32,
) -> wasmtime::Result<()> {
    let room = room(caller, room_name)?;
    let state = open(caller, space, &room).await?;
    caller.data_mut().note_read(space, &room, || WhatWasRead::Usage);
    let event = &**caller.data();
    let usage = usage_of(event.changes(space, &room), &state);
    let limit = event.view.limits().state.max_room_bytes;
    let numbers = [usage.keys, usage.bytes, limit].map(|number| (number as f64).to_le_bytes());
    Ok(guest_memory::write_owned(caller, to, numbers.as_flattened())?)
}
