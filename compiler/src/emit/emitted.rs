//! What the engine gets.

use sourcemap::SourceMap;
use zigts_rules::span::ModuleId;

/// One module as the engine gets it.
#[derive(Clone)]
pub(crate) struct Emitted {
    pub(crate) name: String,
    pub(crate) code: String,
    /// Whether the engine runs it as a script, whose value is the module's default export.
    pub(crate) is_script: bool,
    /// What it is printed from; `None` for one that the compiler adds.
    pub(crate) source: Option<EmittedFrom>,
}

/// The module that emitted code comes from.
#[derive(Clone)]
pub(crate) struct EmittedFrom {
    pub(crate) id: ModuleId,
    /// From positions in the code to positions in the source.
    pub(crate) map: SourceMap,
}
