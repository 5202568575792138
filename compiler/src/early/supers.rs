//! `super` where there is no parent to mean (13.3.7, 15.7.1).

use swc_core::ecma::ast::{
    AutoAccessor, Callee, Class, ClassDecl, ClassMethod, ClassProp, Constructor, Function,
    GetterProp, Key, MethodProp, PrivateMethod, PrivateProp, Program, SetterProp, StaticBlock,
    SuperPropExpr,
};
use swc_core::ecma::visit::{Visit, VisitWith};

use super::errors::Errors;

pub(super) fn find(program: &Program, errors: &mut Errors<'_>) {
    let nothing = Allowed { call: false, member: false };
    program.visit_with(&mut Finder { errors, allowed: nothing, has_parent: false });
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
    allowed: Allowed,
    /// Whether the class around extends another.
    has_parent: bool,
}

/// What `super` may be here.
#[derive(Clone, Copy)]
struct Allowed {
    /// `super()`
    call: bool,
    /// `super.name`
    member: bool,
}

const METHOD: Allowed = Allowed { call: false, member: true };
const FUNCTION: Allowed = Allowed { call: false, member: false };

impl Finder<'_, '_> {
    fn within(&mut self, allowed: Allowed, visit: impl FnOnce(&mut Self)) {
        let around = std::mem::replace(&mut self.allowed, allowed);
        visit(self);
        self.allowed = around;
    }

    fn method(&mut self, function: &Function) {
        function.decorators.visit_with(self);
        self.within(METHOD, |finder| {
            function.params.visit_with(finder);
            function.body.visit_with(finder);
        });
    }
}

impl Visit for Finder<'_, '_> {
    fn visit_callee(&mut self, callee: &Callee) {
        if let Callee::Super(place) = callee
            && !self.allowed.call
        {
            let message =
                "`super()` stands outside of the constructor of a class that extends another";
            self.errors.report(place, message);
        }
        callee.visit_children_with(self);
    }

    fn visit_super_prop_expr(&mut self, expression: &SuperPropExpr) {
        if !self.allowed.member {
            self.errors.report(&expression.obj, "`super` stands outside of a method");
        }
        expression.prop.visit_with(self);
    }

    // An arrow function has the `super` of what is around it.
    fn visit_function(&mut self, function: &Function) {
        self.within(FUNCTION, |finder| function.visit_children_with(finder));
    }

    fn visit_class_decl(&mut self, declaration: &ClassDecl) {
        if !declaration.declare {
            declaration.class.visit_with(self);
        }
    }

    fn visit_class(&mut self, class: &Class) {
        class.decorators.visit_with(self);
        class.super_class.visit_with(self);
        let around = std::mem::replace(&mut self.has_parent, class.super_class.is_some());
        class.body.visit_with(self);
        self.has_parent = around;
    }

    fn visit_constructor(&mut self, constructor: &Constructor) {
        let allowed = Allowed { call: self.has_parent, member: true };
        self.within(allowed, |finder| constructor.visit_children_with(finder));
    }

    fn visit_class_method(&mut self, method: &ClassMethod) {
        method.key.visit_with(self);
        self.method(&method.function);
    }

    fn visit_private_method(&mut self, method: &PrivateMethod) {
        self.method(&method.function);
    }

    fn visit_class_prop(&mut self, property: &ClassProp) {
        property.key.visit_with(self);
        property.decorators.visit_with(self);
        self.within(METHOD, |finder| property.value.visit_with(finder));
    }

    fn visit_private_prop(&mut self, property: &PrivateProp) {
        property.decorators.visit_with(self);
        self.within(METHOD, |finder| property.value.visit_with(finder));
    }

    fn visit_auto_accessor(&mut self, accessor: &AutoAccessor) {
        if let Key::Public(key) = &accessor.key {
            key.visit_with(self);
        }
        accessor.decorators.visit_with(self);
        self.within(METHOD, |finder| accessor.value.visit_with(finder));
    }

    fn visit_static_block(&mut self, block: &StaticBlock) {
        self.within(METHOD, |finder| block.body.visit_with(finder));
    }

    fn visit_method_prop(&mut self, method: &MethodProp) {
        method.key.visit_with(self);
        self.method(&method.function);
    }

    fn visit_getter_prop(&mut self, getter: &GetterProp) {
        getter.key.visit_with(self);
        self.method(&getter.function);
    }

    fn visit_setter_prop(&mut self, setter: &SetterProp) {
        setter.key.visit_with(self);
        self.method(&setter.function);
    }
}
