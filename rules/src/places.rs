//! Places in the modules' state: a variable or an object, and a path of members in it.
//!
//! Other names for it are followed: imports, constants, parameters, what functions return, what is looked up in a
//! container, `this`.

use crate::code::{
    Binding, BindingId, Call, Expression, FunctionId, Origin, Value, Write, WriteKind,
};
use crate::import::Target;
use crate::module_state::{ModuleState, STEPS_OF_A_QUESTION};
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// Methods that return what a container holds, and those that return a new list of that.
const LOOKUPS: [&str; 8] = ["get", "at", "find", "findLast", "pop", "shift", "next", "getOrInsert"];
const COPIES: [&str; 6] = ["values", "entries", "filter", "slice", "toSorted", "toReversed"];

/// What keeps state from one event to the next, as people think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A variable.
    Binding(ModuleId, BindingId),
    /// An object literal or a class, by where it is written.
    Object(Span),
    /// The instances of a class and of those that extend it.
    Instances(Span),
    /// `globalThis`
    Global,
}

/// A variable or object, and the members that lead to a part of it. `None` is one that is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) owner: Owner,
    pub(crate) members: Vec<Option<String>>,
    /// The argument by which a function has been given it.
    pub(crate) passed: Option<Span>,
    /// Whether it is a new list of what is there.
    is_copy: bool,
}

impl Place {
    fn of(owner: Owner) -> Place {
        Place { owner, members: Vec::new(), passed: None, is_copy: false }
    }

    fn member(mut self, name: Option<&str>) -> Place {
        // What a new list holds is what the old one does.
        if !std::mem::take(&mut self.is_copy) {
            self.members.push(name.map(str::to_owned));
        }
        self
    }

    fn copied(self) -> Place {
        let mut place = self.member(None);
        place.is_copy = true;
        place
    }
}

impl<'a> ModuleState<'a> {
    /// The place that a write changes: a variable that is given another value, or the object that is changed.
    pub(crate) fn changed(&self, module: ModuleId, write: &'a Write) -> Option<Place> {
        match (&write.kind, &write.target.value) {
            (WriteKind::Assign, Value::Binding(id)) => {
                let scope = self.handler.module(module).code[*id].scope;
                return self.lasts(module, scope).then(|| Place::of(Owner::Binding(module, *id)));
            }
            // A pattern sets it itself, to where its next search begins.
            (WriteKind::Assign, Value::Member(_, Some(name))) if name == "lastIndex" => {
                return None;
            }
            (WriteKind::Assign | WriteKind::Delete, Value::Member(object, _))
                if self.place(module, write.function, object)?.is_copy =>
            {
                return None;
            }
            (WriteKind::Method(method), _) => {
                let kind = self.kind(module, write.function, &write.target)?;
                if !kind.mutators().contains(&method.as_str()) {
                    return None;
                }
            }
            _ => {}
        }
        self.place(module, write.function, &write.target).filter(|place| !place.is_copy)
    }

    /// The place that an expression stands for in a function, if it is one that lasts.
    pub(crate) fn place(
        &self,
        module: ModuleId,
        function: FunctionId,
        expression: &'a Expression,
    ) -> Option<Place> {
        self.follow(module, function, expression, &mut { STEPS_OF_A_QUESTION })
    }

    fn follow(
        &self,
        module: ModuleId,
        function: FunctionId,
        expression: &'a Expression,
        steps: &mut usize,
    ) -> Option<Place> {
        self.step(steps)?;
        match &expression.value {
            Value::Binding(id) => self.follow_binding(module, *id, steps),
            Value::This => self.receiver(module, function),
            Value::Global(name) if name == "globalThis" => Some(Place::of(Owner::Global)),
            Value::Member(object, name) => {
                // `import * as all from "./shared"`, `all.list`
                if let Value::Binding(id) = object.value
                    && let Origin::Import { import, name: None } =
                        self.handler.module(module).code[id].origin
                {
                    return self.follow_import(module, import, name.as_deref()?, steps);
                }
                let place = self.follow(module, function, object, steps)?;
                Some(place.member(name.as_deref()))
            }
            Value::OneOf(options) => self.follow_all(module, function, options, steps),
            Value::Call(id) => {
                let call = &self.handler.module(module).code[*id];
                self.follow_call(module, function, call, steps)
            }
            _ => None,
        }
    }

    /// The first place of several values, unless one of them is something else than a place or a new object.
    fn follow_all(
        &self,
        module: ModuleId,
        function: FunctionId,
        options: &'a [Expression],
        steps: &mut usize,
    ) -> Option<Place> {
        let mut first = None;
        for option in options {
            let is_new = match &option.value {
                Value::Array(_) | Value::Object { .. } | Value::Null | Value::Undefined => true,
                Value::Call(call) => self.handler.module(module).code[*call].is_new,
                _ => false,
            };
            match self.follow(module, function, option, steps) {
                Some(place) => {
                    first.get_or_insert(place);
                }
                None if is_new => {}
                None => return None,
            }
        }
        first
    }

    fn follow_binding(&self, module: ModuleId, id: BindingId, steps: &mut usize) -> Option<Place> {
        let binding = &self.handler.module(module).code[id];
        let lasts = self.lasts(module, binding.scope);
        let itself = || lasts.then(|| Place::of(Owner::Binding(module, id)));
        match &binding.origin {
            Origin::Import { import, name } => {
                self.follow_import(module, *import, name.as_deref()?, steps)
            }
            Origin::Value(value) if binding.is_constant => {
                match self.follow(module, binding.scope, value, steps) {
                    Some(other) => Some(other),
                    None if lasts => Some(Place::of(
                        self.owner(module, value).unwrap_or(Owner::Binding(module, id)),
                    )),
                    None => None,
                }
            }
            Origin::Value(_) => itself(),
            Origin::Unknown => self.follow_parameter(module, id, steps).or_else(itself),
        }
    }

    fn follow_parameter(
        &self,
        module: ModuleId,
        id: BindingId,
        steps: &mut usize,
    ) -> Option<Place> {
        self.arguments(module, id).find_map(|(caller, call, argument)| {
            let mut place = self.follow(caller, call.function, argument, steps)?;
            place.passed.get_or_insert(argument.span);
            Some(place)
        })
    }

    fn follow_import(
        &self,
        module: ModuleId,
        import: usize,
        name: &str,
        steps: &mut usize,
    ) -> Option<Place> {
        if let Some((module, id)) = self.handler.imported_binding(module, import, name) {
            self.step(steps)?;
            return self.follow_binding(module, id, steps);
        }
        // `export default new Map()`
        let target = self.handler.module(module).imports.get(import)?;
        let Target::Module(exporter) = target.target else { return None };
        match self.handler.meaning_of_export(exporter, name) {
            Meaning::Value(module, value) => {
                Some(Place::of(self.owner(module, value).unwrap_or(Owner::Object(value.span))))
            }
            _ => None,
        }
    }

    /// The owner that has a name of its own kind: an object literal, a class, an instance.
    fn owner(&self, module: ModuleId, value: &'a Expression) -> Option<Owner> {
        let Meaning::Value(module, value) = self.handler.meaning(module, value) else {
            return None;
        };
        match &value.value {
            Value::Object { .. } => Some(Owner::Object(value.span)),
            Value::Call(id) => {
                let call = &self.handler.module(module).code[*id];
                match self.handler.meaning(module, &call.callee) {
                    Meaning::Value(_, class)
                        if call.is_new && matches!(class.value, Value::Object { .. }) =>
                    {
                        Some(Owner::Instances(self.family(class.span)))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn receiver(&self, module: ModuleId, function: FunctionId) -> Option<Place> {
        let receiver = self.handler.module(module).code[function].receiver?;
        if receiver.is_itself {
            let lasts = self.lasts(module, receiver.written_in);
            return lasts.then(|| Place::of(Owner::Object(receiver.span)));
        }
        let family = self.family(receiver.span);
        self.made_at(family).map(|_| Place::of(Owner::Instances(family)))
    }

    fn follow_call(
        &self,
        module: ModuleId,
        function: FunctionId,
        call: &'a Call,
        steps: &mut usize,
    ) -> Option<Place> {
        if call.is_new {
            return None;
        }
        match self.handler.meaning(module, &call.callee) {
            Meaning::Function(module, called) => {
                let returns = &self.handler.module(module).code[called].returns;
                return self.follow_all(module, called, returns, steps);
            }
            Meaning::Global(name) if name.starts_with("Object.") => {
                let object = self.follow(module, function, call.arguments.first()?, steps)?;
                return match name.as_str() {
                    "Object.values" | "Object.entries" => Some(object.copied()),
                    "Object.freeze" | "Object.seal" | "Object.assign" => Some(object),
                    _ => None,
                };
            }
            _ => {}
        }
        match &call.callee.value {
            Value::Member(object, Some(method)) if LOOKUPS.contains(&method.as_str()) => {
                Some(self.follow(module, function, object, steps)?.member(None))
            }
            Value::Member(object, Some(method)) if COPIES.contains(&method.as_str()) => {
                Some(self.follow(module, function, object, steps)?.copied())
            }
            Value::Member(object, Some(name)) => {
                let Place { owner: Owner::Instances(class), .. } =
                    self.follow(module, function, object, steps)?
                else {
                    return None;
                };
                let (module, member) = self.member_of(class, name)?;
                let Value::Function(called) = member.value else { return None };
                let returns = &self.handler.module(module).code[called].returns;
                self.follow_all(module, called, returns, steps)
            }
            _ => None,
        }
    }

    /// The variable that an object literal, a class or the one instance of a class is bound to.
    pub(crate) fn name_of(&self, owner: Owner) -> Option<&'a Binding> {
        let (module, made) = match owner {
            Owner::Object(span) => (span.module, span),
            Owner::Instances(class) => {
                let made = self.made_at(class)?;
                (made.module, made)
            }
            _ => return None,
        };
        let code = &self.handler.module(module).code;
        let is_it = |value: &Expression| match value.value {
            Value::Call(id) => code[id].span == made,
            _ => value.span == made,
        };
        code.bindings.iter().find(|it| matches!(&it.origin, Origin::Value(value) if is_it(value)))
    }
}
