//! Throws exceptions into JavaScript.

use std::ffi::{CString, c_char};

use rquickjs::qjs::{self, JSContext, JSValue};

/// An exception is pending in the context: answer `JS_EXCEPTION`, or report it.
#[derive(Debug)]
pub(crate) struct Thrown;

/// The exception that an answer of QuickJS may be.
pub(crate) fn checked(value: JSValue) -> Result<JSValue, Thrown> {
    // SAFETY: only the tag is read.
    if unsafe { qjs::JS_IsException(value) } { Err(Thrown) } else { Ok(value) }
}

/// Throws that no memory is left.
pub(crate) fn out_of_memory(context: *mut JSContext) -> Thrown {
    // SAFETY: the context is alive.
    unsafe { qjs::JS_ThrowOutOfMemory(context) };
    Thrown
}

/// One of QuickJS's functions that throw an error of a certain class.
pub(crate) type ThrowFunction = unsafe extern "C" fn(*mut JSContext, *const c_char, ...) -> JSValue;

/// Throws an error with this message. QuickJS cuts messages at 255 bytes.
pub(crate) fn throw(context: *mut JSContext, class: ThrowFunction, message: &str) -> Thrown {
    let message = CString::new(message.replace('\0', "\u{fffd}")).unwrap_or_default();
    // SAFETY: the format takes one string, which is alive and ends with a zero.
    unsafe { class(context, c"%s".as_ptr(), message.as_ptr()) };
    Thrown
}
