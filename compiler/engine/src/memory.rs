//! The guest's linear memory: arguments of the build exports, and its shape before the snapshot.
//!
//! Events restore the pages they have written, so where their allocations land is what they cost.

use std::alloc::{Layout, handle_alloc_error};

unsafe extern "C" {
    /// The allocator of the C library, which QuickJS and Rust's `System` share.
    fn malloc(size: usize) -> *mut u8;
    fn free(block: *mut u8);
}

/// Memory to spare above the heap, so that ordinary events never grow it. Of 3,000 wild events 333
/// grew memory with none, 78 with this much. It is zeros, which cost an artifact nothing.
const SPARE: usize = 1 << 20;

/// Smallest hole worth filling: below it the allocator's own bookkeeping is most of it.
const SMALLEST_HOLE: usize = 16;

const WASM_PAGE: usize = 1 << 16;

/// Makes room that [`adopt`] takes over.
pub(crate) fn allocate(len: usize) -> *mut u8 {
    let mut bytes = Vec::<u8>::new();
    if bytes.try_reserve_exact(len).is_err() {
        handle_alloc_error(Layout::new::<u8>());
    }
    std::mem::ManuallyDrop::new(bytes).as_mut_ptr()
}

/// Takes over what [`allocate`] gave away.
///
/// # Safety
/// `start` is an answer of `allocate(len)` that was not taken over before, with `len` bytes written.
pub(crate) unsafe fn adopt(start: *mut u8, len: usize) -> Vec<u8> {
    // SAFETY: `allocate` made a vector of this capacity and forgot it; its bytes are written.
    unsafe { Vec::from_raw_parts(start, len, len) }
}

/// Puts the heap into the shape that events start from: no holes, and [`SPARE`] zeros on top.
///
/// Events then allocate side by side instead of in holes all over the heap; this took a large
/// handler from 30 to 25 written pages an event. The holes are lost for good, and zeroed, because
/// what they held (sources, syntax trees) would be part of every artifact.
pub(crate) fn compact() {
    // Blocks that take what is left of the heap's top and grow it.
    let mut top = Vec::new();
    loop {
        let end = size();
        // SAFETY: `malloc` has no preconditions.
        let block = unsafe { malloc(SPARE) };
        if block.is_null() {
            break;
        }
        top.push(block);
        if size() > end {
            break;
        }
    }
    let Some(start) = top.iter().copied().min() else { return };

    let mut hole = SPARE / 2;
    while hole >= SMALLEST_HOLE {
        // SAFETY: as above.
        let block = unsafe { malloc(hole) };
        if !block.is_null() && block < start {
            // SAFETY: the block is ours and has `hole` bytes.
            unsafe { block.write_bytes(0, hole) };
            continue;
        }
        // SAFETY: the block came from `malloc`, or is null, which `free` allows.
        unsafe { free(block) };
        hole /= 2;
    }
    for block in top {
        // SAFETY: each block is ours, has `SPARE` bytes, and is used no more.
        unsafe {
            block.write_bytes(0, SPARE);
            free(block);
        }
    }
}

/// Bytes of linear memory.
fn size() -> usize {
    core::arch::wasm32::memory_size(0) * WASM_PAGE
}
