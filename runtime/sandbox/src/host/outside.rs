//! The functions through which a guest asks the outside, sets timers, and takes the answers.

use std::time::Duration;

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::{IMPORT_MODULE, NOTHING_SETTLED, NOTHING_TO_WAIT_FOR, REPEATED};

use crate::asks::Next;
use crate::event::Call;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, GuestFault, Span};
use crate::host::answer::offer;
use crate::journal::{Answer, Ask, Fingerprint, Repeated};
use crate::outgoing::{FetchError, FetchErrorKind, OutgoingRequest, Redirect};
use crate::view::View;

/// What a URL of a room begins with.
const ROOM: &str = "room:";

/// Longest stack of a request that is made again.
const MAX_STACK_BYTES: usize = 4 << 10;

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "fetch",
        |mut caller: Caller<'_, HostData<V>>,
         method: i32,
         method_len: i32,
         url: i32,
         url_len: i32,
         headers: i32,
         headers_len: i32,
         body_kind: i32,
         body: i32,
         body_len: i32,
         redirect: i32,
         timeout: f64,
         key: i32,
         key_len: i32| {
            let body = match body_kind {
                ..0 => None,
                kind => {
                    let body = Span::new(body, body_len);
                    Some(guest_memory::read_value(&mut caller, kind, body)?.into_bytes())
                }
            };
            let mut text = |ptr, len| guest_memory::read_string(&mut caller, Span::new(ptr, len));
            let request = OutgoingRequest {
                method: text(method, method_len)?,
                url: text(url, url_len)?,
                headers: text(headers, headers_len)?,
                body,
                redirect: Redirect::from_number(redirect)
                    .ok_or(GuestFault("an unknown redirect mode"))?,
                timeout: (timeout >= 0.0).then(|| milliseconds(timeout)),
            };
            let key = if key_len < 0 { None } else { Some(text(key, key_len)?) };
            caller.data_mut().fetch(request, key.as_deref())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "repeated",
        |mut caller: Caller<'_, HostData<V>>,
         what: i32,
         what_len: i32,
         stack: i32,
         stack_len: i32| {
            let mut text = |ptr, len| {
                guest_memory::read_cut_string(&mut caller, Span::new(ptr, len), MAX_STACK_BYTES)
            };
            let (what, stack) = (text(what, what_len)?, text(stack, stack_len)?);
            let state = &mut **caller.data_mut();
            state.journal.note_repeated(Repeated { what, stack });
            Ok(state.account()?)
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "set_timer",
        |mut caller: Caller<'_, HostData<V>>, delay: f64| {
            let state = &mut **caller.data_mut();
            let timer = state.asks.timer(milliseconds(delay));
            state.account()?;
            wasmtime::Result::Ok(timer as i32)
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "give_up",
        |mut caller: Caller<'_, HostData<V>>, ask: i32| {
            let state = &mut **caller.data_mut();
            if let Some(entry) = state.asks.give_up(index(ask)?) {
                state.journal.forget(entry);
            }
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(IMPORT_MODULE, "next_settled", |mut caller: Caller<'_, HostData<V>>| {
        let state = &mut **caller.data_mut();
        match state.asks.next(&state.journal) {
            Next::Settled(ask) => ask as i32,
            Next::Pending => NOTHING_SETTLED,
            Next::None => NOTHING_TO_WAIT_FOR,
        }
    })?;
    linker.func_wrap(
        IMPORT_MODULE,
        "answer_head",
        |mut caller: Caller<'_, HostData<V>>, ask: i32, ptr: i32, cap: i32| {
            let head = caller.data().answer_to(ask)?.head.clone();
            offer(&mut caller, Span::new(ptr, cap), &head, || head.clone())?;
            wasmtime::Result::Ok(head.len() as i32)
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "answer_body",
        |mut caller: Caller<'_, HostData<V>>, ask: i32, ptr: i32, cap: i32| {
            let body = caller.data().answer_to(ask)?.body.clone();
            offer(&mut caller, Span::new(ptr, cap), &body, || body.clone())?;
            wasmtime::Result::Ok(body.len() as i32)
        },
    )?;
    Ok(())
}

/// A time that the guest gives; one that no clock reaches is far away.
fn milliseconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number.max(0.0) / 1000.0).unwrap_or(Duration::MAX)
}

fn index(ask: i32) -> Result<usize, GuestFault> {
    usize::try_from(ask).map_err(|_negative| GuestFault("an unknown question"))
}

impl<V: View> EventState<V> {
    /// Asks another server, or a room. Returns the number of the question, twice, and one more if an earlier run
    /// has made this request with other content.
    fn fetch(&mut self, request: OutgoingRequest, key: Option<&str>) -> wasmtime::Result<i32> {
        if matches!(self.event.call, Call::RoomOf(_)) {
            return Err(GuestFault("a question to the outside in roomOf").into());
        }
        let OutgoingRequest { method, url, headers, body, redirect, timeout } = &request;
        let place = url.split('?').next().unwrap_or_default();
        let place = Fingerprint::of(&[method.as_bytes(), place.as_bytes()]);
        let fingerprint = match key {
            Some(key) => Fingerprint::of(&[b"key", key.as_bytes()]),
            None => Fingerprint::of(&[
                b"fetch",
                method.as_bytes(),
                url.as_bytes(),
                headers.as_bytes(),
                // No body is another request than an empty one.
                body.as_deref().map_or(&[][..], |_there| b"body"),
                body.as_deref().unwrap_or_default(),
                &[*redirect as u8],
                &timeout.unwrap_or_default().as_nanos().to_le_bytes(),
            ]),
        };
        let requests = self.journal.requests();
        let max = self.view.limits().max_requests;
        let mut is_new = false;
        let found = self.journal.find(fingerprint);
        let entry = match found {
            Some(entry) => entry,
            None if requests >= max => {
                let message = format!(
                    "fetch: an event makes {max} requests at most, over all its runs (--max-event-fetches)"
                );
                let error = FetchError { kind: FetchErrorKind::Limit, message };
                self.journal.remember(fingerprint, Answer::of_error(&error))
            }
            None => {
                is_new = true;
                let ask = match url.strip_prefix(ROOM) {
                    Some(target) => {
                        let room = target.split('?').next().unwrap_or_default().into();
                        Ask::Room { room, request: Box::new(request) }
                    }
                    None => Ask::Fetch(Box::new(request)),
                };
                self.journal.add(fingerprint, Some(place), ask)
            }
        };
        let is_repeated = is_new && self.journal.was_asked_otherwise(place);
        let ask = self.asks.question(entry);
        self.account()?;
        let ask = i32::try_from(ask).map_err(|_range| GuestFault("too many questions"))?;
        Ok(ask << 1 | if is_repeated { REPEATED } else { 0 })
    }

    /// The answer to a question of this run that is settled.
    fn answer_to(&self, ask: i32) -> Result<&Answer, GuestFault> {
        let answer = self.asks.entry(index(ask)?).and_then(|entry| self.journal.answer(entry));
        answer.ok_or(GuestFault("a question without an answer"))
    }
}
