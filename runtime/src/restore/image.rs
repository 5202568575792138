//! What an instance is like when an event begins, and how it becomes so again.

use wasmtime::{AsContextMut, Global, Instance, Memory, Val};

use super::{GLOBAL_EXPORT, MAP_EXPORT, PAGE, WIDEST_STORE};

/// Bytes to copy back above which an instance is dropped: 3 MB took 109 us, a new instance 8.
pub(super) const MAX_RESTORED: usize = 1 << 20;
const MAX_MARKED: usize = MAX_RESTORED / PAGE;
/// Bytes of the map that are looked at together: most are clear.
const BLOCK: usize = 256;
/// As many as there are bits in a word.
const CHUNK: usize = 64;

/// Memory and globals of a module right after its instantiation. Taken once.
pub(crate) struct Image {
    memory: Box<[u8]>,
    globals: Box<[Val]>,
}

/// What an instance of a rewritten module has to be restored with.
pub(crate) struct Tracked {
    memory: Memory,
    map: Memory,
    globals: Box<[Global]>,
    /// Pages to copy back: the first of a chunk of them, and a bit for each that is marked. Kept for its
    /// space.
    marked: Vec<(usize, u64)>,
}

impl Tracked {
    /// Finds what the rewriting has exported.
    pub(crate) fn find(
        mut store: impl AsContextMut,
        instance: Instance,
        memory: Memory,
    ) -> wasmtime::Result<Tracked> {
        let map = instance
            .get_memory(&mut store, MAP_EXPORT)
            .ok_or_else(|| wasmtime::Error::msg("a rewritten module exports its map"))?;
        let globals = (0..)
            .map_while(|number| {
                instance.get_global(&mut store, &format!("{GLOBAL_EXPORT}{number}"))
            })
            .collect();
        Ok(Tracked { memory, map, globals, marked: Vec::new() })
    }

    /// The map, for the marks of what the host writes.
    pub(crate) fn map(&self) -> Memory {
        self.map
    }
}

/// Marks the pages of a run that the host is about to write, in the bytes of the map.
pub(crate) fn mark_run(map: &mut [u8], start: usize, len: usize) {
    let Some(last) = len.checked_sub(1).map(|last| start.saturating_add(last)) else { return };
    // What is outside the map is outside the memory: the write is refused.
    if let Some(pages) = map.get_mut(start / PAGE..=last / PAGE) {
        pages.fill(1);
    }
}

impl Image {
    /// Takes the image of a new instance.
    pub(crate) fn take(mut store: impl AsContextMut, tracked: &Tracked) -> Image {
        let memory = tracked.memory.data(&store).into();
        let globals = tracked.globals.iter().map(|global| global.get(&mut store)).collect();
        Image { memory, globals }
    }

    /// Undoes what an instance has written, and answers how many bytes it copied for that. `None`
    /// when it can not serve again, because its memory has grown or there is more to undo than a
    /// new instance costs.
    #[must_use]
    pub(crate) fn restore(
        &self,
        mut store: impl AsContextMut,
        tracked: &mut Tracked,
    ) -> Option<usize> {
        if tracked.memory.data_size(&store) != self.memory.len() {
            return None;
        }
        // Two more than there are pages: a bulk write may have marked them.
        let pages = (self.memory.len() / PAGE + 2).next_multiple_of(BLOCK);
        let count =
            take_marks(&mut tracked.map.data_mut(&mut store)[..pages], &mut tracked.marked)?;
        let memory = tracked.memory.data_mut(&mut store);
        for (first, mut marks) in tracked.marked.iter().copied() {
            let mut page = first;
            while marks != 0 {
                let clear = marks.trailing_zeros();
                let run = (marks >> clear).trailing_ones();
                page += clear as usize;
                let start = (page * PAGE).min(memory.len());
                page += run as usize;
                let end = (page * PAGE + WIDEST_STORE).min(memory.len());
                memory[start..end].copy_from_slice(&self.memory[start..end]);
                marks = marks.unbounded_shr(clear + run);
            }
        }
        for (global, value) in tracked.globals.iter().zip(&self.globals) {
            // Setting costs several times what looking does, and the stack pointer is back where it was.
            if !is_same(&global.get(&mut store), value) {
                global.set(&mut store, *value).ok()?;
            }
        }
        Some(count * PAGE)
    }

    /// What of an instance differs from the image, in words; all of it is compared. Tables are
    /// not: no instruction that changes one is accepted.
    pub(crate) fn difference(
        &self,
        mut store: impl AsContextMut,
        tracked: &Tracked,
    ) -> Option<String> {
        let memory = tracked.memory.data(&store);
        if memory.len() != self.memory.len() {
            return Some(format!("{} bytes of memory, not {}", memory.len(), self.memory.len()));
        }
        if *memory != *self.memory {
            let at = memory.iter().zip(&self.memory).position(|(now, then)| now != then);
            return Some(format!("memory differs at address {}", at.unwrap_or_default()));
        }
        if tracked.map.data(&store).iter().any(|mark| *mark != 0) {
            return Some("the map of written pages is not clear".to_owned());
        }
        tracked
            .globals
            .iter()
            .zip(&self.globals)
            .position(|(global, then)| !is_same(&global.get(&mut store), then))
            .map(|number| format!("mutable global {number} differs"))
    }
}

/// Clears a map, and answers how many pages were marked; `None` when they are too many.
fn take_marks(map: &mut [u8], marked: &mut Vec<(usize, u64)>) -> Option<usize> {
    marked.clear();
    let mut count = 0;
    for (number, block) in map.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        if is_clear(block) {
            continue;
        }
        for (place, chunk) in block.as_chunks_mut::<CHUNK>().0.iter_mut().enumerate() {
            if is_clear(chunk) {
                continue;
            }
            let (words, _) = chunk.as_chunks::<8>();
            let marks = words.iter().rev().fold(0, |marks, word| marks << 8 | marks_of(*word));
            *chunk = [0; CHUNK];
            count += marks.count_ones() as usize;
            marked.push((number * BLOCK + place * CHUNK, marks));
        }
        if count > MAX_MARKED {
            return None;
        }
    }
    Some(count)
}

/// Without a branch for each byte or word: the compiler makes wide loads of it.
fn is_clear(marks: &[u8]) -> bool {
    let (words, _) = marks.as_chunks::<8>();
    words.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word)) == 0
}

/// A bit for each byte of eight that is 1; all others are 0. The factor brings the lowest bits of
/// the bytes side by side into the highest byte of the product, without a carry.
fn marks_of(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Bit for bit; no global that is restored holds a reference.
fn is_same(one: &Val, other: &Val) -> bool {
    match (one, other) {
        (Val::I32(one), Val::I32(other)) => one == other,
        (Val::I64(one), Val::I64(other)) => one == other,
        (Val::F32(one), Val::F32(other)) => one == other,
        (Val::F64(one), Val::F64(other)) => one == other,
        (Val::V128(one), Val::V128(other)) => one == other,
        _ => false,
    }
}
