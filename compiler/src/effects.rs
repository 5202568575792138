//! Infers the effects of a handler's functions: the call graph across modules.
//!
//! In doubt a function counts as called: one that is passed to unknown code does, and so does one that is
//! stored in a container from which functions are called. Only for top-level code, where passing a function
//! mostly means storing it, is more needed.

mod callees;
mod packages;
mod parameters;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use zigts_rules::code::{Call, FunctionId, Value};
use zigts_rules::effects::{Action, ActionKind, Effects, FETCH, FunctionKey};
use zigts_rules::import::TESTING;
use zigts_rules::model::HandlerModel;
use zigts_rules::span::{ModuleId, Span};
use zigttp_abi::api;

use self::callees::{Callee, Callees, Found, handed_over};
use crate::model::PER_ELEMENT;

/// Methods that store their arguments, and do not call them.
const STORING: [&str; 8] = ["set", "add", "push", "unshift", "freeze", "seal", "entries", "assign"];

/// Most calls in all of what packages keep. Handlers with 300 routes, in which 600 places call into packages, stay
/// below; of thousands each, every place with every function, the list would fill the memory.
const MAX_KEPT_CALLS: usize = 200_000;

/// Infers the effects of a handler whose modules are all there.
pub(crate) fn infer(model: &HandlerModel) -> Effects {
    let mut inference = Inference {
        model,
        callees: Callees::new(model),
        calling_parameters: BTreeSet::new(),
        kept_by_packages: BTreeSet::new(),
        kept_calls_left: Cell::new(MAX_KEPT_CALLS),
        fetching: packages::fetching(model),
    };
    inference.kept_by_packages = inference.handed_to_packages();
    let mut actions = Actions::new();
    let is_top_level = |call: &Call| call.function == FunctionId::TOP_LEVEL;
    for (module, call) in model.calls().filter(|(_, call)| !is_top_level(call)) {
        let of_function = actions.entry((module, call.function)).or_default();
        inference.call(module, call, of_function);
    }
    // What top-level code does with functions that it passes depends on what is known by now.
    inference.calling_parameters = parameters::called(model, &actions);
    for (module, call) in model.calls().filter(|(_, call)| is_top_level(call)) {
        let of_function = actions.entry((module, call.function)).or_default();
        inference.call(module, call, of_function);
    }
    for read in model.setting_reads() {
        let of_function = actions.entry((read.module, read.function)).or_default();
        of_function.extend(read.action().map(|kind| Action { span: read.span, kind }));
    }
    Effects::new(actions, inference.exports())
}

/// What each function does.
type Actions = BTreeMap<FunctionKey, Vec<Action>>;

struct Inference<'a> {
    model: &'a HandlerModel,
    callees: Callees<'a>,
    calling_parameters: BTreeSet<FunctionKey>,
    /// What top-level code passes to packages, as routes are to a router: whatever calls into a package may call it.
    kept_by_packages: BTreeSet<Callee>,
    kept_calls_left: Cell<usize>,
    /// Packages that may call out.
    fetching: BTreeSet<&'a str>,
}

impl Inference<'_> {
    /// What each event export does when it is called.
    fn exports(&self) -> BTreeMap<&'static str, Vec<Action>> {
        let mut exports = BTreeMap::new();
        for (event, span) in self.model.event_exports() {
            let mut found = Found::default();
            let meaning = self.model.meaning_of_export(ModuleId::ENTRY, event.name);
            self.callees.of_meaning(meaning, true, &mut found);
            let exported = self.model.module(ModuleId::ENTRY).code.exports.get(event.name);
            if exported.is_some_and(|it| packages::maker(self.model, ModuleId::ENTRY, it).is_some())
            {
                found.callees.extend(&self.kept_by_packages);
            }
            let actions = found.callees.into_iter().map(|callee| action(span, callee)).collect();
            exports.insert(event.name, actions);
        }
        exports
    }

    fn call(&self, module: ModuleId, call: &Call, actions: &mut Vec<Action>) {
        let mut found = Found::default();
        let meaning = self.model.meaning(module, &call.callee);
        if call.is_new {
            self.callees.of_new(meaning, has_arguments(call), &mut found);
        } else {
            self.callees.of(module, &call.callee, false, &mut found);
        }
        let callees = found.callees;
        actions.extend(callees.iter().map(|&callee| action(call.span, callee)));

        let is_top_level = call.function == FunctionId::TOP_LEVEL;
        if let Some(package) = packages::called(self.model, module, call) {
            if is_top_level {
                return;
            }
            // Which of its functions that runs is hard to say: a client has one method for all of them.
            if !call.is_new && self.fetching.contains(package) {
                actions.push(action(call.span, Callee::Outside(FETCH)));
            }
            let kept = self.kept_by_packages.len();
            if let Some(left) = self.kept_calls_left.get().checked_sub(kept) {
                self.kept_calls_left.set(left);
                let kept = self.kept_by_packages.iter();
                actions.extend(kept.map(|&callee| action(call.span, callee)));
            }
        }

        let is_known = !callees.is_empty();
        if is_known && callees.iter().all(|callee| callee.is_given()) {
            return;
        }
        if is_top_level && !self.calls_what_it_is_given(call, &callees) {
            return;
        }
        for argument in handed_over(call) {
            let mut passed = Found::default();
            let is_deep = !is_top_level || is_known;
            self.callees.of(module, argument, is_deep, &mut passed);
            passed.callees.retain(|callee| match callee {
                Callee::Clock(_) | Callee::Random(_) | Callee::Outside(_) => {
                    !is_top_level || is_known || calls_at_once(call)
                }
                _ => true,
            });
            actions.extend(passed.callees.into_iter().map(|callee| action(argument.span, callee)));
        }
    }

    /// The functions that top-level code of the handler's own passes to packages. Those that it passes to
    /// `zigttp:test` run one by one, and nothing else that is called there runs them.
    fn handed_to_packages(&self) -> BTreeSet<Callee> {
        let mut handed = Found::default();
        for (module, call) in self.model.calls() {
            if call.function == FunctionId::TOP_LEVEL
                && packages::called(self.model, module, call).is_some_and(|it| it != TESTING)
            {
                self.callees.of_all(module, handed_over(call), true, &mut handed);
            }
        }
        handed.callees
    }

    /// Whether a call in top-level code leads to calls of its arguments, rather than stores them.
    fn calls_what_it_is_given(&self, call: &Call, callees: &BTreeSet<Callee>) -> bool {
        if !callees.is_empty() {
            return callees.iter().any(|callee| match callee {
                Callee::Function(key) => self.calling_parameters.contains(key),
                _ => false,
            });
        }
        let stores = matches!(
            &call.callee.value,
            Value::Member(_, Some(method)) if STORING.contains(&method.as_str())
        );
        if is_promise(call) {
            return true;
        }
        // What unknown code does with it is not known.
        let is_method = matches!(call.callee.value, Value::Member(..));
        is_method && !stores && !call.is_new
    }
}

fn action(span: Span, callee: Callee) -> Action {
    let kind = match callee {
        Callee::Function(key) => ActionKind::Function(key),
        Callee::Api(name) => {
            let function = api::find(name).expect("it came from the table");
            ActionKind::Api(name, function.effect)
        }
        Callee::Clock(name) => ActionKind::Clock(name),
        Callee::Random(name) => ActionKind::Random(name),
        Callee::Outside(name) => ActionKind::Outside(name),
    };
    Action { span, kind }
}

fn has_arguments(call: &Call) -> bool {
    !call.arguments.is_empty() || call.has_spread
}

/// `new Promise(f)`, which calls `f` at once.
fn is_promise(call: &Call) -> bool {
    call.is_new && matches!(&call.callee.value, Value::Global(name) if name == "Promise")
}

/// Whether unknown code is known to call what it is given before it returns: `list.map(f)`, `Array.from(list, f)`.
fn calls_at_once(call: &Call) -> bool {
    match &call.callee.value {
        Value::Member(object, Some(method)) => {
            PER_ELEMENT.contains(&method.as_str()) || matches!(object.value, Value::Global(_))
        }
        _ => false,
    }
}
