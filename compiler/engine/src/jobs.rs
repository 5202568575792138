//! Promises: running what waits, and what one came to.

use rquickjs::qjs::{self, JSValue};
use zigttp_abi::guest::{NOTHING_SETTLED, NOTHING_TO_WAIT_FOR};

use crate::engine::{Internal, engine};
use crate::thrown::{self, Thrown, checked};
use crate::value;

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

/// Why a call has no result.
pub(crate) enum Unsettled {
    Threw(Thrown),
    /// Its promise waits for a question to the outside.
    Waits,
}

impl From<Thrown> for Unsettled {
    fn from(thrown: Thrown) -> Unsettled {
        Unsettled::Threw(thrown)
    }
}

/// The value a promise was fulfilled with; any other value is its own answer. Takes the reference. While it is
/// pending, goes on with what the outside has answered, the earliest first.
///
/// # Errors
/// When the promise was rejected, or waits for the outside, or can never settle because nothing is left that
/// could settle it.
pub(crate) fn settle(value: JSValue, of: &str) -> Result<JSValue, Unsettled> {
    let context = engine().context();
    loop {
        // SAFETY: the context and the value are alive; what is thrown is a new reference.
        unsafe {
            match qjs::JS_PromiseState(context, value) {
                qjs::JSPromiseStateEnum_JS_PROMISE_PENDING => go_on(of)?,
                qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED => {
                    return Ok(qjs::JS_PromiseResult(context, value));
                }
                qjs::JSPromiseStateEnum_JS_PROMISE_REJECTED => {
                    qjs::JS_Throw(context, qjs::JS_PromiseResult(context, value));
                    return Err(Thrown.into());
                }
                _ => return Ok(value),
            }
        }
    }
}

/// Goes on with the earliest question that is settled.
fn go_on(of: &str) -> Result<(), Unsettled> {
    let context = engine().context();
    let function = engine().internal(Internal::GoOn);
    // SAFETY: the context and the function are alive.
    let returned = checked(unsafe {
        qjs::JS_Call(context, function, qjs::JS_UNDEFINED, 0, std::ptr::null_mut())
    })?;
    match value::safe_integer(returned) {
        Some(none) if none == i64::from(NOTHING_SETTLED) => Err(Unsettled::Waits),
        Some(none) if none == i64::from(NOTHING_TO_WAIT_FOR) => Err(thrown::throw(
            context,
            qjs::JS_ThrowPlainError,
            &format!("{of} waits for a promise that nothing is left to settle"),
        )
        .into()),
        _ => Ok(drain_jobs()?),
    }
}
