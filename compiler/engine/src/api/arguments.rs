//! Arguments of the functions about the state of rooms, and results of the host.

use std::ffi::{CStr, c_int};

use rquickjs::qjs::{self, JSValue};
use zigttp_abi::api::{MAX_KEY_BYTES, MAX_ROOM_BYTES};

use super::call::Call;
use crate::imports;
use crate::thrown::{Thrown, checked};
use crate::value::{Block, Text};

impl Call {
    /// A string without lone surrogates, which UTF-8 cannot hold.
    fn strict_text(&self, index: usize) -> Result<Text, Thrown> {
        let text = self.text(index)?;
        match std::str::from_utf8(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(self.type_error(index, "has a lone surrogate")),
        }
    }

    /// The first argument of the functions of a room's state.
    pub(super) fn room(&self) -> Result<Text, Thrown> {
        self.room_at(0)
    }

    /// An argument that names a room.
    pub(super) fn room_at(&self, index: usize) -> Result<Text, Thrown> {
        let room = self.strict_text(index)?;
        match room.len() {
            1..=MAX_ROOM_BYTES => Ok(room),
            len => Err(self.range_error(&format!(
                "the room has {len} bytes of UTF-8, it may have 1 to {MAX_ROOM_BYTES}"
            ))),
        }
    }

    /// The second: a key, or the name of a signal.
    pub(super) fn key(&self) -> Result<Text, Thrown> {
        // SAFETY: only the tag is read.
        if unsafe { qjs::JS_IsUndefined(self.argument(1)) } {
            return Err(self.type_error(1, "must be a string; the first argument is the room"));
        }
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
            let option = checked(qjs::JS_GetPropertyStr(self.context, options, name.as_ptr()))?;
            Ok((!qjs::JS_IsUndefined(option)).then_some(option))
        }
    }

    /// Refuses options that the function does not have: they would be ignored in silence.
    pub(super) fn check_options(&self, index: usize, known: &[&CStr]) -> Result<(), Thrown> {
        let options = self.argument(index);
        let context = self.context;
        // SAFETY: the context and the object are alive; each name is freed after its use.
        unsafe {
            if !qjs::JS_IsObject(options) {
                return Ok(());
            }
            let (mut names, mut len) = (std::ptr::null_mut(), 0);
            let flags = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY) as c_int;
            if qjs::JS_GetOwnPropertyNames(context, &raw mut names, &raw mut len, options, flags)
                < 0
            {
                return Err(Thrown);
            }
            let mut unknown = None;
            for index in 0..len as usize {
                let name = qjs::JS_AtomToCStringLen(
                    context,
                    std::ptr::null_mut(),
                    (*names.add(index)).atom,
                );
                if name.is_null() {
                    continue;
                }
                let text = CStr::from_ptr(name);
                if !known.contains(&text) {
                    unknown.get_or_insert_with(|| text.to_string_lossy().into_owned());
                }
                qjs::JS_FreeCString(context, name);
            }
            qjs::JS_FreePropertyEnum(context, names, len);
            let Some(unknown) = unknown else { return Ok(()) };
            let known: Vec<_> = known.iter().map(|name| name.to_string_lossy()).collect();
            let text = format!(
                "{}: there is no option {unknown}; the options are {}",
                self.name,
                known.join(", ")
            );
            Err(self.throw(qjs::JS_ThrowTypeError, &text))
        }
    }

    /// The option of that name of `send` and `broadcast`, whose options are `known`.
    pub(super) fn is_volatile(&self, index: usize, known: &[&CStr]) -> Result<bool, Thrown> {
        self.check_options(index, known)?;
        self.flag_option(index, c"volatile")
    }

    /// A boolean, false unless given.
    pub(super) fn flag_option(&self, index: usize, name: &CStr) -> Result<bool, Thrown> {
        let Some(flag) = self.option(index, name)? else { return Ok(false) };
        // SAFETY: only the tag and the value are read.
        let flag = unsafe { qjs::JS_IsBool(flag).then(|| qjs::JS_VALUE_GET_BOOL(flag)) };
        flag.ok_or_else(|| self.option_error(name, "must be a boolean"))
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

/// A number as JavaScript prints it, where the two differ.
pub(super) fn shown(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    number.to_string()
}
