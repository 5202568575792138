//! Restoring an instance instead of building a new one: the second way to a fresh sandbox.
//!
//! [`rewrite()`] turns a validated module into one that notes what it writes: every store and bulk
//! write also marks its pages in a *map*, a second memory that no instruction of the guest can
//! address, because the guest was validated as a module with one. After an event [`Image`] copies
//! the marked pages back and sets the mutable globals. Nothing else of an instance can change:
//! the modules for which that is not certain are refused, and their instances used once.
//!
//! Structured control flow cannot step around a mark, so none of this trusts the engine inside
//! the module. It trusts wasmparser's validation, this rewriting, and Cranelift.

mod image;
mod operators;
mod rewrite;
#[cfg(test)]
mod tests;
mod validate;

pub(crate) use image::{Image, Tracked, mark_run};
pub(crate) use rewrite::rewrite;

/// Changes whenever the rewriting does: compiled modules are cached under it.
pub(crate) const VERSION: u32 = 3;

/// Bytes of memory one byte of the map stands for, as a power of two. An event of the chat example
/// marks 18 pages of 4 KiB, of which it changes little: copying those was most of what restoring
/// cost, so pages are smaller here than the processor's. Of 1,024 bytes, an event took 4.0 us, of
/// 512 and 256 3.8 us; smaller ones have a larger map to look at.
const PAGE_BITS: u32 = 9;
/// The same in bytes.
const PAGE: usize = 1 << PAGE_BITS;
/// A store marks the page it begins in; the widest one writes this many bytes. So as many beyond
/// each marked page are restored with it. Marking both pages is as right, and makes loops up to
/// 13 % slower and the code 14 % larger (measured).
const WIDEST_STORE: usize = 16;

/// What the map holds for a page that was written; for others 0.
const MARKED: u8 = 1;

/// Names under which the rewriting exports what the host restores.
const MAP_EXPORT: &str = "zigttp restore: map";
const GLOBAL_EXPORT: &str = "zigttp restore: global ";

/// Why a module cannot be restored. It is served all the same, by a new instance for each event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unrestorable {
    /// Not valid with the features whose every effect is known here.
    #[error("it is not valid: {0}")]
    Invalid(#[from] wasmparser::BinaryReaderError),
    /// An instruction that is not on the list.
    #[error("it has the instruction {0}")]
    Instruction(String),
    /// Something outside of its functions.
    #[error("{0}")]
    Has(&'static str),
}
