//! State of modules: variables and objects that were there when the handler was built, so that every event starts
//! from them as they were then, and what an event changes in them is gone when it ends.
//!
//! A place is such a variable or object, and a path of members in it. Other names for it are followed: imports,
//! constants, parameters, what functions return, what is looked up in a container, `this`.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::code::{
    Binding, BindingId, Call, Code, Expression, FunctionId, Origin, Receiver, Step, Value, Write,
    WriteKind,
};
use crate::effects::{ActionKind, EventPath, FunctionKey};
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// Steps from name to name for one question, and for all together. Then nothing more is known.
const STEPS_OF_A_QUESTION: usize = 64;
const STEPS_IN_ALL: usize = 2_000_000;

/// Most classes that extend one another, and most callers of a function that are looked at.
const MAX_PARENTS: usize = 16;
const MAX_CALLERS: usize = 16;

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

/// Kinds of objects whose methods change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Array,
    Bytes,
    Map,
    Set,
}

impl Kind {
    /// The methods that change it.
    pub(crate) fn mutators(self) -> &'static [&'static str] {
        match self {
            Kind::Array => &[
                "push",
                "pop",
                "shift",
                "unshift",
                "splice",
                "sort",
                "reverse",
                "fill",
                "copyWithin",
            ],
            Kind::Bytes => &["set", "fill", "sort", "reverse", "copyWithin"],
            Kind::Map => &["set", "delete", "clear", "getOrInsert", "getOrInsertComputed"],
            Kind::Set => &["add", "delete", "clear"],
        }
    }
}

/// The state of the modules of a handler.
pub(crate) struct ModuleState<'a> {
    pub(crate) handler: &'a HandlerModel,
    /// The functions that events run.
    pub(crate) paths: BTreeMap<FunctionKey, EventPath>,
    /// The calls that run each function.
    callers: BTreeMap<FunctionKey, Vec<(ModuleId, &'a Call)>>,
    /// Object literals and classes, by where they are written.
    objects: BTreeMap<Span, (ModuleId, &'a Expression)>,
    /// What constructors assign to members of `this`, by class and name.
    fields: BTreeMap<(Span, &'a str), (ModuleId, &'a Expression)>,
    /// Where instances of each class are made: outside of events, and in them.
    made: BTreeMap<Span, Made>,
    /// Classes whose methods change the instance in events.
    changing: BTreeSet<Span>,
    steps_left: Cell<usize>,
}

#[derive(Default)]
struct Made {
    outside: Option<Span>,
    in_events: bool,
}

impl<'a> ModuleState<'a> {
    pub(crate) fn of(handler: &'a HandlerModel) -> ModuleState<'a> {
        let mut state = ModuleState {
            handler,
            paths: handler.effects.paths_from_events(),
            callers: BTreeMap::new(),
            objects: BTreeMap::new(),
            fields: BTreeMap::new(),
            made: BTreeMap::new(),
            changing: BTreeSet::new(),
            steps_left: Cell::new(STEPS_IN_ALL),
        };
        state.gather_objects();
        state.gather_calls();
        state.gather_changing();
        state
    }

    fn gather_changing(&mut self) {
        for &(module, function) in self.paths.keys() {
            let code = &self.handler.module(module).code;
            let of_function = &code[function];
            let Some(Receiver { span, is_itself: false, .. }) = of_function.receiver else {
                continue;
            };
            let changes = |write: &Write| match &write.kind {
                WriteKind::Method(method) => [Kind::Array, Kind::Bytes, Kind::Map, Kind::Set]
                    .iter()
                    .any(|kind| kind.mutators().contains(&method.as_str())),
                _ => true,
            };
            let is_of_this = |step: &Step| match step {
                Step::Write(index) => {
                    let write = &code.writes[*index];
                    matches!(write.target.root().value, Value::This) && changes(write)
                }
                _ => false,
            };
            if of_function.name != "constructor" && of_function.steps.iter().any(is_of_this) {
                let family = self.family(span);
                self.changing.insert(family);
            }
        }
    }

    fn gather_objects(&mut self) {
        for (index, module) in self.handler.modules.iter().enumerate() {
            let id = ModuleId::new(index);
            let Code { bindings, exports, functions, writes, .. } = &module.code;
            let origins = bindings.iter().filter_map(|binding| match &binding.origin {
                Origin::Value(value) => Some(value),
                _ => None,
            });
            let returned = functions.iter().flat_map(|function| &function.returns);
            for value in origins.chain(exports.values()).chain(returned) {
                self.add_object(id, value, 4);
            }
            for write in writes {
                let (Some(value), Value::Member(object, Some(name))) =
                    (&write.value, &write.target.value)
                else {
                    continue;
                };
                self.add_object(id, value, 4);
                if let Some(Receiver { span, is_itself: false, .. }) =
                    module.code[write.function].receiver
                    && matches!(object.value, Value::This)
                {
                    self.fields.entry((span, name)).or_insert((id, value));
                }
            }
        }
    }

    fn add_object(&mut self, module: ModuleId, value: &'a Expression, depth: usize) {
        let (Value::Object { properties, .. }, Some(depth)) = (&value.value, depth.checked_sub(1))
        else {
            return;
        };
        if self.objects.insert(value.span, (module, value)).is_none() {
            for (_, property) in properties {
                self.add_object(module, property, depth);
            }
        }
    }

    fn gather_calls(&mut self) {
        let handler = self.handler;
        let mut by_span: BTreeMap<Span, Vec<FunctionKey>> = BTreeMap::new();
        for &action in handler.effects.actions.values().flatten() {
            if let ActionKind::Function(key) = action.kind {
                by_span.entry(action.span).or_default().push(key);
            }
        }
        for (module, call) in handler.calls() {
            for &callee in by_span.get(&call.span).into_iter().flatten() {
                let callers = self.callers.entry(callee).or_default();
                if callers.len() < MAX_CALLERS {
                    callers.push((module, call));
                }
            }
            if call.is_new
                && let Meaning::Value(_, class) = handler.meaning(module, &call.callee)
                && matches!(class.value, Value::Object { is_class: true, .. })
            {
                let family = self.family(class.span);
                let is_in_event = !self.lasts(module, call.function);
                let made = self.made.entry(family).or_default();
                made.in_events |= is_in_event;
                if !is_in_event {
                    made.outside.get_or_insert(call.span);
                }
            }
        }
    }

    /// Whether what a function declares or makes is there before events and after them: it runs in none.
    pub(crate) fn lasts(&self, module: ModuleId, function: FunctionId) -> bool {
        function == FunctionId::TOP_LEVEL || !self.paths.contains_key(&(module, function))
    }

    /// The class that a class extends in the end, as far as it is one of the handler.
    fn family(&self, class: Span) -> Span {
        let mut class = class;
        for _ in 0..MAX_PARENTS {
            let Some((module, Expression { value: Value::Object { properties, .. }, .. })) =
                self.objects.get(&class)
            else {
                break;
            };
            // What it extends comes first, without a name.
            let Some((None, parent)) = properties.first() else { break };
            match self.handler.meaning(*module, parent) {
                Meaning::Value(
                    _,
                    Expression { span, value: Value::Object { is_class: true, .. } },
                ) => class = *span,
                _ => break,
            }
        }
        class
    }

    /// Where the instances of a class are made, if all of them are made outside of events.
    pub(crate) fn made_at(&self, class: Span) -> Option<Span> {
        self.made.get(&class).filter(|made| !made.in_events)?.outside
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

    /// The place that an expression stands for in a function, if it is one that lasts.
    pub(crate) fn place(
        &self,
        module: ModuleId,
        function: FunctionId,
        expression: &'a Expression,
    ) -> Option<Place> {
        self.follow(module, function, expression, &mut { STEPS_OF_A_QUESTION })
    }

    fn step(&self, steps: &mut usize) -> Option<()> {
        *steps = steps.checked_sub(1)?;
        self.spend(1)
    }

    /// Takes steps of those that there are for all questions together.
    pub(crate) fn spend(&self, steps: usize) -> Option<()> {
        let left = self.steps_left.get().saturating_sub(steps);
        self.steps_left.set(left);
        (left > 0).then_some(())
    }

    /// Whether all steps are taken, so that some places are not known.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.steps_left.get() == 0
    }

    /// Whether methods of a class change its instances in events.
    pub(crate) fn has_state(&self, class: Span) -> bool {
        self.changing.contains(&self.family(class))
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

    /// What is passed as a parameter, by the calls that are known: those of events, if events run the function.
    fn arguments(
        &self,
        module: ModuleId,
        id: BindingId,
    ) -> impl Iterator<Item = (ModuleId, &'a Call, &'a Expression)> {
        let code = &self.handler.module(module).code;
        let scope = code[id].scope;
        let place = code.place_of_parameter(id);
        let callers = self.callers.get(&(module, scope)).into_iter().flatten();
        let lasts = self.lasts(module, scope);
        callers.filter_map(move |&(caller, call)| {
            let is_alike = lasts || !self.lasts(caller, call.function);
            Some((caller, call, call.arguments.get(place?)?)).filter(|_| is_alike)
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
        let crate::import::Target::Module(exporter) = target.target else { return None };
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

    fn member_of(&self, class: Span, name: &str) -> Option<(ModuleId, &'a Expression)> {
        let &(module, object) = self.objects.get(&class)?;
        let Value::Object { properties, .. } = &object.value else { return None };
        let own = properties.iter().rfind(|(it, _)| it.as_deref() == Some(name));
        own.map(|(_, value)| (module, value))
    }

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
}
