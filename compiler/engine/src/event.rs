//! One event: take its inputs in, call the handler's export, drain the jobs it left.
//!
//! What ends an event as thrown: an exception of the call, a job that throws, a rejection that
//! nobody has handled by the end, and a returned promise that is rejected or can never settle.
//! Values are not freed at the end; they go with the instance.

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::events::EXPORTS;
use zigttp_abi::guest::Status;
use zigttp_abi::value::ValueKind;

use crate::ascii;
use crate::failure::{self, Thrown};
use crate::imports;
use crate::runtime::{self, engine};
use crate::value::{self, Block};

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
        fastrand::seed(seed.cast_unsigned());
        let name = EXPORTS[row].name;
        Event { context: engine().context(), name, function: engine().function(row) }
    }

    pub(crate) fn context(&self) -> *mut JSContext {
        self.context
    }

    /// Runs the event's body, and tells the host if it threw.
    pub(crate) fn finish(self, body: impl FnOnce(&Event) -> Result<JSValue, Thrown>) -> i32 {
        let status = match body(&self) {
            Ok(_) => Status::Done,
            Err(Thrown) => {
                failure::report_pending();
                Status::Threw
            }
        };
        status as i32
    }

    /// Calls the export, drains the jobs, and answers with what it returned or its promise holds.
    pub(crate) fn call(&self, arguments: &mut [JSValue]) -> Result<JSValue, Thrown> {
        // SAFETY: the context, the function and the arguments are alive.
        let returned = value::checked(unsafe {
            qjs::JS_Call(
                self.context,
                self.function,
                qjs::JS_UNDEFINED,
                arguments.len() as _,
                arguments.as_mut_ptr(),
            )
        })?;
        runtime::drain_jobs()?;
        runtime::settle(returned, self.name)
    }

    /// An input that is text.
    pub(crate) fn text_input(&self, index: u32, len: usize) -> Result<JSValue, Thrown> {
        // SAFETY: the string has room for `len` bytes, which the host writes.
        ascii::string_filled(self.context, len, |to| unsafe { imports::input(index, to) })
    }

    /// An input that is bytes, as an ArrayBuffer that the host has written into.
    pub(crate) fn bytes_input(&self, index: u32, len: usize) -> Result<JSValue, Thrown> {
        // SAFETY: the block has room for `len` bytes, which the host writes.
        Block::filled(self.context, len, |to| unsafe { imports::input(index, to) })?
            .into_array_buffer()
    }

    /// An input that is a message: a string or an ArrayBuffer.
    pub(crate) fn data_input(&self, index: u32, kind: u32, len: usize) -> Result<JSValue, Thrown> {
        if kind == u32::from(ValueKind::Text.number()) {
            self.text_input(index, len)
        } else {
            self.bytes_input(index, len)
        }
    }
}
