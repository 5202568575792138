//! The functions of `zigttp:durable` about streams. What a request may be is checked by the prelude's JavaScript.

use std::ffi::c_int;

use rquickjs::qjs::{self, JSContext, JSValue};

use super::call::{Call, Native, answer};
use crate::engine::{Internal, engine};
use crate::event;
use crate::imports;
use crate::thrown::{Thrown, checked};
use crate::value::{self, Data, Text};

/// The native function of this name.
pub(super) fn native(name: &str) -> Option<Native> {
    Some(match name {
        "stream" => stream,
        "cancelStream" => cancel_stream,
        _ => return None,
    })
}

/// What the host takes for a body that there is not.
const NONE: i32 = -1;

/// The parts of a request, as `streamRequest` of the prelude returns them.
struct Parts(JSValue);

impl Parts {
    /// What is to be requested from the second argument on.
    fn of(call: &Call) -> Result<Parts, Thrown> {
        let mut arguments = [call.argument(2), call.argument(3)];
        // SAFETY: the context, the function and the arguments are alive.
        checked(unsafe {
            qjs::JS_Call(
                call.context,
                engine().internal(Internal::StreamRequest),
                qjs::JS_UNDEFINED,
                arguments.len() as c_int,
                arguments.as_mut_ptr(),
            )
        })
        .map(Parts)
    }

    fn part(&self, call: &Call, index: u32) -> Result<JSValue, Thrown> {
        // SAFETY: the context and the array are alive, which the prelude has just made.
        checked(unsafe { qjs::JS_GetPropertyUint32(call.context, self.0, index) })
    }

    fn text(&self, call: &Call, index: u32) -> Result<Text, Thrown> {
        Text::new(call.context, self.part(call, index)?)
    }

    fn number(&self, call: &Call, index: u32) -> Result<i32, Thrown> {
        let number = value::safe_integer(self.part(call, index)?);
        Ok(number
            .and_then(|number| i32::try_from(number).ok())
            .expect("the prelude gives a number"))
    }

    fn body(&self, call: &Call) -> Result<Option<Data>, Thrown> {
        let body = self.part(call, 3)?;
        // SAFETY: only the tag is read.
        if unsafe { qjs::JS_IsNull(body) } {
            return Ok(None);
        }
        Data::new(call.context, body)
            .map(Some)
            .map_err(|_| call.type_error(3, "has a body that cannot be read"))
    }
}

impl Call {
    /// A handler without `onStream` could not receive it.
    fn check_stream_receiver(&self) -> Result<(), Thrown> {
        if engine().has_function(const { event::row("onStream") }) {
            return Ok(());
        }
        let text = format!("{}: the handler exports no onStream", self.name);
        Err(self.throw(qjs::JS_ThrowTypeError, &text))
    }
}

unsafe extern "C" fn stream(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "stream", |call| {
        call.check_stream_receiver()?;
        // Wrong arguments are told first.
        drop((call.room()?, call.key()?));
        // Before anything is borrowed: it may run JavaScript.
        let parts = Parts::of(call)?;
        let (room, name) = (call.room()?, call.key()?);
        let (method, url, headers) =
            (parts.text(call, 0)?, parts.text(call, 1)?, parts.text(call, 2)?);
        let body = parts.body(call)?;
        let (redirect, cut) = (parts.number(call, 4)?, parts.number(call, 5)?);
        let bytes = body.as_ref().map_or(&[][..], Data::bytes);
        let body_len = if body.is_some() { bytes.len() as i32 } else { NONE };
        // SAFETY: all of these are alive during the call.
        let result = unsafe {
            imports::open_stream(
                room.as_ptr(),
                room.len(),
                name.as_ptr(),
                name.len(),
                method.as_ptr(),
                method.len(),
                url.as_ptr(),
                url.len(),
                headers.as_ptr(),
                headers.len(),
                bytes.as_ptr(),
                body_len,
                redirect,
                cut,
            )
        };
        call.host_result(result).map(|_| qjs::JS_UNDEFINED)
    })
}

unsafe extern "C" fn cancel_stream(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "cancelStream", |call| {
        call.check_stream_receiver()?;
        let (room, name) = (call.room()?, call.key()?);
        // SAFETY: both are alive during the call.
        let result =
            unsafe { imports::cancel_stream(room.as_ptr(), room.len(), name.as_ptr(), name.len()) };
        let was_there = call.host_result(result)? == 1;
        Ok(if was_there { qjs::JS_TRUE } else { qjs::JS_FALSE })
    })
}
