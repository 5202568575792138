//! `fail`, `respond` and `accept`: how a call ended.

use std::sync::Arc;

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::budget::OverBudget;
use crate::effects::Effect;
use crate::event::{Event, Response};
use crate::event_state::{EventState, HostData};
use crate::failure::Thrown;
use crate::guest_memory::{self, GuestFault, Span};
use crate::value::Value;

/// Bytes of an error's message, and of its stack, that are kept for the log.
const MAX_TEXT_BYTES: i32 = 16 << 10;

impl EventState {
    /// Collects the first attachment of the connection that there is to be: it is written with the
    /// event's other effects, and nobody can address the connection before.
    fn accept(&mut self, value: Value) -> wasmtime::Result<()> {
        let Event::Upgrade { connection, .. } = &self.event else {
            return Err(GuestFault("a connection accepted by another event").into());
        };
        let connection = Arc::clone(connection);
        let id = connection.id;
        let touched = self.effects.touch(id, || Some(connection)).expect("it was found");
        touched.attachment = Some(value.clone());
        let connection = touched.place;
        self.push(Effect::SetAttachment { connection, value })
            .map_err(|over: OverBudget| over.into())
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "fail",
        |mut caller: Caller<'_, HostData>,
         message: i32,
         message_len: i32,
         stack: i32,
         stack_len: i32| {
            let message = Span::new(message, message_len.clamp(0, MAX_TEXT_BYTES));
            let stack = Span::new(stack, stack_len.clamp(0, MAX_TEXT_BYTES));
            let thrown = Thrown {
                message: guest_memory::read_string(&mut caller, message)?,
                stack: guest_memory::read_string(&mut caller, stack)?,
            };
            caller.data_mut().thrown = Some(thrown);
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "respond",
        |mut caller: Caller<'_, HostData>,
         status: i32,
         headers: i32,
         headers_len: i32,
         body_kind: i32,
         body: i32,
         body_len: i32| {
            let body = Span::new(body, body_len);
            let response = Response {
                status: u16::try_from(status).map_err(|_range| GuestFault("a bad status"))?,
                headers: guest_memory::read_string(&mut caller, Span::new(headers, headers_len))?,
                body: guest_memory::read_value(&mut caller, body_kind, body)?.into_bytes(),
            };
            caller.data_mut().response = Some(response);
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "accept",
        |mut caller: Caller<'_, HostData>, kind: i32, ptr: i32, len: i32| {
            let span = Span::new(ptr, len);
            let limit = caller.data().hub.config.max_attachment_size;
            if span.len() > limit {
                return wasmtime::Result::Ok(i32::try_from(limit).unwrap_or(i32::MAX));
            }
            let value = guest_memory::read_value(&mut caller, kind, span)?;
            caller.data_mut().accept(value)?;
            Ok(0)
        },
    )?;
    Ok(())
}
