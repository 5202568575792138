//! ASCII strings, most of all there are, without QuickJS's looks at each of their bytes.
//!
//! QuickJS finds out byte by byte that a string it makes or gives out is ASCII: 15 of the 28 us that an
//! echo of 16 KiB took. Here that is one pass over eight bytes at a time, and the host writes a
//! message right into its string. For that this file knows how QuickJS lays out a string
//! (`struct JSString` in quickjs.c), of the version that Cargo.lock names; [`check_layout`] compares.

use rquickjs::qjs::{self, JSContext, JSValue};

use crate::thrown::Thrown;

/// What stands before the bytes of a string: length and width, hash and kinds, the next string of the
/// same hash, the first weak reference.
const HEADER_WORDS: usize = 4;
const HEADER: usize = HEADER_WORDS * size_of::<u32>();

/// The word before all that, of the block's own header: the reference count (`JSMallocBlockHeader`).
const COUNT: usize = size_of::<u32>();

/// Set in the first word of a string of 16-bit units.
const IS_WIDE: u32 = 1 << 31;
/// Zero in the second word of a string that is no slice of another.
const KIND: u32 = 3 << 28;

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
            "QuickJS lays strings out as ascii.rs says"
        );
        qjs::JS_DupValue(context, string);
        assert!(count.read() == 2, "QuickJS counts references where ascii.rs says");
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
            // SAFETY: the context is alive.
            unsafe { qjs::JS_ThrowOutOfMemory(context) };
            return Err(Thrown);
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
    // SAFETY: a value with this tag points to a string's header, which `check_layout` has compared.
    unsafe {
        if qjs::JS_VALUE_GET_TAG(value) != qjs::JS_TAG_STRING {
            return None;
        }
        let start = qjs::JS_VALUE_GET_PTR(value).cast::<u8>().cast_const();
        let [len, kinds, ..] = start.cast::<[u32; HEADER_WORDS]>().read();
        if len & IS_WIDE != 0 || kinds & KIND != 0 {
            return None;
        }
        let (start, len) = (start.add(HEADER), len as usize);
        is_ascii(std::slice::from_raw_parts(start, len)).then_some((start, len))
    }
}

/// Whether no byte has its high bit. The one of `core` looks at four bytes at a time here.
fn is_ascii(bytes: &[u8]) -> bool {
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
