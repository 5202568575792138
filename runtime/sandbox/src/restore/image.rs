//! The image of an instance at the start of an event, and restoring the instance to it.

use std::ops::Range;

use wasmtime::{AsContextMut, Global, Instance, Memory, Val};

use super::{GLOBAL_EXPORT, MAP_EXPORT, MARKED, PAGE, WIDEST_STORE};

/// An instance with more bytes to copy back is dropped: 3 MB took 109 us, a new instance takes 8.
pub(super) const MAX_RESTORED: usize = 1 << 20;
const MAX_MARKED: usize = MAX_RESTORED / PAGE;

/// The memory and globals of a module directly after its instantiation. Taken once.
pub(crate) struct Image {
    memory: Box<[u8]>,
    globals: Box<[Val]>,
}

/// What restoring an instance of a rewritten module needs.
pub(crate) struct Tracked {
    memory: Memory,
    map: Memory,
    globals: Box<[Global]>,
    /// The pages to copy back. A field only to reuse its memory.
    marked: Vec<Range<usize>>,
}

impl Tracked {
    /// Finds the exports of the rewriting.
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

    /// The map, for marking what the host writes.
    pub(crate) fn map(&self) -> Memory {
        self.map
    }
}

/// Marks the pages of a range that the host is about to write, in the bytes of the map.
pub(crate) fn mark_run(map: &mut [u8], start: usize, len: usize) {
    let Some(last) = len.checked_sub(1).map(|last| start.saturating_add(last)) else { return };
    // A range outside the map is outside the memory: the write will be refused.
    match map.get_mut(start / PAGE..=last / PAGE) {
        // The usual case, which needs no call of a fill.
        Some([page]) => *page = MARKED,
        Some(pages) => pages.fill(MARKED),
        None => {}
    }
}

impl Image {
    /// Takes the image of a new instance.
    pub(crate) fn take(mut store: impl AsContextMut, tracked: &Tracked) -> Image {
        let memory = tracked.memory.data(&store).into();
        let globals = tracked.globals.iter().map(|global| global.get(&mut store)).collect();
        Image { memory, globals }
    }

    /// Undoes what an instance has written. Returns how many bytes it has copied; `None` if the instance
    /// cannot be used again, because its memory has grown or restoring would cost more than a new instance.
    #[must_use]
    pub(crate) fn restore(
        &self,
        mut store: impl AsContextMut,
        tracked: &mut Tracked,
    ) -> Option<usize> {
        if tracked.memory.data_size(&store) != self.memory.len() {
            return None;
        }
        // Two more than there are pages, because a bulk write may have marked them.
        let pages = self.memory.len() / PAGE + 2;
        let count =
            take_marks(&mut tracked.map.data_mut(&mut store)[..pages], &mut tracked.marked)?;
        let memory = tracked.memory.data_mut(&mut store);
        for pages in &tracked.marked {
            let start = (pages.start * PAGE).min(memory.len());
            let end = (pages.end * PAGE + WIDEST_STORE).min(memory.len());
            memory[start..end].copy_from_slice(&self.memory[start..end]);
        }
        for (global, value) in tracked.globals.iter().zip(&self.globals) {
            // Setting costs several times as much as reading, and mostly the stack pointer has not changed.
            if !is_same(&global.get(&mut store), value) {
                global.set(&mut store, *value).ok()?;
            }
        }
        Some(count * PAGE)
    }

    /// Compares all of an instance with the image. Returns the first difference as text. Tables are not
    /// compared, because no instruction that changes one is accepted.
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
            return Some("the map of written pages is not empty".to_owned());
        }
        tracked
            .globals
            .iter()
            .zip(&self.globals)
            .position(|(global, then)| !is_same(&global.get(&mut store), then))
            .map(|number| format!("mutable global {number} differs"))
    }
}

/// Clears a map and lists the ranges of marked pages. Returns how many pages they have; `None` if there are
/// too many.
fn take_marks(map: &mut [u8], marked: &mut Vec<Range<usize>>) -> Option<usize> {
    marked.clear();
    let mut count = 0;
    let mut page = 0;
    // Nearly all of the map is clear.
    while let Some(clear) = memchr::memchr(MARKED, &map[page..]) {
        let first = page + clear;
        page = first;
        while let Some(mark) = map.get_mut(page).filter(|mark| **mark == MARKED) {
            *mark = 0;
            page += 1;
        }
        count += page - first;
        if count > MAX_MARKED {
            return None;
        }
        marked.push(first..page);
    }
    Some(count)
}

/// Compares bit for bit. No global that is restored holds a reference.
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
