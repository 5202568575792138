//! Restores an instance instead of making a new one: the second way to a fresh sandbox.
//!
//! [`rewrite()`] turns a validated module into one that records what it writes: every store and bulk write
//! also marks its pages in a *map*, a second memory that no instruction of the guest can address, because
//! the guest was validated as a module with one memory. After an event [`Image`] copies the marked pages
//! back and resets the mutable globals. Nothing else in an instance can change: modules for which that is
//! not certain are not restored, and each of their instances is used once.
//!
//! Structured control flow cannot skip a mark, so this does not trust the engine inside the module. It
//! trusts wasmparser's validation, this rewriting, and Cranelift.

mod image;
mod operators;
mod rewrite;
#[cfg(test)]
mod tests;
mod validate;

pub(crate) use image::{Image, Tracked, mark_run};
pub(crate) use rewrite::rewrite;

/// The version of the rewriting, which is part of the key of cached modules. Increase it with every change
/// of the rewriting.
pub(crate) const VERSION: u32 = 3;

/// The size of a page, for which the map has one byte, as a power of two. An event of the chat example
/// marks 18 pages of 4 KiB, but changes little of them: copying those took most of the time of restoring,
/// so pages are smaller here than the processor's. With pages of 1,024 bytes an event took 4.0 us, with 512
/// and 256 bytes 3.8 us; smaller pages need a larger map, which is scanned.
const PAGE_BITS: u32 = 9;
/// The size of a page in bytes.
const PAGE: usize = 1 << PAGE_BITS;
/// A store marks the page in which it begins; the widest one writes this many bytes. So as many bytes after
/// each marked page are restored with it. Marking both pages would be correct too, but makes loops up to
/// 13 % slower and the code 14 % larger (measured).
const WIDEST_STORE: usize = 16;

/// The byte in the map for a page that was written; for others it is 0.
const MARKED: u8 = 1;

/// The names under which the rewriting exports the map and the mutable globals.
const MAP_EXPORT: &str = "zigttp restore: map";
const GLOBAL_EXPORT: &str = "zigttp restore: global ";

/// Why a module cannot be restored. It is served with a new instance for each event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unrestorable {
    /// It is not valid with the WebAssembly features that are allowed here.
    #[error("it is not valid: {0}")]
    Invalid(#[from] wasmparser::BinaryReaderError),
    /// An instruction that is not on the list.
    #[error("it has the instruction {0}")]
    Instruction(String),
    /// It has something else, outside of its functions.
    #[error("{0}")]
    Has(&'static str),
}
