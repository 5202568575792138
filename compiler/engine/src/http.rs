//! `handler(req)`, `onRequest(req, room)` and `onUpgrade(req, room)`: a `Request` in, an answer out. The classes are the prelude's.

use rquickjs::qjs::{self, JSValue};

use crate::engine::{Internal, Phase, engine};
use crate::event::Event;
use crate::jobs::Unsettled;
use crate::thrown::Thrown;

/// The lengths of a request's inputs.
pub(crate) struct Lengths {
    pub(crate) method: usize,
    pub(crate) target: usize,
    pub(crate) headers: usize,
    pub(crate) body: usize,
    /// Of the room's name, for events of a room.
    pub(crate) room: Option<usize>,
}

/// Calls the event's export with the request that the inputs hold, and hands its answer to the host
/// through `hand_over`.
pub(crate) fn serve(
    event: &Event,
    hand_over: Internal,
    len: Lengths,
) -> Result<JSValue, Unsettled> {
    let room = len.room;
    let [request, room_name] = receive(event, len)?;
    let answer = match room {
        Some(_) => event.call(&mut [request, room_name])?,
        None => event.call(&mut [request])?,
    };
    let is_of_room = if room.is_some() { qjs::JS_TRUE } else { qjs::JS_FALSE };
    Ok(event.call_internal(hand_over, &mut [answer, is_of_room])?)
}

/// Calls `roomOf` with the request, and hands the room that it names to the host.
pub(crate) fn name_room(event: &Event, len: Lengths) -> Result<JSValue, Unsettled> {
    engine().begin_phase(Phase::ReadingAlone);
    let [request, _no_room] = receive(event, len)?;
    let answer = event.call_now(&mut [request])?;
    Ok(event.call_internal(Internal::NameRoom, &mut [answer])?)
}

/// The request that the inputs hold, and the name of its room.
fn receive(event: &Event, len: Lengths) -> Result<[JSValue; 2], Thrown> {
    let inputs = [
        event.text(len.method)?,
        event.text(len.target)?,
        event.text(len.headers)?,
        // No buffer is made of nothing.
        if len.body == 0 { event.text(0)? } else { event.bytes(len.body)? },
        event.text(len.room.unwrap_or(0))?,
    ];
    let [method, target, headers, body, room] = event.receive(inputs)?;
    let body = if len.body == 0 { qjs::JS_UNDEFINED } else { body };
    let mut parts = [method, target, headers, body];
    Ok([event.call_internal(Internal::MakeRequest, &mut parts)?, room])
}
