//! Promises: running what waits, and what one came to.

use rquickjs::qjs::{self, JSValue};

use crate::engine::engine;
use crate::thrown::{self, Thrown};

/// Runs jobs until none is left, or one throws.
///
/// # Errors
/// When a job threw, or a rejection stayed unhandled; the exception is then pending.
pub(crate) fn drain_jobs() -> Result<(), Thrown> {
    let engine = engine();
    loop {
        let mut context = std::ptr::null_mut();
        // SAFETY: the runtime is alive.
        match unsafe { qjs::JS_ExecutePendingJob(engine.runtime(), &mut context) } {
            0 => break,
            1.. => {}
            _ => return Err(Thrown),
        }
    }
    match engine.take_unhandled_rejection() {
        None => Ok(()),
        Some(reason) => {
            // SAFETY: the reference is given away.
            unsafe { qjs::JS_Throw(engine.context(), reason) };
            Err(Thrown)
        }
    }
}

/// The value a promise was fulfilled with; any other value is its own answer. Takes the reference.
///
/// # Errors
/// When the promise was rejected, or can never settle because no job is left that could settle it.
pub(crate) fn settle(value: JSValue, of: &str) -> Result<JSValue, Thrown> {
    let context = engine().context();
    // SAFETY: the context and the value are alive; what is thrown is a new reference.
    unsafe {
        match qjs::JS_PromiseState(context, value) {
            qjs::JSPromiseStateEnum_JS_PROMISE_PENDING => Err(thrown::throw(
                context,
                qjs::JS_ThrowPlainError,
                &format!("{of} waits for a promise that nothing is left to settle",),
            )),
            qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED => {
                Ok(qjs::JS_PromiseResult(context, value))
            }
            qjs::JSPromiseStateEnum_JS_PROMISE_REJECTED => {
                qjs::JS_Throw(context, qjs::JS_PromiseResult(context, value));
                Err(Thrown)
            }
            _ => Ok(value),
        }
    }
}
