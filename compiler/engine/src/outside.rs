//! What the prelude's `fetch` and timers ask the host for: questions to the outside, and their answers.

use rquickjs::function::Func;
use rquickjs::qjs;
use rquickjs::{Ctx, Error, Exception, Object, Result, Value};

use crate::engine::{Phase, engine};
use crate::{imports, value};

/// Gives the prelude the natives of this file.
pub(crate) fn add(native: &Object<'_>) -> Result<()> {
    native.set("fetch", Func::from(fetch))?;
    native.set("repeated", Func::from(repeated))?;
    native.set("setTimer", Func::from(set_timer))?;
    native.set("giveUp", Func::from(give_up))?;
    native.set("nextSettled", Func::from(next_settled))?;
    native.set("answerHead", Func::from(answer_head))?;
    native.set("answerBody", Func::from(answer_body))?;
    Ok(())
}

/// Begins a request, of method, URL and headers. Redirect modes have the numbers of the interface.
fn fetch<'js>(
    ctx: Ctx<'js>,
    parts: Vec<String>,
    body: Value<'js>,
    redirect: u32,
    timeout: f64,
    key: Option<String>,
) -> Result<i32> {
    check_phase(&ctx, "fetch")?;
    let [method, url, headers] = &parts[..] else {
        return Err(Exception::throw_type(&ctx, "fetch: a request has three texts"));
    };
    let data = if body.is_null() {
        None
    } else {
        let data = value::Data::new(ctx.as_raw().as_ptr(), body.as_raw());
        Some(data.map_err(|_| Exception::throw_type(&ctx, "fetch: the body cannot be read"))?)
    };
    let kind = data.as_ref().map_or(-1, |data| data.kind().number().into());
    let bytes = data.as_ref().map_or(&[][..], |data| data.bytes());
    let (key, key_len) = match &key {
        Some(key) => (key.as_ptr(), i32::try_from(key.len()).unwrap_or(i32::MAX)),
        None => (std::ptr::null(), -1),
    };
    // SAFETY: everything is alive during the call.
    Ok(unsafe {
        imports::fetch(
            method.as_ptr(),
            method.len(),
            url.as_ptr(),
            url.len(),
            headers.as_ptr(),
            headers.len(),
            kind,
            bytes.as_ptr(),
            bytes.len(),
            redirect,
            timeout,
            key,
            key_len,
        )
    })
}

/// Says where a request is made that an earlier run has made with other content.
fn repeated(what: String, stack: String) {
    // SAFETY: both are alive during the call.
    unsafe { imports::repeated(what.as_ptr(), what.len(), stack.as_ptr(), stack.len()) };
}

/// Begins a timer.
fn set_timer(ctx: Ctx<'_>, delay: f64) -> Result<i32> {
    check_phase(&ctx, "setTimeout")?;
    // SAFETY: takes a number.
    Ok(unsafe { imports::set_timer(delay) })
}

/// Nobody waits for the question any more.
fn give_up(question: i32) {
    // SAFETY: takes a number.
    unsafe { imports::give_up(question) };
}

/// The earliest question that is settled.
fn next_settled() -> i32 {
    // SAFETY: takes nothing.
    unsafe { imports::next_settled() }
}

/// What there is to know of an answer.
fn answer_head(ctx: Ctx<'_>, question: i32) -> Result<Value<'_>> {
    taken(&ctx, crate::api::answer_head(ctx.as_raw().as_ptr(), question))
}

/// The bytes of an answer, as an ArrayBuffer.
fn answer_body(ctx: Ctx<'_>, question: i32) -> Result<Value<'_>> {
    taken(&ctx, crate::api::answer_body(ctx.as_raw().as_ptr(), question))
}

fn taken<'js>(
    ctx: &Ctx<'js>,
    value: std::result::Result<qjs::JSValue, crate::thrown::Thrown>,
) -> Result<Value<'js>> {
    let value = value.map_err(|_pending| Error::Exception)?;
    // SAFETY: the value is of this context, and nothing else owns this reference.
    Ok(unsafe { Value::from_raw(ctx.clone(), value) })
}

/// Refuses what only events can do that may wait.
fn check_phase(ctx: &Ctx<'_>, name: &str) -> Result<()> {
    match engine().phase() {
        Phase::Event => Ok(()),
        Phase::Building => Err(Exception::throw_type(
            ctx,
            &format!("{name} cannot be called at the top level, which runs while building"),
        )),
        Phase::ReadingAlone => Err(Exception::throw_type(
            ctx,
            &format!("{name} cannot be called in roomOf, which only reads and does not wait"),
        )),
    }
}
