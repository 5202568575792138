//! `accessor` fields (the decorators proposal), which the engine does not have.
//!
//! Each becomes a private field with a getter and a setter.

use std::collections::HashSet;

use swc_core::atoms::Atom;
use swc_core::common::util::take::Take;
use swc_core::common::{DUMMY_SP, SyntaxContext};
use swc_core::ecma::ast::{
    AssignExpr, AssignOp, AutoAccessor, CallExpr, Class, ClassDecl, ClassExpr, ClassMember,
    ClassMethod, ComputedPropName, Expr, Function, FunctionBody, Ident, Key, KeyValueProp,
    MemberExpr, MemberProp, MethodKind, ModuleItem, ObjectLit, Param, PrivateMethod, PrivateName,
    PrivateProp, Program, PropName, PropOrSpread, ReturnStmt, Stmt, ThisExpr, VarDecl, VarDeclKind,
    VarDeclarator,
};
use swc_core::ecma::transforms::base::enable_helper;
use swc_core::ecma::utils::{ExprFactory, prepend_stmt, private_ident};
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith};

/// Which fields are rewritten.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// Those without decorators that are static in a class with decorators. The pass that applies these
    /// reads their values from the class as it was before.
    StaticOfDecorated,
}

/// Rewrites the `accessor` fields of a module. Decorators of a field become those of the getter.
pub(super) fn lower(program: &mut Program, which: Which) {
    let mut names = PrivateNames::default();
    program.visit_with(&mut names);
    if !names.has_accessors {
        return;
    }
    let mut accessors =
        Accessors { which, taken: names.found, class: None, computed_keys: Vec::new() };
    program.visit_mut_with(&mut accessors);
    if let (Program::Module(module), [_, ..]) = (program, &*accessors.computed_keys) {
        let keys = accessors.computed_keys.into_iter().map(|name| VarDeclarator {
            span: DUMMY_SP,
            name: name.into(),
            init: None,
            definite: false,
        });
        let variables =
            VarDecl { kind: VarDeclKind::Var, decls: keys.collect(), ..VarDecl::default() };
        prepend_stmt(&mut module.body, ModuleItem::Stmt(variables.into()));
    }
}

/// The private names of a module, which the new fields must not be called.
#[derive(Default)]
struct PrivateNames {
    found: HashSet<Atom>,
    has_accessors: bool,
}

impl Visit for PrivateNames {
    fn visit_private_name(&mut self, name: &PrivateName) {
        self.found.insert(name.name.clone());
    }

    fn visit_auto_accessor(&mut self, accessor: &AutoAccessor) {
        self.has_accessors = true;
        accessor.visit_children_with(self);
    }
}

struct Accessors {
    which: Which,
    taken: HashSet<Atom>,
    /// What the class around calls itself.
    class: Option<Ident>,
    /// Variables for keys that are computed, once for both functions.
    computed_keys: Vec<Ident>,
}

impl Accessors {
    fn within(&mut self, class: Option<Ident>, visit: impl FnOnce(&mut Self)) {
        let around = std::mem::replace(&mut self.class, class);
        visit(self);
        self.class = around;
    }

    fn storage(&mut self, accessor: &AutoAccessor) -> PrivateName {
        let name = match &accessor.key {
            Key::Private(name) => name.name.as_str(),
            Key::Public(PropName::Ident(name)) => name.sym.as_str(),
            Key::Public(_) => "",
        };
        let names = (0..).map(|number| match number {
            0 => Atom::from(format!("{name}_accessor_storage")),
            number => Atom::from(format!("{name}_accessor_storage_{number}")),
        });
        let name = names.into_iter().find(|name| !self.taken.contains(name));
        let name = name.expect("there are more numbers than names");
        self.taken.insert(name.clone());
        PrivateName { span: accessor.span, name }
    }

    /// The keys of the getter and of the setter.
    fn keys(&mut self, key: Key) -> (Key, Key) {
        match key {
            Key::Public(PropName::Computed(computed)) => {
                let name = private_ident!("key");
                self.computed_keys.push(name.clone());
                let helpers = SyntaxContext::empty().apply_mark(enable_helper!(to_property_key));
                let to_property_key = Ident::new("_to_property_key".into(), DUMMY_SP, helpers);
                let once = AssignExpr {
                    span: DUMMY_SP,
                    op: AssignOp::Assign,
                    left: name.clone().into(),
                    right: Box::new(Expr::from(CallExpr {
                        callee: to_property_key.as_callee(),
                        args: vec![computed.expr.as_arg()],
                        ..CallExpr::default()
                    })),
                };
                let key = |expr| {
                    Key::Public(PropName::Computed(ComputedPropName { span: computed.span, expr }))
                };
                (key(Box::new(once.into())), key(Box::new(name.into())))
            }
            key => (key.clone(), key),
        }
    }

    fn lower(&mut self, mut accessor: AutoAccessor) -> [ClassMember; 3] {
        let storage = self.storage(&accessor);
        // A static accessor is one of the class it stands in, also when a subclass is asked.
        let object: Expr = match &self.class {
            Some(class) if accessor.is_static && !accessor.key.is_private() => class.clone().into(),
            _ => ThisExpr { span: DUMMY_SP }.into(),
        };
        let place = MemberExpr {
            span: accessor.span,
            obj: Box::new(object),
            prop: MemberProp::PrivateName(storage.clone()),
        };
        let field = PrivateProp {
            span: accessor.span,
            key: storage,
            value: accessor.value.take().map(|value| named(value, &accessor.key)),
            is_static: accessor.is_static,
            ..PrivateProp::default()
        };
        let (get_key, set_key) = self.keys(accessor.key.clone());
        let read = ReturnStmt { span: DUMMY_SP, arg: Some(place.clone().into()) };
        let getter = Function {
            decorators: accessor.decorators.take(),
            return_type: accessor.type_ann.take(),
            ..function(Vec::new(), read.into())
        };
        let value = private_ident!("value");
        let parameter = Param { span: DUMMY_SP, decorators: Vec::new(), pat: value.clone().into() };
        let write = AssignExpr {
            span: DUMMY_SP,
            op: AssignOp::Assign,
            left: place.into(),
            right: value.into(),
        };
        let setter = function(vec![parameter], write.into_stmt());
        [
            ClassMember::PrivateProp(field),
            method(&accessor, get_key, MethodKind::Getter, getter),
            method(&accessor, set_key, MethodKind::Setter, setter),
        ]
    }
}

/// A function or class without a name is called as the field is.
fn named(value: Box<Expr>, key: &Key) -> Box<Expr> {
    let name = match key {
        Key::Private(name) => format!("#{}", name.name),
        Key::Public(PropName::Ident(name)) => name.sym.to_string(),
        Key::Public(PropName::Str(name)) => name.value.to_string_lossy().into_owned(),
        Key::Public(_) => return value,
    };
    let is_anonymous = match &*value {
        Expr::Arrow(_) => true,
        Expr::Fn(function) => function.ident.is_none(),
        Expr::Class(class) => class.ident.is_none(),
        _ => false,
    };
    if !is_anonymous {
        return value;
    }
    let key = ComputedPropName { span: DUMMY_SP, expr: Box::new(Expr::from(name)) };
    let property = KeyValueProp { key: PropName::Computed(key.clone()), value };
    let object =
        ObjectLit { span: DUMMY_SP, props: vec![PropOrSpread::Prop(Box::new(property.into()))] };
    Box::new(Expr::Member(MemberExpr {
        span: DUMMY_SP,
        obj: Box::new(object.into()),
        prop: MemberProp::Computed(key),
    }))
}

fn function(params: Vec<Param>, statement: Stmt) -> Function {
    Function {
        params,
        body: Some(FunctionBody { span: DUMMY_SP, stmts: vec![statement] }),
        ..Function::default()
    }
}

fn method(accessor: &AutoAccessor, key: Key, kind: MethodKind, function: Function) -> ClassMember {
    let (span, is_static, function) = (accessor.span, accessor.is_static, Box::new(function));
    match key {
        Key::Public(key) => ClassMember::Method(ClassMethod {
            span,
            key,
            function,
            kind,
            is_static,
            ..ClassMethod::default()
        }),
        Key::Private(key) => ClassMember::PrivateMethod(PrivateMethod {
            span,
            key,
            function,
            kind,
            is_static,
            ..PrivateMethod::default()
        }),
    }
}

impl VisitMut for Accessors {
    fn visit_mut_class_decl(&mut self, declaration: &mut ClassDecl) {
        let name = Some(declaration.ident.clone());
        self.within(name, |it| declaration.class.visit_mut_with(it));
    }

    fn visit_mut_class_expr(&mut self, class: &mut ClassExpr) {
        let name = class.ident.clone();
        self.within(name, |it| class.class.visit_mut_with(it));
    }

    fn visit_mut_class(&mut self, class: &mut Class) {
        class.visit_mut_children_with(self);
        let is_decorated = !class.decorators.is_empty();
        let which = self.which;
        let is_meant = |accessor: &AutoAccessor| match which {
            Which::All => !accessor.is_abstract,
            Which::StaticOfDecorated => {
                is_decorated && accessor.is_static && accessor.decorators.is_empty()
            }
        };
        for member in class.body.take() {
            match member {
                ClassMember::AutoAccessor(accessor) if is_meant(&accessor) => {
                    class.body.extend(self.lower(accessor));
                }
                member => class.body.push(member),
            }
        }
    }
}
