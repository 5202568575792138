//! What kind of container an expression is, as far as that is certain.

use crate::code::{BindingId, Call, Expression, FunctionId, Origin, Value};
use crate::container::Kind;
use crate::module_state::{ModuleState, STEPS_OF_A_QUESTION};
use crate::places::{Owner, Place};
use crate::resolve::Meaning;
use crate::span::ModuleId;

impl<'a> ModuleState<'a> {
    /// What kind of object an expression is, if that is certain.
    pub(crate) fn kind(
        &self,
        module: ModuleId,
        function: FunctionId,
        expression: &'a Expression,
    ) -> Option<Kind> {
        self.kind_of(module, function, expression, &mut { STEPS_OF_A_QUESTION })
    }

    fn kind_of(
        &self,
        module: ModuleId,
        function: FunctionId,
        expression: &'a Expression,
        steps: &mut usize,
    ) -> Option<Kind> {
        self.step(steps)?;
        match self.handler.meaning(module, expression) {
            Meaning::Value(_, Expression { value: Value::Array(_), .. }) => Some(Kind::Array),
            Meaning::Value(module, Expression { value: Value::OneOf(options), .. }) => {
                options.iter().find_map(|it| self.kind_of(module, function, it, steps))
            }
            Meaning::Value(module, Expression { value: Value::Call(call), .. }) => {
                let call = &self.handler.module(module).code[*call];
                self.kind_of_call(module, function, call, steps)
            }
            Meaning::Binding(module, id) => {
                let binding = &self.handler.module(module).code[id];
                match &binding.origin {
                    // Assigned more than once: its first value mostly says what it is.
                    Origin::Value(value) => self
                        .kind_of(module, binding.scope, value, steps)
                        .or_else(|| self.kind_of_inflow(module, id, steps)),
                    _ => self
                        .arguments(module, id)
                        .find_map(|(caller, call, argument)| {
                            self.kind_of(caller, call.function, argument, steps)
                        })
                        .or_else(|| self.kind_of_inflow(module, id, steps)),
                }
            }
            _ => match &expression.value {
                Value::Member(object, Some(name)) => {
                    self.kind_of_member(module, function, object, name, steps)
                }
                Value::Binding(id) => {
                    let binding = &self.handler.module(module).code[*id];
                    match &binding.origin {
                        Origin::Value(value) if binding.is_constant => {
                            self.kind_of(module, binding.scope, value, steps)
                        }
                        _ => None,
                    }
                }
                _ => None,
            },
        }
    }

    /// What is assigned to a variable that has no value at first, or is the default of a parameter.
    fn kind_of_inflow(&self, module: ModuleId, id: BindingId, steps: &mut usize) -> Option<Kind> {
        let binding = &self.handler.module(module).code[id];
        let first = binding.inflow.first()?;
        let is_made = matches!(first.value, Value::Array(_))
            || matches!(first.value, Value::Call(call) if self.handler.module(module).code[call].is_new);
        let is_assigned = !binding.is_constant || matches!(binding.origin, Origin::Unknown);
        if is_made && is_assigned {
            self.kind_of(module, binding.scope, first, steps)
        } else {
            None
        }
    }

    fn kind_of_member(
        &self,
        module: ModuleId,
        function: FunctionId,
        object: &'a Expression,
        name: &str,
        steps: &mut usize,
    ) -> Option<Kind> {
        let class =
            match &object.value {
                Value::This => self.handler.module(module).code[function].receiver?.span,
                _ => match self.place(module, function, object)? {
                    Place {
                        owner: Owner::Instances(span) | Owner::Object(span), members, ..
                    } if members.is_empty() => span,
                    _ => return None,
                },
            };
        if let Some((module, value)) = self.member_of(class, name) {
            return self.kind_of(module, FunctionId::TOP_LEVEL, value, steps);
        }
        let &(module, value) = self.fields.get(&(class, name))?;
        self.kind_of(module, FunctionId::TOP_LEVEL, value, steps)
    }

    fn kind_of_call(
        &self,
        module: ModuleId,
        function: FunctionId,
        call: &'a Call,
        steps: &mut usize,
    ) -> Option<Kind> {
        match self.handler.meaning(module, &call.callee) {
            Meaning::Global(name) if call.is_new => match name.as_str() {
                "Map" | "WeakMap" => Some(Kind::Map),
                "Set" | "WeakSet" => Some(Kind::Set),
                "Array" => Some(Kind::Array),
                name if name.ends_with("Array") => Some(Kind::Bytes),
                _ => None,
            },
            Meaning::Global(name) => {
                matches!(name.as_str(), "Array.from" | "Array.of" | "Array" | "Object.keys")
                    .then_some(Kind::Array)
            }
            Meaning::Function(module, called) => {
                let returns = &self.handler.module(module).code[called].returns;
                returns.iter().find_map(|it| self.kind_of(module, called, it, steps))
            }
            // `new Array(9).fill(0)`
            _ => match &call.callee.value {
                Value::Member(object, Some(method))
                    if matches!(
                        method.as_str(),
                        "fill" | "map" | "filter" | "slice" | "concat" | "flat" | "flatMap"
                    ) =>
                {
                    self.kind_of(module, function, object, steps)
                }
                _ => None,
            },
        }
    }
}
