//! `fail`, `respond`, `accept` and `name_room`: the guest reports how a call has ended.

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::Value;

use crate::budget::OverBudget;
use crate::effect::Effect;
use crate::event::{Call, Event, Response};
use crate::event_state::{EventState, HostData, NewMember};
use crate::failure::Thrown;
use crate::guest_memory::{self, GuestFault, Span};
use crate::host::room_argument::room_name;
use crate::host::serialize_attachment::read_attachment;
use crate::view::View;

/// Most bytes of an error's message, and of its stack, for the log.
const MAX_TEXT_BYTES: i32 = 16 << 10;

impl<V: View> EventState<V> {
    /// Adds the first attachment of the connection that is accepted. It is written with the event's other
    /// effects; no other event can address the connection before. That of a member by its request is written after them,
    /// as there is no connection yet.
    fn accept(&mut self, value: Option<Value>) -> wasmtime::Result<()> {
        if let Event { room: Some(_), call: Call::Request(_), .. } = &self.event {
            self.reported().member = Some(NewMember { attachment: value });
            return Ok(self.account()?);
        }
        let Some(value) = value else {
            return Err(GuestFault("a connection accepted without a value").into());
        };
        let Event { connection: Some(connection), call: Call::Upgrade { .. }, .. } = &self.event
        else {
            return Err(GuestFault("a connection accepted by another event").into());
        };
        let found = self.find(*connection);
        let connection = found.expect("an event's own connection is always found");
        self.effects.at(connection).attachment = Some(value.clone());
        self.push(Effect::SetAttachment { connection, value })
            .map_err(|over: OverBudget| over.into())
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "fail",
        |mut caller: Caller<'_, HostData<V>>,
         message: i32,
         message_len: i32,
         stack: i32,
         stack_len: i32| {
            let message = Span::new(message, message_len.clamp(0, MAX_TEXT_BYTES));
            let stack = Span::new(stack, stack_len.clamp(0, MAX_TEXT_BYTES));
            let max = MAX_TEXT_BYTES as usize;
            let thrown = Thrown {
                message: guest_memory::read_cut_string(&mut caller, message, max)?,
                stack: guest_memory::read_cut_string(&mut caller, stack, max)?,
            };
            caller.data_mut().reported().thrown = Some(thrown);
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "respond",
        |mut caller: Caller<'_, HostData<V>>,
         status: i32,
         headers: i32,
         headers_len: i32,
         body_kind: i32,
         body: i32,
         body_len: i32| {
            let body = Span::new(body, body_len);
            let status = u16::try_from(status).map_err(|_range| GuestFault("a bad status"))?;
            let headers = Span::new(headers, headers_len);
            let headers = guest_memory::read_string(&mut caller, headers)?;
            // Counted before the body is copied.
            caller.data_mut().respond(Response { status, headers, body: Bytes::new() })?;
            let body = guest_memory::read_value(&mut caller, body_kind, body)?.into_bytes();
            let response = caller.data_mut().reported().response.take();
            let response = response.expect("it was set above");
            caller.data_mut().respond(Response { body, ..response })?;
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "name_room",
        |mut caller: Caller<'_, HostData<V>>, ptr: i32, len: i32| {
            let room = room_name(&mut caller, Span::new(ptr, len))?;
            caller.data_mut().reported().named_room = Some(room);
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "accept",
        |mut caller: Caller<'_, HostData<V>>, kind: i32, ptr: i32, len: i32| {
            if kind < 0 {
                caller.data_mut().accept(None)?;
                return wasmtime::Result::Ok(0);
            }
            match read_attachment(&mut caller, kind, Span::new(ptr, len))? {
                Ok(value) => caller.data_mut().accept(Some(value))?,
                Err(limit) => return Ok(limit),
            }
            wasmtime::Result::Ok(0)
        },
    )?;
    Ok(())
}
