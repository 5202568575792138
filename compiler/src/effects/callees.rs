//! What an expression may call.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use zigts_rules::code::{BindingId, Call, CallId, Code, Expression, FunctionId, Origin, Value};
use zigts_rules::effects::{FETCH, FunctionKey, SET_TIMEOUT};
use zigts_rules::model::HandlerModel;
use zigts_rules::resolve::Meaning;
use zigts_rules::span::ModuleId;

/// Most functions that a method's name alone may stand for. Hand-written handlers have a few
/// methods of one name; thousands, each called a thousand times, would fill the memory.
const MAX_OF_A_NAME: usize = 100;

/// Steps for each question about what may be called, and further steps for all questions together.
/// Hand-written handlers need a few for each call. Thousands of functions in one list, called thousands of
/// times, would take minutes and fill the memory with results: such a list is followed only in part.
const STEPS_OF_A_QUESTION: usize = 4;
const STEPS_IN_ALL: usize = 200_000;

/// Most members of a class that are searched for its constructor.
const MAX_MEMBERS: usize = 1_000;

/// Most values that stand for one another before giving up: what a variable holds, what a function returns.
const MAX_VALUES: usize = 4;

/// Most classes that extend one another before giving up.
const MAX_PARENTS: usize = 16;

/// Functions that read the time.
const CLOCKS: [&str; 4] = ["Date.now", "performance.now", "Date", "Temporal.Now.instant"];

/// Functions that return random numbers.
const RANDOM: [&str; 5] = [
    "Math.random",
    "crypto.getRandomValues",
    "crypto.randomUUID",
    "crypto.subtle.generateKey",
    // Of some algorithms, and which one it is may be a value.
    "crypto.subtle.sign",
];

/// Functions that wait for something outside of the handler.
const OUTSIDE: [&str; 2] = [FETCH, SET_TIMEOUT];

/// Methods of the language's own objects. Called on something unknown, they are taken for these and not for
/// a method of the handler with the same name.
const BUILTIN_METHODS: [&str; 34] = [
    "add",
    "at",
    "clear",
    "concat",
    "delete",
    "entries",
    "every",
    "fill",
    "filter",
    "find",
    "findIndex",
    "flat",
    "flatMap",
    "forEach",
    "get",
    "has",
    "includes",
    "indexOf",
    "join",
    "keys",
    "map",
    "match",
    "pop",
    "push",
    "reduce",
    "replace",
    "set",
    "slice",
    "some",
    "sort",
    "split",
    "then",
    "toString",
    "values",
];

/// Methods of functions that call them, or return them bound. Their first argument is `this`.
const OF_FUNCTIONS: [&str; 3] = ["call", "apply", "bind"];

/// What an expression may be when it is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Callee {
    Api(&'static str),
    Function(FunctionKey),
    Clock(&'static str),
    Random(&'static str),
    Outside(&'static str),
}

impl Callee {
    /// Whether it calls none of its arguments.
    pub(super) fn is_given(self) -> bool {
        !matches!(self, Callee::Function(_) | Callee::Outside(SET_TIMEOUT))
    }
}

/// What one question has looked into, so that circles end.
#[derive(Default)]
pub(super) struct Found {
    pub(super) callees: BTreeSet<Callee>,
    bindings: BTreeSet<(ModuleId, BindingId, bool)>,
    calls: BTreeSet<(ModuleId, CallId, bool)>,
    /// How many steps the question has taken, and whether it has no more.
    steps: usize,
    is_exhausted: bool,
}

/// Answers what expressions may call.
pub(super) struct Callees<'a> {
    model: &'a HandlerModel,
    /// Methods and functions in object literals.
    by_name: HashMap<&'a str, Vec<FunctionKey>>,
    steps_left: Cell<usize>,
}

impl<'a> Callees<'a> {
    pub(super) fn new(model: &'a HandlerModel) -> Callees<'a> {
        let mut by_name: HashMap<&str, Vec<FunctionKey>> = HashMap::new();
        for (module, code) in codes(model) {
            for (index, function) in code.functions.iter().enumerate() {
                if function.is_member && !function.name.is_empty() {
                    by_name.entry(&function.name).or_default().push((module, FunctionId(index)));
                }
            }
        }
        Callees { model, by_name, steps_left: Cell::new(STEPS_IN_ALL) }
    }
}

impl Callees<'_> {
    /// What `new` of this may call.
    pub(super) fn of_new(&self, meaning: Meaning<'_>, has_arguments: bool, found: &mut Found) {
        self.constructors(meaning, has_arguments, MAX_PARENTS, found);
    }

    /// Takes a step of a question, if it has one left.
    fn step(&self, found: &mut Found) -> bool {
        found.steps += 1;
        if found.steps > STEPS_OF_A_QUESTION {
            match self.steps_left.get().checked_sub(1) {
                Some(left) => self.steps_left.set(left),
                None => found.is_exhausted = true,
            }
        }
        !found.is_exhausted
    }

    /// What may be called when any of some expressions is.
    pub(super) fn of_all<'e>(
        &self,
        module: ModuleId,
        expressions: impl IntoIterator<Item = &'e Expression>,
        is_deep: bool,
        found: &mut Found,
    ) {
        for expression in expressions {
            if found.is_exhausted {
                return;
            }
            self.of(module, expression, is_deep, found);
        }
    }

    fn constructors(
        &self,
        meaning: Meaning<'_>,
        has_arguments: bool,
        depth: usize,
        found: &mut Found,
    ) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match meaning {
            // `new Date(1)` is the same every time.
            Meaning::Global(name) if name == "Date" && !has_arguments => {
                found.callees.insert(Callee::Clock("Date"));
            }
            Meaning::Value(module, Expression { value: Value::Object { properties, .. }, .. }) => {
                for (name, value) in properties.iter().take(MAX_MEMBERS) {
                    match (name.as_deref(), &value.value) {
                        (Some("constructor"), Value::Function(id)) => {
                            found.callees.insert(Callee::Function((module, *id)));
                        }
                        // The class it extends.
                        (None, _) => {
                            let parent = self.model.meaning(module, value);
                            self.constructors(parent, has_arguments, depth, found);
                        }
                        _ => {}
                    }
                }
            }
            Meaning::Function(module, id) => {
                found.callees.insert(Callee::Function((module, id)));
            }
            _ => {}
        }
    }

    /// What may be called when an expression is, and with `is_deep` when what it contains is.
    pub(super) fn of(
        &self,
        module: ModuleId,
        expression: &Expression,
        is_deep: bool,
        found: &mut Found,
    ) {
        if !self.step(found) {
            return;
        }
        match &expression.value {
            Value::Binding(id) => {
                if !found.bindings.insert((module, *id, is_deep)) {
                    return;
                }
                let binding = &self.model.module(module).code[*id];
                match self.model.meaning(module, expression) {
                    // Of the binding itself, or of another one that it stands for.
                    Meaning::Binding(other, of) if (other, of) != (module, *id) => {
                        self.of_meaning(Meaning::Binding(other, of), is_deep, found);
                    }
                    Meaning::Binding(..) | Meaning::Unknown => {
                        if let Origin::Value(value) = &binding.origin {
                            self.of(module, value, is_deep, found);
                        }
                    }
                    meaning => self.of_meaning(meaning, is_deep, found),
                }
                let has_default = matches!(binding.origin, Origin::Unknown);
                if is_deep || has_default || !binding.is_constant {
                    self.of_all(module, &binding.inflow, is_deep, found);
                }
            }
            Value::Member(object, name) => match self.model.meaning(module, expression) {
                Meaning::Unknown => {
                    self.unknown_member(module, object, name.as_deref(), found);
                }
                meaning => self.of_meaning(meaning, is_deep, found),
            },
            _ => {
                let meaning = self.model.meaning(module, expression);
                self.of_meaning(meaning, is_deep, found);
            }
        }
    }

    pub(super) fn of_meaning(&self, meaning: Meaning<'_>, is_deep: bool, found: &mut Found) {
        match meaning {
            Meaning::Api(function) => {
                found.callees.insert(Callee::Api(function.path));
            }
            Meaning::ApiNamespace(module) if is_deep => {
                let paths = module.functions().iter().map(|function| function.path);
                found.callees.extend(paths.map(Callee::Api));
            }
            Meaning::Function(module, id) => {
                found.callees.insert(Callee::Function((module, id)));
            }
            Meaning::Global(name) => found.callees.extend(of_global(&name, is_deep)),
            Meaning::Binding(module, id) => {
                let expression = Expression {
                    span: self.model.module(module).code[id].span,
                    value: Value::Binding(id),
                };
                self.of(module, &expression, is_deep, found);
            }
            Meaning::Namespace(module) if is_deep => {
                let exports = self.model.module(module).code.exports.values();
                self.of_all(module, exports, is_deep, found);
            }
            Meaning::Value(module, expression) => match &expression.value {
                Value::OneOf(options) => self.of_all(module, options, is_deep, found),
                Value::Array(elements) if is_deep => {
                    self.of_all(module, elements, is_deep, found);
                }
                Value::Spread(items) => self.of(module, items, is_deep, found),
                Value::Object { properties, is_class: false } if is_deep => {
                    let values = properties.iter().map(|(_, value)| value);
                    self.of_all(module, values, is_deep, found);
                }
                Value::Call(call) => self.returned_by(module, *call, is_deep, found),
                _ => {}
            },
            _ => {}
        }
    }

    /// A member whose object is not known, or which it is not known to have.
    fn unknown_member(
        &self,
        module: ModuleId,
        object: &Expression,
        name: Option<&str>,
        found: &mut Found,
    ) {
        match name {
            // `handlers[kind]`, `queue[0]`
            None => self.of(module, object, true, found),
            Some("call" | "apply") => self.of(module, object, false, found),
            Some(name) => {
                self.members_of_values(module, object, name, MAX_VALUES, found);
                let is_own = matches!(object.value, Value::This);
                let is_unknown = is_own
                    || matches!(
                        self.model.meaning(module, object),
                        Meaning::Unknown
                            | Meaning::Binding(..)
                            | Meaning::Value(
                                _,
                                Expression { value: Value::Call(_) | Value::This, .. }
                            )
                    );
                if is_unknown && (is_own || !BUILTIN_METHODS.contains(&name)) {
                    let keys = self.by_name.get(name).into_iter().flatten().take(MAX_OF_A_NAME);
                    for &key in keys {
                        if !self.step(found) {
                            return;
                        }
                        found.callees.insert(Callee::Function(key));
                    }
                }
            }
        }
    }

    /// The members that an object may have, where its name says nothing: `room ??= new Room()`, `room.join`.
    fn members_of_values(
        &self,
        module: ModuleId,
        object: &Expression,
        name: &str,
        depth: usize,
        found: &mut Found,
    ) {
        let Some(depth) = depth.checked_sub(1).filter(|_| self.step(found)) else { return };
        for (_, meaning) in self.model.possible_values(module, object) {
            match meaning {
                Meaning::Binding(module, id) => {
                    let binding = &self.model.module(module).code[id];
                    let first = match &binding.origin {
                        Origin::Value(value) => Some(value),
                        _ => None,
                    };
                    let later = binding.inflow.iter().filter(|_| !binding.is_constant);
                    for value in first.into_iter().chain(later) {
                        self.members_of_values(module, value, name, depth, found);
                    }
                }
                Meaning::Value(module, value) => match &value.value {
                    Value::Object { properties, is_class: false } => {
                        if let Some((_, Expression { value: Value::Function(id), .. })) = properties
                            .iter()
                            .take(MAX_MEMBERS)
                            .find(|(it, _)| it.as_deref() == Some(name))
                        {
                            found.callees.insert(Callee::Function((module, *id)));
                        }
                    }
                    Value::Call(call) => {
                        let member = Value::Member(Box::new(value.clone()), Some(name.to_owned()));
                        let member = Expression { span: value.span, value: member };
                        if let Meaning::Function(module, id) = self.model.meaning(module, &member) {
                            found.callees.insert(Callee::Function((module, id)));
                            continue;
                        }
                        let call = &self.model.module(module).code[*call];
                        if let Meaning::Function(module, id) =
                            self.model.meaning(module, &call.callee)
                            && !call.is_new
                        {
                            for value in &self.model.module(module).code[id].returns {
                                self.members_of_values(module, value, name, depth, found);
                            }
                        }
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// What a call may return.
    fn returned_by(&self, module: ModuleId, id: CallId, is_deep: bool, found: &mut Found) {
        if !found.calls.insert((module, id, is_deep)) {
            return;
        }
        let call = &self.model.module(module).code[id];
        let mut called = Found { steps: found.steps, ..Found::default() };
        if !call.is_new {
            // A question inside another: calls that were looked into are not looked into again.
            std::mem::swap(&mut called.calls, &mut found.calls);
            self.of(module, &call.callee, false, &mut called);
            std::mem::swap(&mut called.calls, &mut found.calls);
            (found.steps, found.is_exhausted) = (called.steps, called.is_exhausted);
        }
        let called = called.callees;
        for callee in &called {
            let Callee::Function((module, function)) = *callee else { continue };
            let returns = &self.model.module(module).code[function].returns;
            self.of_all(module, returns, is_deep, found);
        }
        if called.iter().any(|callee| callee.is_given()) {
            return;
        }
        // `new Map([...])`, `handlers.get(kind)`, `debounce(answer)`, `send.bind(null, ws)`
        self.of_all(module, handed_over(call), true, found);
        if let Value::Member(object, _) = &call.callee.value
            && called.is_empty()
        {
            match self.model.meaning(module, object) {
                // `Math.max(a, b)` returns nothing of `Math`.
                Meaning::Global(name) => found.callees.extend(of_global(&name, false)),
                _ => self.of(module, object, true, found),
            }
        }
    }
}

fn codes(model: &HandlerModel) -> impl Iterator<Item = (ModuleId, &Code)> {
    model.modules.iter().enumerate().map(|(index, module)| (ModuleId::new(index), &module.code))
}

/// What reads the time or random numbers, or waits, when this name is called, and with `is_deep` when one of its
/// members is.
fn of_global(name: &str, is_deep: bool) -> Vec<Callee> {
    let name = match name.rsplit_once('.') {
        Some((function, "call" | "apply")) => function,
        _ => name,
    };
    let is_it = |it: &str| {
        let is_member = || it.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        it == name || is_deep && (name == "globalThis" || is_member())
    };
    let clocks = CLOCKS.map(Callee::Clock).into_iter();
    let all = clocks.chain(RANDOM.map(Callee::Random)).chain(OUTSIDE.map(Callee::Outside));
    let is_named = |callee: &Callee| match callee {
        Callee::Clock(it) | Callee::Random(it) => is_it(it),
        // What is handed `globalThis` hardly calls that.
        Callee::Outside(it) => *it == name,
        _ => false,
    };
    all.filter(is_named).collect()
}

/// The arguments that a call may call: all but a global that is `this`.
pub(super) fn handed_over(call: &Call) -> impl Iterator<Item = &Expression> {
    let place_of_this = match &call.callee.value {
        Value::Member(object, Some(method)) if OF_FUNCTIONS.contains(&method.as_str()) => {
            let is_reflect = matches!(&object.value, Value::Global(name) if name == "Reflect");
            Some(usize::from(is_reflect))
        }
        _ => None,
    };
    let is_this = move |index: usize, it: &Expression| {
        Some(index) == place_of_this && matches!(it.value, Value::Global(_))
    };
    let arguments = call.arguments.iter().enumerate();
    arguments.filter(move |&(index, it)| !is_this(index, it)).map(|(_, it)| it)
}
