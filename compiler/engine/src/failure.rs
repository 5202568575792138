//! Tells the host of exceptions that end a call.

use rquickjs::qjs::{self, JSContext, JSValue};

use crate::engine::{Internal, engine};
use crate::imports;
use crate::value::Text;

/// Tells the host of the pending exception: the call is about to answer `Status::Threw`.
pub(crate) fn report_pending() {
    let context = engine().context();
    // SAFETY: the context is alive; the exception is ours from here on.
    let thrown = unsafe { qjs::JS_GetException(context) };
    if describe(context, thrown).is_none() {
        // The description threw, as it may without memory or over a hostile getter.
        // SAFETY: as above.
        unsafe { qjs::JS_FreeValue(context, qjs::JS_GetException(context)) };
        report("an error that cannot be described was thrown", "");
    }
    // SAFETY: the reference is ours, and used no more.
    unsafe { qjs::JS_FreeValue(context, thrown) };
}

/// Tells the host why the call is about to answer `Status::Threw`.
pub(crate) fn report(message: &str, stack: &str) {
    report_bytes(message.as_bytes(), stack.as_bytes());
}

fn report_bytes(message: &[u8], stack: &[u8]) {
    // SAFETY: both are alive during the call.
    unsafe { imports::fail(message.as_ptr(), message.len(), stack.as_ptr(), stack.len()) };
}

/// Reports what the prelude says of a thrown value, or `None` with an exception pending.
fn describe(context: *mut JSContext, mut thrown: JSValue) -> Option<()> {
    let describe = engine().internal(Internal::Describe);
    // SAFETY: the context and both values are alive; the references to the elements are never freed, so
    // that the texts stay.
    unsafe {
        let pair = qjs::JS_Call(context, describe, qjs::JS_UNDEFINED, 1, &mut thrown);
        if qjs::JS_IsException(pair) {
            return None;
        }
        let message = Text::new(context, qjs::JS_GetPropertyUint32(context, pair, 0)).ok();
        let stack = Text::new(context, qjs::JS_GetPropertyUint32(context, pair, 1)).ok();
        qjs::JS_FreeValue(context, pair);
        report_bytes(&message?, &stack?);
        Some(())
    }
}
