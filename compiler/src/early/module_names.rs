//! Names of imports and exports (16.2.2.1, 16.2.3.1).

use std::collections::HashSet;

use swc_core::atoms::{Atom, Wtf8Atom};
use swc_core::common::Spanned;
use swc_core::ecma::ast::{
    Decl, DefaultDecl, ExportSpecifier, Ident, ImportDecl, ImportSpecifier, ModuleDecl,
    ModuleExportName, ModuleItem, Program,
};
use swc_core::ecma::utils::find_pat_ids;

use super::errors::Errors;

pub(super) fn find(program: &Program, errors: &mut Errors<'_>) {
    let Some(module) = program.as_module() else { return };
    let mut finder = Finder {
        errors,
        declared: HashSet::new(),
        variables: HashSet::new(),
        listed: HashSet::new(),
    };
    for item in &module.body {
        if let ModuleItem::ModuleDecl(declaration) = item {
            finder.declaration(declaration);
        }
    }
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
    /// Names exported with their declarations. Two declarations of one name are found elsewhere, or
    /// TypeScript merges them.
    declared: HashSet<Wtf8Atom>,
    variables: HashSet<Atom>,
    /// Names exported in other ways.
    listed: HashSet<Wtf8Atom>,
}

impl Finder<'_, '_> {
    fn declared(&mut self, name: &Ident) {
        let exported = Wtf8Atom::from(name.sym.clone());
        if self.listed.contains(&exported) {
            self.twice(&name.sym, name);
        }
        self.declared.insert(exported);
    }

    /// A `var` may be declared twice, and not be exported twice.
    fn variable(&mut self, name: &Ident) {
        if !self.variables.insert(name.sym.clone()) {
            self.twice(&name.sym, name);
        }
    }

    fn listed(&mut self, name: Wtf8Atom, place: &impl Spanned) {
        if self.declared.contains(&name) || !self.listed.insert(name.clone()) {
            self.twice(&name.to_string_lossy(), place);
        }
    }

    fn twice(&mut self, name: &str, place: &impl Spanned) {
        self.errors.report(place, format!("`{name}` is exported twice"));
    }

    /// A name in quotes is text that can be written as UTF-8.
    fn well_formed(&mut self, name: &ModuleExportName) {
        if let ModuleExportName::Str(text) = name
            && text.value.as_str().is_none()
        {
            self.errors.report(text, "a name of an import or export cannot have a lone surrogate");
        }
    }

    fn declaration(&mut self, declaration: &ModuleDecl) {
        match declaration {
            ModuleDecl::Import(import) => self.import(import),
            ModuleDecl::ExportDecl(export) => match &export.decl {
                Decl::Fn(function) if function.function.body.is_some() => {
                    self.declared(&function.ident);
                }
                Decl::Class(class) if !class.declare => self.declared(&class.ident),
                Decl::Var(variables) if !variables.declare => {
                    for name in find_pat_ids::<_, Ident>(&variables.decls) {
                        self.declared(&name);
                        self.variable(&name);
                    }
                }
                Decl::TsEnum(it) if !it.declare => self.declared(&it.id),
                _ => {}
            },
            ModuleDecl::ExportDefaultDecl(export) => {
                let has_value = match &export.decl {
                    DefaultDecl::Fn(function) => function.function.body.is_some(),
                    DefaultDecl::Class(_) => true,
                    DefaultDecl::TsInterfaceDecl(_) => false,
                };
                if has_value {
                    self.listed("default".into(), export);
                }
            }
            ModuleDecl::ExportDefaultExpr(export) => self.listed("default".into(), export),
            ModuleDecl::ExportNamed(export) if !export.type_only => {
                for specifier in &export.specifiers {
                    match specifier {
                        ExportSpecifier::Named(named) if !named.is_type_only => {
                            self.well_formed(&named.orig);
                            let exported = named.exported.as_ref().unwrap_or(&named.orig);
                            self.well_formed(exported);
                            self.listed(name_of(exported), exported);
                        }
                        ExportSpecifier::Namespace(namespace) => {
                            self.well_formed(&namespace.name);
                            self.listed(name_of(&namespace.name), &namespace.name);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn import(&mut self, import: &ImportDecl) {
        for specifier in &import.specifiers {
            let local = specifier.local();
            if matches!(&*local.sym, "eval" | "arguments") {
                self.errors.report(local, format!("nothing can be imported as `{}`", local.sym));
            }
            if let ImportSpecifier::Named(named) = specifier
                && let Some(name) = &named.imported
            {
                self.well_formed(name);
            }
        }
    }
}

fn name_of(name: &ModuleExportName) -> Wtf8Atom {
    match name {
        ModuleExportName::Ident(name) => name.sym.clone().into(),
        ModuleExportName::Str(name) => name.value.clone(),
    }
}
