//! `handler(req)` and `onUpgrade(req)`: a `Request` in, an answer out. The classes are the prelude's.

use rquickjs::qjs::{self, JSValue};

use crate::engine::{Internal, engine};
use crate::event::Event;
use crate::thrown::Thrown;
use crate::value;

/// Calls the event's export with the request that the inputs hold, and hands its answer to the host
/// through `hand_over`.
pub(crate) fn serve(
    event: &Event,
    hand_over: Internal,
    method_len: usize,
    target_len: usize,
    headers_len: usize,
    body_len: usize,
) -> Result<JSValue, Thrown> {
    let [method, target, headers] =
        [method_len, target_len, headers_len].map(|len| event.text(len));
    let [method, target, headers] = [method?, target?, headers?];
    let mut arguments = if body_len == 0 {
        let [method, target, headers] = event.receive([method, target, headers])?;
        [method, target, headers, qjs::JS_UNDEFINED]
    } else {
        event.receive([method, target, headers, event.bytes(body_len)?])?
    };
    let request = call_internal(event, Internal::MakeRequest, &mut arguments)?;
    let answer = event.call(&mut [request])?;
    call_internal(event, hand_over, &mut [answer])
}

fn call_internal(
    event: &Event,
    internal: Internal,
    arguments: &mut [JSValue],
) -> Result<JSValue, Thrown> {
    let function = engine().internal(internal);
    // SAFETY: the context, the function and the arguments are alive.
    value::checked(unsafe {
        qjs::JS_Call(
            event.context(),
            function,
            qjs::JS_UNDEFINED,
            arguments.len() as _,
            arguments.as_mut_ptr(),
        )
    })
}
