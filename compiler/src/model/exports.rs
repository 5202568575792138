//! Exports: under which names, and whether anything of them is left at run time.

use std::collections::HashMap;

use swc_core::common::SyntaxContext;
use swc_core::ecma::ast::{
    Decl, DefaultDecl, ExportSpecifier, Id, Ident, ModuleDecl, ModuleExportName, ModuleItem,
    NamedExport, Program, Stmt,
};
use swc_core::ecma::utils::find_pat_ids;
use zigts_rules::model::{Export, ExportSource, SyntaxError};

use super::imports::{Imports, name_span};
use crate::parse::Parsed;
use crate::source::Positions;

/// Lists the exports of a module. Exporting an imported name is noted as a use of it, exporting an
/// undeclared name as a syntax error.
pub(super) fn collect(
    program: &Program,
    positions: Positions<'_>,
    parsed: &Parsed,
    imports: &mut Imports,
    syntax_errors: &mut Vec<SyntaxError>,
) -> Vec<Export> {
    let items = program.as_module().map_or(&[] as &[ModuleItem], |module| &module.body);
    let mut collector = Collector {
        positions,
        undeclared: SyntaxContext::empty().apply_mark(parsed.unresolved),
        types: declared_types(items),
        imports,
        exports: Vec::new(),
        syntax_errors,
    };
    for item in items {
        if let ModuleItem::ModuleDecl(declaration) = item {
            collector.declaration(declaration);
        }
    }
    collector.exports
}

struct Collector<'a> {
    positions: Positions<'a>,
    undeclared: SyntaxContext,
    /// Names declared at the top level, and whether as nothing but types.
    types: HashMap<Id, bool>,
    imports: &'a mut Imports,
    exports: Vec<Export>,
    syntax_errors: &'a mut Vec<SyntaxError>,
}

impl Collector<'_> {
    fn declaration(&mut self, declaration: &ModuleDecl) {
        match declaration {
            ModuleDecl::ExportDecl(export) => {
                for (name, is_type) in declared_names(&export.decl) {
                    self.exports.push(Export {
                        name: name.sym.to_string(),
                        span: self.positions.of(&name),
                        source: ExportSource::Local { is_type },
                    });
                }
            }
            ModuleDecl::ExportDefaultDecl(export) => {
                let is_type = matches!(export.decl, DefaultDecl::TsInterfaceDecl(_));
                self.default(export, is_type);
            }
            ModuleDecl::ExportDefaultExpr(export) => self.default(export, false),
            ModuleDecl::ExportNamed(export) => match &export.src {
                Some(specifier) => {
                    let import = self
                        .imports
                        .index_at(self.positions.inside_quotes(&**specifier))
                        .expect("an import was collected for every `from`");
                    self.passed_on(export, import);
                }
                None => self.named(export),
            },
            ModuleDecl::TsExportAssignment(export) => {
                let span = self.positions.word_in("export", export);
                let message = "`export =` is a form of CommonJS; export by name".to_owned();
                self.syntax_errors.push(SyntaxError { span, message });
            }
            ModuleDecl::Import(_)
            | ModuleDecl::ExportAll(_)
            | ModuleDecl::TsImportEquals(_)
            | ModuleDecl::TsNamespaceExport(_) => {}
        }
    }

    fn default(&mut self, export: &impl swc_core::common::Spanned, is_type: bool) {
        self.exports.push(Export {
            name: "default".to_owned(),
            span: self.positions.word_in("default", export),
            source: ExportSource::Local { is_type },
        });
    }

    /// `export { … } from "…"`
    fn passed_on(&mut self, export: &NamedExport, import: usize) {
        for specifier in &export.specifiers {
            let (name, exported, is_type_only) = match specifier {
                ExportSpecifier::Named(named) => (
                    Some(named.orig.atom().to_string()),
                    named.exported.as_ref().unwrap_or(&named.orig),
                    named.is_type_only,
                ),
                ExportSpecifier::Namespace(namespace) => (None, &namespace.name, false),
                // `export v from "…"` is a proposal that is not switched on.
                ExportSpecifier::Default(_) => continue,
            };
            self.exports.push(Export {
                name: exported.atom().to_string(),
                span: name_span(exported, self.positions),
                source: ExportSource::Import {
                    import,
                    name,
                    is_type: is_type_only || export.type_only,
                },
            });
        }
    }

    /// `export { … }`
    fn named(&mut self, export: &NamedExport) {
        for specifier in &export.specifiers {
            let ExportSpecifier::Named(named) = specifier else { continue };
            let ModuleExportName::Ident(local) = &named.orig else { continue };
            let exported = named.exported.as_ref().unwrap_or(&named.orig);
            let is_type = named.is_type_only || export.type_only;
            let span = self.positions.of(local);
            let id = local.to_id();
            let source = if let Some((import, from, name)) = self.imports.of_local(&id) {
                let is_type = is_type || from.is_type_only;
                ExportSource::Import { import, name: name.imported.clone(), is_type }
            } else if local.ctxt == self.undeclared {
                let message = format!("`{}` is exported, but declared nowhere", local.sym);
                self.syntax_errors.push(SyntaxError { span, message });
                continue;
            } else {
                let is_type = is_type || self.types.get(&id).copied().unwrap_or(false);
                ExportSource::Local { is_type }
            };
            if let Some(uses) = self.imports.uses_mut(&id) {
                if is_type { uses.is_type = true } else { uses.values.push(span) }
            }
            self.exports.push(Export {
                name: exported.atom().to_string(),
                span: name_span(exported, self.positions),
                source,
            });
        }
    }
}

fn declared_types(items: &[ModuleItem]) -> HashMap<Id, bool> {
    let mut types = HashMap::new();
    for item in items {
        let declaration = match item {
            ModuleItem::Stmt(Stmt::Decl(declaration)) => declaration,
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => &export.decl,
            _ => continue,
        };
        for (name, is_type) in declared_names(declaration) {
            // A class and an interface of one name are one name with a value.
            types.entry(name.to_id()).and_modify(|known| *known &= is_type).or_insert(is_type);
        }
    }
    types
}

/// The names a declaration introduces, and whether nothing of them is left at run time.
fn declared_names(declaration: &Decl) -> Vec<(Ident, bool)> {
    match declaration {
        Decl::Class(class) => vec![(class.ident.clone(), class.declare)],
        // An overload's signature has no body.
        Decl::Fn(function) => {
            vec![(function.ident.clone(), function.declare || function.function.body.is_none())]
        }
        Decl::Var(variables) => {
            let names: Vec<Ident> = find_pat_ids(&variables.decls);
            names.into_iter().map(|name| (name, variables.declare)).collect()
        }
        Decl::Using(variables) => {
            let names: Vec<Ident> = find_pat_ids(&variables.decls);
            names.into_iter().map(|name| (name, false)).collect()
        }
        Decl::TsInterface(interface) => vec![(interface.id.clone(), true)],
        Decl::TsTypeAlias(alias) => vec![(alias.id.clone(), true)],
        Decl::TsEnum(enumeration) => vec![(enumeration.id.clone(), enumeration.declare)],
        Decl::TsModule(namespace) => match namespace.id.as_ident() {
            Some(name) => vec![(name.clone(), namespace.declare)],
            None => Vec::new(),
        },
    }
}
