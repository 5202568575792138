//! The allocator of QuickJS and of the guest's Rust: blocks side by side, and lists of those freed.
//!
//! An event lives for microseconds, and pays for each page it writes. So a small block costs a
//! comparison and an addition, and lies beside the one before; a freed one is the next of its size to
//! be handed out, while it is in the processor's cache. Freed blocks are never joined to larger ones:
//! what that may waste ends with the event. Large blocks, which need joining, come from the C library.
//!
//! Rust tells the size of a block that it frees. QuickJS does not, and calls the functions at the end
//! of this file (quickjs_wasi.h puts them into the places of the C library's): they keep the size
//! before the block, in the header that QuickJS wants there. What the first and the last do with small
//! blocks, quickjs_wasi.h does itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

use crate::engine::engine;
use crate::single::SingleThreaded;

/// Sizes of small blocks are multiples of this, and so are their addresses.
const UNIT: usize = 8;
/// How many sizes of small blocks there are.
const CLASSES: usize = 124;
/// The largest small block.
const LARGEST: usize = CLASSES * UNIT;
/// What is asked of the C library at a time to cut small blocks from.
const CHUNK: usize = 64 << 10;
/// The same while building, for blocks of one size.
const RUN: usize = 2 << 10;

/// A page of the map by which the runtime restores an instance.
const PAGE: usize = 512;

/// What every event writes besides its own blocks and the stack, in one page of the map by which the
/// runtime restores an instance. `struct zigttp_written` of quickjs_wasi.h, where it is defined.
#[repr(C)]
pub(crate) struct Written {
    heap: Heap,
    /// The state of `Math.random`.
    pub(crate) random: Cell<u64>,
}

const _: () = assert!(size_of::<Written>() == PAGE);

/// The heap of small blocks.
#[repr(C)]
struct Heap {
    /// What is left of the chunk that blocks are cut from.
    next: Cell<*mut u8>,
    end: Cell<*mut u8>,
    /// Freed blocks by their size in units, less one; each holds where the one before it is.
    freed: [Cell<*mut u8>; CLASSES],
}

unsafe extern "C" {
    /// Zeroed to begin with.
    static zigttp_written: SingleThreaded<Written>;
}

/// What every event writes.
pub(crate) fn written() -> &'static Written {
    // SAFETY: it is defined with this layout, and zeros are valid for it.
    unsafe { &zigttp_written.0 }
}

/// The allocator, which all of the guest has by this name.
struct Blocks;

#[global_allocator]
static BLOCKS: Blocks = Blocks;

/// The index of the list that a block is kept in once freed; `None` for a large one.
fn class(layout: Layout) -> Option<usize> {
    let is_small = layout.size() <= LARGEST && layout.align() <= UNIT;
    // A block of no bytes is one of a unit: nobody asks for it.
    is_small.then(|| layout.size().saturating_sub(1) / UNIT)
}

impl Heap {
    fn allocate(&self, class: usize) -> *mut u8 {
        let freed = self.freed[class].get();
        if !freed.is_null() {
            // SAFETY: a freed block holds where the one before it is.
            self.freed[class].set(unsafe { freed.cast::<*mut u8>().read() });
            return freed;
        }
        if engine().is_building() {
            return self.cut_run(class);
        }
        let size = (class + 1) * UNIT;
        if self.left() < size && !self.take_chunk() {
            return ptr::null_mut();
        }
        let block = self.next.get();
        // SAFETY: so much is left of the chunk.
        self.next.set(unsafe { block.add(size) });
        block
    }

    fn left(&self) -> usize {
        self.end.get().addr() - self.next.get().addr()
    }

    /// # Safety
    /// The block is one of this class that [`Heap::allocate`] has answered, and used no more.
    unsafe fn free(&self, block: *mut u8, class: usize) {
        // SAFETY: the block is as long as a unit at least, and aligned as one.
        unsafe { block.cast::<*mut u8>().write(self.freed[class].get()) };
        self.freed[class].set(block);
    }

    /// Cuts blocks of one class side by side, and answers the first. While building, which ends with the
    /// handler: of what is made then, an event writes little but the reference counts of functions, and
    /// this way those are neighbours.
    #[cold]
    fn cut_run(&self, class: usize) -> *mut u8 {
        let size = (class + 1) * UNIT;
        let count = (RUN / size).max(1);
        let layout =
            Layout::from_size_align(count * size, UNIT).expect("the unit is a power of two");
        // SAFETY: its size is not zero.
        let run = unsafe { System.alloc(layout) };
        if !run.is_null() {
            for number in (1..count).rev() {
                // SAFETY: the run is that long, and nobody has the block.
                unsafe { self.free(run.add(number * size), class) };
            }
        }
        run
    }

    /// Begins a new chunk. What is left of the one before is a freed block, if it is a small one.
    #[cold]
    fn take_chunk(&self) -> bool {
        let layout = Layout::from_size_align(CHUNK, UNIT).expect("the unit is a power of two");
        // SAFETY: its size is not zero.
        let chunk = unsafe { System.alloc(layout) };
        if chunk.is_null() {
            return false;
        }
        if let Some(class) = (self.left() / UNIT).checked_sub(1)
            && class < self.freed.len()
        {
            // SAFETY: the rest is a block of this class, which nobody has.
            unsafe { self.free(self.next.get(), class) };
        }
        self.next.set(chunk);
        // SAFETY: the chunk is that long.
        self.end.set(unsafe { chunk.add(CHUNK) });
        true
    }

    /// Forgets all freed blocks, and zeroes them: events do not allocate all over the heap, and what
    /// the blocks held is no part of an artifact.
    fn forget_freed(&self) {
        for (class, freed) in self.freed.iter().enumerate() {
            let mut block = freed.replace(ptr::null_mut());
            while !block.is_null() {
                // SAFETY: the block is of this class, freed, and holds where the one before it is.
                unsafe {
                    let before = block.cast::<*mut u8>().read();
                    block.write_bytes(0, (class + 1) * UNIT);
                    block = before;
                }
            }
        }
    }
}

/// Fills the holes of what has been made so far: what the handler makes is to lie side by side.
pub(crate) fn fill_holes() {
    written().heap.forget_freed();
}

/// Gives events a chunk of their own to begin with, at the start of a page, and no holes: the blocks of a
/// small event are on one page. After this nothing is to be
/// allocated before the snapshot.
pub(crate) fn finish_building() {
    let heap = &written().heap;
    let has_room = heap.take_chunk();
    assert!(has_room, "there is memory for a chunk");
    let start = heap.next.get();
    // SAFETY: a chunk has many pages.
    heap.next.set(unsafe { start.add(start.align_offset(PAGE)) });
    heap.forget_freed();
}

// SAFETY: blocks are at least as long and as aligned as was asked for, and none is handed out twice
// before it is freed.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class(layout) {
            Some(class) => written().heap.allocate(class),
            // SAFETY: it is not of zero bytes.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller says that the block is of this layout.
        unsafe {
            match class(layout) {
                Some(class) => written().heap.free(block, class),
                None => System.dealloc(block, layout),
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller says that the size is a possible one for this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        let (class, new_class) = (class(layout), class(new_layout));
        // SAFETY: the caller says that the block is of the first layout.
        unsafe {
            if class == new_class {
                return match class {
                    Some(_) => block,
                    None => System.realloc(block, layout, new_size),
                };
            }
            let new_block = self.alloc(new_layout);
            if !new_block.is_null() {
                new_block.copy_from_nonoverlapping(block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new_block
        }
    }
}

/// Stands before each block of QuickJS's, which has the last six bytes of it (`JSMallocBlockHeader`):
/// among others the count of references. The first two are [`Size`]'s.
const HEADER: usize = UNIT;

/// How many units a small block has, or that it is a large one, whose size stands a unit before the
/// header.
type Size = u16;
const IS_LARGE: Size = Size::MAX;

/// A place for a block of QuickJS's.
struct Place {
    layout: Layout,
    /// Where in it the block is: behind its header, and the size of a large one.
    offset: usize,
}

impl Place {
    /// The place of a block of at least so many bytes.
    fn with_room(size: usize) -> Option<Place> {
        let room = size.checked_next_multiple_of(UNIT)?;
        let offset = if room + HEADER <= LARGEST { HEADER } else { UNIT + HEADER };
        let layout = Layout::from_size_align(room.checked_add(offset)?, UNIT).ok()?;
        Some(Place { layout, offset })
    }

    /// The place of a block.
    ///
    /// # Safety
    /// The block is one of these functions' and not freed.
    unsafe fn of(block: *mut u8) -> Place {
        // SAFETY: the header is there, and before that of a large block its size.
        let (room, offset) = unsafe {
            match block.sub(HEADER).cast::<Size>().read() {
                IS_LARGE => (block.sub(HEADER + UNIT).cast::<usize>().read(), UNIT + HEADER),
                units => (usize::from(units) * UNIT, HEADER),
            }
        };
        // SAFETY: `with_room` has made this layout.
        let layout = unsafe { Layout::from_size_align_unchecked(room + offset, UNIT) };
        Place { layout, offset }
    }

    fn room(&self) -> usize {
        self.layout.size() - self.offset
    }

    fn is_large(&self) -> bool {
        self.offset > HEADER
    }

    /// Writes what stands before a block, and answers the block.
    ///
    /// # Safety
    /// `start` is null, or a block of this layout.
    unsafe fn block(&self, start: *mut u8) -> *mut u8 {
        if start.is_null() {
            return start;
        }
        // SAFETY: the layout holds all this and more, aligned as it.
        unsafe {
            let block = start.add(self.offset);
            let size = if self.is_large() {
                start.cast::<usize>().write(self.room());
                IS_LARGE
            } else {
                (self.room() / UNIT) as Size
            };
            block.sub(HEADER).cast::<Size>().write(size);
            block
        }
    }
}

/// `malloc` of QuickJS.
#[unsafe(no_mangle)]
extern "C" fn zigttp_malloc(size: usize) -> *mut u8 {
    let Some(place) = Place::with_room(size) else { return ptr::null_mut() };
    // SAFETY: the layout has a header at least.
    unsafe { place.block(BLOCKS.alloc(place.layout)) }
}

/// `calloc` of QuickJS.
#[unsafe(no_mangle)]
extern "C" fn zigttp_calloc(count: usize, size: usize) -> *mut u8 {
    let Some(place) = count.checked_mul(size).and_then(Place::with_room) else {
        return ptr::null_mut();
    };
    // SAFETY: as above.
    unsafe { place.block(BLOCKS.alloc_zeroed(place.layout)) }
}

/// `realloc` of QuickJS. The header goes with the block.
///
/// # Safety
/// The block is null, or one of these functions' and not freed.
#[unsafe(no_mangle)]
unsafe extern "C" fn zigttp_realloc(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        return zigttp_malloc(size);
    }
    let Some(new) = Place::with_room(size) else { return ptr::null_mut() };
    // SAFETY: the caller's promise; places are as long as they say.
    unsafe {
        let old = Place::of(block);
        if old.is_large() && new.is_large() {
            let start = block.sub(old.offset);
            return new.block(BLOCKS.realloc(start, old.layout, new.layout.size()));
        }
        if !old.is_large() && new.room() <= old.room() {
            return block;
        }
        let start = BLOCKS.alloc(new.layout);
        if !start.is_null() {
            let kept = HEADER + old.room().min(new.room());
            start.add(new.offset - HEADER).copy_from_nonoverlapping(block.sub(HEADER), kept);
            zigttp_free(block);
        }
        new.block(start)
    }
}

/// `free` of QuickJS.
///
/// # Safety
/// As of [`zigttp_realloc`]; it is used no more.
#[unsafe(no_mangle)]
unsafe extern "C" fn zigttp_free(block: *mut u8) {
    if !block.is_null() {
        // SAFETY: the caller's promise.
        unsafe {
            let place = Place::of(block);
            BLOCKS.dealloc(block.sub(place.offset), place.layout);
        }
    }
}
