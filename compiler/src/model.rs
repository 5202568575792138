//! Collects the facts about a module from its syntax tree.
//!
//! One collector per kind of fact, each a walk of its own over a tree whose names are resolved.
//! The targets of imports are not known here: [`crate::load`] fills them in, and with them the facts
//! that need more than one module.

mod code;
mod comments;
mod exports;
mod implied;
mod imports;
mod names;
mod texts;

use zigts_rules::code::Code;
use zigts_rules::import::ModuleName;
use zigts_rules::model::{Format, Module, SyntaxError};
use zigts_rules::span::ModuleId;

pub(crate) use self::code::PER_ELEMENT;
use crate::parse::Parsed;
use crate::source::{Positions, SourceFile};

/// Collects the facts about one module, without the targets of its imports.
pub(crate) fn collect(id: ModuleId, file: &SourceFile, parsed: &Parsed) -> Module {
    let positions = Positions::new(id, file.text());
    let mut syntax_errors = Vec::new();
    let mut imports = imports::collect(parsed, positions);
    let exports =
        exports::collect(&parsed.program, positions, parsed, &mut imports, &mut syntax_errors);
    let globals = names::collect(&parsed.program, positions, parsed, &mut imports);
    let mut code = code::collect(id, file.text(), parsed, positions, &imports);
    code.needed_globals.retain(|it| !parsed.is_dead(it.span) && !parsed.is_of_commonjs(&it.name));
    let mut texts = Vec::new();
    if file.name().package().is_none() {
        texts = texts::collect(&parsed.program, positions);
    }
    let mut suppressions = comments::suppressions(id, file, &parsed.comments);
    let mut imports = imports.into_list();
    if file.name().package().is_some() {
        // Those of another handler, if any: what is told of a package is told where it is imported.
        suppressions.clear();
        imports.extend(implied::import(&mut code.needed_globals));
    }
    Module {
        name: file.name().clone(),
        format: parsed.format,
        syntax_errors,
        imports,
        exports,
        routes: None,
        protocols: None,
        schedules: None,
        globals,
        texts,
        code,
        suppressions,
    }
}

/// A module that cannot be read: only its errors are known.
pub(crate) fn unreadable(name: ModuleName, syntax_errors: Vec<SyntaxError>) -> Module {
    Module {
        name,
        format: Format::Module,
        syntax_errors,
        imports: Vec::new(),
        exports: Vec::new(),
        routes: None,
        protocols: None,
        schedules: None,
        globals: Vec::new(),
        texts: Vec::new(),
        code: Code::default(),
        suppressions: Vec::new(),
    }
}
