//! Ranges of a handler's source.
//!
//! Offsets are bytes from 0. Lines and columns are for people, and are computed where people read them: in
//! a report.

/// One module of a handler: its index in [`crate::model::HandlerModel::modules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId(u32);

impl ModuleId {
    /// The entry module, always the first.
    pub const ENTRY: ModuleId = ModuleId(0);

    /// The id of the module at this index.
    ///
    /// # Panics
    /// With more modules than bytes of source may be given to the compiler.
    pub fn new(index: usize) -> ModuleId {
        ModuleId(u32::try_from(index).expect("a handler's size bounds how many modules it has"))
    }

    /// The module's index in the list of modules.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A range of one module's text, from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub module: ModuleId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// A range of text; one that ends before it starts is empty.
    pub fn new(module: ModuleId, start: u32, end: u32) -> Span {
        Span { module, start, end: end.max(start) }
    }

    /// The start of a module, for diagnostics about the whole of it.
    pub fn start_of(module: ModuleId) -> Span {
        Span { module, start: 0, end: 0 }
    }
}
