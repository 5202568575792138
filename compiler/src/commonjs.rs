//! Which names a CommonJS module exports, as far as its text says.
//!
//! What Node.js finds with `cjs-module-lexer` is found here in the syntax tree: assignments to `exports` and
//! `module.exports`, `Object.defineProperty`, the helpers of TypeScript, Babel and esbuild, and modules that
//! are passed on whole. A name that is missed is no error: importing it by name still reads the property.

use std::collections::BTreeSet;

use swc_core::common::SyntaxContext;
use swc_core::ecma::ast::{
    AssignExpr, AssignTarget, CallExpr, Callee, Expr, ExprOrSpread, Lit, MemberExpr, MemberProp,
    ObjectLit, Program, Prop, PropName, PropOrSpread, SimpleAssignTarget,
};
use swc_core::ecma::visit::{Visit, VisitWith};

/// What a CommonJS module exports.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommonJsExports {
    /// By these names.
    pub(crate) names: BTreeSet<String>,
    /// And everything that the modules of these specifiers export.
    pub(crate) passed_on: BTreeSet<String>,
    /// Whether it says that it was compiled from an ECMAScript module, whose default export is `exports.default`.
    pub(crate) is_compiled_module: bool,
}

/// Reads a module's text.
pub(crate) fn exports(program: &Program, undeclared: SyntaxContext) -> CommonJsExports {
    let mut collector = Collector { undeclared, exports: CommonJsExports::default() };
    program.visit_with(&mut collector);
    let mut exports = collector.exports;
    exports.is_compiled_module = exports.names.remove("__esModule");
    exports.names.remove("default");
    exports
}

/// The specifier of a call of `require` with a literal.
pub(crate) fn required(call: &CallExpr, undeclared: SyntaxContext) -> Option<&ExprOrSpread> {
    let Callee::Expr(callee) = &call.callee else { return None };
    let Expr::Ident(name) = &**callee else { return None };
    let is_require = name.sym == "require" && name.ctxt == undeclared;
    call.args
        .first()
        .filter(|argument| is_require && matches!(&*argument.expr, Expr::Lit(Lit::Str(_))))
}

struct Collector {
    undeclared: SyntaxContext,
    exports: CommonJsExports,
}

impl Collector {
    /// `exports`, `module.exports`
    fn is_exports(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Paren(inner) => self.is_exports(&inner.expr),
            Expr::Ident(name) => name.sym == "exports" && name.ctxt == self.undeclared,
            Expr::Member(member) => self.is_module_exports(member),
            // `module.exports = exports = …`
            Expr::Assign(inner) => {
                matches!(&inner.left, AssignTarget::Simple(target) if self.is_target(target))
            }
            _ => false,
        }
    }

    fn is_module_exports(&self, member: &MemberExpr) -> bool {
        let is_module = matches!(&*member.obj, Expr::Ident(name) if name.sym == "module" && name.ctxt == self.undeclared);
        is_module && property(&member.prop).as_deref() == Some("exports")
    }

    /// Whether all of the exports are assigned to.
    fn is_target(&self, target: &SimpleAssignTarget) -> bool {
        match target {
            SimpleAssignTarget::Ident(name) => {
                name.sym == "exports" && name.ctxt == self.undeclared
            }
            SimpleAssignTarget::Member(member) => self.is_module_exports(member),
            _ => false,
        }
    }

    fn whole(&mut self, value: &Expr) {
        match value {
            Expr::Paren(inner) => self.whole(&inner.expr),
            Expr::Object(object) => self.object(object),
            Expr::Assign(inner) => self.whole(&inner.right),
            // `__toCommonJS(x)` of esbuild names its exports beside it.
            Expr::Call(call) => self.pass_on(call),
            _ => {}
        }
    }

    fn pass_on(&mut self, call: &CallExpr) {
        if let Some(specifier) = required(call, self.undeclared)
            && let Expr::Lit(Lit::Str(text)) = &*specifier.expr
        {
            self.exports.passed_on.extend(text.value.as_str().map(str::to_owned));
        }
    }

    fn object(&mut self, object: &ObjectLit) {
        for property in &object.props {
            match property {
                PropOrSpread::Spread(spread) => self.whole(&spread.expr),
                PropOrSpread::Prop(property) => {
                    let name = match &**property {
                        Prop::Shorthand(name) => Some(name.sym.to_string()),
                        Prop::KeyValue(pair) => key(&pair.key),
                        Prop::Getter(getter) => key(&getter.key),
                        Prop::Method(method) => key(&method.key),
                        Prop::Assign(_) | Prop::Setter(_) => None,
                    };
                    self.exports.names.extend(name);
                }
            }
        }
    }
}

impl Visit for Collector {
    fn visit_assign_expr(&mut self, assignment: &AssignExpr) {
        if let AssignTarget::Simple(target) = &assignment.left {
            if self.is_target(target) {
                self.whole(&assignment.right);
            } else if let SimpleAssignTarget::Member(member) = target
                && self.is_exports(&member.obj)
            {
                self.exports.names.extend(property(&member.prop));
            }
        }
        assignment.visit_children_with(self);
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        let (callee, is_object_method) = match &call.callee {
            Callee::Expr(callee) => match &**callee {
                Expr::Ident(name) => (Some(name.sym.to_string()), false),
                Expr::Member(member) => {
                    let of_object =
                        matches!(&*member.obj, Expr::Ident(name) if name.sym == "Object");
                    (property(&member.prop), of_object)
                }
                _ => (None, false),
            },
            _ => (None, false),
        };
        let first = call.args.first();
        let is_about_exports = first.is_some_and(|first| self.is_exports(&first.expr));
        match callee.as_deref() {
            // `Object.defineProperty(exports, "name", …)`
            Some("defineProperty") if is_object_method && is_about_exports => {
                if let Some(Expr::Lit(Lit::Str(name))) = call.args.get(1).map(|it| &*it.expr) {
                    self.exports.names.extend(name.value.as_str().map(str::to_owned));
                }
            }
            // `__exportStar(require("x"), exports)` of TypeScript, `__reExport(exports, require("x"))` of esbuild
            Some("__exportStar" | "__export" | "__reExport") => {
                for argument in &call.args {
                    match &*argument.expr {
                        Expr::Call(call) => self.pass_on(call),
                        // `__export(exports, { name: () => … })`
                        Expr::Object(object) => self.object(object),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        call.visit_children_with(self);
    }
}

fn property(property: &MemberProp) -> Option<String> {
    match property {
        MemberProp::Ident(name) => Some(name.sym.to_string()),
        MemberProp::Computed(computed) => match &*computed.expr {
            Expr::Lit(Lit::Str(text)) => text.value.as_str().map(str::to_owned),
            _ => None,
        },
        MemberProp::PrivateName(_) => None,
    }
}

fn key(name: &PropName) -> Option<String> {
    match name {
        PropName::Ident(name) => Some(name.sym.to_string()),
        PropName::Str(text) => text.value.as_str().map(str::to_owned),
        _ => None,
    }
}
