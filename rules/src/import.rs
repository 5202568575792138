//! Modules by name, and what a module imports from others.

use std::fmt;

use zigttp_abi::api;

use crate::span::{ModuleId, Span};

/// The module that tests import, which counts as a package.
pub const TESTING: &str = "zigttp:test";

/// A module's path relative to the folder of the handler's entry module, with `/`.
///
/// `chat.ts`, `lib/rooms.ts`, `../shared/names.ts` and `node_modules/zod/index.js` are names. Stack traces and
/// artifacts contain them, so they do not depend on where on a disk the handler was built. Modules that the
/// compiler has in place of those of Node.js are named as there: `node:buffer`.
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

    /// The name of the package it belongs to; `None` for a module of the handler's own.
    pub fn package(&self) -> Option<&str> {
        if self.0.starts_with("node:") {
            return Some(&self.0);
        }
        if self.0.starts_with("zigttp:") {
            return Some(TESTING);
        }
        let start =
            self.0.rfind("node_modules/").filter(|&at| at == 0 || self.0[..at].ends_with('/'))?;
        Some(package_of(&self.0[start + "node_modules/".len()..]))
    }
}

/// The package that a path inside of `node_modules`, or a specifier, begins with: `@scope/name` of `@scope/name/file.js`.
pub fn package_of(path: &str) -> &str {
    let parts = if path.starts_with('@') { 2 } else { 1 };
    let end = path.match_indices('/').nth(parts - 1).map_or(path.len(), |(at, _)| at);
    &path[..end]
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
    /// Whether it is only asked for when the code around it runs: in a function, or where failing is caught.
    pub is_deferred: bool,
    pub target: Target,
    pub names: Vec<ImportedName>,
    /// Where `, name` can be written, if there are names in braces.
    pub next_name: Option<Span>,
}

impl Import {
    /// Whether all that it imports is used as types alone.
    pub fn has_only_types(&self) -> bool {
        let is_type = |name: &ImportedName| name.uses.is_type && name.uses.values.is_empty();
        self.kind == ImportKind::Static && !self.names.is_empty() && self.names.iter().all(is_type)
    }
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
    ImportRequire,
    /// `require("…")`, in a CommonJS module
    Require,
    /// Of a name that a package uses without importing it: `Buffer`, which Node.js has as a global.
    Implied,
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
    /// The specifier names a package that is not installed.
    NotInstalled,
    /// The package or path is there, and does not offer this, for the reason given.
    NotOffered { reason: String },
    /// The specifier is an alias (`@/rooms`, `#rooms`) that is defined nowhere.
    UnknownAlias,
    /// A module of Node.js that handlers do not have.
    NodeModule,
    /// A module of another platform, which its name begins with (`cloudflare:workers`).
    OtherPlatform,
    /// The specifier is an absolute path or a URL.
    Absolute,
    /// The specifier names a file of another kind.
    NotSource { extension: String },
    /// `zigttp:` and something this version does not have.
    UnknownBuiltin,
    /// `zigttp:test`, in what is not a test.
    OnlyForTests,
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

#[cfg(test)]
mod tests {
    use super::ModuleName;

    #[test]
    fn the_package_of_a_module_is_read_from_its_path() {
        for (path, package) in [
            ("chat.ts", None),
            ("../shared/names.ts", None),
            ("my_node_modules/x.ts", None),
            ("node_modules/zod/index.js", Some("zod")),
            ("../../node_modules/@msgpack/msgpack/dist/a.mjs", Some("@msgpack/msgpack")),
            ("node_modules/.pnpm/a@1.0.0/node_modules/a/index.js", Some("a")),
            ("node_modules/single.js", Some("single.js")),
            ("node:buffer", Some("node:buffer")),
            ("zigttp:test/index.ts", Some("zigttp:test")),
        ] {
            assert_eq!(ModuleName::new(path).package(), package, "{path}");
        }
    }
}
