//! Decorators of what cannot have any: of parameters, standard ones; of private members, TypeScript's
//! earlier ones.

use swc_core::ecma::ast::{Decorator, Param, PrivateMethod, PrivateProp, Program, TsParamProp};
use swc_core::ecma::visit::{Visit, VisitWith};

use super::errors::Errors;
use crate::Decorators;

pub(super) fn find(program: &Program, decorators: Decorators, errors: &mut Errors<'_>) {
    let are_standard = decorators == Decorators::Standard;
    program.visit_with(&mut Finder { errors, are_standard });
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
    are_standard: bool,
}

impl Finder<'_, '_> {
    fn parameter(&mut self, decorators: &[Decorator]) {
        for decorator in decorators.iter().take_while(|_| self.are_standard) {
            let message = "a parameter can have a decorator only with `experimentalDecorators` in \
                           tsconfig.json";
            self.errors.report(decorator, message);
        }
    }

    fn private(&mut self, decorators: &[Decorator]) {
        for decorator in decorators.iter().take_while(|_| !self.are_standard) {
            let message = "a private member can have no decorator with `experimentalDecorators`";
            self.errors.report(decorator, message);
        }
    }
}

impl Visit for Finder<'_, '_> {
    fn visit_param(&mut self, parameter: &Param) {
        self.parameter(&parameter.decorators);
        parameter.visit_children_with(self);
    }

    fn visit_private_prop(&mut self, property: &PrivateProp) {
        self.private(&property.decorators);
        property.visit_children_with(self);
    }

    fn visit_private_method(&mut self, method: &PrivateMethod) {
        self.private(&method.function.decorators);
        method.visit_children_with(self);
    }

    fn visit_ts_param_prop(&mut self, property: &TsParamProp) {
        self.parameter(&property.decorators);
        property.visit_children_with(self);
    }
}
