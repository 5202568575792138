//! What events wait for: which promises lead to a `fetch`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::code::{Call, Expression, Origin, Step, Value};
use crate::effects::{ActionKind, FETCH, FunctionKey, ShortestPaths};
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// Promises that are looked at in all. Then nothing more is known.
const MAX_PROMISES: usize = 100_000;

/// Most names and calls from a promise to what it leads to.
const MAX_LINKS: usize = 16;

/// Methods of promises, which return another one.
const OF_PROMISES: [&str; 3] = ["then", "catch", "finally"];

/// What the events of a handler wait for.
pub(crate) struct Waiting<'a> {
    handler: &'a HandlerModel,
    /// What each call does, and what does each function that it is given.
    actions: BTreeMap<(FunctionKey, Span), Vec<ActionKind>>,
    /// From the functions of packages, in which it is not looked at what is awaited.
    to_fetch: ShortestPaths,
    /// Expressions that `await` stands before: what they leave is no promise.
    awaited: BTreeSet<Span>,
    known: RefCell<BTreeMap<FunctionKey, Option<Span>>>,
    promises_left: Cell<usize>,
}

impl<'a> Waiting<'a> {
    /// What is known of a handler, if it calls `fetch` at all.
    pub(crate) fn of(handler: &'a HandlerModel) -> Option<Waiting<'a>> {
        let is_fetch = |kind: ActionKind| kind == ActionKind::Outside(FETCH);
        let all = || handler.effects.actions.iter();
        if !all().any(|(_, actions)| actions.iter().any(|action| is_fetch(action.kind))) {
            return None;
        }
        let mut actions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (&key, list) in all() {
            for action in list {
                actions.entry((key, action.span)).or_default().push(action.kind);
            }
        }
        let modules = handler.modules.iter();
        let awaited = modules.flat_map(|module| module.code.awaited()).map(|it| it.span).collect();
        Some(Waiting {
            handler,
            actions,
            to_fetch: handler.effects.paths_to(is_fetch),
            awaited,
            known: RefCell::default(),
            promises_left: Cell::new(MAX_PROMISES),
        })
    }

    /// What a call does itself, or what does a function that stands at this place among its arguments.
    pub(crate) fn actions(&self, function: FunctionKey, span: Span) -> &[ActionKind] {
        self.actions.get(&(function, span)).map_or(&[], Vec::as_slice)
    }

    /// The functions among these actions.
    pub(crate) fn callees(
        &self,
        function: FunctionKey,
        span: Span,
    ) -> impl Iterator<Item = FunctionKey> {
        self.actions(function, span).iter().filter_map(|kind| match kind {
            ActionKind::Function(key) => Some(*key),
            _ => None,
        })
    }

    /// Whether `await` stands before an expression.
    pub(crate) fn is_awaited(&self, expression: &Expression) -> bool {
        self.awaited.contains(&expression.span)
    }

    /// Where the `fetch` is called that has to be answered before a promise is settled.
    pub(crate) fn fetch_of(&self, module: ModuleId, promise: &Expression) -> Option<Span> {
        self.follow(module, promise, MAX_LINKS)
    }

    /// The same of the promise that a call returns.
    pub(crate) fn fetch_of_call(&self, module: ModuleId, call: &Call) -> Option<Span> {
        self.of_call(module, call, MAX_LINKS)
    }

    fn follow(&self, module: ModuleId, promise: &Expression, links: usize) -> Option<Span> {
        let links = links.checked_sub(1)?;
        self.promises_left.set(self.promises_left.get().checked_sub(1)?);
        match &promise.value {
            Value::Call(id) => self.of_call(module, &self.handler.module(module).code[*id], links),
            Value::Binding(id) => match &self.handler.module(module).code[*id].origin {
                Origin::Value(value) if !self.awaited.contains(&value.span) => {
                    self.follow(module, value, links)
                }
                _ => None,
            },
            Value::OneOf(values) => values.iter().find_map(|it| self.follow(module, it, links)),
            _ => None,
        }
    }

    fn of_call(&self, module: ModuleId, call: &Call, links: usize) -> Option<Span> {
        let caller = (module, call.function);
        let actions = self.actions(caller, call.span);
        if actions.contains(&ActionKind::Outside(FETCH)) {
            return Some(call.span);
        }
        let of_functions = |span| self.callees(caller, span).find_map(|key| self.of_function(key));
        let of_object = || match &call.callee.value {
            Value::Member(object, Some(method)) if OF_PROMISES.contains(&method.as_str()) => {
                self.follow(module, object, links)
            }
            _ => None,
        };
        let is_of_promise = matches!(
            self.handler.meaning(module, &call.callee),
            Meaning::Global(name) if name.starts_with("Promise.")
        );
        // `Promise.all([a, b])`, `Promise.all(list.map(f))`, `retry(() => fetch(url))`
        let of_argument = |argument: &Expression| match &argument.value {
            Value::Array(items) if is_of_promise => {
                items.iter().find_map(|it| self.follow(module, it, links))
            }
            Value::Call(_) => self.follow(module, argument, links),
            _ => of_functions(argument.span),
        };
        of_functions(call.span)
            .or_else(of_object)
            .or_else(|| call.arguments.iter().find_map(of_argument))
    }

    /// The same of the promise that a function returns.
    pub(crate) fn of_function(&self, key: FunctionKey) -> Option<Span> {
        if let Some(&known) = self.known.borrow().get(&key) {
            return known;
        }
        // One that calls itself waits for nothing new.
        self.known.borrow_mut().insert(key, None);
        let (module, id) = key;
        let found = if self.handler.module(module).name.package().is_some() {
            self.to_fetch.from(key).map(|path| path.action.span)
        } else {
            let function = &self.handler.module(module).code[id];
            let awaited = function.steps.iter().filter_map(|step| match step {
                Step::Await(promise) => Some(promise),
                _ => None,
            });
            awaited.chain(&function.returns).find_map(|it| self.fetch_of(module, it))
        };
        self.known.borrow_mut().insert(key, found);
        found
    }
}
