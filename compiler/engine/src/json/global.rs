//! `JSON.parse` and `JSON.stringify`: ours for what is ordinary, QuickJS's for all else, from the beginning.

use std::ffi::c_int;

use rquickjs::qjs::{self, JSContext, JSValue};

use super::parse;
use super::sink::{Bytes, Wide};
use super::view::{self, Kind, View};
use super::write::{self, Rules, Stop};
use crate::strings;
use crate::thrown::{Thrown, checked};

unsafe extern "C" {
    /// QuickJS's `JSON.parse`, with a reviver and with errors that say what is wrong and where.
    fn zigttp_quickjs_parse(
        context: *mut JSContext,
        this: JSValue,
        argument_count: c_int,
        arguments: *mut JSValue,
    ) -> JSValue;
    /// QuickJS's `JSON.stringify`.
    fn zigttp_quickjs_stringify(
        context: *mut JSContext,
        this: JSValue,
        argument_count: c_int,
        arguments: *mut JSValue,
    ) -> JSValue;
}

/// `JSON.parse(text, reviver)`.
///
/// # Safety
/// QuickJS calls this, with as many arguments as the function's `length` at least.
#[unsafe(no_mangle)]
unsafe extern "C" fn zigttp_json_parse(
    context: *mut JSContext,
    this: JSValue,
    argument_count: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    // SAFETY: the arguments are alive, and two at least.
    unsafe {
        let [text, reviver] = arguments.cast::<[JSValue; 2]>().read();
        if !qjs::JS_IsFunction(context, reviver) {
            match parse_text(context, text) {
                Ok(Some(value)) => return value,
                Ok(None) => {}
                Err(Thrown) => return qjs::JS_EXCEPTION,
            }
        }
        zigttp_quickjs_parse(context, this, argument_count, arguments)
    }
}

/// # Safety
/// The context and the value are alive.
unsafe fn parse_text(context: *mut JSContext, text: JSValue) -> Result<Option<JSValue>, Thrown> {
    // SAFETY: the caller's promise. What a rope is made into is given back after it is read.
    unsafe {
        if let Some(units) = strings::units_of(text) {
            return parse::parse(context, units);
        }
        if !qjs::JS_IsString(text) {
            return Ok(None);
        }
        let flat = checked(qjs::JS_ToString(context, text))?;
        let parsed = strings::units_of(flat).map_or(Ok(None), |units| parse::parse(context, units));
        qjs::JS_FreeValue(context, flat);
        parsed
    }
}

/// `JSON.stringify(value, replacer, space)`.
///
/// # Safety
/// QuickJS calls this, with as many arguments as the function's `length` at least.
#[unsafe(no_mangle)]
unsafe extern "C" fn zigttp_json_stringify(
    context: *mut JSContext,
    this: JSValue,
    argument_count: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    // SAFETY: the arguments are alive, and three at least.
    unsafe {
        let [value, replacer, space] = arguments.cast::<[JSValue; 3]>().read();
        let is_nothing = |value| qjs::JS_IsUndefined(value) || qjs::JS_IsNull(value);
        if is_nothing(replacer) && is_nothing(space) {
            match text_of(context, value) {
                Ok(text) => return text,
                Err(Stop::Thrown) => return qjs::JS_EXCEPTION,
                Err(Stop::Unusual(_) | Stop::Wide) => {}
            }
        }
        zigttp_quickjs_stringify(context, this, argument_count, arguments)
    }
}

/// The text of a value; most have no unit beyond Latin 1, so that is tried first.
fn text_of(context: *mut JSContext, value: JSValue) -> Result<JSValue, Stop> {
    let mut rules = Ordinary { context, without: [0; 4], next: 0 };
    let mut bytes = Bytes::<false>::new(context)?;
    match write::write(context, &mut rules, &mut bytes, value) {
        Ok(()) => return Ok(bytes.into_string()?),
        Err((Stop::Wide, _)) => drop(bytes),
        Err((stop, _)) => return Err(stop),
    }
    let mut wide = Wide::new(context)?;
    write::write(context, &mut rules, &mut wide, value).map_err(|(stop, _)| stop)?;
    Ok(wide.into_string()?)
}

/// What JavaScript writes by its own properties alone.
struct Ordinary {
    context: *mut JSContext,
    /// Shapes of objects that have no `toJSON`: all objects of a shape have the same names and prototype, and
    /// nothing changes while a value is written.
    without: [usize; 4],
    next: usize,
}

impl Rules for Ordinary {
    const IS_STRICT: bool = false;

    fn is_plain(&mut self, object: JSValue, kind: Kind, view: &View) -> bool {
        if kind == Kind::SparseArray {
            return false;
        }
        if self.without.contains(&view.shape()) {
            return true;
        }
        if view::has_to_json(self.context, object) {
            return false;
        }
        self.without[self.next] = view.shape();
        self.next = (self.next + 1) % self.without.len();
        true
    }
}
