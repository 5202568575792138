//! The functions of `zigttp:storage`, and of `zigttp:memory` where `MEMORY`.

use std::ffi::c_int;

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::guest::list;
use zigttp_abi::value::ValueKind;

use super::arguments::shown;
use super::call::{Call, Native, answer, received_value};
use crate::imports;
use crate::json;
use crate::thrown::{Thrown, checked};
use crate::value::{self, Block, SMALL, Scratch, Text};

/// The native function of this name.
pub(super) fn native<const MEMORY: bool>(name: &str) -> Option<Native> {
    Some(match name {
        "get" => get::<MEMORY>,
        "put" => put::<MEMORY>,
        "delete" => delete::<MEMORY>,
        "list" => list::<MEMORY>,
        "deleteAll" => delete_all::<MEMORY>,
        "usage" => usage::<MEMORY>,
        _ => return None,
    })
}

/// One of two, by the module.
macro_rules! of {
    ($memory:expr, $storage_one:expr, $memory_one:expr) => {
        if $memory { $memory_one } else { $storage_one }
    };
}

unsafe extern "C" fn get<const MEMORY: bool>(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, of!(MEMORY, "storage.get", "memory.get"), |call| {
        let (room, key) = (call.room()?, call.key()?);
        let mut scratch = Scratch::new();
        let get = of!(MEMORY, imports::storage_get, imports::memory_get);
        // SAFETY: room and key are alive during the call, and the scratch has this much room.
        let packed = unsafe {
            get(room.as_ptr(), room.len(), key.as_ptr(), key.len(), scratch.start(), SMALL)
        };
        received_value(call.context, &mut scratch, packed)
    })
}

unsafe extern "C" fn put<const MEMORY: bool>(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, of!(MEMORY, "storage.put", "memory.put"), |call| {
        // Before anything is borrowed: reading a property may run JavaScript.
        let ttl = ttl(call)?;
        let (room, key) = (call.room()?, call.key()?);
        let value = call.storable(2)?;
        let (kind, bytes) = (value.kind(), value.bytes());
        if kind == ValueKind::Text && std::str::from_utf8(bytes).is_err() {
            return Err(call.type_error(2, "cannot be stored: a lone surrogate at $"));
        }
        let put = of!(MEMORY, imports::storage_put, imports::memory_put);
        // SAFETY: room, key and value are alive during the call.
        let result = unsafe {
            put(
                room.as_ptr(),
                room.len(),
                key.as_ptr(),
                key.len(),
                kind.number().into(),
                bytes.as_ptr(),
                bytes.len(),
                ttl,
            )
        };
        call.host_result(result).map(|_| qjs::JS_UNDEFINED)
    })
}

/// The time to live in milliseconds; 0 without one.
fn ttl(call: &Call) -> Result<f64, Thrown> {
    call.check_options(3, &[c"ttl"])?;
    let Some(ttl) = call.option(3, c"ttl")? else { return Ok(0.0) };
    match value::float(ttl) {
        Some(ttl) if ttl.is_finite() && ttl > 0.0 => Ok(ttl),
        Some(ttl) => Err(call.range_error(&format!(
            "options.ttl is {}, it has to be a number of milliseconds over 0",
            shown(ttl)
        ))),
        None => Err(call.option_error(c"ttl", "must be a number of milliseconds")),
    }
}

unsafe extern "C" fn delete<const MEMORY: bool>(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, of!(MEMORY, "storage.delete", "memory.delete"), |call| {
        let (room, key) = (call.room()?, call.key()?);
        let delete = of!(MEMORY, imports::storage_delete, imports::memory_delete);
        // SAFETY: both are alive during the call.
        let result = unsafe { delete(room.as_ptr(), room.len(), key.as_ptr(), key.len()) };
        let was_there = call.host_result(result)? == 1;
        Ok(if was_there { qjs::JS_TRUE } else { qjs::JS_FALSE })
    })
}

unsafe extern "C" fn delete_all<const MEMORY: bool>(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, of!(MEMORY, "storage.deleteAll", "memory.deleteAll"), |call| {
        let room = call.room()?;
        let delete_all = of!(MEMORY, imports::storage_delete_all, imports::memory_delete_all);
        // SAFETY: the room is alive during the call.
        let result = unsafe { delete_all(room.as_ptr(), room.len()) };
        call.host_result(result).map(|_| qjs::JS_UNDEFINED)
    })
}

unsafe extern "C" fn usage<const MEMORY: bool>(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, of!(MEMORY, "storage.usage", "memory.usage"), |call| {
        let room = call.room()?;
        let mut numbers = [0.0; 3];
        let usage = of!(MEMORY, imports::storage_usage, imports::memory_usage);
        // SAFETY: the room is alive during the call, and there is room for three numbers.
        unsafe { usage(room.as_ptr(), room.len(), numbers.as_mut_ptr().cast()) };
        // SAFETY: the context is alive, and the object is ours.
        unsafe {
            let object = checked(qjs::JS_NewObject(call.context))?;
            for (name, number) in [c"keys", c"bytes", c"limit"].into_iter().zip(numbers) {
                let number = qjs::JS_NewFloat64(number);
                if qjs::JS_SetPropertyStr(call.context, object, name.as_ptr(), number) < 0 {
                    return Err(Thrown);
                }
            }
            Ok(object)
        }
    })
}

unsafe extern "C" fn list<const MEMORY: bool>(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, of!(MEMORY, "storage.list", "memory.list"), |call| {
        let options = ListOptions::new(call)?;
        let room = call.room()?;
        let (prefix, start, end) =
            (part(&options.prefix), part(&options.start), part(&options.end));
        let mut scratch = Scratch::new();
        let list = of!(MEMORY, imports::storage_list, imports::memory_list);
        // SAFETY: all texts are alive during the call, and the scratch has this much room.
        let result = unsafe {
            list(
                room.as_ptr(),
                room.len(),
                options.flags,
                options.limit,
                prefix.as_ptr(),
                prefix.len(),
                start.as_ptr(),
                start.len(),
                end.as_ptr(),
                end.len(),
                scratch.start(),
                SMALL,
            )
        };
        let len = call.host_result(result)? as usize;
        if len <= SMALL {
            // SAFETY: the host writes answers that fit.
            return entries(call.context, unsafe { scratch.written(len) });
        }
        // SAFETY: the block has the length that the host has just told.
        let block = Block::filled(call.context, len, |to| unsafe { imports::take(to) })?;
        entries(call.context, &block)
    })
}

fn part(text: &Option<Text>) -> &[u8] {
    text.as_deref().unwrap_or_default()
}

/// The options of `list`, as the host takes them.
struct ListOptions {
    flags: u32,
    /// 0 without one.
    limit: u32,
    prefix: Option<Text>,
    start: Option<Text>,
    end: Option<Text>,
}

impl ListOptions {
    fn new(call: &Call) -> Result<ListOptions, Thrown> {
        call.check_options(1, &[c"prefix", c"start", c"startAfter", c"end", c"reverse", c"limit"])?;
        let mut flags = 0;
        let prefix = call.text_option(1, c"prefix")?;
        let mut start = call.text_option(1, c"start")?;
        if let Some(after) = call.text_option(1, c"startAfter")? {
            if start.is_some() {
                return Err(
                    call.range_error("options.start and options.startAfter exclude each other")
                );
            }
            flags |= list::AFTER_START;
            start = Some(after);
        }
        let end = call.text_option(1, c"end")?;
        if end.is_some() {
            flags |= list::HAS_END;
        }
        if call.flag_option(1, c"reverse")? {
            flags |= list::REVERSE;
        }
        let limit = match call.option(1, c"limit")? {
            None => 0,
            Some(limit) => match value::float(limit) {
                Some(limit) if limit >= 1.0 && limit.fract() == 0.0 => limit as u32,
                Some(limit) => {
                    return Err(call.range_error(&format!(
                        "options.limit is {}, it has to be an integer of at least 1",
                        shown(limit)
                    )));
                }
                None => return Err(call.option_error(c"limit", "must be a number")),
            },
        };
        Ok(ListOptions { flags, limit, prefix, start, end })
    }
}

/// An array of `[key, value]` of the host's answer (see [`zigttp_abi::guest::list`]).
fn entries(context: *mut JSContext, mut answer: &[u8]) -> Result<JSValue, Thrown> {
    // SAFETY: the context is alive, and the arrays are ours.
    let array = checked(unsafe { qjs::JS_NewArray(context) })?;
    let mut index = 0;
    while let Some((head, rest)) = answer.split_first_chunk::<{ list::HEAD_BYTES }>() {
        let number = |at: usize| {
            let bytes = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            u32::from_le_bytes(bytes)
        };
        let (key_len, kind, len) = (number(0) as usize, number(4), number(8) as usize);
        let (key, rest) = rest.split_at(key_len);
        // With the zero byte that QuickJS wants behind JSON.
        let (bytes, rest) = rest.split_at(len + 1);
        answer = rest;
        let kind = ValueKind::from_number(kind).expect("the host answers with a kind of the table");
        let value = match kind {
            ValueKind::Json => json::read(context, bytes)?,
            kind => value::of_kind(context, kind, &bytes[..len])?,
        };
        let mut pair = [value::string(context, key)?, value];
        // SAFETY: as above; the values are given to the array, and the array to the list.
        unsafe {
            let pair = checked(qjs::JS_NewArrayFrom(context, 2, pair.as_mut_ptr()))?;
            if qjs::JS_SetPropertyUint32(context, array, index, pair) < 0 {
                return Err(Thrown);
            }
        }
        index += 1;
    }
    Ok(array)
}
