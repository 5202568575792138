//! Modules by name, and what a module imports from others.

use std::fmt;

use zigttp_abi::api;

use crate::span::{ModuleId, Span};

/// A module's path relative to the folder of the handler's entry module, with `/`.
///
/// `chat.ts`, `lib/rooms.ts` and `../shared/names.ts` are names. Stack traces and artifacts contain them, so
/// they do not depend on where on a disk the handler was built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName(String);

impl ModuleName {
    /// A name from a path that is relative and has `/` between its parts.
    pub fn new(path: impl Into<String>) -> ModuleName {
        ModuleName(path.into())
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A use of a name.
#[derive(Clone, Debug)]
pub struct Reference {
    pub name: String,
    pub span: Span,
}

/// One `import`, or `export … from`, or call of `import()`.
#[derive(Clone, Debug)]
pub struct Import {
    /// The text between the quotes.
    pub specifier: String,
    /// Its span, without the quotes; for a dynamic import without a literal, that of the argument.
    pub span: Span,
    pub kind: ImportKind,
    /// Whether TypeScript erases it whatever the names are used for (`import type`).
    pub is_type_only: bool,
    pub target: Target,
    pub names: Vec<ImportedName>,
    /// Where `, name` can be written, if there are names in braces.
    pub next_name: Option<Span>,
}

/// The form of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// `import … from "…"`
    Static,
    /// `export { … } from "…"`
    ReExport,
    /// `export * from "…"`
    ReExportAll,
    /// `import("…")`
    Dynamic,
    /// `import x = require("…")`
    Require,
}

/// What an import leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Another module of the handler.
    Module(ModuleId),
    /// A built-in module.
    Builtin(api::Module),
    /// No module, for this reason.
    Unresolved(Unresolved),
}

/// Why an import cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// None of these modules exists.
    NotFound { tried: Vec<ModuleName> },
    /// The module exists and cannot be read, for the reason given.
    Unreadable { module: ModuleName, reason: String },
    /// The specifier names a package.
    Package,
    /// The specifier is an absolute path or a URL.
    Absolute,
    /// The specifier names a file of another kind.
    NotSource { extension: String },
    /// `zigttp:` and something this version does not have.
    UnknownBuiltin,
    /// The argument of a dynamic import is not a string literal.
    NotLiteral,
    /// The form of import belongs to another module system.
    CommonJs,
    /// It was not read, because the handler is too large already.
    NotRead,
}

/// One name of an import.
#[derive(Clone, Debug)]
pub struct ImportedName {
    /// The name in the other module; `None` is all of it (`* as`).
    pub imported: Option<String>,
    /// The name in this module.
    pub local: String,
    /// Where the name of the other module is written, or the local one of `* as` and default imports.
    pub span: Span,
    pub uses: Uses,
    /// The text to remove so that the declaration no longer imports it.
    pub removal: Option<Span>,
}

/// What a module does with an imported name.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Where it is used as a value, re-exports included.
    pub values: Vec<Span>,
    /// Of these uses, the names of those that only take a property by its name (`storage` in `storage.get`).
    pub members: Vec<String>,
    /// Whether it is declared to be a type (`type`) or used as one.
    pub is_type: bool,
}
