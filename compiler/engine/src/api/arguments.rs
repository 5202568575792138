//! Arguments of the functions about the state of rooms, and results of the host.

use std::ffi::CStr;

use rquickjs::qjs::{self, JSValue};
use zigttp_abi::api::{MAX_KEY_BYTES, MAX_ROOM_BYTES};

use super::call::Call;
use crate::imports;
use crate::thrown::Thrown;
use crate::value::{self, Block, Text};

impl Call {
    /// A string without lone surrogates, which UTF-8 cannot hold.
    fn strict_text(&self, index: usize) -> Result<Text, Thrown> {
        let text = self.text(index)?;
        match std::str::from_utf8(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(self.type_error(index, "has a lone surrogate")),
        }
    }

    /// The first argument of the functions of rooms.
    pub(super) fn room(&self) -> Result<Text, Thrown> {
        let room = self.strict_text(0)?;
        match room.len() {
            1..=MAX_ROOM_BYTES => Ok(room),
            len => Err(self.range_error(&format!(
                "the room has {len} bytes of UTF-8, it may have 1 to {MAX_ROOM_BYTES}"
            ))),
        }
    }

    /// The second: a key, or the name of a signal.
    pub(super) fn key(&self) -> Result<Text, Thrown> {
        let key = self.strict_text(1)?;
        self.check_key(self.parameter(1).name, &key).map(|()| key)
    }

    pub(super) fn check_key(&self, what: &str, key: &Text) -> Result<(), Thrown> {
        match key.len() {
            1..=MAX_KEY_BYTES => Ok(()),
            len => Err(self.range_error(&format!(
                "{what} has {len} bytes of UTF-8, it may have 1 to {MAX_KEY_BYTES}"
            ))),
        }
    }

    /// A property of the options; `None` where it is undefined, or there are no options.
    pub(super) fn option(&self, index: usize, name: &CStr) -> Result<Option<JSValue>, Thrown> {
        let options = self.argument(index);
        // SAFETY: only tags are read; the context and the object are alive.
        unsafe {
            if qjs::JS_IsUndefined(options) {
                return Ok(None);
            }
            if !qjs::JS_IsObject(options) {
                return Err(self.type_error(index, "must be an object"));
            }
            let option =
                value::checked(qjs::JS_GetPropertyStr(self.context, options, name.as_ptr()))?;
            Ok((!qjs::JS_IsUndefined(option)).then_some(option))
        }
    }

    /// A TypeError about a property of the options.
    pub(super) fn option_error(&self, option: &CStr, complaint: &str) -> Thrown {
        let option = option.to_string_lossy();
        let text = format!("{}: options.{option} {complaint}", self.name);
        self.throw(qjs::JS_ThrowTypeError, &text)
    }

    pub(super) fn text_option(&self, index: usize, name: &CStr) -> Result<Option<Text>, Thrown> {
        let Some(option) = self.option(index, name)? else { return Ok(None) };
        // SAFETY: only the tag is read.
        if !unsafe { qjs::JS_IsString(option) } {
            return Err(self.option_error(name, "must be a string"));
        }
        let text = Text::new(self.context, option)?;
        match std::str::from_utf8(&text) {
            Ok(_) => Ok(Some(text)),
            Err(_) => Err(self.option_error(name, "has a lone surrogate")),
        }
    }

    /// An answer of the host that is negative for a RangeError: then `take` has so many bytes of its text.
    pub(super) fn host_result(&self, result: i32) -> Result<i32, Thrown> {
        if result >= 0 {
            return Ok(result);
        }
        let len = result.unsigned_abs() as usize;
        // SAFETY: the block has the length that the host has just told.
        let text = Block::filled(self.context, len, |to| unsafe { imports::take(to) })?;
        Err(self.range_error(&String::from_utf8_lossy(&text)))
    }
}
