//! QuickJS-ng 0.16.2 for crates that are written for 0.15: rquickjs 0.12, which javy 8.1 uses.
//!
//! All is as `rquickjs-sys` 0.14 has it, but for the one function that rquickjs 0.12 calls and that has
//! other parameters now. It goes when javy moves to rquickjs 0.14.

#![no_std]

extern crate alloc;

use alloc::boxed::Box;
use core::ptr;

pub use quickjs::*;

/// Makes an ArrayBuffer of memory that a function can resize and free.
pub use quickjs::JS_NewArrayBuffer as JS_NewArrayBufferWithRealloc;

/// Frees the memory of an ArrayBuffer.
pub type JSFreeArrayBufferDataFunc =
    Option<unsafe extern "C" fn(*mut JSRuntime, *mut c_void, *mut c_void)>;

/// What QuickJS keeps for an ArrayBuffer that was made with a function to free its memory.
struct Owner {
    free: unsafe extern "C" fn(*mut JSRuntime, *mut c_void, *mut c_void),
    opaque: *mut c_void,
}

/// Makes an ArrayBuffer of memory that is freed by a function, and cannot be resized.
///
/// # Safety
/// The context is alive. The memory is valid for so many bytes, until QuickJS calls `free` if there
/// is one, and else as long as the runtime.
#[allow(non_snake_case, reason = "the name in C")]
pub unsafe fn JS_NewArrayBuffer(
    context: *mut JSContext,
    start: *mut u8,
    len: size_t,
    free: JSFreeArrayBufferDataFunc,
    opaque: *mut c_void,
    is_shared: bool,
) -> JSValue {
    // QuickJS takes 0 for a buffer that is not resizable.
    let max_len = 0;
    let Some(free) = free else {
        // SAFETY: the caller's promise.
        return unsafe {
            JS_NewArrayBufferWithRealloc(context, start, len, max_len, None, opaque, is_shared)
        };
    };
    let owner = Box::into_raw(Box::new(Owner { free, opaque }));
    // SAFETY: the caller's promise; the buffer owns `owner` from here on.
    let buffer = unsafe {
        let owner = owner.cast();
        JS_NewArrayBufferWithRealloc(context, start, len, max_len, Some(release), owner, is_shared)
    };
    // SAFETY: only the tag is read.
    if unsafe { JS_IsException(buffer) } {
        // SAFETY: QuickJS calls nothing of a buffer that it has not made.
        drop(unsafe { Box::from_raw(owner) });
    }
    buffer
}

/// Frees the memory if that is asked for, and refuses to resize it.
unsafe extern "C" fn release(
    runtime: *mut JSRuntime,
    owner: *mut c_void,
    start: *mut c_void,
    size: size_t,
) -> *mut c_void {
    if size == 0 {
        // SAFETY: QuickJS frees once, and passes what the buffer was made with.
        unsafe {
            let owner = Box::from_raw(owner.cast::<Owner>());
            (owner.free)(runtime, owner.opaque, start);
        }
    }
    ptr::null_mut()
}
