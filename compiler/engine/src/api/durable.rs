//! The functions of `zigttp:durable`.

use std::ffi::c_int;

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::api::{EARLIEST_TIME, LONGEST_PERIOD, MAX_SIGNAL_BYTES};
use zigttp_abi::value::ValueKind;

use super::arguments::shown;
use super::call::{Call, Native, answer};
use crate::engine::engine;
use crate::event;
use crate::imports;
use crate::storable::Storable;
use crate::thrown::Thrown;
use crate::value::{self, Text};

/// The native function of this name.
pub(super) fn native(name: &str) -> Option<Native> {
    Some(match name {
        "signal" => signal,
        "signalAt" => signal_at,
        "signalEvery" => signal_every,
        "cancelSignal" => cancel_signal,
        "signalTime" => signal_time,
        _ => return None,
    })
}

/// What a host function takes for data or a name that is not given.
const NONE: i32 = -1;

/// Data of a signal, in the form the host takes it.
struct SignalData(Option<Storable>);

impl SignalData {
    fn kind(&self) -> i32 {
        self.0.as_ref().map_or(NONE, |data| data.kind().number().into())
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], Storable::bytes)
    }
}

impl Call {
    /// A handler without `onSignal` could not receive it.
    fn check_receiver(&self) -> Result<(), Thrown> {
        if engine().has_function(const { event::row("onSignal") }) {
            return Ok(());
        }
        let text = format!("{}: the handler exports no onSignal", self.name);
        Err(self.throw(qjs::JS_ThrowTypeError, &text))
    }

    fn signal_data(&self, index: usize) -> Result<SignalData, Thrown> {
        // SAFETY: only the tag is read.
        if unsafe { qjs::JS_IsUndefined(self.argument(index)) } {
            return Ok(SignalData(None));
        }
        let data = self.storable(index)?;
        let bytes = data.bytes();
        if bytes.len() > MAX_SIGNAL_BYTES {
            let len = bytes.len();
            return Err(self.range_error(&format!(
                "the data has {len} bytes, the limit is {MAX_SIGNAL_BYTES}"
            )));
        }
        if data.kind() == ValueKind::Text && std::str::from_utf8(bytes).is_err() {
            return Err(self.type_error(index, "cannot be stored: a lone surrogate at $"));
        }
        Ok(SignalData(Some(data)))
    }
}

unsafe extern "C" fn signal(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "signal", |call| {
        call.check_receiver()?;
        // Before anything is borrowed: reading a property may run JavaScript.
        call.check_options(3, &[c"onFail"])?;
        let on_fail = call.text_option(3, c"onFail")?;
        let (room, name) = (call.room()?, call.key()?);
        if let Some(on_fail) = &on_fail {
            call.check_key("options.onFail", on_fail)?;
        }
        let data = call.signal_data(2)?;
        let on_fail = on_fail.as_deref();
        let on_fail_len = on_fail.map_or(NONE, |name| name.len() as i32);
        let bytes = data.bytes();
        // SAFETY: all of these are alive during the call.
        let result = unsafe {
            imports::signal(
                room.as_ptr(),
                room.len(),
                name.as_ptr(),
                name.len(),
                data.kind(),
                bytes.as_ptr(),
                bytes.len(),
                on_fail.unwrap_or_default().as_ptr(),
                on_fail_len,
            )
        };
        call.host_result(result).map(|_| qjs::JS_UNDEFINED)
    })
}

unsafe extern "C" fn signal_at(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "signalAt", |call| {
        call.check_receiver()?;
        let at = time(call)?;
        let (room, name) = (call.room()?, call.key()?);
        let data = call.signal_data(3)?;
        set_timer(call, imports::signal_at, (&room, &name), at, &data)
    })
}

/// A time in milliseconds since 1970, as a number or a Date.
fn time(call: &Call) -> Result<f64, Thrown> {
    let at = call.argument(2);
    let time = match value::float(at) {
        Some(time) => time,
        // SAFETY: the value and the context are alive.
        None if unsafe { qjs::JS_IsDate(at) } => {
            let mut time = 0.0;
            // SAFETY: as above; there is room for the number.
            if unsafe { qjs::JS_ToFloat64(call.context, &raw mut time, at) } < 0 {
                return Err(Thrown);
            }
            time
        }
        None => return Err(call.type_error(2, "must be a number or a Date")),
    };
    if !time.is_finite() || time > LATEST_TIME {
        return Err(call.range_error(&format!("{} is no time", shown(time))));
    }
    if time < EARLIEST_TIME {
        const YEAR: f64 = 365.25 * 24.0 * 3600.0 * 1000.0;
        let year = 1970 + (time / YEAR).floor() as i64;
        // Seconds since 1970, as other platforms count them, or a delay.
        let meant = match time {
            SECONDS_OF_2001.. => format!("{time} * 1000"),
            _ => format!("Date.now() + {time}"),
        };
        return Err(call.range_error(&format!("{time} is in {year}. Did you mean {meant}?")));
    }
    // It must not fire before its time.
    Ok(time.ceil())
}

/// As many milliseconds are eleven days: a longer delay is rare.
const SECONDS_OF_2001: f64 = 1e9;

/// The last time that a Date can hold (ECMA-262, 21.4.1.1).
const LATEST_TIME: f64 = 8.64e15;

unsafe extern "C" fn signal_every(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "signalEvery", |call| {
        call.check_receiver()?;
        let period = value::float(call.argument(2))
            .ok_or_else(|| call.type_error(2, "must be a number of milliseconds"))?;
        if period > LONGEST_PERIOD {
            return Err(call.range_error(&format!(
                "a period of {} ms is longer than a year. It is the time between two signals: did you mean \
                 signalAt?",
                shown(period)
            )));
        }
        if period.is_nan() || period < 1.0 {
            return Err(call.range_error(&format!("a period of {period} ms is shorter than 1 ms")));
        }
        let (room, name) = (call.room()?, call.key()?);
        let data = call.signal_data(3)?;
        set_timer(call, imports::signal_every, (&room, &name), period.round(), &data)
    })
}

/// A host function that sets a timer.
type SetTimer =
    unsafe extern "C" fn(*const u8, usize, *const u8, usize, f64, i32, *const u8, usize) -> i32;

fn set_timer(
    call: &Call,
    set: SetTimer,
    (room, name): (&Text, &Text),
    time: f64,
    data: &SignalData,
) -> Result<JSValue, Thrown> {
    let bytes = data.bytes();
    // SAFETY: all of these are alive during the call.
    let result = unsafe {
        set(
            room.as_ptr(),
            room.len(),
            name.as_ptr(),
            name.len(),
            time,
            data.kind(),
            bytes.as_ptr(),
            bytes.len(),
        )
    };
    call.host_result(result).map(|_| qjs::JS_UNDEFINED)
}

unsafe extern "C" fn cancel_signal(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "cancelSignal", |call| {
        call.check_receiver()?;
        let (room, name) = (call.room()?, call.key()?);
        // SAFETY: both are alive during the call.
        let result =
            unsafe { imports::cancel_signal(room.as_ptr(), room.len(), name.as_ptr(), name.len()) };
        let was_there = call.host_result(result)? == 1;
        Ok(if was_there { qjs::JS_TRUE } else { qjs::JS_FALSE })
    })
}

unsafe extern "C" fn signal_time(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "signalTime", |call| {
        call.check_receiver()?;
        let (room, name) = (call.room()?, call.key()?);
        let mut time = 0.0_f64;
        // SAFETY: both are alive during the call, and there is room for the number.
        let result = unsafe {
            imports::signal_time(
                room.as_ptr(),
                room.len(),
                name.as_ptr(),
                name.len(),
                (&raw mut time).cast(),
            )
        };
        let is_set = call.host_result(result)? == 1;
        Ok(if is_set { qjs::JS_NewFloat64(time) } else { qjs::JS_UNDEFINED })
    })
}
