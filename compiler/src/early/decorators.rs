//! Decorators where standard ones may not stand.

use swc_core::ecma::ast::{Decorator, Param, Program, TsParamProp};
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::model::SyntaxError;

use crate::Decorators;
use crate::source::Positions;

pub(super) fn find(
    program: &Program,
    positions: Positions<'_>,
    decorators: Decorators,
) -> Vec<SyntaxError> {
    let mut finder = Finder { positions, found: Vec::new() };
    if decorators == Decorators::Standard {
        program.visit_with(&mut finder);
    }
    finder.found
}

struct Finder<'a> {
    positions: Positions<'a>,
    found: Vec<SyntaxError>,
}

impl Finder<'_> {
    fn parameter(&mut self, decorators: &[Decorator]) {
        self.found.extend(decorators.iter().map(|decorator| {
            SyntaxError {
                span: self.positions.of(decorator),
                message: "a parameter can have a decorator only with `experimentalDecorators` in \
                      tsconfig.json"
                    .to_owned(),
            }
        }));
    }
}

impl Visit for Finder<'_> {
    fn visit_param(&mut self, parameter: &Param) {
        self.parameter(&parameter.decorators);
        parameter.visit_children_with(self);
    }

    fn visit_ts_param_prop(&mut self, property: &TsParamProp) {
        self.parameter(&property.decorators);
        property.visit_children_with(self);
    }
}
