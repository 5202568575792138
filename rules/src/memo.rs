//! Parts of the modules' state that only remember results: what is stored under a key could be computed again from
//! that key, so an event that finds nothing there does the same as one that does.

use std::collections::BTreeSet;

use crate::code::{BindingId, Expression, FunctionId, Origin, Step, Value, Write, WriteKind};
use crate::effects::ActionKind;
use crate::first_access::{Accesses, Part, PartKind};
use crate::model::HandlerModel;
use crate::module_state::ModuleState;
use crate::places::{Owner, Place};
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// Most names between a value and what it is computed of.
const MAX_STEPS: usize = 64;

/// Members of a container that only look something up in it.
const LOOKING_UP: [&str; 6] = ["get", "has", "set", "delete", "clear", "getOrInsertComputed"];

/// Members that someone uses who throws old results away.
const EVICTING: [&str; 4] = ["size", "keys", "length", "entries"];

/// A change of a part.
pub(crate) struct Change<'a> {
    pub(crate) module: ModuleId,
    pub(crate) write: &'a Write,
    pub(crate) place: Place,
}

/// Whether a part only remembers results. `written` are the owners that events change.
pub(crate) fn is_memo(
    state: &ModuleState<'_>,
    accesses: &Accesses<'_, '_>,
    part: &Part,
    changes: &[&Change<'_>],
    written: &BTreeSet<Owner>,
) -> bool {
    let evicts = changes.iter().any(|change| is_eviction(change.write));
    let mut storing = changes.iter().filter(|change| !is_eviction(change.write)).peekable();
    storing.peek().is_some()
        && storing.all(|change| Stored { state, part, written, change }.is_result())
        && accesses.reads(part).all(|place| is_look_up(place, part, evicts))
}

/// Whether a change throws results away.
fn is_eviction(write: &Write) -> bool {
    match &write.kind {
        WriteKind::Delete => true,
        WriteKind::Method(method) => matches!(method.as_str(), "delete" | "clear"),
        WriteKind::Assign => {
            matches!(&write.target.value, Value::Member(_, Some(name)) if name == "length")
        }
        WriteKind::Argument(_) => false,
    }
}

/// Whether a read only asks what is there under a key.
fn is_look_up(place: &Place, part: &Part, evicts: bool) -> bool {
    let members = match part.kind {
        PartKind::Variable => return true,
        PartKind::Member(_) => place.members.get(1..).unwrap_or_default(),
        PartKind::Content => &place.members,
    };
    match members.first() {
        // The result itself, or else all of the container.
        None => matches!(part.kind, PartKind::Member(_)),
        Some(None) => true,
        Some(Some(name)) => {
            LOOKING_UP.contains(&name.as_str()) || evicts && EVICTING.contains(&name.as_str())
        }
    }
}

/// One value that is stored.
struct Stored<'s, 'a> {
    state: &'s ModuleState<'a>,
    part: &'s Part,
    written: &'s BTreeSet<Owner>,
    change: &'s Change<'a>,
}

impl<'a> Stored<'_, 'a> {
    /// Whether the value is computed of the key, and of what is the same in each event.
    fn is_result(&self) -> bool {
        let Change { module, write, place } = self.change;
        let handler: &'a HandlerModel = self.state.handler;
        let code = &handler.module(*module).code;
        // Members of what is stored make it more than a result.
        let depth = match (&self.part.kind, &write.kind) {
            (PartKind::Variable, _) | (PartKind::Content, WriteKind::Method(_)) => 0,
            _ => 1,
        };
        if place.members.len() != depth {
            return false;
        }
        let (key, value) = match &write.kind {
            WriteKind::Assign if write.replaces => (write.key.as_ref(), write.value.as_ref()),
            WriteKind::Method(method) if method == "set" => {
                let Some(call) = write.call else { return false };
                let arguments = &code[call].arguments;
                (arguments.first(), arguments.get(1))
            }
            _ => return false,
        };
        let Some(value) = value else { return false };
        let mut keys = BTreeSet::new();
        if let Some(key) = key {
            self.gather_names(*module, key, &mut keys, &mut { MAX_STEPS });
        }
        self.is_computed(*module, value, &keys, &mut { MAX_STEPS })
    }

    /// Adds the names that a key is made of, and what these are made of.
    fn gather_names(
        &self,
        module: ModuleId,
        expression: &Expression,
        names: &mut BTreeSet<BindingId>,
        steps: &mut usize,
    ) {
        let Some(left) = steps.checked_sub(1) else { return };
        *steps = left;
        for id in self.names_in(module, expression.span) {
            if names.insert(id)
                && let Origin::Value(value) = &self.state.handler.module(module).code[id].origin
            {
                self.gather_names(module, value, names, steps);
            }
        }
    }

    /// The names that are used in a part of the source.
    fn names_in(&self, module: ModuleId, span: Span) -> BTreeSet<BindingId> {
        let code = &self.state.handler.module(module).code;
        let mut names = BTreeSet::new();
        for function in &code.functions {
            if self.state.spend(function.steps.len()).is_none() {
                break;
            }
            for step in &function.steps {
                if let Step::Read(read) = step
                    && is_within(read.span, span)
                    && let Value::Binding(id) = read.root().value
                {
                    names.insert(id);
                }
            }
        }
        names
    }

    fn is_computed(
        &self,
        module: ModuleId,
        value: &'a Expression,
        keys: &BTreeSet<BindingId>,
        steps: &mut usize,
    ) -> bool {
        let Some(left) = steps.checked_sub(1) else { return false };
        *steps = left;
        let handler: &'a HandlerModel = self.state.handler;
        let code = &handler.module(module).code;
        match &value.value {
            Value::Binding(id) => {
                let binding = &code[*id];
                let Origin::Value(first) = &binding.origin else {
                    // `let value; … value = compute(key);`
                    return !binding.is_constant
                        && !binding.inflow.is_empty()
                        && binding
                            .inflow
                            .iter()
                            .all(|it| self.is_computed(module, it, keys, steps));
                };
                let later = binding.inflow.iter().filter(|_| !binding.is_constant);
                let mut values = std::iter::once(first).chain(later);
                let mut has_result = false;
                values.all(|it| {
                    if self.is_looked_up(module, binding.scope, it) {
                        return true;
                    }
                    has_result = true;
                    self.is_computed(module, it, keys, steps)
                }) && has_result
            }
            Value::OneOf(options) => options.iter().all(|it| {
                self.is_looked_up(module, self.change.write.function, it)
                    || self.is_computed(module, it, keys, steps)
            }),
            // Constants, and what an event is given, are no results: someone may ask whether they are there.
            Value::Text(_)
            | Value::Number(_)
            | Value::Boolean(_)
            | Value::BigInt
            | Value::Null
            | Value::Undefined => false,
            Value::Array(items) if items.is_empty() => false,
            Value::Object { properties, .. } if properties.is_empty() => false,
            Value::Call(id) if self.makes_state(module, &code[*id].callee, code[*id].is_new) => {
                false
            }
            _ => {
                self.depends_on(module, value.span, keys, steps)
                    && self.is_repeatable(module, value.span)
            }
        }
    }

    /// Whether a value is what the part has under a key.
    fn is_looked_up(&self, module: ModuleId, function: FunctionId, value: &'a Expression) -> bool {
        matches!(value.value, Value::Call(_) | Value::Member(..))
            && self
                .state
                .place(module, function, value)
                .is_some_and(|place| place.owner == self.part.owner)
    }

    /// Whether `new` makes an object whose methods change it.
    fn makes_state(&self, module: ModuleId, callee: &Expression, is_new: bool) -> bool {
        is_new
            && match self.state.handler.meaning(module, callee) {
                Meaning::Value(_, class) => self.state.has_state(class.span),
                _ => false,
            }
    }

    /// Whether a value depends on the key alone, beside what is the same in each event.
    fn depends_on(
        &self,
        module: ModuleId,
        span: Span,
        keys: &BTreeSet<BindingId>,
        steps: &mut usize,
    ) -> bool {
        let Some(left) = steps.checked_sub(1) else { return false };
        *steps = left;
        let code = &self.state.handler.module(module).code;
        self.names_in(module, span).into_iter().all(|id| {
            let binding = &code[id];
            if is_within(binding.span, span) || keys.contains(&id) {
                return true;
            }
            let owner = Owner::Binding(module, id);
            if self.state.lasts(module, binding.scope) {
                return owner != self.part.owner && !self.written.contains(&owner);
            }
            match &binding.origin {
                Origin::Value(value) if binding.is_constant => {
                    self.depends_on(module, value.span, keys, steps)
                        && self.is_repeatable(module, value.span)
                }
                _ => false,
            }
        })
    }

    /// Whether computing it again gives the same, and does nothing else.
    fn is_repeatable(&self, module: ModuleId, span: Span) -> bool {
        let effects = &self.state.handler.effects;
        let is_repeatable = |kind: ActionKind| match kind {
            ActionKind::Function(_) | ActionKind::Setting(_) => true,
            ActionKind::Clock(_) | ActionKind::Random(_) | ActionKind::Outside(_) => false,
            ActionKind::Api(path, _) => !zigttp_abi::api::find(path).is_some_and(|it| it.writes),
        };
        let functions = (0..self.state.handler.module(module).code.functions.len())
            .map(|index| (module, FunctionId(index)));
        let mut actions = functions.filter_map(|key| effects.actions.get(&key)).flatten();
        actions.all(|action| {
            !is_within(action.span, span)
                || is_repeatable(action.kind)
                    && match action.kind {
                        ActionKind::Function(key) => {
                            effects.reached(key).iter().all(|path| is_repeatable(path.action.kind))
                                && self.state.spend(1_000).is_some()
                        }
                        _ => true,
                    }
        })
    }
}

fn is_within(inner: Span, outer: Span) -> bool {
    inner.module == outer.module && outer.start <= inner.start && inner.end <= outer.end
}
