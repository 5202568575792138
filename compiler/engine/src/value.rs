//! Bytes out of JavaScript values, and JavaScript values out of bytes.

use std::mem::MaybeUninit;
use std::ops::Deref;

use rquickjs::qjs::{self, JSContext, JSRuntime, JSTypedArrayEnum, JSValue};
use zigttp_abi::value::ValueKind;

use crate::engine::{Internal, engine};
use crate::strings;
use crate::thrown::{Thrown, checked};

/// Answers up to this size are received on the stack, in pages that every event writes anyway; for
/// larger ones heap is taken.
pub(crate) const SMALL: usize = 512;

/// Largest integer that a JavaScript number holds exactly.
pub(crate) const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The typed arrays of QuickJS, at the index of their number there.
const TYPED_ARRAYS: [ValueKind; 12] = [
    ValueKind::Uint8ClampedArray,
    ValueKind::Int8Array,
    ValueKind::Uint8Array,
    ValueKind::Int16Array,
    ValueKind::Uint16Array,
    ValueKind::Int32Array,
    ValueKind::Uint32Array,
    ValueKind::BigInt64Array,
    ValueKind::BigUint64Array,
    ValueKind::Float16Array,
    ValueKind::Float32Array,
    ValueKind::Float64Array,
];

/// The UTF-8 of a JavaScript string, in which a lone surrogate is three bytes that are no UTF-8.
///
/// For an ASCII string these are the string's own bytes, as alive as the value; others are converted.
pub(crate) struct Text {
    start: *const u8,
    len: usize,
    /// Of the bytes that are to be freed.
    converted: Option<*mut JSContext>,
}

impl Text {
    /// Borrows from a string, or from what `String(value)` makes of another value.
    pub(crate) fn new(context: *mut JSContext, value: JSValue) -> Result<Text, Thrown> {
        if let Some((start, len)) = strings::bytes_of(value) {
            return Ok(Text { start, len, converted: None });
        }
        let mut len = 0;
        // SAFETY: the context and the value are alive.
        let start = unsafe { qjs::JS_ToCStringLen(context, &raw mut len, value) };
        if start.is_null() {
            return Err(Thrown);
        }
        Ok(Text { start: start.cast(), len, converted: Some(context) })
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: QuickJS keeps these bytes as they are until `JS_FreeCString`.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Some(context) = self.converted {
            // SAFETY: these are the bytes of a string of which this holds a reference.
            unsafe { qjs::JS_FreeCString(context, self.start.cast()) };
        }
    }
}

/// Why a value cannot be sent or stored.
pub(crate) enum Refusal {
    /// It is of a kind that has no bytes.
    Kind,
    /// Its buffer is detached, or no longer reaches as far as the view.
    Detached,
    /// An exception is pending.
    Thrown,
}

/// A string, ArrayBuffer or typed array, as bytes.
pub(crate) enum Data {
    Text(Text),
    /// Valid until JavaScript runs again, which could detach or resize the buffer.
    Bytes {
        kind: ValueKind,
        start: *const u8,
        len: usize,
    },
}

impl Data {
    pub(crate) fn new(context: *mut JSContext, value: JSValue) -> Result<Data, Refusal> {
        // SAFETY: the context and the value are alive, and the buffer of a view lives by the view.
        unsafe {
            if qjs::JS_IsString(value) {
                return Text::new(context, value).map(Data::Text).map_err(|_| Refusal::Thrown);
            }
            if qjs::JS_IsArrayBuffer(value) {
                let (start, len) = buffer(context, value)?;
                return Ok(Data::Bytes { kind: ValueKind::ArrayBuffer, start, len });
            }
            let Some(&kind) = usize::try_from(qjs::JS_GetTypedArrayType(value))
                .ok()
                .and_then(|number| TYPED_ARRAYS.get(number))
            else {
                return Err(Refusal::Kind);
            };
            let mut offset = 0;
            let owner = qjs::JS_GetTypedArrayBuffer(
                context,
                value,
                &raw mut offset,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            );
            if qjs::JS_IsException(owner) {
                clear_exception(context);
                return Err(Refusal::Detached);
            }
            qjs::JS_FreeValue(context, owner);
            if !qjs::JS_IsArrayBuffer(owner) {
                return Err(Refusal::Kind);
            }
            let (start, available) = buffer(context, owner)?;
            let offset = offset as usize;
            let len = view_len(context, value)?;
            assert!(offset + len <= available, "a view that is in bounds ends in its buffer");
            Ok(Data::Bytes { kind, start: start.add(offset), len })
        }
    }

    pub(crate) fn kind(&self) -> ValueKind {
        match self {
            Data::Text(_) => ValueKind::Text,
            Data::Bytes { kind, .. } => *kind,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Data::Text(text) => text,
            // SAFETY: the buffer reaches this far, and no JavaScript runs while a `Data` is used.
            Data::Bytes { start, len, .. } => unsafe { std::slice::from_raw_parts(*start, *len) },
        }
    }
}

/// Start and length of an ArrayBuffer that is not detached.
///
/// # Safety
/// The context and the value are alive.
unsafe fn buffer(context: *mut JSContext, value: JSValue) -> Result<(*const u8, usize), Refusal> {
    let mut len = 0;
    // SAFETY: the caller's promise.
    let start = unsafe { qjs::JS_GetArrayBuffer(context, &raw mut len, value) };
    if start.is_null() {
        clear_exception(context);
        return Err(Refusal::Detached);
    }
    Ok((start, len as usize))
}

/// Bytes in a typed array.
///
/// `JS_GetTypedArrayBuffer` has a length too, but for a view that follows a resizable buffer it is
/// the one from before the last resize.
///
/// # Safety
/// The context and the value are alive.
unsafe fn view_len(context: *mut JSContext, value: JSValue) -> Result<usize, Refusal> {
    let getter = engine().internal(Internal::ByteLength);
    // SAFETY: the caller's promise; the getter is native and answers with a number or throws.
    let len = unsafe { qjs::JS_Call(context, getter, value, 0, std::ptr::null_mut()) };
    safe_integer(len).and_then(|len| usize::try_from(len).ok()).ok_or(Refusal::Thrown)
}

fn clear_exception(context: *mut JSContext) {
    // SAFETY: the context is alive, and the exception's reference is ours.
    unsafe { qjs::JS_FreeValue(context, qjs::JS_GetException(context)) };
}

/// The id a number holds, if it is an integer that numbers hold exactly.
pub(crate) fn safe_integer(value: JSValue) -> Option<i64> {
    // SAFETY: only the value itself is read, by its tag.
    unsafe {
        if qjs::JS_IsInt(value) {
            return Some(qjs::JS_VALUE_GET_INT(value).into());
        }
        if !qjs::JS_IsNumber(value) {
            return None;
        }
        let number = qjs::JS_VALUE_GET_FLOAT64(value);
        let integer = number as i64;
        let is_exact = integer as f64 == number && integer.abs() <= MAX_SAFE_INTEGER;
        is_exact.then_some(integer)
    }
}

/// Any number.
pub(crate) fn float(value: JSValue) -> Option<f64> {
    // SAFETY: only the value itself is read, by its tag.
    unsafe {
        if qjs::JS_IsInt(value) {
            return Some(qjs::JS_VALUE_GET_INT(value).into());
        }
        qjs::JS_IsNumber(value).then(|| qjs::JS_VALUE_GET_FLOAT64(value))
    }
}

/// The number of an id or a close code.
pub(crate) fn number(value: i64) -> JSValue {
    qjs::JS_NewFloat64(value as f64)
}

/// A string from UTF-8.
pub(crate) fn string(context: *mut JSContext, utf8: &[u8]) -> Result<JSValue, Thrown> {
    let mut string = strings::Unwritten::new(context, utf8.len())?;
    // SAFETY: there is room for all of the bytes, and they are written.
    unsafe {
        string.start().copy_from_nonoverlapping(utf8.as_ptr(), utf8.len());
        string.into_string()
    }
}

/// A string, ArrayBuffer or typed array of these bytes.
pub(crate) fn of_kind(
    context: *mut JSContext,
    kind: ValueKind,
    bytes: &[u8],
) -> Result<JSValue, Thrown> {
    if kind == ValueKind::Text {
        return string(context, bytes);
    }
    // SAFETY: the context is alive, the bytes are during the call, which copies them.
    let buffer =
        checked(unsafe { qjs::JS_NewArrayBufferCopy(context, bytes.as_ptr(), bytes.len() as _) })?;
    let Some(number) = TYPED_ARRAYS.iter().position(|&known| known == kind) else {
        return Ok(buffer);
    };
    let mut arguments = [buffer, qjs::JS_UNDEFINED, qjs::JS_UNDEFINED];
    // SAFETY: the arguments are alive, the array keeps a reference to the buffer of its own.
    unsafe {
        let array =
            qjs::JS_NewTypedArray(context, 1, arguments.as_mut_ptr(), number as JSTypedArrayEnum);
        qjs::JS_FreeValue(context, buffer);
        checked(array)
    }
}

/// Bytes on QuickJS's heap, where its memory accounting sees them and a lack of memory is a
/// JavaScript exception.
pub(crate) struct Block {
    context: *mut JSContext,
    start: *mut u8,
    len: usize,
}

impl Block {
    /// A block that `fill` writes all of.
    pub(crate) fn filled(
        context: *mut JSContext,
        len: usize,
        fill: impl FnOnce(*mut u8),
    ) -> Result<Block, Thrown> {
        let mut block = Block::unwritten(context, len)?;
        fill(block.start());
        Ok(block)
    }

    /// A block that the caller writes all of before it is looked at.
    pub(crate) fn unwritten(context: *mut JSContext, len: usize) -> Result<Block, Thrown> {
        // SAFETY: the context is alive. An empty block would be a null pointer.
        let start = unsafe { qjs::js_malloc(context, len.max(1) as _) }.cast::<u8>();
        if start.is_null() { Err(Thrown) } else { Ok(Block { context, start, len }) }
    }

    /// Where the bytes go.
    pub(crate) fn start(&mut self) -> *mut u8 {
        self.start
    }

    /// The block as an ArrayBuffer, without a copy.
    pub(crate) fn into_array_buffer(self) -> Result<JSValue, Thrown> {
        unsafe extern "C" fn resize(
            runtime: *mut JSRuntime,
            _: *mut std::ffi::c_void,
            start: *mut std::ffi::c_void,
            size: qjs::size_t,
        ) -> *mut std::ffi::c_void {
            // SAFETY: the buffer owns the block. Resized to no bytes it is freed, as is asked for.
            unsafe { qjs::js_realloc_rt(runtime, start, size) }
        }
        let block = std::mem::ManuallyDrop::new(self);
        // SAFETY: the context is alive; the buffer owns the block from here on.
        checked(unsafe {
            qjs::JS_NewArrayBufferWithRealloc(
                block.context,
                block.start,
                block.len as _,
                0,
                Some(resize),
                std::ptr::null_mut(),
                false,
            )
        })
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the block has this length, and `filled` had it written.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block is ours and used no more.
        unsafe { qjs::js_free(self.context, self.start.cast()) };
    }
}

/// Room on the stack for an answer of the host.
pub(crate) struct Scratch(MaybeUninit<[u64; SMALL / 8]>);

impl Scratch {
    pub(crate) const fn new() -> Scratch {
        Scratch(MaybeUninit::uninit())
    }

    pub(crate) fn start(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }

    /// The first `len` bytes.
    ///
    /// # Safety
    /// The host has written them.
    pub(crate) unsafe fn written(&self, len: usize) -> &[u8] {
        assert!(len <= SMALL, "the host writes no more than it is given room for");
        // SAFETY: they are inside, and written.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), len) }
    }
}
