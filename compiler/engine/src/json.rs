//! JSON: the text of values, and the values of text.
//!
//! ```text
//!   JSON.parse, JSON.stringify       stored values
//!            |                             |
//!        global.rs                     strict.rs: what would not come back equal is refused
//!            |                             |
//!   parse.rs   write.rs -----> view.rs: an object's properties as QuickJS has them
//!            |       |
//!   scan.rs, number.rs  sink.rs: text in the width it needs
//! ```
//!
//! One reader and one writer serve both. They know ordinary values alone, and run nothing of the handler: what else
//! there is, as a `toJSON`, a getter, a Proxy, or text that is no JSON, `global.rs` leaves to QuickJS's own
//! functions from the beginning, and `strict.rs` refuses. Neither recurses.

mod global;
mod number;
mod parse;
mod scan;
mod sink;
mod strict;
mod view;
mod write;

use std::ops::Deref;

use rquickjs::qjs::{self, JSContext, JSValue};

pub(crate) use strict::{Refused, check_classes};

use crate::strings::{self, Units};
use crate::thrown::{Thrown, checked};
use crate::value;

/// The value of JSON text, whose last byte is a zero that is not part of it.
pub(crate) fn read(context: *mut JSContext, terminated: &[u8]) -> Result<JSValue, Thrown> {
    let (zero, text) = terminated.split_last().expect("a zero byte ends the text");
    debug_assert!(*zero == 0, "QuickJS reads up to a zero byte");
    let parsed = if strings::is_ascii(text) {
        parse::parse(context, Units::Narrow(text))?
    } else {
        let string = value::string(context, text)?;
        // SAFETY: the string is alive while its units are looked at, and given back.
        unsafe {
            let units = strings::units_of(string);
            let parsed = units.map_or(Ok(None), |units| parse::parse(context, units));
            qjs::JS_FreeValue(context, string);
            parsed?
        }
    };
    if let Some(value) = parsed {
        return Ok(value);
    }
    // It says what is wrong.
    // SAFETY: the context is alive, the text is during the call and ends with a zero byte.
    checked(unsafe {
        qjs::JS_ParseJSON(
            context,
            terminated.as_ptr().cast(),
            text.len() as _,
            c"stored value".as_ptr(),
        )
    })
}

/// The JSON text of a value that comes back equal.
pub(crate) fn write(context: *mut JSContext, value: JSValue) -> Result<Written, Refused> {
    strict::write(context, value).map(Written)
}

/// JSON text in UTF-8.
pub(crate) struct Written(sink::Bytes<true>);

impl Deref for Written {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.written()
    }
}
