//! Names within TypeScript's namespaces: what the pass that strips types does otherwise than `tsc`.
//!
//! - A namespace may have several blocks, and each sees what the others export.
//! - `import F = E` within one may mean what it exports.

use std::collections::{HashMap, HashSet};

use swc_core::atoms::Atom;
use swc_core::ecma::ast::{
    Decl, Expr, Id, Ident, MemberExpr, MemberProp, ModuleDecl, ModuleItem, ObjectPatProp, Program,
    TsEntityName, TsImportEqualsDecl, TsModuleBlock, TsModuleDecl, TsModuleRef, TsNamespaceBody,
    TsNamespaceDecl, TsQualifiedName,
};
use swc_core::ecma::utils::{QueryRef, RefRewriter, find_pat_ids};
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith};

use crate::declared::Declared;

/// Names what other blocks of a namespace export by way of the namespace.
pub(crate) fn qualify(program: &mut Program) {
    let mut exports = Exports::default();
    program.visit_with(&mut Collector { exports: &mut exports });
    if !exports.0.is_empty() {
        program.visit_mut_with(&mut Qualifier { exports: &exports });
    }
}

/// A namespace: where the outermost is declared, and the names on the way from there.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Path(Id, Vec<Atom>);

impl Path {
    fn inner(&self, name: &Ident) -> Path {
        let mut names = self.1.clone();
        names.push(name.sym.clone());
        Path(self.0.clone(), names)
    }
}

/// The values that the blocks of each namespace export.
#[derive(Default)]
struct Exports(HashMap<Path, HashSet<Atom>>);

impl Exports {
    fn add(&mut self, path: &Path, name: &Ident) {
        self.0.entry(path.clone()).or_default().insert(name.sym.clone());
    }

    fn body(&mut self, path: &Path, body: &TsNamespaceBody) {
        match body {
            TsNamespaceBody::TsNamespaceDecl(inner) => {
                self.add(path, &inner.id);
                self.body(&path.inner(&inner.id), &inner.body);
            }
            TsNamespaceBody::TsModuleBlock(block) => {
                for item in &block.body {
                    self.item(path, item);
                }
            }
        }
    }

    fn item(&mut self, path: &Path, item: &ModuleItem) {
        match item {
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => match &export.decl {
                Decl::Class(class) => self.add(path, &class.ident),
                Decl::Fn(function) => self.add(path, &function.ident),
                Decl::Var(variables) => {
                    find_pat_ids::<_, Ident>(&variables.decls)
                        .iter()
                        .for_each(|name| self.add(path, name));
                }
                Decl::TsEnum(it) => self.add(path, &it.id),
                Decl::TsModule(it) => {
                    if let (Some(name), Some(body)) = (it.id.as_ident(), &it.body) {
                        self.add(path, name);
                        self.body(&path.inner(name), body);
                    }
                }
                Decl::Using(_) | Decl::TsInterface(_) | Decl::TsTypeAlias(_) => {}
            },
            ModuleItem::ModuleDecl(ModuleDecl::TsImportEquals(import)) if import.is_export => {
                self.add(path, &import.id);
            }
            _ => {}
        }
    }
}

/// Collects the exports of all namespaces that are not in another, or are not exported by it.
struct Collector<'a> {
    exports: &'a mut Exports,
}

impl Visit for Collector<'_> {
    fn visit_ts_module_decl(&mut self, declaration: &TsModuleDecl) {
        if let (Some(name), Some(body)) = (declaration.id.as_ident(), &declaration.body) {
            self.exports.body(&Path(name.to_id(), Vec::new()), body);
        }
        declaration.visit_children_with(self);
    }
}

struct Qualifier<'a> {
    exports: &'a Exports,
}

impl Qualifier<'_> {
    fn body(&mut self, path: &Path, name: &Ident, body: &mut TsNamespaceBody) {
        match body {
            TsNamespaceBody::TsNamespaceDecl(TsNamespaceDecl { id, body, .. }) => {
                self.body(&path.inner(id), id, body);
            }
            TsNamespaceBody::TsModuleBlock(block) => self.block(path, name, block),
        }
        // What an inner block does not know may be exported here.
        self.names(path, name, body);
    }

    fn block(&mut self, path: &Path, name: &Ident, block: &mut TsModuleBlock) {
        for item in &mut block.body {
            match item {
                ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => {
                    if let Decl::TsModule(inner) = &mut export.decl
                        && let (Some(name), Some(body)) = (inner.id.as_ident(), &mut inner.body)
                    {
                        self.body(&path.inner(name), &name.clone(), body);
                        continue;
                    }
                }
                ModuleItem::ModuleDecl(ModuleDecl::TsImportEquals(import)) => {
                    self.alias(path, name, import);
                }
                _ => {}
            }
            item.visit_mut_with(self);
        }
    }

    fn alias(&self, path: &Path, name: &Ident, import: &mut TsImportEqualsDecl) {
        let TsModuleRef::TsEntityName(entity) = &mut import.module_ref else { return };
        let mut leftmost = entity;
        while let TsEntityName::TsQualifiedName(qualified) = leftmost {
            leftmost = &mut qualified.left;
        }
        if let TsEntityName::Ident(first) = leftmost
            && first.to_id() != name.to_id()
            && self.exports.0.get(path).is_some_and(|exports| exports.contains(&first.sym))
        {
            *leftmost = TsEntityName::TsQualifiedName(Box::new(TsQualifiedName {
                span: first.span,
                left: name.clone().into(),
                right: first.clone().into(),
            }));
        }
    }

    fn names(&self, path: &Path, name: &Ident, body: &mut TsNamespaceBody) {
        let Some(exports) = self.exports.0.get(path) else { return };
        let mut declared = Declared::default();
        body.visit_with(&mut declared);
        let query = Elsewhere { namespace: name, exports, declared: declared.names };
        let mut rewriter = RefRewriter { query };
        body.visit_mut_with(&mut rewriter);
        body.visit_mut_with(&mut Targets(rewriter));
    }
}

/// The names in patterns such as `({ a } = b)`, which the rewriter leaves to its caller.
struct Targets<'a>(RefRewriter<Elsewhere<'a>>);

impl VisitMut for Targets<'_> {
    fn visit_mut_object_pat_prop(&mut self, property: &mut ObjectPatProp) {
        property.visit_mut_children_with(self);
        self.0.exit_object_pat_prop(property);
    }
}

impl VisitMut for Qualifier<'_> {
    fn visit_mut_ts_module_decl(&mut self, declaration: &mut TsModuleDecl) {
        if let (Some(name), Some(body)) = (declaration.id.as_ident(), &mut declaration.body) {
            self.body(&Path(name.to_id(), Vec::new()), &name.clone(), body);
        }
    }
}

/// Finds the names that other blocks of a namespace export.
struct Elsewhere<'a> {
    namespace: &'a Ident,
    exports: &'a HashSet<Atom>,
    declared: HashSet<Id>,
}

impl QueryRef for Elsewhere<'_> {
    fn query_ref(&self, name: &Ident) -> Option<Box<Expr>> {
        let is_elsewhere = self.exports.contains(&name.sym)
            && !self.declared.contains(&name.to_id())
            && name.to_id() != self.namespace.to_id();
        is_elsewhere.then(|| {
            Box::new(Expr::Member(MemberExpr {
                span: name.span,
                obj: Box::new(Ident { span: name.span, ..self.namespace.clone() }.into()),
                prop: MemberProp::Ident(name.clone().into()),
            }))
        })
    }

    fn query_lhs(&self, name: &Ident) -> Option<Box<Expr>> {
        self.query_ref(name)
    }
}
