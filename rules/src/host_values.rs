//! Which expressions are certainly objects of the runtime: connections, requests, responses and headers.
//!
//! Events are given them, functions of the API return them, and a type that is written beside a name says it.
//! From there they are followed into the functions that are called with them, and through lists of
//! connections. What cannot be followed is nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{Binding, BindingId, Call, DeclaredType, Expression, FunctionId, Origin, Value};
use crate::effects::FunctionKey;
use crate::event_parameters;
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::ModuleId;

/// What an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostValue {
    Connection,
    /// A list or a set of them.
    Connections,
    Request,
    Response,
    Headers,
}

/// Most rounds in which values are followed from a function into those that it calls.
const MAX_ROUNDS: usize = 8;

/// Most steps, in all, from an expression to what it is: code can be made to branch at each.
const MAX_STEPS: usize = 64;

/// Most elements of a list that are looked at.
const MAX_ELEMENTS: usize = 16;

/// Methods that return a part of a list that has the same elements.
const PARTS: [&str; 11] = [
    "concat",
    "filter",
    "reverse",
    "slice",
    "sort",
    "splice",
    "toReversed",
    "toSorted",
    "toSpliced",
    "values",
    "with",
];

/// Methods that return one element of a list.
const ONE: [&str; 6] = ["at", "find", "findLast", "get", "pop", "shift"];

/// Methods that call a function with one element of a list first.
const EACH: [&str; 10] = [
    "every",
    "filter",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flatMap",
    "forEach",
    "map",
    "some",
];

/// The names of a handler that hold objects of the runtime.
pub(crate) struct HostValues<'a> {
    handler: &'a HandlerModel,
    bindings: BTreeMap<(ModuleId, BindingId), HostValue>,
    /// Parameters that are given different things.
    mixed: BTreeSet<(ModuleId, BindingId)>,
}

impl<'a> HostValues<'a> {
    /// Follows them through a handler.
    pub(crate) fn of(handler: &'a HandlerModel) -> HostValues<'a> {
        let mut values = HostValues { handler, bindings: BTreeMap::new(), mixed: BTreeSet::new() };
        values.add_declared();
        values.add_parameters_of_events();
        let calls = direct_calls(handler);
        for _ in 0..MAX_ROUNDS {
            let before = (values.bindings.len(), values.mixed.len());
            values.follow_callbacks();
            for &(module, call, function) in &calls {
                values.follow_arguments(module, call, function);
            }
            if before == (values.bindings.len(), values.mixed.len()) {
                break;
            }
        }
        values
    }

    /// What an expression is, if that is certain.
    pub(crate) fn value_of(&self, module: ModuleId, expression: &Expression) -> Option<HostValue> {
        self.look(module, expression, &mut { MAX_STEPS })
    }

    fn add_declared(&mut self) {
        for (index, module) in self.handler.modules.iter().enumerate() {
            for (id, binding) in module.code.bindings.iter().enumerate() {
                let value = binding.declared_type.as_ref().and_then(declared);
                let Some(value) = value else { continue };
                // `const ws: WebSocket = new WebSocket(url)` is another mistake.
                let is_made = matches!(
                    &binding.origin,
                    Origin::Value(Expression { value: Value::Call(call), .. }) if module.code[*call].is_new
                );
                if !is_made {
                    self.bindings.insert((ModuleId::new(index), BindingId(id)), value);
                }
            }
        }
    }

    fn add_parameters_of_events(&mut self) {
        for event in event_parameters::of_handler(self.handler) {
            for (index, given) in event.event.parameters.iter().enumerate() {
                let value = match given.ty {
                    "WebSocket" => HostValue::Connection,
                    "Request" => HostValue::Request,
                    _ => continue,
                };
                if !event.is_mistaken(index) {
                    self.add_parameter((event.module, event.function), index, value);
                }
            }
        }
    }

    fn add_parameter(&mut self, (module, function): FunctionKey, index: usize, value: HostValue) {
        let code = &self.handler.module(module).code;
        let Some(parameter) = code[function].parameters.get(index) else { return };
        if let Some(id) = parameter.binding.filter(|_| !parameter.is_rest) {
            self.add(module, id, value);
        }
    }

    fn add(&mut self, module: ModuleId, id: BindingId, value: HostValue) {
        let key = (module, id);
        if !self.handler.module(module).code[id].is_constant || self.mixed.contains(&key) {
            return;
        }
        if *self.bindings.entry(key).or_insert(value) != value {
            self.bindings.remove(&key);
            self.mixed.insert(key);
        }
    }

    /// `list.forEach((peer) => …)`
    fn follow_callbacks(&mut self) {
        let handler = self.handler;
        for (module, call) in handler.calls() {
            let (Value::Member(list, Some(method)), Some(callback)) =
                (&call.callee.value, call.arguments.first())
            else {
                continue;
            };
            if !EACH.contains(&method.as_str())
                || self.value_of(module, list) != Some(HostValue::Connections)
            {
                continue;
            }
            if let Meaning::Function(module, function) = handler.meaning(module, callback) {
                self.add_parameter((module, function), 0, HostValue::Connection);
            }
        }
    }

    fn follow_arguments(&mut self, module: ModuleId, call: &Call, callee: FunctionKey) {
        for (index, argument) in call.arguments.iter().enumerate() {
            if let Some(value) = self.value_of(module, argument) {
                self.add_parameter(callee, index, value);
            } else if argument.value.kind().is_some() {
                self.is_mixed(callee, index);
            }
        }
    }

    /// Notes that a parameter is given something else as well.
    fn is_mixed(&mut self, (module, function): FunctionKey, index: usize) {
        let parameter = self.handler.module(module).code[function].parameters.get(index);
        let Some(id) = parameter.and_then(|parameter| parameter.binding) else { return };
        // What its type says is for others to judge.
        if self.handler.module(module).code[id].declared_type.is_none() {
            self.bindings.remove(&(module, id));
            self.mixed.insert((module, id));
        }
    }

    fn look(
        &self,
        module: ModuleId,
        expression: &Expression,
        steps: &mut usize,
    ) -> Option<HostValue> {
        *steps = steps.checked_sub(1)?;
        if let Some((module, id)) = self.binding_of(module, expression) {
            if let Some(value) = self.bindings.get(&(module, id)) {
                return Some(*value);
            }
            let binding = &self.handler.module(module).code[id];
            return match &binding.origin {
                Origin::Value(value) if binding.is_constant => {
                    let value_of = self.look(module, value, steps);
                    value_of.or_else(|| self.filled(module, binding, value, steps))
                }
                _ => None,
            };
        }
        match &expression.value {
            // A property that a class declares with its type.
            Value::Member(object, Some(name)) if matches!(object.value, Value::This) => {
                let types = &self.handler.module(module).code.own_properties;
                types.get(name)?.as_ref().and_then(declared)
            }
            Value::Member(object, name) => {
                let object = self.look(module, object, steps)?;
                match (object, name.as_deref()) {
                    (HostValue::Connections, None) => Some(HostValue::Connection),
                    (HostValue::Request | HostValue::Response, Some("headers")) => {
                        Some(HostValue::Headers)
                    }
                    _ => None,
                }
            }
            Value::Call(call) => {
                self.returned(module, &self.handler.module(module).code[*call], steps)
            }
            Value::OneOf(options) => {
                let mut values = options.iter().map(|it| self.look(module, it, steps));
                let first = values.next()??;
                values.all(|it| it == Some(first)).then_some(first)
            }
            // `[...getWebSockets(room)]`
            Value::Array(elements) if !elements.is_empty() => {
                let is_one = |element: &Expression| match &element.value {
                    Value::Spread(list) => {
                        self.look(module, list, steps) == Some(HostValue::Connections)
                    }
                    _ => self.look(module, element, steps) == Some(HostValue::Connection),
                };
                elements.iter().take(MAX_ELEMENTS).all(is_one).then_some(HostValue::Connections)
            }
            _ => None,
        }
    }

    /// The binding that an expression names, in the module that declares it.
    fn binding_of(
        &self,
        module: ModuleId,
        expression: &Expression,
    ) -> Option<(ModuleId, BindingId)> {
        let Value::Binding(id) = expression.value else { return None };
        match &self.handler.module(module).code[id].origin {
            Origin::Import { import, name: Some(name) } => {
                self.handler.imported_binding(module, *import, name)
            }
            _ => Some((module, id)),
        }
    }

    /// What a call returns, or `new` makes.
    fn returned(&self, module: ModuleId, call: &Call, steps: &mut usize) -> Option<HostValue> {
        match self.handler.meaning(module, &call.callee) {
            Meaning::Api(function) => match function.name {
                "getWebSockets" => Some(HostValue::Connections),
                "webSocketById" => Some(HostValue::Connection),
                _ => None,
            },
            Meaning::Global(name) => match name.as_str() {
                "Request" if call.is_new => Some(HostValue::Request),
                "Response" if call.is_new => Some(HostValue::Response),
                "Headers" if call.is_new => Some(HostValue::Headers),
                "Response.json" | "Response.text" | "Response.html" | "Response.redirect" => {
                    Some(HostValue::Response)
                }
                "Array.from" => self
                    .look(module, call.arguments.first()?, steps)
                    .filter(|&value| value == HostValue::Connections),
                "Set" if call.is_new => self
                    .look(module, call.arguments.first()?, steps)
                    .filter(|&value| value == HostValue::Connections),
                _ => None,
            },
            _ => {
                let Value::Member(object, Some(method)) = &call.callee.value else { return None };
                match self.look(module, object, steps)? {
                    HostValue::Connections if PARTS.contains(&method.as_str()) => {
                        Some(HostValue::Connections)
                    }
                    HostValue::Connections if ONE.contains(&method.as_str()) => {
                        Some(HostValue::Connection)
                    }
                    value @ (HostValue::Request | HostValue::Response) if method == "clone" => {
                        Some(value)
                    }
                    _ => None,
                }
            }
        }
    }

    /// Whether a list, set or map that begins empty is given only connections: `clients.add(ws)`.
    fn filled(
        &self,
        module: ModuleId,
        binding: &Binding,
        value: &Expression,
        steps: &mut usize,
    ) -> Option<HostValue> {
        let is_connection =
            |it: &Expression| self.look(module, it, steps) == Some(HostValue::Connection);
        let added = &binding.inflow;
        let is_list = match &value.value {
            Value::Array(elements) => {
                elements.is_empty() && added.iter().take(MAX_ELEMENTS).all(is_connection)
            }
            Value::Call(call) => {
                let call = &self.handler.module(module).code[*call];
                let Meaning::Global(class) = self.handler.meaning(module, &call.callee) else {
                    return None;
                };
                call.is_new
                    && call.arguments.is_empty()
                    && match class.as_str() {
                        "Set" | "Array" => added.iter().take(MAX_ELEMENTS).all(is_connection),
                        // Keys and values are added to a map.
                        "Map" => {
                            added.iter().take(MAX_ELEMENTS).skip(1).step_by(2).all(is_connection)
                        }
                        _ => false,
                    }
            }
            _ => false,
        };
        (is_list && !added.is_empty()).then_some(HostValue::Connections)
    }
}

/// What a type stands for.
fn declared(ty: &DeclaredType) -> Option<HostValue> {
    Some(match (ty.name.as_str(), ty.is_list) {
        ("WebSocket", false) => HostValue::Connection,
        ("WebSocket", true) => HostValue::Connections,
        ("Request", false) => HostValue::Request,
        ("Response", false) => HostValue::Response,
        ("Headers", false) => HostValue::Headers,
        _ => return None,
    })
}

/// The calls of functions of the handler.
fn direct_calls(handler: &HandlerModel) -> Vec<(ModuleId, &Call, FunctionKey)> {
    handler
        .calls()
        .filter(|(_, call)| !call.arguments.is_empty() && !call.is_new)
        .filter_map(|(module, call)| match handler.meaning(module, &call.callee) {
            Meaning::Function(called_in, function) if function != FunctionId::TOP_LEVEL => {
                Some((module, call, (called_in, function)))
            }
            _ => None,
        })
        .collect()
}
