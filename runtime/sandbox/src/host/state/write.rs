//! `put(room, key, value)`, `delete(room, key)` and `deleteAll(room)`.

use wasmtime::Caller;
use zigttp_abi::state::Entry;

use super::open::{open, usage_of};
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::host::range_error::RangeError;
use crate::host::room_argument::{key as key_of, own_room};
use crate::host::state::read::find;
use crate::read_log::WhatWasRead;
use crate::signal::SignalEffect;
use crate::state::{RoomChanges, RoomName, Space};
use crate::stream::StreamEffect;
use crate::view::View;

/// What events of other rooms cannot do.
const WRITE: &str = "write its state";

/// Stores a value, of a kind, under a key.
pub(super) async fn put<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room_name: Span,
    key: Span,
    (kind, value): (i32, Span),
    ttl: f64,
) -> wasmtime::Result<Result<(), RangeError>> {
    let room = match own_room(caller, room_name, WRITE)? {
        Ok(room) => room,
        Err(error) => return Ok(Err(error)),
    };
    let limits = caller.data().view.limits().state;
    if value.len() > limits.max_value {
        let text =
            format!("the value has {} bytes, the limit is {}", value.len(), limits.max_value);
        return Ok(Err(text));
    }
    let key = key_of(caller, key)?;
    let value = guest_memory::read_value(caller, kind, value)?;
    // Far beyond the largest exact integer is the same as without a time.
    let ttl = (ttl > 0.0 && ttl < 1e15).then_some(ttl.ceil() as u64);
    let expires = ttl.map(|ttl| caller.data_mut().unix_millis().saturating_add(ttl));
    let entry = Entry { value, expires };
    let old = find(caller, space, &room, &key).await?;
    let changes = changes_of(caller, space, &room).await?;
    let usage = changes.usage_with(&key, Some(&entry), old.as_ref());
    if usage.bytes > limits.max_room_bytes && usage.bytes > changes.usage.bytes {
        return Ok(Err(format!(
            "the room would have {} bytes, the limit is {}",
            usage.bytes, limits.max_room_bytes
        )));
    }
    let written = changes.written_bytes() + entry.bytes(&key);
    if written > limits.max_written_bytes {
        return Ok(Err(format!(
            "this event would store {written} bytes, the limit is {}",
            limits.max_written_bytes
        )));
    }
    if changes.writes() >= limits.max_writes && !changes.changes.entries.contains_key(&key) {
        return Ok(Err(too_many(limits.max_writes)));
    }
    changes.set(&key, Some(entry), old.as_ref());
    caller.data_mut().has_changed_state()?;
    Ok(Ok(()))
}

/// Removes a key. Returns whether it was there.
pub(super) async fn delete<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room_name: Span,
    key: Span,
) -> wasmtime::Result<Result<bool, RangeError>> {
    let room = match own_room(caller, room_name, WRITE)? {
        Ok(room) => room,
        Err(error) => return Ok(Err(error)),
    };
    let key = key_of(caller, key)?;
    let Some(old) = find(caller, space, &room, &key).await? else {
        // Nothing is written, but the handler learns that it is not there.
        caller.data_mut().note_read(space, &room, || WhatWasRead::Key { key, bytes: None });
        return Ok(Ok(false));
    };
    let max_writes = caller.data().view.limits().state.max_writes;
    let changes = changes_of(caller, space, &room).await?;
    if changes.writes() >= max_writes && !changes.changes.entries.contains_key(&key) {
        return Ok(Err(too_many(max_writes)));
    }
    changes.set(&key, None, Some(&old));
    caller.data_mut().has_changed_state()?;
    Ok(Ok(old.is_there_at(caller.data_mut().unix_millis())))
}

/// Removes all keys of a room.
pub(super) fn delete_all<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room_name: Span,
) -> wasmtime::Result<Result<(), RangeError>> {
    if let Err(error) = own_room(caller, room_name, WRITE)? {
        return Ok(Err(error));
    }
    let event = &mut **caller.data_mut();
    event.effects.room_changes_or(space, RoomChanges::default).clear();
    if space == Space::Storage {
        event.effects.push_signal(SignalEffect::CancelAllTimers);
        event.timers.clear();
        if event.has_any_stream() {
            event.effects.push_stream(StreamEffect::CancelAll);
        }
    }
    event.has_changed_state()?;
    Ok(Ok(()))
}

fn too_many(limit: usize) -> RangeError {
    format!("this event would change more than {limit} keys, which is the limit")
}

/// What the event changes of its room.
async fn changes_of<'a, V: View>(
    caller: &'a mut Caller<'_, HostData<V>>,
    space: Space,
    room: &RoomName,
) -> wasmtime::Result<&'a mut RoomChanges> {
    // Its size is needed once, for the first change.
    let first = if caller.data().changes(space, room).is_none() {
        RoomChanges::of(usage_of(None, &open(caller, space, room).await?))
    } else {
        RoomChanges::default()
    };
    Ok(caller.data_mut().effects.room_changes_or(space, || first))
}

impl<V: View> EventState<V> {
    /// Counts what has changed.
    fn has_changed_state(&mut self) -> wasmtime::Result<()> {
        self.used.state_writes += 1;
        Ok(self.account()?)
    }
}
