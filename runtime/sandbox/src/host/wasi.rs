//! The few functions of `wasi_snapshot_preview1` that the engine's C library imports. There is a clock, random
//! bytes, and output that is logged; all others report that there are no files and no environment.

use std::time::UNIX_EPOCH;

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::LogLevel;

use crate::event_state::HostData;
use crate::guest_memory::{self, GuestFault, Span};
use crate::host::log::MAX_LINE_BYTES;
use crate::view::View;

const MODULE: &str = "wasi_snapshot_preview1";

// Values of the `errno` enumeration.
const SUCCESS: i32 = 0;
const BADF: i32 = 8;

/// Most pieces of one write that are read: a panic's text has one or a few.
const MAX_PIECES: i32 = 16;

/// Most random bytes for one call: `crypto.getRandomValues` takes at most 65,536.
const MAX_RANDOM_BYTES: usize = 65_536;

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut caller: Caller<'_, HostData<V>>, _clock: i32, _precision: i64, result: i32| {
            // Every clock is the wall clock: a monotonic one would reveal how long the host is up.
            // It stands still, so that later runs of the event see the same.
            let now = caller.data_mut().now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
            guest_memory::write_owned(&mut caller, result, &nanoseconds.to_le_bytes())?;
            wasmtime::Result::Ok(SUCCESS)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "random_get",
        |mut caller: Caller<'_, HostData<V>>, ptr: i32, len: i32| {
            let len = Span::new(ptr, len).len();
            if len > MAX_RANDOM_BYTES {
                return Err(GuestFault("too many random bytes for one call").into());
            }
            let mut bytes = vec![0; len];
            caller.data_mut().fill_random(&mut bytes)?;
            guest_memory::write_owned(&mut caller, ptr, &bytes)?;
            wasmtime::Result::Ok(SUCCESS)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_write",
        |mut caller: Caller<'_, HostData<V>>, _fd: i32, vectors: i32, count: i32, written: i32| {
            let mut text = Vec::new();
            for index in 0..count.clamp(0, MAX_PIECES) {
                let entry = Span::new(vectors.wrapping_add(index * 8), 8);
                let entry = guest_memory::read_bytes(&mut caller, entry)?;
                let (ptr, len) = entry.split_at(4);
                let number = |bytes: &[u8]| {
                    i32::from_le_bytes(bytes.try_into().expect("both halves have four bytes"))
                };
                let left = MAX_LINE_BYTES - i32::try_from(text.len()).expect("it is no longer");
                let piece = Span::new(number(ptr), number(len).clamp(0, left));
                text.extend_from_slice(&guest_memory::read_bytes(&mut caller, piece)?);
            }
            let len = u32::try_from(text.len()).expect("a line is limited");
            let text = String::from_utf8_lossy(&text);
            if caller.data().view.shows(LogLevel::Error) {
                caller.data_mut().log(LogLevel::Error, text.trim_end().to_owned())?;
            }
            guest_memory::write_owned(&mut caller, written, &len.to_le_bytes())?;
            wasmtime::Result::Ok(SUCCESS)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "environ_sizes_get",
        |mut caller: Caller<'_, HostData<V>>, count: i32, size: i32| {
            guest_memory::write_owned(&mut caller, count, &[0; 4])?;
            guest_memory::write_owned(&mut caller, size, &[0; 4])?;
            wasmtime::Result::Ok(SUCCESS)
        },
    )?;
    linker.func_wrap(MODULE, "environ_get", |_names: i32, _buffer: i32| SUCCESS)?;
    linker.func_wrap(MODULE, "fd_close", |_fd: i32| BADF)?;
    linker.func_wrap(MODULE, "fd_fdstat_get", |_fd: i32, _stat: i32| BADF)?;
    linker
        .func_wrap(MODULE, "fd_seek", |_fd: i32, _offset: i64, _whence: i32, _result: i32| BADF)?;
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg(format!("the guest exited with {code}")))
    })?;
    Ok(())
}
