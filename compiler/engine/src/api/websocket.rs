//! The functions of `zigttp:websocket`.

use std::ffi::c_int;

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::api::MAX_AUTO_RESPONSE_BYTES;
use zigttp_abi::close_code;
use zigttp_abi::value::well_formed;

use super::call::{Native, answer, received_value};
use super::rooms;
use crate::imports;
use crate::thrown::{Thrown, checked};
use crate::value::{self, Block, SMALL, Scratch};

/// The native function of this name.
pub(super) fn native(name: &str) -> Option<Native> {
    Some(match name {
        "send" => send,
        "close" => close,
        "serializeAttachment" => serialize_attachment,
        "deserializeAttachment" => deserialize_attachment,
        "getWebSockets" => get_web_sockets,
        "connectionId" => connection_id,
        "webSocketById" => web_socket_by_id,
        "bufferedAmount" => buffered_amount,
        "setAutoResponse" => set_auto_response,
        _ => return rooms::native(name),
    })
}

unsafe extern "C" fn send(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "send", |call| {
        let ws = call.connection()?;
        // Before anything is borrowed: reading a property may run JavaScript.
        let is_volatile = call.is_volatile(2, &[c"volatile"])?;
        let data = call.data(1)?;
        let (kind, bytes) = (data.kind().number().into(), data.bytes());
        // SAFETY: the bytes are alive during the call.
        let queued =
            unsafe { imports::send(ws, kind, bytes.as_ptr(), bytes.len(), is_volatile.into()) };
        Ok(if queued == 1 { qjs::JS_TRUE } else { qjs::JS_FALSE })
    })
}

unsafe extern "C" fn close(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "close", |call| {
        let ws = call.connection()?;
        let code = call.argument(1);
        // SAFETY: only tags are read.
        let (default_code, no_reason) =
            unsafe { (qjs::JS_IsUndefined(code), qjs::JS_IsUndefined(call.argument(2))) };
        let code = if default_code {
            i64::from(close_code::NORMAL)
        } else {
            value::safe_integer(code).ok_or_else(|| call.type_error(1, "must be an integer"))?
        };
        let Some(code) = u16::try_from(code).ok().filter(|&code| close_code::may_be_sent(code))
        else {
            return Err(call.range_error(&format!("code {code} may not be sent (RFC 6455, 7.4)")));
        };
        let reason = if no_reason { None } else { Some(call.text(2)?) };
        // A lone surrogate becomes U+FFFD, which is as many bytes, so the host's lossy conversion
        // cannot make the reason longer than was checked.
        let reason = reason.map(|reason| well_formed(&reason).into_owned()).unwrap_or_default();
        if reason.len() > close_code::MAX_REASON_BYTES {
            return Err(call.range_error(&format!(
                "the reason has {} bytes of UTF-8, a close frame holds {} (RFC 6455, 5.5)",
                reason.len(),
                close_code::MAX_REASON_BYTES,
            )));
        }
        // SAFETY: the reason is alive during the call.
        unsafe { imports::close(ws, code.into(), reason.as_ptr(), reason.len()) };
        Ok(qjs::JS_UNDEFINED)
    })
}

unsafe extern "C" fn serialize_attachment(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "serializeAttachment", |call| {
        let ws = call.connection()?;
        let value = call.storable(1)?;
        let bytes = value.bytes();
        // SAFETY: the bytes are alive during the call.
        let limit = unsafe {
            imports::serialize_attachment(
                ws,
                value.kind().number().into(),
                bytes.as_ptr(),
                bytes.len(),
            )
        };
        if limit == 0 {
            Ok(qjs::JS_UNDEFINED)
        } else {
            let len = bytes.len();
            Err(call.range_error(&format!("the value has {len} bytes, the limit is {limit}")))
        }
    })
}

unsafe extern "C" fn deserialize_attachment(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "deserializeAttachment", |call| {
        let ws = call.connection()?;
        let mut scratch = Scratch::new();
        // SAFETY: the scratch has this much room.
        let packed = unsafe { imports::deserialize_attachment(ws, scratch.start(), SMALL) };
        received_value(call.context, &mut scratch, packed)
    })
}

unsafe extern "C" fn get_web_sockets(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "getWebSockets", |call| {
        let room = call.text(0)?;
        let mut scratch = Scratch::new();
        // SAFETY: the room is alive during the call, and the scratch has this much room.
        let count =
            unsafe { imports::get_web_sockets(room.as_ptr(), room.len(), scratch.start(), SMALL) };
        let count = usize::try_from(count).expect("the host answers with a count");
        // SAFETY: in both cases these are `count` numbers that the host has written, aligned as
        // numbers are, and nothing else looks at them.
        unsafe {
            if count * size_of::<f64>() <= SMALL {
                ids_to_array(call.context, scratch.start().cast(), count)
            } else {
                let len = count * size_of::<f64>();
                let block = Block::filled(call.context, len, |to| imports::take(to))?;
                ids_to_array(call.context, block.as_ptr().cast_mut().cast(), count)
            }
        }
    })
}

/// An array of ids, which become values in place: 2.8 us for 1,000 of them, where a copy takes 19.
///
/// # Safety
/// `ids` points to `count` numbers that nothing else looks at.
unsafe fn ids_to_array(
    context: *mut JSContext,
    ids: *mut f64,
    count: usize,
) -> Result<JSValue, Thrown> {
    const { assert!(size_of::<JSValue>() == size_of::<f64>(), "values are NaN-boxed on wasm32") };
    let values = ids.cast::<JSValue>();
    for index in 0..count {
        // SAFETY: inside of the caller's numbers, each read before it is overwritten.
        unsafe { values.add(index).write(qjs::JS_NewFloat64(ids.add(index).read())) };
    }
    // SAFETY: the context is alive; the values are `count` numbers now.
    checked(unsafe { qjs::JS_NewArrayFrom(context, count as c_int, values) })
}

unsafe extern "C" fn connection_id(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "connectionId", |call| {
        let ws = call.connection()?;
        value::string(call.context, ws.to_string().as_bytes())
    })
}

unsafe extern "C" fn web_socket_by_id(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "webSocketById", |call| {
        let id = call.text(0)?;
        // Only the form that `connectionId` returns, so that a connection has one id as text.
        let id = std::str::from_utf8(&id).ok().filter(|id| !id.starts_with(['0', '+', '-']));
        let id = id.and_then(|id| id.parse().ok()).filter(|&id| id <= value::MAX_SAFE_INTEGER);
        let Some(id) = id else { return Ok(qjs::JS_UNDEFINED) };
        // SAFETY: a call without pointers.
        let is_open = unsafe { imports::is_open(id) } == 1;
        Ok(if is_open { value::number(id) } else { qjs::JS_UNDEFINED })
    })
}

unsafe extern "C" fn buffered_amount(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "bufferedAmount", |call| {
        let ws = call.connection()?;
        // SAFETY: a call without pointers.
        Ok(qjs::JS_NewFloat64(unsafe { imports::buffered_amount(ws) }))
    })
}

unsafe extern "C" fn set_auto_response(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "setAutoResponse", |call| {
        let ws = call.connection()?;
        let (request, response) = (call.data(1)?, call.data(2)?);
        for (index, data) in [(1, &request), (2, &response)] {
            let len = data.bytes().len();
            if len > MAX_AUTO_RESPONSE_BYTES {
                let name = call.parameter(index).name;
                return Err(call.range_error(&format!(
                    "the {name} has {len} bytes, the limit is {MAX_AUTO_RESPONSE_BYTES}",
                )));
            }
        }
        let (request, response) = (request.bytes(), response.bytes());
        // SAFETY: both are alive during the call.
        unsafe {
            imports::set_auto_response(
                ws,
                request.as_ptr(),
                request.len(),
                response.as_ptr(),
                response.len(),
            );
        }
        Ok(qjs::JS_UNDEFINED)
    })
}
