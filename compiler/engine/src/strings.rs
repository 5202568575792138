//! The units of strings, without QuickJS's looks at each of them.
//!
//! QuickJS finds out byte by byte that a string it makes or gives out is ASCII, as most of all are: 15 of
//! the 28 us that an echo of 16 KiB took. Here that is one pass over eight bytes at a time, the host writes
//! a message right into its string, and JSON is read from a string and written into one. For that this
//! file knows how QuickJS lays out a string (`struct JSString` in quickjs.c), of the version that
//! Cargo.lock names; [`check_layout`] compares.

use rquickjs::qjs::{self, JSContext, JSValue};

use crate::thrown::{Thrown, checked, out_of_memory};

/// What stands before the bytes of a string: length and width, hash and kinds, the next string of the
/// same hash, the first weak reference.
const HEADER_WORDS: usize = 4;
const HEADER: usize = HEADER_WORDS * size_of::<u32>();

/// The word before all that, of the block's own header: the reference count (`JSMallocBlockHeader`).
const COUNT: usize = size_of::<u32>();

/// Set in the first word of a string of 16-bit units.
const IS_WIDE: u32 = 1 << 31;
/// Where the second word says of what kind a string is.
const KIND: u32 = 3 << 28;
/// Its units stand behind the header.
const OWN: u32 = 0;
/// Behind the header stand a string of the kind [`OWN`], and at which of its bytes this one starts.
const SLICE: u32 = 1 << 28;

/// The longest string QuickJS makes.
const MAX_LEN: usize = (1 << 30) - 1;

/// The header of a new string of one-byte units.
const fn header(len: u32) -> [u32; HEADER_WORDS] {
    [len, 0, 0, 0]
}

/// Makes sure that QuickJS lays a string out as this file believes. Called once, while building.
pub(crate) fn check_layout(context: *mut JSContext) {
    let text = b"a string of its own";
    // SAFETY: the context is alive. A string has its header and bytes; comparing them is what finds
    // out where they are, within what any layout has allocated.
    unsafe {
        let string = qjs::JS_NewStringLen(context, text.as_ptr().cast(), text.len() as _);
        let start = qjs::JS_VALUE_GET_PTR(string).cast::<u8>();
        let words = start.cast::<[u32; HEADER_WORDS]>().read();
        let count = start.sub(COUNT).cast::<u32>();
        let bytes = std::slice::from_raw_parts(start.add(HEADER), text.len());
        assert!(
            qjs::JS_VALUE_GET_TAG(string) == qjs::JS_TAG_STRING
                && words == header(text.len() as u32)
                && bytes == text
                && count.read() == 1,
            "QuickJS lays strings out as strings.rs says"
        );
        qjs::JS_DupValue(context, string);
        assert!(count.read() == 2, "QuickJS counts references where strings.rs says");
        qjs::JS_FreeValue(context, string);
        qjs::JS_FreeValue(context, string);
    }
}

/// A string that is to be: room for its UTF-8.
pub(crate) struct Unwritten {
    context: *mut JSContext,
    block: *mut u8,
    len: usize,
}

impl Unwritten {
    /// Room for so many bytes.
    pub(crate) fn new(context: *mut JSContext, len: usize) -> Result<Unwritten, Thrown> {
        if len > MAX_LEN {
            return Err(out_of_memory(context));
        }
        // SAFETY: the context is alive. The block holds a header, the bytes and a zero byte.
        let block = unsafe { qjs::js_malloc(context, (HEADER + len + 1) as _) }.cast::<u8>();
        if block.is_null() { Err(Thrown) } else { Ok(Unwritten { context, block, len }) }
    }

    /// Where the bytes go.
    pub(crate) fn start(&mut self) -> *mut u8 {
        // SAFETY: the block has a header and more.
        unsafe { self.block.add(HEADER) }
    }

    /// The string.
    ///
    /// # Safety
    /// All of the bytes are written.
    pub(crate) unsafe fn into_string(mut self) -> Result<JSValue, Thrown> {
        let (bytes, len) = (self.start(), self.len);
        // SAFETY: the context is alive; the block holds a header, the bytes and a zero byte, behind its own
        // header.
        unsafe {
            if len > 0 && is_ascii(std::slice::from_raw_parts(bytes, len)) {
                self.block.sub(COUNT).cast::<u32>().write(1);
                self.block.cast::<[u32; HEADER_WORDS]>().write(header(len as u32));
                bytes.add(len).write(0);
                return Ok(qjs::JS_MKPTR(qjs::JS_TAG_STRING, self.block.cast()));
            }
            let string = qjs::JS_NewStringLen(self.context, bytes.cast(), len as _);
            qjs::js_free(self.context, self.block.cast());
            if qjs::JS_IsException(string) { Err(Thrown) } else { Ok(string) }
        }
    }
}

/// The bytes of a string that is ASCII and stored as such; they are as alive as the value.
pub(crate) fn bytes_of(value: JSValue) -> Option<(*const u8, usize)> {
    // SAFETY: the slice is used while the caller holds the value.
    match unsafe { units_of(value) } {
        Some(Units::Narrow(bytes)) if is_ascii(bytes) => Some((bytes.as_ptr(), bytes.len())),
        _ => None,
    }
}

/// What a string consists of.
#[derive(Clone, Copy)]
pub(crate) enum Units<'a> {
    /// Latin 1.
    Narrow(&'a [u8]),
    /// UTF-16, which may have lone surrogates.
    Wide(&'a [u16]),
}

/// The units of a string that has them side by side: neither a rope nor of memory elsewhere.
///
/// # Safety
/// The value is alive as long as the units are used.
pub(crate) unsafe fn units_of<'a>(value: JSValue) -> Option<Units<'a>> {
    // SAFETY: only the tag is read.
    if unsafe { qjs::JS_VALUE_GET_TAG(value) } != qjs::JS_TAG_STRING {
        return None;
    }
    // SAFETY: a value with this tag points to a string's header; the caller's promise.
    unsafe { units_behind(qjs::JS_VALUE_GET_PTR(value).cast::<u8>().cast_const()) }
}

/// The units of the string with this header, as those of atoms too are.
///
/// # Safety
/// It is one, and alive as long as the units are used.
pub(crate) unsafe fn units_behind<'a>(header: *const u8) -> Option<Units<'a>> {
    // SAFETY: this is a string's header, which `check_layout` has compared. A slice is of a string of the
    // kind `OWN` that it keeps alive, and within.
    unsafe {
        let [word, kinds, ..] = header.cast::<[u32; HEADER_WORDS]>().read();
        let len = (word & !IS_WIDE) as usize;
        let units = header.add(HEADER);
        let start = match kinds & KIND {
            OWN => units,
            SLICE => {
                let [parent, offset] = units.cast::<[usize; 2]>().read();
                std::ptr::with_exposed_provenance::<u8>(parent).add(HEADER + offset)
            }
            _ => return None,
        };
        Some(if word & IS_WIDE == 0 {
            Units::Narrow(std::slice::from_raw_parts(start, len))
        } else {
            Units::Wide(std::slice::from_raw_parts(start.cast(), len))
        })
    }
}

/// Up to so many bytes a block doubles.
const LARGE: usize = 64 << 10;

/// A string under construction, in a block that grows: room for units of one width.
pub(crate) struct Growing {
    context: *mut JSContext,
    block: *mut u8,
    /// Bytes behind the header.
    capacity: usize,
}

impl Growing {
    /// Room for so many bytes of units, besides a zero byte.
    pub(crate) fn new(context: *mut JSContext, capacity: usize) -> Result<Growing, Thrown> {
        let block = Unwritten::new(context, capacity)?.block;
        Ok(Growing { context, block, capacity })
    }

    /// Where the units go.
    pub(crate) fn start(&self) -> *mut u8 {
        // SAFETY: the block has a header and more.
        unsafe { self.block.add(HEADER) }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes room for at least so many bytes of units; the block may move.
    pub(crate) fn grow(&mut self, capacity: usize) -> Result<(), Thrown> {
        if capacity > 2 * MAX_LEN {
            return Err(out_of_memory(self.context));
        }
        // A large block may have to be there twice for a moment.
        let more = if self.capacity < LARGE { self.capacity } else { self.capacity / 2 };
        let capacity = capacity.max(self.capacity + more).min(2 * MAX_LEN);
        let size = HEADER + capacity + 1;
        // SAFETY: the context is alive and the block ours.
        let block = unsafe { qjs::js_realloc(self.context, self.block.cast(), size as _) };
        if block.is_null() {
            return Err(Thrown);
        }
        self.block = block.cast();
        self.capacity = capacity;
        Ok(())
    }

    /// Its first bytes in a block of their own: many short strings would hold many times what they need.
    fn copied(&self, size: usize) -> Result<Growing, Thrown> {
        let copied = Growing::new(self.context, size)?;
        // SAFETY: both blocks have so many bytes, and these are written.
        unsafe { copy(std::slice::from_raw_parts(self.start(), size), copied.start()) };
        Ok(copied)
    }

    /// The string of the first `len` units, of one byte each or of two.
    ///
    /// # Safety
    /// They are written.
    pub(crate) unsafe fn into_string(self, len: usize, is_wide: bool) -> Result<JSValue, Thrown> {
        if len > MAX_LEN {
            return Err(out_of_memory(self.context));
        }
        let size = len << u32::from(is_wide);
        let this = if size < self.capacity / 2 { self.copied(size)? } else { self };
        let this = std::mem::ManuallyDrop::new(this);
        let width = if is_wide { IS_WIDE } else { 0 };
        // SAFETY: the block is ours, and has room for a header, the units and a zero byte.
        unsafe {
            this.block.sub(COUNT).cast::<u32>().write(1);
            this.block.cast::<[u32; HEADER_WORDS]>().write(header(len as u32 | width));
            if !is_wide {
                this.block.add(HEADER + len).write(0);
            }
        }
        Ok(qjs::JS_MKPTR(qjs::JS_TAG_STRING, this.block.cast()))
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // SAFETY: the block is ours and used no more.
        unsafe { qjs::js_free(self.context, self.block.cast()) };
    }
}

/// A string of these units.
pub(crate) fn narrow(context: *mut JSContext, units: &[u8]) -> Result<JSValue, Thrown> {
    if units.is_empty() {
        // There is one that all share.
        // SAFETY: the context is alive, and nothing is read.
        return checked(unsafe { qjs::JS_NewStringLen(context, c"".as_ptr(), 0) });
    }
    let string = Growing::new(context, units.len())?;
    // SAFETY: there is room for the units, and they are written.
    unsafe {
        copy(units, string.start());
        string.into_string(units.len(), false)
    }
}

/// A string of these units, of one byte each where that is enough.
pub(crate) fn of_utf16(context: *mut JSContext, units: &[u16]) -> Result<JSValue, Thrown> {
    if units.is_empty() {
        return narrow(context, &[]);
    }
    let is_wide = units.iter().fold(0, |bits, unit| bits | unit) > 0xff;
    let string = Growing::new(context, units.len() << u32::from(is_wide))?;
    // SAFETY: there is room for the units, and they are written.
    unsafe {
        if is_wide {
            string.start().cast::<u16>().copy_from_nonoverlapping(units.as_ptr(), units.len());
        } else {
            for (at, unit) in units.iter().enumerate() {
                string.start().add(at).write(*unit as u8);
            }
        }
        string.into_string(units.len(), is_wide)
    }
}

/// Copies few bytes without the call of the host that `memory.copy` is.
///
/// # Safety
/// There is room for them, elsewhere.
pub(crate) unsafe fn copy(from: &[u8], to: *mut u8) {
    const MANY: usize = 256;
    // SAFETY: the caller's promise; the last word of eight bytes is within, or it is less than one.
    unsafe {
        match from.last_chunk::<8>() {
            _ if from.len() > MANY => to.copy_from_nonoverlapping(from.as_ptr(), from.len()),
            Some(last) => {
                let (words, _) = from.as_chunks::<8>();
                for (at, word) in words.iter().enumerate() {
                    to.cast::<[u8; 8]>().add(at).write(*word);
                }
                to.add(from.len() - 8).cast::<[u8; 8]>().write(*last);
            }
            None => {
                for (at, byte) in from.iter().enumerate() {
                    to.add(at).write(*byte);
                }
            }
        }
    }
}

/// Whether no byte has its high bit. The one of `core` looks at four bytes at a time here.
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let all =
        |words: &[[u8; 8]]| words.iter().fold(0, |bits, word| bits | u64::from_ne_bytes(*word));
    let (blocks, rest) = bytes.as_chunks::<32>();
    let (words, rest) = rest.as_chunks::<8>();
    // With some of those before, where there are so many.
    let last = match bytes.last_chunk() {
        Some(last) => u64::from_ne_bytes(*last),
        None => rest.iter().fold(0, |bits, byte| bits | u64::from(*byte)),
    };
    (all(words) | last) & HIGH == 0
        && blocks.iter().all(|block| all(block.as_chunks().0) & HIGH == 0)
}
