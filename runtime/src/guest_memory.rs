//! The one place where the host reads and writes the guest's memory.
//!
//! Pointers and lengths come from the guest and are hostile: each access is checked against the
//! memory's present size, and one outside it ends the event with a trap. Each write is marked, as
//! those of the guest are, so that the instance can be restored.

use bytes::Bytes;
use wasmtime::{Caller, Memory};
use zigttp_abi::guest::MAX_INPUTS;
use zigttp_abi::value::{Value, ValueKind, well_formed, well_formed_len};
use zigttp_protocol::frame::Frame;

use crate::budget::OverBudget;
use crate::event_state::{EventState, HostData};
use crate::restore;

/// The guest broke the interface; no engine of ours does. Ends the event.
#[derive(Debug, thiserror::Error)]
#[error("the guest broke its interface: {0}")]
pub(crate) struct GuestFault(pub(crate) &'static str);

const OUTSIDE: GuestFault = GuestFault("an address outside its memory");

/// A run of bytes in guest memory.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// From a guest's pointer and length, which wasm passes as `i32` and means as `u32`.
    pub(crate) fn new(ptr: i32, len: i32) -> Span {
        Span { start: ptr.cast_unsigned(), len: len.cast_unsigned() }
    }

    /// Bytes it spans.
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    fn of(self, memory: &[u8]) -> Result<&[u8], GuestFault> {
        let start = self.start as usize;
        memory.get(start..start.checked_add(self.len()).ok_or(OUTSIDE)?).ok_or(OUTSIDE)
    }
}

/// A guest's memory and, where its instance is restored after the event, the map of the pages
/// written in it.
#[derive(Clone, Copy)]
pub(crate) struct GuestMemory {
    pub(crate) memory: Memory,
    pub(crate) map: Option<Memory>,
}

fn memory(caller: &Caller<'_, HostData>) -> Result<Memory, GuestFault> {
    let guest = caller.data().memory.as_ref();
    Ok(guest.ok_or(GuestFault("a host call before its event"))?.memory)
}

/// Copies bytes out as a value.
///
/// # Errors
/// As for all that copies bytes out: outside of its memory, or more than its memory budget holds, as
/// they are or as they become.
pub(crate) fn read_value(
    caller: &mut Caller<'_, HostData>,
    kind: i32,
    span: Span,
) -> wasmtime::Result<Value> {
    let kind = ValueKind::from_number(kind.cast_unsigned())
        .ok_or(GuestFault("a value of no known kind"))?;
    Ok(match kind {
        ValueKind::Text => Value::text(read_string(caller, span)?),
        _ => Value::new(kind, read_bytes(caller, span)?),
    })
}

/// Copies bytes out as a frame: of text, if they are a string's.
pub(crate) fn read_frame(
    caller: &mut Caller<'_, HostData>,
    is_text: bool,
    span: Span,
) -> wasmtime::Result<Frame> {
    let frame = with_bytes(caller, span, |state, payload| {
        // A broadcast sends the same bytes to every peer: encode them once, and share them.
        if let Some(last) = state.effects.last_sent()
            && last.is_text() == is_text
            && last.payload() == payload
        {
            return Ok(last.clone());
        }
        let budget = &state.memory_budget;
        if !is_text {
            budget.has_room_for(payload.len())?;
            return Ok(Frame::binary(payload));
        }
        // Most is ASCII, which is found out in a few instructions.
        let len = if payload.is_ascii() { payload.len() } else { well_formed_len(payload) };
        budget.has_room_for(len)?;
        Ok::<_, OverBudget>(Frame::text(payload))
    })?;
    Ok(frame?)
}

/// Copies bytes out.
pub(crate) fn read_bytes(caller: &mut Caller<'_, HostData>, span: Span) -> wasmtime::Result<Bytes> {
    let bytes = with_bytes(caller, span, |state, bytes| {
        state.memory_budget.has_room_for(bytes.len()).map(|()| Bytes::copy_from_slice(bytes))
    })?;
    Ok(bytes?)
}

/// Copies a string out; what is no UTF-8 in it becomes U+FFFD.
pub(crate) fn read_string(
    caller: &mut Caller<'_, HostData>,
    span: Span,
) -> wasmtime::Result<String> {
    let string = with_bytes(caller, span, |state, bytes| {
        let budget = &state.memory_budget;
        match std::str::from_utf8(bytes) {
            Ok(text) => budget.has_room_for(text.len()).map(|()| text.to_owned()),
            Err(_) => {
                budget.has_room_for(well_formed_len(bytes))?;
                Ok(well_formed(bytes).into_owned())
            }
        }
    })?;
    Ok(string?)
}

/// The same of a text for people, cut so that it has no more than this.
pub(crate) fn read_cut_string(
    caller: &mut Caller<'_, HostData>,
    span: Span,
    max: usize,
) -> wasmtime::Result<String> {
    let mut text = read_string(caller, span)?;
    text.truncate(text.floor_char_boundary(max));
    Ok(text)
}

/// Looks at bytes where they are.
pub(crate) fn with_bytes<R>(
    caller: &mut Caller<'_, HostData>,
    span: Span,
    look: impl FnOnce(&mut EventState, &[u8]) -> R,
) -> Result<R, GuestFault> {
    let memory = memory(caller)?;
    let (memory, state) = memory.data_and_store_mut(caller);
    Ok(look(state, span.of(memory)?))
}

/// Copies the event's inputs into the guest, each to its place. The place of an empty one is not
/// looked at.
pub(crate) fn write_inputs(
    caller: &mut Caller<'_, HostData>,
    places: [i32; MAX_INPUTS],
) -> Result<(), GuestFault> {
    let lens = caller.data().event.inputs().map(<[u8]>::len);
    mark(caller, places.into_iter().zip(lens));
    let memory = memory(caller)?;
    let (memory, state) = memory.data_and_store_mut(caller);
    for (place, input) in places.into_iter().zip(state.event.inputs()) {
        if !input.is_empty() {
            put(memory, place, input)?;
        }
    }
    Ok(())
}

/// Copies the answer that was kept into the guest at `ptr`.
pub(crate) fn write_answer(caller: &mut Caller<'_, HostData>, ptr: i32) -> Result<(), GuestFault> {
    mark(caller, [(ptr, caller.data().answer.len())]);
    let memory = memory(caller)?;
    let (memory, state) = memory.data_and_store_mut(caller);
    put(memory, ptr, &state.answer)
}

/// Copies bytes into the guest at `ptr`.
pub(crate) fn write_owned(
    caller: &mut Caller<'_, HostData>,
    ptr: i32,
    bytes: &[u8],
) -> Result<(), GuestFault> {
    mark(caller, [(ptr, bytes.len())]);
    let memory = memory(caller)?;
    put(memory.data_mut(caller), ptr, bytes)
}

/// Hands an answer to the guest: into the place it offers if it fits, else `keep` makes what is kept for
/// `take`. Either way the caller tells the guest the length.
pub(crate) fn answer(
    caller: &mut Caller<'_, HostData>,
    place: Span,
    answer: &[u8],
    keep: impl FnOnce() -> Bytes,
) -> wasmtime::Result<()> {
    if answer.len() > place.len() {
        caller.data_mut().keep(keep())?;
        return Ok(());
    }
    Ok(write_owned(caller, place.start.cast_signed(), answer)?)
}

/// Marks what is about to be written: runs of so many bytes.
fn mark(caller: &mut Caller<'_, HostData>, runs: impl IntoIterator<Item = (i32, usize)>) {
    if let Some(map) = caller.data().memory.as_ref().and_then(|guest| guest.map) {
        let map = map.data_mut(caller);
        for (ptr, len) in runs {
            restore::mark_run(map, ptr.cast_unsigned() as usize, len);
        }
    }
}

fn put(memory: &mut [u8], ptr: i32, bytes: &[u8]) -> Result<(), GuestFault> {
    let start = ptr.cast_unsigned() as usize;
    let end = start.checked_add(bytes.len()).ok_or(OUTSIDE)?;
    memory.get_mut(start..end).ok_or(OUTSIDE)?.copy_from_slice(bytes);
    Ok(())
}
