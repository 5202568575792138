//! The functions of `zigttp:durable` about streams.

use std::time::Duration;

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event::Call;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, GuestFault, Span};
use crate::host::range_error::{RangeError, result_of};
use crate::host::room_argument::{key, own_room};
use crate::outgoing::{OutgoingRequest, Redirect};
use crate::stream::{Cut, StreamEffect, StreamRequest};
use crate::view::View;

/// What events of other rooms cannot do.
const OPEN_STREAMS: &str = "open and cancel its streams";

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "open_stream",
        |mut caller: Caller<'_, HostData<V>>,
         room: i32,
         room_len: i32,
         name: i32,
         name_len: i32,
         method: i32,
         method_len: i32,
         url: i32,
         url_len: i32,
         headers: i32,
         headers_len: i32,
         body: i32,
         body_len: i32,
         redirect: i32,
         cut: i32| {
            let request = GuestRequest {
                method: Span::new(method, method_len),
                url: Span::new(url, url_len),
                headers: Span::new(headers, headers_len),
                body: (body_len >= 0).then(|| Span::new(body, body_len)),
                redirect,
                cut,
            };
            let (room, name) = (Span::new(room, room_len), Span::new(name, name_len));
            let opened = open(&mut caller, room, name, request)?;
            result_of(&mut caller, opened.map(|()| 0))
        },
    )?;
    linker
        .func_wrap(
            IMPORT_MODULE,
            "cancel_stream",
            |mut caller: Caller<'_, HostData<V>>,
             room: i32,
             room_len: i32,
             name: i32,
             name_len: i32| {
                let (room, name) = (Span::new(room, room_len), Span::new(name, name_len));
                let was_there = cancel(&mut caller, room, name)?;
                result_of(&mut caller, was_there.map(i32::from))
            },
        )
        .map(drop)
}

/// A request as the guest gives it, which has checked its parts.
struct GuestRequest {
    method: Span,
    url: Span,
    headers: Span,
    body: Option<Span>,
    redirect: i32,
    cut: i32,
}

impl GuestRequest {
    fn len(&self) -> usize {
        let body = self.body.map_or(0, Span::len);
        self.method.len() + self.url.len() + self.headers.len() + body
    }

    /// Copies it out of the guest.
    fn read<V: View>(
        &self,
        caller: &mut Caller<'_, HostData<V>>,
    ) -> wasmtime::Result<StreamRequest> {
        let redirect =
            Redirect::from_number(self.redirect).ok_or(GuestFault("an unknown redirect mode"))?;
        let cut = match self.cut {
            -1 => None,
            number => {
                Some(Cut::from_number(number).ok_or(GuestFault("an unknown cut of a stream"))?)
            }
        };
        let body = self.body.map(|body| guest_memory::read_bytes(caller, body)).transpose()?;
        let request = OutgoingRequest {
            method: guest_memory::read_string(caller, self.method)?,
            url: guest_memory::read_string(caller, self.url)?,
            headers: guest_memory::read_string(caller, self.headers)?,
            body,
            redirect,
            timeout: None::<Duration>,
        };
        Ok(StreamRequest { request, cut })
    }
}

fn open<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    room: Span,
    name: Span,
    request: GuestRequest,
) -> wasmtime::Result<Result<(), RangeError>> {
    if let Err(error) = own_room(caller, room, OPEN_STREAMS)? {
        return Ok(Err(error));
    }
    let name = key(caller, name)?;
    let limits = caller.data().view.limits().state;
    let (len, most) = (request.len(), limits.max_stream_request);
    if len > most {
        return Ok(Err(format!(
            "the request has {len} bytes, the limit is {most} (--max-stream-request)"
        )));
    }
    if let Some(error) = caller.data_mut().too_many_streams() {
        return Ok(Err(error));
    }
    let request = Box::new(request.read(caller)?);
    caller.data_mut().push_stream(StreamEffect::Open { name, request })?;
    Ok(Ok(()))
}

/// Cancels a stream. Returns whether it was there.
fn cancel<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    room: Span,
    name: Span,
) -> wasmtime::Result<Result<bool, RangeError>> {
    if let Err(error) = own_room(caller, room, OPEN_STREAMS)? {
        return Ok(Err(error));
    }
    let name = key(caller, name)?;
    if !caller.data_mut().has_stream(&name) {
        return Ok(Ok(false));
    }
    caller.data_mut().push_stream(StreamEffect::Cancel { name })?;
    Ok(Ok(true))
}

impl<V: View> EventState<V> {
    /// Adds an effect on streams.
    fn push_stream(&mut self, effect: StreamEffect) -> wasmtime::Result<()> {
        self.effects.push_stream(effect);
        Ok(self.account()?)
    }

    /// Whether the event's room has a stream of this name, as this event sees it.
    fn has_stream(&mut self, name: &str) -> bool {
        if let Some(changed) = self.effects.stream(name) {
            return changed;
        }
        // One that has ended is stored until its last piece is committed.
        let has_ended = matches!(&self.event.call, Call::Stream(piece) if piece.ends(name));
        let Some(room) = self.event.room.as_ref().filter(|_| !has_ended) else { return false };
        let is_there = self.view.has_stream(room, name);
        if let Some(given) = &mut self.given {
            given.stream(name, is_there);
        }
        is_there
    }

    /// How many streams the event's room has, and how many there are of all rooms.
    fn stream_counts(&mut self) -> (usize, usize) {
        let counts = self.view.stream_counts(self.event.room.as_ref().map_or("", |room| room));
        if let Some(given) = &mut self.given {
            given.stream_counts(counts);
        }
        counts
    }

    /// Whether the event's room has a stream, or the event has opened one.
    pub(crate) fn has_any_stream(&mut self) -> bool {
        self.stream_counts().0 > 0 || self.effects.opened_streams() > 0
    }

    /// Why no other stream can be opened. Those that are cancelled count until their room has been told.
    fn too_many_streams(&mut self) -> Option<RangeError> {
        let (of_room, of_all) = self.stream_counts();
        let opened = self.effects.opened_streams();
        let limits = self.view.limits().state;
        if of_room + opened >= limits.max_room_streams {
            let most = limits.max_room_streams;
            return Some(format!(
                "the room has {most} streams, which is the limit (--max-room-streams)"
            ));
        }
        (of_all + opened >= limits.max_all_streams).then(|| {
            let most = limits.max_all_streams;
            format!(
                "{most} streams are open or wait, which is the limit (--max-streams and \
                 --max-waiting-streams)"
            )
        })
    }
}
