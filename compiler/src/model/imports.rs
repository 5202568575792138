//! Imports: which names of which module, under which local names.

use std::collections::HashMap;

use swc_core::common::SyntaxContext;
use swc_core::ecma::ast::{
    ArrowExpr, CallExpr, Callee, ExportAll, ExportSpecifier, Expr, Function, Id, ImportDecl,
    ImportSpecifier, Lit, ModuleExportName, NamedExport, Str, TryStmt, TsImportEqualsDecl,
    TsModuleRef,
};
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::import::{Import, ImportKind, ImportedName, Target, Unresolved, Uses};
use zigts_rules::model::Format;
use zigts_rules::span::Span;

use crate::commonjs;
use crate::parse::Parsed;
use crate::source::Positions;

/// The imports of a module, and which local name comes from which.
pub(super) struct Imports {
    list: Vec<Import>,
    /// Indices of the import and of the name in it.
    by_local: HashMap<Id, (usize, usize)>,
    /// Indices of imports, by where their specifiers stand.
    by_place: HashMap<Span, usize>,
}

impl Imports {
    pub(super) fn into_list(self) -> Vec<Import> {
        self.list
    }

    /// The import a local name comes from, with its index.
    pub(super) fn of_local(&self, local: &Id) -> Option<(usize, &Import, &ImportedName)> {
        let &(import, name) = self.by_local.get(local)?;
        Some((import, &self.list[import], &self.list[import].names[name]))
    }

    pub(super) fn uses_mut(&mut self, local: &Id) -> Option<&mut Uses> {
        let &(import, name) = self.by_local.get(local)?;
        Some(&mut self.list[import].names[name].uses)
    }

    /// The import whose specifier stands here.
    pub(super) fn index_at(&self, span: Span) -> Option<usize> {
        self.by_place.get(&span).copied()
    }
}

pub(super) fn collect(parsed: &Parsed, positions: Positions<'_>) -> Imports {
    let imports = Imports { list: Vec::new(), by_local: HashMap::new(), by_place: HashMap::new() };
    let undeclared = SyntaxContext::empty().apply_mark(parsed.unresolved);
    let mut collector = Collector { positions, parsed, undeclared, deferring: 0, imports };
    parsed.program.visit_with(&mut collector);
    let mut imports = collector.imports;
    let places = imports.list.iter().enumerate().map(|(index, import)| (import.span, index));
    imports.by_place = places.collect();
    imports
}

struct Collector<'a> {
    positions: Positions<'a>,
    parsed: &'a Parsed,
    undeclared: SyntaxContext,
    /// How many functions and `try` blocks are around.
    deferring: usize,
    imports: Imports,
}

impl Collector<'_> {
    fn push(&mut self, specifier: &Str, kind: ImportKind, is_type_only: bool) -> &mut Import {
        self.imports.list.push(Import {
            specifier: specifier.value.to_string_lossy().into_owned(),
            span: self.positions.inside_quotes(specifier),
            kind,
            is_type_only,
            is_deferred: self.deferring > 0,
            // The loader resolves it next.
            target: Target::Unresolved(Unresolved::NotRead),
            names: Vec::new(),
            next_name: None,
        });
        self.imports.list.last_mut().expect("one was just pushed")
    }
}

impl Visit for Collector<'_> {
    fn visit_import_decl(&mut self, declaration: &ImportDecl) {
        let mut names: Vec<_> = declaration
            .specifiers
            .iter()
            .map(|specifier| imported_name(specifier, self.positions))
            .collect();
        let are_all_named = declaration.specifiers.iter().all(ImportSpecifier::is_named);
        // A default import or `* as` is outside of the braces.
        if are_all_named || names.len() == 1 {
            for (index, name) in names.iter_mut().enumerate() {
                name.removal = removal(declaration, index, self.positions);
            }
        }
        // `import { type A } from "…"` imports nothing at run time either.
        let is_erased = !declaration.specifiers.is_empty()
            && declaration.specifiers.iter().all(ImportSpecifier::is_type_only);
        let import = self.imports.list.len();
        for (name, specifier) in declaration.specifiers.iter().enumerate() {
            self.imports.by_local.insert(specifier.local().to_id(), (import, name));
        }
        let is_type_only = declaration.type_only || is_erased;
        let next_name = declaration.specifiers.last().filter(|last| last.is_named()).map(|last| {
            let Span { module, end, .. } = self.positions.of(last);
            Span { module, start: end, end }
        });
        let import = self.push(&declaration.src, ImportKind::Static, is_type_only);
        (import.names, import.next_name) = (names, next_name);
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        let Some(specifier) = &export.src else { return };
        let is_type = |specifier: &ExportSpecifier| matches!(specifier, ExportSpecifier::Named(named) if named.is_type_only);
        let names: Vec<_> = export
            .specifiers
            .iter()
            .map(|specifier| {
                passed_on_name(specifier, export.type_only || is_type(specifier), self.positions)
            })
            .collect();
        let is_erased = !export.specifiers.is_empty() && export.specifiers.iter().all(is_type);
        let is_type_only = export.type_only || is_erased;
        self.push(specifier, ImportKind::ReExport, is_type_only).names = names;
    }

    fn visit_export_all(&mut self, export: &ExportAll) {
        self.push(&export.src, ImportKind::ReExportAll, export.type_only);
    }

    fn visit_ts_import_equals_decl(&mut self, declaration: &TsImportEqualsDecl) {
        if let TsModuleRef::TsExternalModuleRef(reference) = &declaration.module_ref {
            self.push(&reference.expr, ImportKind::ImportRequire, declaration.is_type_only)
                .target = Target::Unresolved(Unresolved::CommonJs);
        }
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        if matches!(call.callee, Callee::Import(_)) && !self.parsed.is_dead(self.positions.of(call))
        {
            match call.args.first().map(|argument| &*argument.expr) {
                Some(Expr::Lit(Lit::Str(specifier))) => {
                    self.push(specifier, ImportKind::Dynamic, false).is_deferred = true;
                }
                argument => {
                    let span = match argument {
                        Some(argument) => self.positions.of(argument),
                        None => self.positions.of(call),
                    };
                    self.imports.list.push(Import {
                        specifier: String::new(),
                        span,
                        kind: ImportKind::Dynamic,
                        is_type_only: false,
                        is_deferred: true,
                        target: Target::Unresolved(Unresolved::NotLiteral),
                        names: Vec::new(),
                        next_name: None,
                    });
                }
            }
        }
        if self.parsed.format == Format::CommonJs
            && let Some(argument) = commonjs::required(call, self.undeclared)
            && let Expr::Lit(Lit::Str(specifier)) = &*argument.expr
            && !self.parsed.is_dead(self.positions.of(call))
        {
            self.push(specifier, ImportKind::Require, false);
        }
        call.visit_children_with(self);
    }

    fn visit_function(&mut self, function: &Function) {
        self.deferred(function);
    }

    fn visit_arrow_expr(&mut self, function: &ArrowExpr) {
        self.deferred(function);
    }

    fn visit_try_stmt(&mut self, statement: &TryStmt) {
        self.deferred(&statement.block);
        statement.handler.visit_with(self);
        statement.finalizer.visit_with(self);
    }
}

impl Collector<'_> {
    fn deferred(&mut self, inside: &impl VisitWith<Self>) {
        self.deferring += 1;
        inside.visit_children_with(self);
        self.deferring -= 1;
    }
}

/// The text to remove so that a declaration imports one name less: up to the next name, or from the one
/// before; for the only name, everything but the module.
fn removal(declaration: &ImportDecl, index: usize, positions: Positions<'_>) -> Option<Span> {
    let specifiers = &declaration.specifiers;
    let this = positions.of(specifiers.get(index)?);
    if specifiers.len() == 1 {
        let module = positions.of(&*declaration.src);
        let keyword = positions.word_in("import", declaration);
        return Some(Span::new(this.module, keyword.end + 1, module.start));
    }
    match specifiers.get(index + 1) {
        Some(next) => Some(Span::new(this.module, this.start, positions.of(next).start)),
        None => {
            let before = positions.of(specifiers.get(index.checked_sub(1)?)?);
            Some(Span::new(this.module, before.end, this.end))
        }
    }
}

fn imported_name(specifier: &ImportSpecifier, positions: Positions<'_>) -> ImportedName {
    let local = specifier.local();
    let (imported, span) = match specifier {
        ImportSpecifier::Named(named) => match &named.imported {
            Some(name) => (Some(name.atom().to_string()), name_span(name, positions)),
            None => (Some(local.sym.to_string()), positions.of(local)),
        },
        ImportSpecifier::Default(_) => (Some("default".to_owned()), positions.of(local)),
        ImportSpecifier::Namespace(_) => (None, positions.of(local)),
    };
    ImportedName {
        imported,
        local: local.sym.to_string(),
        span,
        uses: Uses { is_type: specifier.is_type_only(), ..Uses::default() },
        removal: None,
    }
}

fn passed_on_name(
    specifier: &ExportSpecifier,
    is_type: bool,
    positions: Positions<'_>,
) -> ImportedName {
    let (imported, span) = match specifier {
        ExportSpecifier::Named(named) => {
            (Some(named.orig.atom().to_string()), name_span(&named.orig, positions))
        }
        ExportSpecifier::Default(default) => {
            (Some("default".to_owned()), positions.of(&default.exported))
        }
        ExportSpecifier::Namespace(namespace) => (None, name_span(&namespace.name, positions)),
    };
    let values = if is_type { Vec::new() } else { vec![span] };
    ImportedName {
        local: imported.clone().unwrap_or_default(),
        imported,
        span,
        uses: Uses { values, is_type, ..Uses::default() },
        removal: None,
    }
}

/// Where the name of an import or export stands, without quotes.
pub(super) fn name_span(name: &ModuleExportName, positions: Positions<'_>) -> Span {
    match name {
        ModuleExportName::Ident(name) => positions.of(name),
        ModuleExportName::Str(name) => positions.inside_quotes(name),
    }
}
