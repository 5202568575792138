//! The host of an instance while it is built: it collects console lines and the error, limits the memory,
//! and gives the C library the same values every time.

use wasmtime::{Caller, Extern, Linker, Memory, ResourceLimiter};
use zigttp_abi::guest::{IMPORT_MODULE, LogLevel};

use crate::console::{Console, ConsoleLine};

const WASI: &str = "wasi_snapshot_preview1";

// Of WASI's `errno` enumeration.
const SUCCESS: i32 = 0;
const BADF: i32 = 8;

/// What is kept for one instance.
pub(super) struct BuildHost {
    console: Console,
    failure: Option<Failure>,
    memory_limit: usize,
    was_memory_refused: bool,
    /// State of the generator behind `random_get`.
    random: u64,
}

/// The error that ended `link`, as the guest reports it.
#[derive(Default)]
pub(super) struct Failure {
    pub(super) message: String,
    /// As QuickJS writes it, with positions in the compiled code.
    pub(super) stack: String,
}

impl BuildHost {
    pub(super) fn new(memory_limit: usize) -> BuildHost {
        BuildHost {
            console: Console::default(),
            failure: None,
            memory_limit,
            was_memory_refused: false,
            random: 0,
        }
    }

    pub(super) fn was_memory_refused(&self) -> bool {
        self.was_memory_refused
    }

    pub(super) fn take_failure(&mut self) -> Failure {
        self.failure.take().unwrap_or_default()
    }

    pub(super) fn into_console(self) -> Vec<ConsoleLine> {
        self.console.into_lines()
    }

    /// SplitMix64: random enough, and the same every time.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl ResourceLimiter for BuildHost {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_allowed = desired <= self.memory_limit;
        self.was_memory_refused |= !is_allowed;
        Ok(is_allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 100_000)
    }
}

pub(super) fn link(linker: &mut Linker<BuildHost>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "log",
        |mut caller: Caller<'_, BuildHost>, level: i32, ptr: i32, len: i32| {
            let text = read(&mut caller, ptr, len)?;
            caller.data_mut().console.push(LogLevel::from_number(level), &text);
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "fail",
        |mut caller: Caller<'_, BuildHost>,
         message: i32,
         message_len: i32,
         stack: i32,
         stack_len: i32| {
            let message = read(&mut caller, message, message_len)?;
            let stack = read(&mut caller, stack, stack_len)?;
            caller.data_mut().failure = Some(Failure { message, stack });
            wasmtime::Result::Ok(())
        },
    )?;
    // A clock that stands still at the epoch: what is computed from it is obviously no date.
    linker.func_wrap(
        WASI,
        "clock_time_get",
        |mut caller: Caller<'_, BuildHost>, _clock: i32, _precision: i64, result: i32| {
            write(&mut caller, result, &0_u64.to_le_bytes())
        },
    )?;
    linker.func_wrap(
        WASI,
        "random_get",
        |mut caller: Caller<'_, BuildHost>, ptr: i32, len: i32| {
            let words = (len.cast_unsigned() as usize).div_ceil(8).min(MAX_RANDOM_WORDS);
            let host = caller.data_mut();
            let mut bytes: Vec<u8> =
                (0..words).flat_map(|_| host.next_random().to_le_bytes()).collect();
            bytes.truncate(len.cast_unsigned() as usize);
            write(&mut caller, ptr, &bytes)
        },
    )?;
    // A panic's text, which says more than the trap that follows.
    linker.func_wrap(
        WASI,
        "fd_write",
        |mut caller: Caller<'_, BuildHost>, _file: i32, vectors: i32, count: i32, result: i32| {
            let mut written = 0;
            for index in 0..count.clamp(0, 16) {
                let (ptr, len) = vector(&mut caller, vectors.wrapping_add(index * 8))?;
                let text = read(&mut caller, ptr, len)?;
                caller.data_mut().console.push(LogLevel::Error, text.trim_end());
                written += len;
            }
            write(&mut caller, result, &written.to_le_bytes())
        },
    )?;
    linker.func_wrap(
        WASI,
        "environ_sizes_get",
        |mut caller: Caller<'_, BuildHost>, count: i32, size: i32| {
            write(&mut caller, count, &[0; 4])?;
            write(&mut caller, size, &[0; 4])
        },
    )?;
    linker.func_wrap(WASI, "environ_get", |_names: i32, _buffer: i32| SUCCESS)?;
    linker.func_wrap(WASI, "fd_close", |_file: i32| BADF)?;
    linker.func_wrap(WASI, "fd_fdstat_get", |_file: i32, _stat: i32| BADF)?;
    linker
        .func_wrap(WASI, "fd_seek", |_file: i32, _offset: i64, _whence: i32, _result: i32| BADF)?;
    Ok(())
}

/// `crypto.getRandomValues` takes at most 64 KiB.
const MAX_RANDOM_WORDS: usize = 64 * 1024 / 8;

/// The memory that an export is.
pub(super) fn memory(export: Option<Extern>) -> wasmtime::Result<Memory> {
    let memory = export.and_then(Extern::into_memory);
    memory.ok_or_else(|| wasmtime::Error::msg("the engine exports its memory"))
}

/// Text of the guest's. A lone surrogate, which is no UTF-8, is replaced.
fn read(caller: &mut Caller<'_, BuildHost>, ptr: i32, len: i32) -> wasmtime::Result<String> {
    let memory = memory(caller.get_export("memory"))?;
    let start = ptr.cast_unsigned() as usize;
    let text = memory
        .data(&*caller)
        .get(start..)
        .and_then(|rest| rest.get(..len.cast_unsigned() as usize));
    let text =
        text.ok_or_else(|| wasmtime::Error::msg("the guest passed text beyond its memory"))?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn write(caller: &mut Caller<'_, BuildHost>, ptr: i32, bytes: &[u8]) -> wasmtime::Result<i32> {
    let memory = memory(caller.get_export("memory"))?;
    memory.write(&mut *caller, ptr.cast_unsigned() as usize, bytes)?;
    Ok(SUCCESS)
}

/// One pointer and length of a scattered write.
fn vector(caller: &mut Caller<'_, BuildHost>, ptr: i32) -> wasmtime::Result<(i32, i32)> {
    let memory = memory(caller.get_export("memory"))?;
    let mut bytes = [0; 8];
    memory.read(&*caller, ptr.cast_unsigned() as usize, &mut bytes)?;
    let [a, b, c, d, e, f, g, h] = bytes;
    Ok((i32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h])))
}
