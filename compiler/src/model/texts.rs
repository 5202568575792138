//! Texts that are written in a module, each with the name that it is given to.

use swc_core::ecma::ast::Program;
use swc_core::ecma::ast::{
    AssignExpr, AssignPat, AssignTarget, BinExpr, BinaryOp, CallExpr, ClassProp, Expr,
    KeyValueProp, Lit, MemberProp, Pat, PropName, SimpleAssignTarget, Str, Tpl, VarDeclarator,
};
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::model::NamedText;

use crate::source::Positions;

/// Shorter texts are no secrets.
const MIN_BYTES: usize = 8;

/// Collects them, in the order of the source.
pub(super) fn collect(program: &Program, positions: Positions<'_>) -> Vec<NamedText> {
    let mut collector = Collector { positions, name: None, texts: Vec::new() };
    program.visit_with(&mut collector);
    collector.texts
}

struct Collector<'a> {
    positions: Positions<'a>,
    /// What the expression that is walked is given to.
    name: Option<String>,
    texts: Vec<NamedText>,
}

impl Collector<'_> {
    /// Walks what is given to a name.
    fn named(&mut self, name: Option<String>, value: &impl VisitWith<Self>) {
        let around = std::mem::replace(&mut self.name, name);
        value.visit_with(self);
        self.name = around;
    }

    fn add(&mut self, text: &str, node: &impl swc_core::common::Spanned) {
        if text.len() >= MIN_BYTES {
            let (span, name) = (self.positions.of(node), self.name.clone());
            self.texts.push(NamedText { span, name, text: text.to_owned() });
        }
    }
}

/// The name that an expression says: `token`, `config.token`, `config["token"]`, `"token"`.
fn said(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Ident(name) => Some(name.sym.to_string()),
        Expr::Member(access) => match &access.prop {
            MemberProp::Ident(name) => Some(name.sym.to_string()),
            MemberProp::Computed(name) => said(&name.expr),
            MemberProp::PrivateName(name) => Some(name.name.to_string()),
        },
        Expr::Call(call) => call.args.first().and_then(|first| match &*first.expr {
            Expr::Lit(Lit::Str(_)) => said(&first.expr),
            _ => None,
        }),
        Expr::Lit(Lit::Str(text)) => text.value.as_str().map(str::to_owned),
        Expr::Paren(inner) => said(&inner.expr),
        Expr::TsNonNull(inner) => said(&inner.expr),
        Expr::TsAs(inner) => said(&inner.expr),
        _ => None,
    }
}

fn key(name: &PropName) -> Option<String> {
    match name {
        PropName::Ident(name) => Some(name.sym.to_string()),
        PropName::Str(name) => name.value.as_str().map(str::to_owned),
        PropName::Computed(name) => said(&name.expr),
        _ => None,
    }
}

fn bound(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(name) => Some(name.sym.to_string()),
        Pat::Assign(pattern) => bound(&pattern.left),
        Pat::Expr(expression) => said(expression),
        _ => None,
    }
}

impl Visit for Collector<'_> {
    fn visit_str(&mut self, text: &Str) {
        if let Some(value) = text.value.as_str() {
            self.add(value, text);
        }
    }

    fn visit_tpl(&mut self, template: &Tpl) {
        for part in &template.quasis {
            if let Some(text) = part.cooked.as_ref().and_then(|text| text.as_str()) {
                self.add(text, part);
            }
        }
        template.exprs.visit_with(self);
    }

    fn visit_var_declarator(&mut self, declared: &VarDeclarator) {
        declared.name.visit_with(self);
        self.named(bound(&declared.name), &declared.init);
    }

    fn visit_assign_pat(&mut self, pattern: &AssignPat) {
        pattern.left.visit_with(self);
        self.named(bound(&pattern.left), &pattern.right);
    }

    fn visit_key_value_prop(&mut self, property: &KeyValueProp) {
        self.named(key(&property.key), &property.value);
    }

    fn visit_class_prop(&mut self, property: &ClassProp) {
        self.named(key(&property.key), &property.value);
    }

    fn visit_assign_expr(&mut self, assign: &AssignExpr) {
        let name = match &assign.left {
            AssignTarget::Simple(SimpleAssignTarget::Ident(name)) => Some(name.sym.to_string()),
            AssignTarget::Simple(SimpleAssignTarget::Member(access)) => {
                said(&Expr::Member(access.clone()))
            }
            _ => None,
        };
        assign.left.visit_with(self);
        self.named(name, &assign.right);
    }

    fn visit_bin_expr(&mut self, binary: &BinExpr) {
        let is_comparison = matches!(
            binary.op,
            BinaryOp::EqEq | BinaryOp::EqEqEq | BinaryOp::NotEq | BinaryOp::NotEqEq
        );
        let is_default = matches!(binary.op, BinaryOp::LogicalOr | BinaryOp::NullishCoalescing);
        if is_comparison || is_default {
            let of = |it: &Expr| said(it).filter(|_| !matches!(it, Expr::Lit(_)));
            let name = of(&binary.left).or_else(|| of(&binary.right)).or_else(|| self.name.clone());
            self.named(name, &binary.left);
            let name = of(&binary.left).or_else(|| of(&binary.right)).or_else(|| self.name.clone());
            self.named(name, &binary.right);
        } else {
            binary.visit_children_with(self);
        }
    }

    // `headers.set("Authorization", "…")`
    fn visit_call_expr(&mut self, call: &CallExpr) {
        self.named(None, &call.callee);
        let name = call.args.first().and_then(|first| match &*first.expr {
            Expr::Lit(Lit::Str(text)) => text.value.as_str().map(str::to_owned),
            _ => None,
        });
        if let Some((first, rest)) = call.args.split_first() {
            self.named(None, first);
            for argument in rest {
                self.named(name.clone(), argument);
            }
        }
    }

    // What a module is called is no secret.
    fn visit_import_decl(&mut self, _: &swc_core::ecma::ast::ImportDecl) {}
    fn visit_named_export(&mut self, _: &swc_core::ecma::ast::NamedExport) {}
    fn visit_export_all(&mut self, _: &swc_core::ecma::ast::ExportAll) {}
}
