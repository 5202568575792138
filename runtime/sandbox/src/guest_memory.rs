//! The only code of the host that reads and writes the guest's memory.
//!
//! Pointers and lengths come from the guest and are not trusted: each access is checked against the memory's
//! present size, and one outside it ends the event with a trap. Each write is marked, like those of the
//! guest, so that the instance can be restored.

use bytes::Bytes;
use wasmtime::{Caller, Memory};
use zigttp_abi::value::{Value, ValueKind, well_formed, well_formed_len};

use crate::budget::OverBudget;
use crate::restore;

/// The guest broke the interface, which our engine never does. The event ends.
#[derive(Debug, thiserror::Error)]
#[error("the guest broke its interface: {0}")]
pub(crate) struct GuestFault(pub(crate) &'static str);

const OUTSIDE: GuestFault = GuestFault("an address outside its memory");

/// A range of bytes in guest memory.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// From a guest's pointer and length: `u32` values, which wasm passes as `i32`.
    pub(crate) fn new(ptr: i32, len: i32) -> Span {
        Span { start: ptr.cast_unsigned(), len: len.cast_unsigned() }
    }

    /// Its length in bytes.
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    /// Its first address.
    pub(crate) fn start(self) -> i32 {
        self.start.cast_signed()
    }

    fn of(self, memory: &[u8]) -> Result<&[u8], GuestFault> {
        let start = self.start as usize;
        memory.get(start..start.checked_add(self.len()).ok_or(OUTSIDE)?).ok_or(OUTSIDE)
    }
}

/// A guest's memory and, if its instance is restored after the event, the map of the pages that were written.
#[derive(Clone, Copy)]
pub(crate) struct GuestMemory {
    pub(crate) memory: Memory,
    pub(crate) map: Option<Memory>,
}

/// The data of a store, through which the guest's memory is read and written.
pub(crate) trait MemoryAccess: 'static {
    /// The guest's memory, once it is instantiated.
    fn guest_memory(&self) -> Option<GuestMemory>;

    /// Checks that `more` bytes may be copied out of the guest.
    ///
    /// # Errors
    /// When the event would be over its memory limit.
    fn has_room_for(&self, more: usize) -> Result<(), OverBudget>;
}

fn memory<T: MemoryAccess>(caller: &Caller<'_, T>) -> Result<Memory, GuestFault> {
    let guest = caller.data().guest_memory();
    Ok(guest.ok_or(GuestFault("a host call before its event"))?.memory)
}

/// Copies bytes out of the guest as a value.
///
/// # Errors
/// Like all functions that copy bytes out: when they are outside of its memory, or when the event would be
/// over its memory limit, also after a conversion.
pub(crate) fn read_value<T: MemoryAccess>(
    caller: &mut Caller<'_, T>,
    kind: i32,
    span: Span,
) -> wasmtime::Result<Value> {
    let kind = ValueKind::from_number(kind.cast_unsigned())
        .ok_or(GuestFault("a value of an unknown kind"))?;
    Ok(match kind {
        ValueKind::Text => Value::text(read_string(caller, span)?),
        ValueKind::Json => {
            let text = read_bytes(caller, span)?;
            // Unlike in a text, invalid bytes are not replaced.
            if std::str::from_utf8(&text).is_err() {
                return Err(GuestFault("JSON that is not UTF-8").into());
            }
            Value::new(kind, text)
        }
        _ => Value::new(kind, read_bytes(caller, span)?),
    })
}

/// Copies bytes out of the guest.
pub(crate) fn read_bytes<T: MemoryAccess>(
    caller: &mut Caller<'_, T>,
    span: Span,
) -> wasmtime::Result<Bytes> {
    let bytes = with_bytes(caller, span, |state, bytes| {
        state.has_room_for(bytes.len()).map(|()| Bytes::copy_from_slice(bytes))
    })?;
    Ok(bytes?)
}

/// Copies a string out of the guest. Bytes that are not UTF-8 become U+FFFD.
pub(crate) fn read_string<T: MemoryAccess>(
    caller: &mut Caller<'_, T>,
    span: Span,
) -> wasmtime::Result<String> {
    let string = with_bytes(caller, span, |state, bytes| match std::str::from_utf8(bytes) {
        Ok(text) => state.has_room_for(text.len()).map(|()| text.to_owned()),
        Err(_) => {
            state.has_room_for(well_formed_len(bytes))?;
            Ok(well_formed(bytes).into_owned())
        }
    })?;
    Ok(string?)
}

/// Copies a string out of the guest, cut to at most `max` bytes.
pub(crate) fn read_cut_string<T: MemoryAccess>(
    caller: &mut Caller<'_, T>,
    span: Span,
    max: usize,
) -> wasmtime::Result<String> {
    let mut text = read_string(caller, span)?;
    text.truncate(text.floor_char_boundary(max));
    Ok(text)
}

/// Reads bytes in place, without copying them.
pub(crate) fn with_bytes<T: MemoryAccess, R>(
    caller: &mut Caller<'_, T>,
    span: Span,
    read: impl FnOnce(&mut T, &[u8]) -> R,
) -> Result<R, GuestFault> {
    let memory = memory(caller)?;
    let (memory, state) = memory.data_and_store_mut(caller);
    Ok(read(state, span.of(memory)?))
}

/// Copies these bytes of the store's data into the guest, each to its address. The address for empty bytes
/// is not checked.
pub(crate) fn write<T: MemoryAccess, const N: usize>(
    caller: &mut Caller<'_, T>,
    addresses: [i32; N],
    bytes: impl Fn(&T) -> [&[u8]; N],
) -> Result<(), GuestFault> {
    let lens = bytes(caller.data()).map(<[u8]>::len);
    mark(caller, addresses.into_iter().zip(lens));
    let memory = memory(caller)?;
    let (memory, data) = memory.data_and_store_mut(caller);
    for (address, bytes) in addresses.into_iter().zip(bytes(data)) {
        if !bytes.is_empty() {
            put(memory, address, bytes)?;
        }
    }
    Ok(())
}

/// Copies bytes into the guest at `ptr`.
pub(crate) fn write_owned<T: MemoryAccess>(
    caller: &mut Caller<'_, T>,
    ptr: i32,
    bytes: &[u8],
) -> Result<(), GuestFault> {
    mark(caller, [(ptr, bytes.len())]);
    let memory = memory(caller)?;
    put(memory.data_mut(caller), ptr, bytes)
}

/// Marks ranges that are about to be written.
fn mark<T: MemoryAccess>(caller: &mut Caller<'_, T>, runs: impl IntoIterator<Item = (i32, usize)>) {
    if let Some(map) = caller.data().guest_memory().and_then(|guest| guest.map) {
        let map = map.data_mut(caller);
        for (ptr, len) in runs {
            restore::mark_run(map, ptr.cast_unsigned() as usize, len);
        }
    }
}

fn put(memory: &mut [u8], ptr: i32, bytes: &[u8]) -> Result<(), GuestFault> {
    let start = ptr.cast_unsigned() as usize;
    let end = start.checked_add(bytes.len()).ok_or(OUTSIDE)?;
    memory.get_mut(start..end).ok_or(OUTSIDE)?.copy_from_slice(bytes);
    Ok(())
}
