//! The room that a function of the state or of signals is about, and other texts.

use wasmtime::Caller;
use zigttp_abi::api::{MAX_KEY_BYTES, MAX_ROOM_BYTES};

use crate::event_state::HostData;
use crate::guest_memory::{self, GuestFault, Span};
use crate::host::range_error::RangeError;
use crate::state::RoomName;
use crate::view::View;

/// Copies a bound of a list out of the guest. What is longer than any key may be cut: no key begins with it, and the
/// same keys come before it.
pub(super) fn bound<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    span: Span,
) -> wasmtime::Result<Box<str>> {
    /// Cut before a character, it has more bytes than any key.
    const CUT: usize = MAX_KEY_BYTES + char::MAX.len_utf8();
    Ok(guest_memory::read_cut_string(caller, span, CUT)?.into_boxed_str())
}

/// Copies a text out of the guest, which has checked that it is UTF-8.
fn text<V: View>(caller: &mut Caller<'_, HostData<V>>, span: Span) -> wasmtime::Result<Box<str>> {
    Ok(guest_memory::read_string(caller, span)?.into_boxed_str())
}

/// Copies a key, or the name of a signal, out of the guest, which has checked its length.
pub(super) fn key<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    span: Span,
) -> wasmtime::Result<Box<str>> {
    match span.len() {
        1..=MAX_KEY_BYTES => text(caller, span),
        _ => Err(GuestFault("a key of a length that keys do not have").into()),
    }
}

/// The room that a function is about. The event's own room costs no allocation.
pub(super) fn room<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    span: Span,
) -> wasmtime::Result<RoomName> {
    let is_own = guest_memory::with_bytes(caller, span, |data: &mut HostData<V>, bytes| {
        data.event.room.as_ref().is_some_and(|own| own.as_bytes() == bytes)
    })?;
    Ok(if is_own { RoomName::Own } else { RoomName::Other(room_name(caller, span)?) })
}

/// Copies the name of a room out of the guest, which has checked its length.
pub(super) fn room_name<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    span: Span,
) -> wasmtime::Result<Box<str>> {
    match span.len() {
        1..=MAX_ROOM_BYTES => text(caller, span),
        _ => Err(GuestFault("a room of a length that rooms do not have").into()),
    }
}

/// The room that a function is about, if it is the event's own. `what` is what events of other rooms cannot do.
pub(super) fn own_room<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    span: Span,
    what: &str,
) -> wasmtime::Result<Result<RoomName, RangeError>> {
    let room = room(caller, span)?;
    let RoomName::Other(other) = &room else { return Ok(Ok(room)) };
    Ok(Err(match &caller.data().event.room {
        Some(own) => format!(
            "only events of the room {} {what}, and this is one of {}: send it a signal",
            quoted(other),
            quoted(own)
        ),
        None => "this event has no room: export onRequest(req, room), or send a room a signal"
            .to_owned(),
    }))
}

/// A name in a message, which has 255 bytes in all.
pub(super) fn quoted(room: &str) -> String {
    const MOST: usize = 64;
    if room.len() <= MOST {
        return format!("\"{room}\"");
    }
    format!("\"{}…\"", &room[..room.floor_char_boundary(MOST)])
}
