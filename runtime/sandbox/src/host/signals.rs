//! The functions of `zigttp:durable`.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::Value;

use crate::event::Call;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, GuestFault, Span};
use crate::host::range_error::{RangeError, result_of};
use crate::host::room_argument::{key, own_room, room_name};
use crate::host::state::open::{open, wait};
use crate::read_log::WhatWasRead;
use crate::signal::{SignalEffect, SignalKind};
use crate::state::{RoomName, RoomState, Space};
use crate::view::View;

/// What events of other rooms cannot do.
const SET_TIMERS: &str = "set its timers";

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "signal",
        |mut caller: Caller<'_, HostData<V>>,
         room: i32,
         room_len: i32,
         name: i32,
         name_len: i32,
         kind: i32,
         ptr: i32,
         len: i32,
         on_fail: i32,
         on_fail_len: i32| {
            let on_fail = (on_fail_len >= 0).then(|| Span::new(on_fail, on_fail_len));
            let effect = SignalEffect::Send {
                room: room_name(&mut caller, Span::new(room, room_len))?,
                name: key(&mut caller, Span::new(name, name_len))?,
                data: data(&mut caller, kind, Span::new(ptr, len))?,
                on_fail: on_fail.map(|name| key(&mut caller, name)).transpose()?,
            };
            let sent = send(caller.data_mut(), effect)?;
            result_of(&mut caller, sent.map(|()| 0))
        },
    )?;
    for (import, is_periodic) in [("signal_at", false), ("signal_every", true)] {
        linker.func_wrap_async(
            IMPORT_MODULE,
            import,
            move |mut caller: Caller<'_, HostData<V>>,
                  (room, room_len, name, name_len, time, kind, ptr, len): (
                i32,
                i32,
                i32,
                i32,
                f64,
                i32,
                i32,
                i32,
            )| {
                Box::new(async move {
                    let (room, name) = (Span::new(room, room_len), Span::new(name, name_len));
                    let timer = Timer { time, is_periodic, kind, data: Span::new(ptr, len) };
                    let set = set_timer(&mut caller, room, name, timer).await?;
                    result_of(&mut caller, set.map(|()| 0))
                })
            },
        )?;
    }
    linker.func_wrap_async(
        IMPORT_MODULE,
        "cancel_signal",
        |mut caller: Caller<'_, HostData<V>>,
         (room, room_len, name, name_len): (i32, i32, i32, i32)| {
            Box::new(async move {
                let (room, name) = (Span::new(room, room_len), Span::new(name, name_len));
                let was_there = cancel(&mut caller, room, name).await?;
                result_of(&mut caller, was_there.map(i32::from))
            })
        },
    )?;
    linker
        .func_wrap_async(
            IMPORT_MODULE,
            "signal_time",
            |mut caller: Caller<'_, HostData<V>>,
             (room, room_len, name, name_len, to): (i32, i32, i32, i32, i32)| {
                Box::new(async move {
                    let (room, name) = (Span::new(room, room_len), Span::new(name, name_len));
                    let room = match own_room(&mut caller, room, SET_TIMERS)? {
                        Ok(room) => room,
                        Err(error) => return result_of(&mut caller, Err(error)),
                    };
                    let name = key(&mut caller, name)?;
                    let at = find(&mut caller, &room, &name).await?;
                    let read = || WhatWasRead::Timer { name, at };
                    caller.data_mut().note_read(Space::Storage, &room, read);
                    let Some(time) = at else { return Ok(0) };
                    guest_memory::write_owned(&mut caller, to, &(time as f64).to_le_bytes())?;
                    Ok(1)
                })
            },
        )
        .map(drop)
}

/// Sends a signal.
fn send<V: View>(
    event: &mut EventState<V>,
    effect: SignalEffect,
) -> wasmtime::Result<Result<(), RangeError>> {
    let max = event.view.limits().state.max_signals;
    let is_sent = |effect: &&SignalEffect| matches!(effect, SignalEffect::Send { .. });
    // There are as many effects at least, which is quickly known.
    let effects = event.effects.signals();
    if effects.len() >= max && effects.iter().filter(is_sent).count() >= max {
        return Ok(Err(format!("this event has sent {max} signals, which is the limit")));
    }
    event.push_signal(effect)?;
    Ok(Ok(()))
}

/// A timer as the guest gives it.
struct Timer {
    /// When it fires, or its period.
    time: f64,
    is_periodic: bool,
    kind: i32,
    data: Span,
}

async fn set_timer<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    room: Span,
    name: Span,
    timer: Timer,
) -> wasmtime::Result<Result<(), RangeError>> {
    let room = match own_room(caller, room, SET_TIMERS)? {
        Ok(room) => room,
        Err(error) => return Ok(Err(error)),
    };
    let name = key(caller, name)?;
    let data = data(caller, timer.kind, timer.data)?;
    // The guest has checked that it is a number of at least 1; another guest's is put in range.
    let time = (timer.time as u64).max(1);
    let (at, period) = match timer.is_periodic {
        true => (caller.data_mut().unix_millis().saturating_add(time), Some(time)),
        false => (time, None),
    };
    if find(caller, &room, &name).await?.is_none() {
        let stored = open(caller, Space::Storage, &room).await?.timers();
        let max = caller.data().view.limits().state.max_timers;
        if caller.data().timers_of(stored) >= max {
            return Ok(Err(format!("the room has {max} timers, which is the limit")));
        }
        caller.data_mut().timers.add(1);
    }
    caller.data_mut().push_signal(SignalEffect::SetTimer { name, at, period, data })?;
    Ok(Ok(()))
}

/// Removes a timer. Returns whether it was there.
async fn cancel<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    room: Span,
    name: Span,
) -> wasmtime::Result<Result<bool, RangeError>> {
    let room = match own_room(caller, room, SET_TIMERS)? {
        Ok(room) => room,
        Err(error) => return Ok(Err(error)),
    };
    let name = key(caller, name)?;
    if find(caller, &room, &name).await?.is_none() {
        // Nothing is changed, but the handler learns that it is not there.
        let read = || WhatWasRead::Timer { name, at: None };
        caller.data_mut().note_read(Space::Storage, &room, read);
        return Ok(Ok(false));
    }
    caller.data_mut().timers.add(-1);
    caller.data_mut().push_signal(SignalEffect::CancelTimer { name })?;
    Ok(Ok(true))
}

/// When a timer of the event's own room fires, as this event sees it.
async fn find<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    room: &RoomName,
    name: &str,
) -> wasmtime::Result<Option<u64>> {
    let event = &**caller.data();
    if let Some(changed) = event.effects.timer(name) {
        return Ok(changed);
    }
    if let Call::Signal(signal) = &event.event.call
        && signal.is_timer(name)
    {
        // The one that has fired is gone, and one with a period fires again.
        return Ok(signal.next);
    }
    let state = open(caller, Space::Storage, room).await?;
    let at = wait(caller, state.timer(name)).await?;
    if let Some(given) = &mut caller.data_mut().given {
        given.timer(room, name, at);
    }
    Ok(at)
}

/// Copies the data of a signal out of the guest, which has checked its length; a negative kind is none.
fn data<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    kind: i32,
    span: Span,
) -> wasmtime::Result<Option<Value>> {
    if kind < 0 {
        return Ok(None);
    }
    if span.len() > zigttp_abi::api::MAX_SIGNAL_BYTES {
        return Err(GuestFault("data of a signal that is too long").into());
    }
    guest_memory::read_value(caller, kind, span).map(Some)
}

impl<V: View> EventState<V> {
    /// Adds an effect on signals.
    fn push_signal(&mut self, effect: SignalEffect) -> wasmtime::Result<()> {
        self.effects.push_signal(effect);
        Ok(self.account()?)
    }

    /// How many timers the room has for this event, if so many are stored.
    fn timers_of(&self, stored: usize) -> usize {
        // The one that has fired is stored until the commit. One with a period stays.
        let has_gone = matches!(&self.event.call, Call::Signal(signal)
            if signal.info.kind == SignalKind::Timer && signal.next.is_none());
        self.timers.of(stored.saturating_sub(usize::from(has_gone)))
    }
}
