//! The functions of `zigttp:websocket` that are about rooms.

use std::ffi::{CStr, c_int};

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::api::MAX_LISTED_ROOMS;
use zigttp_abi::guest::rooms::HEAD_BYTES;

use super::arguments::shown;
use super::call::{Call, Native, answer, received};
use crate::imports;
use crate::thrown::{Thrown, checked};
use crate::value::{self, SMALL, Scratch, Text};

/// The native function of this name.
pub(super) fn native(name: &str) -> Option<Native> {
    Some(match name {
        "broadcast" => broadcast,
        "join" => join,
        "leave" => leave,
        "move" => move_to,
        "getRooms" => get_rooms,
        "listRooms" => list_rooms,
        "param" => param,
        "roomFromPath" => room_from_path,
        _ => return None,
    })
}

unsafe extern "C" fn broadcast(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "broadcast", |call| {
        // Before anything is borrowed: reading a property may run JavaScript.
        let options = BroadcastOptions::new(call)?;
        let (room, data) = (call.text(0)?, call.data(1)?);
        let (kind, bytes) = (data.kind().number().into(), data.bytes());
        // SAFETY: all of these are alive during the call.
        let count = unsafe {
            imports::broadcast(
                room.as_ptr(),
                room.len(),
                kind,
                bytes.as_ptr(),
                bytes.len(),
                options.is_volatile.into(),
                options.except.as_ptr().cast(),
                options.except.len(),
            )
        };
        Ok(value::number(count.into()))
    })
}

/// The options of `broadcast`, as the host takes them.
#[derive(Default)]
struct BroadcastOptions {
    is_volatile: bool,
    except: Vec<f64>,
}

impl BroadcastOptions {
    /// Reads options, or what may stand in place of them: a connection, or an array of connections.
    fn new(call: &Call) -> Result<BroadcastOptions, Thrown> {
        const INDEX: usize = 2;
        let argument = call.argument(INDEX);
        // SAFETY: only tags are read.
        let (is_undefined, is_list) = unsafe {
            (qjs::JS_IsUndefined(argument), qjs::JS_IsNumber(argument) || qjs::JS_IsArray(argument))
        };
        if is_undefined {
            return Ok(BroadcastOptions::default());
        }
        if is_list {
            return Ok(BroadcastOptions {
                except: connections(call, argument)?,
                is_volatile: false,
            });
        }
        let is_volatile = call.is_volatile(INDEX, &[c"except", c"volatile"])?;
        let except = match call.option(INDEX, c"except")? {
            Some(except) => connections(call, except)?,
            None => Vec::new(),
        };
        Ok(BroadcastOptions { is_volatile, except })
    }
}

/// The ids of a connection, or of an array of connections.
fn connections(call: &Call, value: JSValue) -> Result<Vec<f64>, Thrown> {
    let refused = || {
        let text = "broadcast: except must be a WebSocket or an array of WebSockets";
        call.throw(qjs::JS_ThrowTypeError, text)
    };
    if let Some(id) = value::safe_integer(value) {
        return Ok(vec![id as f64]);
    }
    // SAFETY: the context and the array are alive; its elements are numbers, which need not be freed, or
    // they are refused, and the event ends.
    unsafe {
        if !qjs::JS_IsArray(value) {
            return Err(refused());
        }
        let mut len = 0;
        if qjs::JS_GetLength(call.context, value, &raw mut len) < 0 {
            return Err(Thrown);
        }
        let mut ids = Vec::new();
        for index in 0..len {
            let element = qjs::JS_GetPropertyInt64(call.context, value, index);
            let id = value::safe_integer(checked(element)?).ok_or_else(refused)?;
            ids.push(id as f64);
        }
        Ok(ids)
    }
}

/// What the three functions call that change the rooms of a connection.
type Change = unsafe extern "C" fn(i64, *const u8, usize) -> i32;

fn change(
    context: *mut JSContext,
    arguments: *mut JSValue,
    name: &'static str,
    change: Change,
) -> JSValue {
    answer(context, arguments, name, |call| {
        let ws = call.connection()?;
        let room = call.room_at(1)?;
        // SAFETY: the room is alive during the call.
        let result = unsafe { change(ws, room.as_ptr(), room.len()) };
        call.host_result(result).map(|_| qjs::JS_UNDEFINED)
    })
}

unsafe extern "C" fn join(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    change(context, arguments, "join", imports::join)
}

unsafe extern "C" fn leave(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    change(context, arguments, "leave", imports::leave)
}

unsafe extern "C" fn move_to(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    change(context, arguments, "move", imports::move_to)
}

unsafe extern "C" fn get_rooms(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "getRooms", |call| {
        let ws = call.connection()?;
        let mut scratch = Scratch::new();
        // SAFETY: the scratch has this much room.
        let len = unsafe { imports::get_rooms(ws, scratch.start(), SMALL) };
        let len = call.host_result(len)? as usize;
        received(call.context, &scratch, len, |list| {
            rooms(call.context, list, |room, _members| Ok(room))
        })
    })
}

unsafe extern "C" fn list_rooms(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "listRooms", |call| {
        let options = ListRoomsOptions::new(call)?;
        let prefix = options.prefix.as_deref().unwrap_or_default();
        let after = options.start_after.as_deref();
        // -1 is none.
        let after_len = after.map_or(-1, |after| after.len() as i32);
        let mut scratch = Scratch::new();
        // SAFETY: the texts are alive during the call, and the scratch has this much room.
        let len = unsafe {
            imports::list_rooms(
                options.of_state.into(),
                options.limit,
                prefix.as_ptr(),
                prefix.len(),
                after.unwrap_or_default().as_ptr(),
                after_len,
                scratch.start(),
                SMALL,
            )
        };
        let len = call.host_result(len)? as usize;
        received(call.context, &scratch, len, |list| {
            rooms(call.context, list, |room, members| {
                // SAFETY: the context is alive; the values are given to the object.
                unsafe {
                    let object = checked(qjs::JS_NewObject(call.context))?;
                    set(call.context, object, c"room", room)?;
                    set(call.context, object, c"members", qjs::JS_NewFloat64(members.into()))?;
                    Ok(object)
                }
            })
        })
    })
}

/// Sets a property of a new object.
///
/// # Safety
/// The context and the values are alive. The property takes its value.
unsafe fn set(
    context: *mut JSContext,
    object: JSValue,
    name: &CStr,
    value: JSValue,
) -> Result<(), Thrown> {
    // SAFETY: the caller's promise.
    match unsafe { qjs::JS_SetPropertyStr(context, object, name.as_ptr(), value) } {
        0.. => Ok(()),
        _ => Err(Thrown),
    }
}

/// The options of `listRooms`, as the host takes them.
struct ListRoomsOptions {
    of_state: bool,
    /// 0 without one.
    limit: u32,
    prefix: Option<Text>,
    start_after: Option<Text>,
}

impl ListRoomsOptions {
    fn new(call: &Call) -> Result<ListRoomsOptions, Thrown> {
        const INDEX: usize = 0;
        call.check_options(INDEX, &[c"prefix", c"startAfter", c"limit", c"of"])?;
        let prefix = call.text_option(INDEX, c"prefix")?;
        let start_after = call.text_option(INDEX, c"startAfter")?;
        let of_state = match call.text_option(INDEX, c"of")?.as_deref() {
            None | Some(b"members") => false,
            Some(b"state") => true,
            Some(_) => return Err(call.option_error(c"of", "must be \"members\" or \"state\"")),
        };
        let limit = match call.option(INDEX, c"limit")? {
            None => 0,
            Some(limit) => match value::float(limit) {
                Some(limit)
                    if (1.0..=MAX_LISTED_ROOMS as f64).contains(&limit) && limit.fract() == 0.0 =>
                {
                    limit as u32
                }
                Some(limit) => {
                    return Err(call.range_error(&format!(
                        "options.limit is {}, it has to be an integer from 1 to {MAX_LISTED_ROOMS}",
                        shown(limit)
                    )));
                }
                None => return Err(call.option_error(c"limit", "must be a number")),
            },
        };
        Ok(ListRoomsOptions { of_state, limit, prefix, start_after })
    }
}

/// An array of what `make` makes of each room of a list (see [`zigttp_abi::guest::rooms`]).
fn rooms(
    context: *mut JSContext,
    mut list: &[u8],
    make: impl Fn(JSValue, u32) -> Result<JSValue, Thrown>,
) -> Result<JSValue, Thrown> {
    // SAFETY: the context is alive, and the array is ours.
    let array = checked(unsafe { qjs::JS_NewArray(context) })?;
    let mut index = 0;
    while let Some((head, rest)) = list.split_first_chunk::<HEAD_BYTES>() {
        let [members, len] = [0, 4]
            .map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let (name, rest) = rest.split_at(len as usize);
        list = rest;
        let room = make(value::string(context, name)?, members)?;
        // SAFETY: as above; the value is given to the array.
        if unsafe { qjs::JS_SetPropertyUint32(context, array, index, room) } < 0 {
            return Err(Thrown);
        }
        index += 1;
    }
    Ok(array)
}

unsafe extern "C" fn room_from_path(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "roomFromPath", |call| {
        let ws = call.connection()?;
        let name = call.text(1)?;
        connection_param(call, ws, &name)
    })
}

fn connection_param(call: &Call, ws: i64, name: &Text) -> Result<JSValue, Thrown> {
    let mut scratch = Scratch::new();
    // SAFETY: the name is alive during the call, and the scratch has this much room.
    let len =
        unsafe { imports::room_from_path(ws, name.as_ptr(), name.len(), scratch.start(), SMALL) };
    found_param(call, &scratch, len, "the connection is gone, or its route", name)
}

unsafe extern "C" fn param(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "param", |call| {
        let of = call.argument(0);
        if let Some(ws) = value::safe_integer(of) {
            let name = call.text(1)?;
            return connection_param(call, ws, &name);
        }
        let refused = || call.type_error(0, "must be a WebSocket, a Request or the name of a room");
        // SAFETY: only tags are read.
        let (is_room, is_object) = unsafe { (qjs::JS_IsString(of), qjs::JS_IsObject(of)) };
        let path = if is_room {
            of
        } else if is_object {
            // SAFETY: the context and the object are alive.
            checked(unsafe { qjs::JS_GetPropertyStr(call.context, of, c"path".as_ptr()) })?
        } else {
            return Err(refused());
        };
        // SAFETY: only the tag is read.
        if !unsafe { qjs::JS_IsString(path) } {
            return Err(refused());
        }
        let (path, name) = (Text::new(call.context, path)?, call.text(1)?);
        let mut scratch = Scratch::new();
        // SAFETY: path and name are alive during the call, and the scratch has this much room.
        let len = unsafe {
            imports::path_param(
                is_room.into(),
                path.as_ptr(),
                path.len(),
                name.as_ptr(),
                name.len(),
                scratch.start(),
                SMALL,
            )
        };
        let whose = if is_room { "the name of this room" } else { "the route of this request" };
        found_param(call, &scratch, len, whose, &name)
    })
}

/// A parameter that the host has found, or a RangeError.
fn found_param(
    call: &Call,
    scratch: &Scratch,
    len: i32,
    whose: &str,
    name: &Text,
) -> Result<JSValue, Thrown> {
    let Ok(len) = usize::try_from(len) else {
        return Err(call.range_error(&format!(
            "{whose} has no parameter \":{}\"",
            String::from_utf8_lossy(name),
        )));
    };
    received(call.context, scratch, len, |bytes| value::string(call.context, bytes))
}
