//! Collects what rules know of a module from its syntax tree.
//!
//! One collector per kind of fact, each a walk of its own over a tree whose names are resolved.
//! Where imports lead is not known here: [`crate::load`] fills in the targets, and with them what
//! takes more than one module to know.

mod code;
mod comments;
mod exports;
mod imports;
mod names;

use zigts_rules::code::Code;
use zigts_rules::import::ModuleName;
use zigts_rules::model::{Module, SyntaxError};
use zigts_rules::span::ModuleId;

pub(crate) use self::code::PER_ELEMENT;
use crate::parse::Parsed;
use crate::source::{Positions, SourceFile};

/// Collects the facts of one module. The targets of its imports are still to be found.
pub(crate) fn collect(id: ModuleId, file: &SourceFile, parsed: &Parsed) -> Module {
    let positions = Positions::new(id, file.text());
    let mut syntax_errors = Vec::new();
    let mut imports = imports::collect(&parsed.program, positions);
    let exports =
        exports::collect(&parsed.program, positions, parsed, &mut imports, &mut syntax_errors);
    let globals = names::collect(&parsed.program, positions, parsed, &mut imports);
    let code = code::collect(id, file.text(), parsed, positions, &imports);
    Module {
        name: file.name().clone(),
        syntax_errors,
        imports: imports.into_list(),
        exports,
        routes: None,
        protocols: None,
        globals,
        code,
        suppressions: comments::suppressions(id, file, &parsed.comments),
    }
}

/// A module of which nothing is known but why.
pub(crate) fn unreadable(name: ModuleName, syntax_errors: Vec<SyntaxError>) -> Module {
    Module {
        name,
        syntax_errors,
        imports: Vec::new(),
        exports: Vec::new(),
        routes: None,
        protocols: None,
        globals: Vec::new(),
        code: Code::default(),
        suppressions: Vec::new(),
    }
}
