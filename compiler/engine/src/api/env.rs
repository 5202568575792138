//! The function of `zigttp:env`.

use std::ffi::c_int;

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::value::ValueKind;

use super::call::{Native, answer, received};
use crate::imports;
use crate::value::{self, SMALL, Scratch};

/// The native function of this name.
pub(super) fn native(name: &str) -> Option<Native> {
    (name == "env").then_some(env)
}

unsafe extern "C" fn env(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "env", |call| {
        let name = call.text(0)?;
        let mut scratch = Scratch::new();
        // SAFETY: the name is alive during the call, and the scratch has this much room.
        let len = unsafe { imports::env_get(name.as_ptr(), name.len(), scratch.start(), SMALL) };
        let Ok(len) = usize::try_from(len) else { return Ok(qjs::JS_UNDEFINED) };
        received(call.context, &scratch, len, |bytes| {
            value::of_kind(call.context, ValueKind::Text, bytes)
        })
    })
}
