//! One event: take its inputs in, call the handler's export, drain the jobs it left.
//!
//! An event whose promise waits for the outside ends with it, and is run again when it need not wait.
//!
//! What ends an event as thrown: an exception of the call, a job that throws, a rejection that
//! nobody has handled by the end, and a returned promise that is rejected or can never settle.
//! Values are not freed at the end; they go with the instance.

use std::ptr;

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::events::EXPORTS;
use zigttp_abi::guest::{MAX_INPUTS, Status};
use zigttp_abi::value::ValueKind;

use crate::engine::{Internal, engine};
use crate::jobs::Unsettled;
use crate::thrown::{Thrown, checked};
use crate::value::{self, Block};
use crate::{allocator, failure, imports, jobs, json, strings};

/// The row of [`EXPORTS`] with this JavaScript name; for the compiler, so that no event looks for it.
pub(crate) const fn row(name: &str) -> usize {
    let mut row = 0;
    while !is_same(EXPORTS[row].name.as_bytes(), name.as_bytes()) {
        row += 1;
    }
    row
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// An event that runs.
pub(crate) struct Event {
    context: *mut JSContext,
    /// The JavaScript name of the export.
    name: &'static str,
    function: JSValue,
}

impl Event {
    /// Starts an event with random numbers of its own.
    pub(crate) fn begin(row: usize, seed: i64) -> Event {
        allocator::written().random.set(seed.cast_unsigned());
        let name = EXPORTS[row].name;
        Event { context: engine().context(), name, function: engine().function(row) }
    }

    /// Calls a function of the prelude.
    pub(crate) fn call_internal(
        &self,
        internal: Internal,
        arguments: &mut [JSValue],
    ) -> Result<JSValue, Thrown> {
        // SAFETY: the context, the function and the arguments are alive.
        checked(unsafe {
            qjs::JS_Call(
                self.context,
                engine().internal(internal),
                qjs::JS_UNDEFINED,
                arguments.len() as _,
                arguments.as_mut_ptr(),
            )
        })
    }

    /// Runs the event's body, and tells the host if it threw.
    pub(crate) fn finish(self, body: impl FnOnce(&Event) -> Result<JSValue, Unsettled>) -> i32 {
        let status = match body(&self) {
            Ok(_) => Status::Done,
            Err(Unsettled::Waits) => Status::Waiting,
            Err(Unsettled::Threw(Thrown)) => {
                failure::report_pending();
                Status::Threw
            }
        };
        status as i32
    }

    /// Calls the export, drains the jobs, and answers with what it returned or its promise holds.
    pub(crate) fn call(&self, arguments: &mut [JSValue]) -> Result<JSValue, Unsettled> {
        jobs::settle(self.call_now(arguments)?, self.name)
    }

    /// Calls the export, drains the jobs, and answers with what it returned, which may be a promise.
    pub(crate) fn call_now(&self, arguments: &mut [JSValue]) -> Result<JSValue, Thrown> {
        // SAFETY: the context, the function and the arguments are alive.
        let returned = checked(unsafe {
            qjs::JS_Call(
                self.context,
                self.function,
                qjs::JS_UNDEFINED,
                arguments.len() as _,
                arguments.as_mut_ptr(),
            )
        })?;
        jobs::drain_jobs()?;
        Ok(returned)
    }

    /// Room for an input that is text.
    pub(crate) fn text(&self, len: usize) -> Result<Input, Thrown> {
        Ok(Input::Text(strings::Unwritten::new(self.context, len)?))
    }

    /// Room for an input that is to be an ArrayBuffer.
    pub(crate) fn bytes(&self, len: usize) -> Result<Input, Thrown> {
        Ok(Input::Bytes(Block::unwritten(self.context, len)?))
    }

    /// Room for an input that is a message: a string or an ArrayBuffer.
    pub(crate) fn data(&self, kind: u32, len: usize) -> Result<Input, Thrown> {
        if kind == u32::from(ValueKind::Text.number()) { self.text(len) } else { self.bytes(len) }
    }

    /// Room for an input that is a stored value; a negative kind is none.
    pub(crate) fn stored(&self, kind: i32, len: usize) -> Result<Input, Thrown> {
        let Ok(kind) = u32::try_from(kind) else { return Ok(Input::Undefined) };
        let kind = ValueKind::from_number(kind).expect("the host passes a kind of the table");
        if kind == ValueKind::Text {
            return self.text(len);
        }
        // With the zero byte that QuickJS wants behind JSON.
        let mut block = Block::unwritten(self.context, len + 1)?;
        // SAFETY: the last byte of the block.
        unsafe { block.start().add(len).write(0) };
        Ok(Input::Stored(kind, block))
    }

    /// The inputs, which the host copies.
    pub(crate) fn receive<const N: usize>(
        &self,
        mut inputs: [Input; N],
    ) -> Result<[JSValue; N], Thrown> {
        let mut places = [ptr::null_mut(); MAX_INPUTS];
        for (place, input) in places.iter_mut().zip(&mut inputs) {
            *place = input.start();
        }
        let [first, second, third, fourth, fifth] = places;
        // SAFETY: there is room for each of the event's inputs, whose lengths are the host's own.
        unsafe { imports::inputs(first, second, third, fourth, fifth) };
        let mut values = [qjs::JS_UNDEFINED; N];
        for (value, input) in values.iter_mut().zip(inputs) {
            // SAFETY: the host has written them.
            *value = unsafe { input.into_value(self.context) }?;
        }
        Ok(values)
    }
}

/// Room for an input of an event.
pub(crate) enum Input {
    Text(strings::Unwritten),
    Bytes(Block),
    /// A stored value of this kind, with a zero byte behind it.
    Stored(ValueKind, Block),
    Undefined,
}

impl Input {
    fn start(&mut self) -> *mut u8 {
        match self {
            Input::Text(text) => text.start(),
            Input::Bytes(block) | Input::Stored(_, block) => block.start(),
            Input::Undefined => ptr::null_mut(),
        }
    }

    /// # Safety
    /// All of the bytes are written.
    unsafe fn into_value(self, context: *mut JSContext) -> Result<JSValue, Thrown> {
        match self {
            // SAFETY: the caller's promise.
            Input::Text(text) => unsafe { text.into_string() },
            Input::Bytes(block) => block.into_array_buffer(),
            Input::Stored(ValueKind::Json, block) => json::read(context, &block),
            Input::Stored(kind, block) => value::of_kind(context, kind, &block[..block.len() - 1]),
            Input::Undefined => Ok(qjs::JS_UNDEFINED),
        }
    }
}
