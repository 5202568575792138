//! One call of a function from JavaScript: its arguments, its errors, and values that the host returns.

use std::ffi::c_int;

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::api::{self, Module, Parameter};
use zigttp_abi::value::ValueKind;

use crate::engine::{Phase, engine};
use crate::imports;
use crate::json;
use crate::storable::{Storable, Unstorable};
use crate::thrown::{self, ThrowFunction, Thrown};
use crate::value::{self, Block, Data, Refusal, SMALL, Scratch, Text};

/// The type of a native function.
pub(super) type Native =
    unsafe extern "C" fn(*mut JSContext, JSValue, c_int, *mut JSValue) -> JSValue;

/// One call from JavaScript.
pub(super) struct Call {
    pub(super) context: *mut JSContext,
    /// As many as the function has parameters.
    arguments: *const JSValue,
    /// [`ApiFunction::path`].
    pub(super) name: &'static str,
}

/// Answers a call with what `body` makes of it.
pub(super) fn answer(
    context: *mut JSContext,
    arguments: *mut JSValue,
    name: &'static str,
    body: impl FnOnce(&Call) -> Result<JSValue, Thrown>,
) -> JSValue {
    let call = Call { context, arguments, name };
    let phase = engine().phase();
    if phase != Phase::Event
        && let Err(Thrown) = call.check_phase(phase)
    {
        return qjs::JS_EXCEPTION;
    }
    body(&call).unwrap_or(qjs::JS_EXCEPTION)
}

impl Call {
    /// Refuses what cannot be called outside of the events that may do everything.
    fn check_phase(&self, phase: Phase) -> Result<(), Thrown> {
        let name = self.name;
        let row = || api::find(name).expect("the name is a path of the table");
        match phase {
            Phase::Building => {
                let lacks = match row().module {
                    Module::Env => "no settings are given",
                    _ => "there is no connection and no state",
                };
                let text =
                    format!("{name} cannot be called at the top level: {lacks} while building");
                Err(self.throw(qjs::JS_ThrowPlainError, &text))
            }
            Phase::ReadingAlone if row().writes => Err(self.throw(
                qjs::JS_ThrowTypeError,
                &format!("{name} cannot be called in roomOf, which only reads"),
            )),
            Phase::ReadingAlone | Phase::Event => Ok(()),
        }
    }

    pub(super) fn argument(&self, index: usize) -> JSValue {
        // SAFETY: callers ask for parameters of the function, see `function`.
        unsafe { *self.arguments.add(index) }
    }

    /// The table's row of a parameter, for messages.
    pub(super) fn parameter(&self, index: usize) -> &'static Parameter {
        &api::find(self.name).expect("the name is a path of the table").parameters[index]
    }

    pub(super) fn throw(&self, class: ThrowFunction, message: &str) -> Thrown {
        thrown::throw(self.context, class, message)
    }

    pub(super) fn type_error(&self, index: usize, complaint: &str) -> Thrown {
        let parameter = self.parameter(index).name;
        self.throw(qjs::JS_ThrowTypeError, &format!("{}: {parameter} {complaint}", self.name))
    }

    pub(super) fn range_error(&self, complaint: &str) -> Thrown {
        self.throw(qjs::JS_ThrowRangeError, &format!("{}: {complaint}", self.name))
    }

    /// The first argument of most functions.
    pub(super) fn connection(&self) -> Result<i64, Thrown> {
        value::safe_integer(self.argument(0))
            .ok_or_else(|| self.type_error(0, "must be a WebSocket"))
    }

    pub(super) fn text(&self, index: usize) -> Result<Text, Thrown> {
        let argument = self.argument(index);
        // SAFETY: only the tag is read.
        if unsafe { qjs::JS_IsString(argument) } {
            Text::new(self.context, argument)
        } else {
            Err(self.type_error(index, "must be a string"))
        }
    }

    pub(super) fn storable(&self, index: usize) -> Result<Storable, Thrown> {
        Storable::new(self.context, self.argument(index)).map_err(|unstorable| match unstorable {
            Unstorable::Misfit(misfit) => {
                self.type_error(index, &format!("cannot be stored: {misfit}"))
            }
            Unstorable::Detached => self.type_error(index, "has a detached ArrayBuffer"),
            Unstorable::Thrown => Thrown,
        })
    }

    pub(super) fn data(&self, index: usize) -> Result<Data, Thrown> {
        Data::new(self.context, self.argument(index)).map_err(|refusal| match refusal {
            Refusal::Kind => {
                self.type_error(index, "must be a string, an ArrayBuffer or a typed array")
            }
            Refusal::Detached => self.type_error(index, "has a detached ArrayBuffer"),
            Refusal::Thrown => Thrown,
        })
    }
}

/// The value that the client of `onUpgrade` has left.
pub(crate) fn resumable(context: *mut JSContext) -> Result<JSValue, Thrown> {
    let mut scratch = Scratch::new();
    // SAFETY: the scratch has this much room.
    let packed = unsafe { imports::resumable(scratch.start(), SMALL) };
    received_value(context, &mut scratch, packed)
}

/// The parameters of a request's path, as an object.
pub(crate) fn path_params(context: *mut JSContext, path: &[u8]) -> Result<JSValue, Thrown> {
    let mut scratch = Scratch::new();
    // SAFETY: the path is alive during the call, and the scratch has this much room.
    let len = unsafe { imports::path_params(path.as_ptr(), path.len(), scratch.start(), SMALL) };
    let len = usize::try_from(len).expect("the host answers with a length");
    received_json(context, &mut scratch, len)
}

/// What there is to know of the answer to a question.
pub(crate) fn answer_head(context: *mut JSContext, question: i32) -> Result<JSValue, Thrown> {
    let mut scratch = Scratch::new();
    // SAFETY: the scratch has this much room.
    let len = unsafe { imports::answer_head(question, scratch.start(), SMALL) };
    let len = usize::try_from(len).expect("the host answers with a length");
    received_json(context, &mut scratch, len)
}

/// The bytes of the answer to a question, as an ArrayBuffer.
pub(crate) fn answer_body(context: *mut JSContext, question: i32) -> Result<JSValue, Thrown> {
    let mut scratch = Scratch::new();
    // SAFETY: the scratch has this much room.
    let len = unsafe { imports::answer_body(question, scratch.start(), SMALL) };
    let len = usize::try_from(len).expect("the host answers with a length");
    received(context, &scratch, len, |bytes| value::of_kind(context, ValueKind::ArrayBuffer, bytes))
}

/// The value of which the host has returned kind and length, or `undefined`.
pub(super) fn received_value(
    context: *mut JSContext,
    scratch: &mut Scratch,
    packed: i64,
) -> Result<JSValue, Thrown> {
    if packed < 0 {
        return Ok(qjs::JS_UNDEFINED);
    }
    let kind = ValueKind::from_number((packed >> 32) as u32)
        .expect("the host answers with a kind of the table");
    let len = packed as u32 as usize;
    if kind == ValueKind::Json {
        return received_json(context, scratch, len);
    }
    received(context, scratch, len, |bytes| value::of_kind(context, kind, bytes))
}

/// Makes a value of an answer: from the scratch when it fitted, else from what `take` copies.
pub(super) fn received(
    context: *mut JSContext,
    scratch: &Scratch,
    len: usize,
    make: impl FnOnce(&[u8]) -> Result<JSValue, Thrown>,
) -> Result<JSValue, Thrown> {
    if len <= SMALL {
        // SAFETY: the host writes answers that fit.
        make(unsafe { scratch.written(len) })
    } else {
        // SAFETY: the block has the length that the host has just told.
        make(&Block::filled(context, len, |to| unsafe { imports::take(to) })?)
    }
}

/// The same of JSON, behind which QuickJS wants a zero byte.
pub(super) fn received_json(
    context: *mut JSContext,
    scratch: &mut Scratch,
    len: usize,
) -> Result<JSValue, Thrown> {
    if len < SMALL {
        // SAFETY: the host has written what fits, and there is room for one byte more.
        let terminated = unsafe {
            scratch.start().add(len).write(0);
            scratch.written(len + 1)
        };
        return json::read(context, terminated);
    }
    let start = scratch.start().cast_const();
    // SAFETY: the block has room for the length that the host has just told, and for the zero byte.
    let terminated = Block::filled(context, len + 1, |to| unsafe {
        if len == SMALL {
            to.copy_from_nonoverlapping(start, len)
        } else {
            imports::take(to)
        }
        to.add(len).write(0);
    })?;
    json::read(context, &terminated)
}
