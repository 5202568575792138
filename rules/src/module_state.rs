//! State of modules: variables and objects that were there when the handler was built, so that every event starts
//! from them as they were then, and what an event changes in them is gone when it ends.
//!
//! Here is what lasts, and what is known of all objects and calls of a handler. `places` follows an expression to such
//! a variable or object, `container_kinds` says what kind of container it is.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::code::{
    BindingId, Call, Code, Expression, FunctionId, Origin, Receiver, Step, Value, Write, WriteKind,
};
use crate::container::Kind;
use crate::effects::{ActionKind, EventPath, FunctionKey};
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// Steps from name to name for one question, and for all together. Then nothing more is known.
pub(crate) const STEPS_OF_A_QUESTION: usize = 64;
const STEPS_IN_ALL: usize = 2_000_000;

/// Most classes that extend one another, and most callers of a function that are looked at.
const MAX_PARENTS: usize = 16;
const MAX_CALLERS: usize = 16;

/// The state of the modules of a handler.
pub(crate) struct ModuleState<'a> {
    pub(crate) handler: &'a HandlerModel,
    /// The functions that events run.
    pub(crate) paths: BTreeMap<FunctionKey, EventPath>,
    /// The calls that run each function.
    callers: BTreeMap<FunctionKey, Vec<(ModuleId, &'a Call)>>,
    /// Object literals and classes, by where they are written.
    pub(crate) objects: BTreeMap<Span, (ModuleId, &'a Expression)>,
    /// What constructors assign to members of `this`, by class and name.
    pub(crate) fields: BTreeMap<(Span, &'a str), (ModuleId, &'a Expression)>,
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
    pub(crate) fn family(&self, class: Span) -> Span {
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

    pub(crate) fn step(&self, steps: &mut usize) -> Option<()> {
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

    /// What is passed as a parameter, by the calls that are known: those of events, if events run the function.
    pub(crate) fn arguments(
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

    pub(crate) fn member_of(&self, class: Span, name: &str) -> Option<(ModuleId, &'a Expression)> {
        let &(module, object) = self.objects.get(&class)?;
        let Value::Object { properties, .. } = &object.value else { return None };
        let own = properties.iter().rfind(|(it, _)| it.as_deref() == Some(name));
        own.map(|(_, value)| (module, value))
    }
}
