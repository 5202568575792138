//! The effects of a handler's functions, directly or through others.
//!
//! Plain values; the compiler infers them. `io` and `state` are effects; the clock and random numbers
//! are not, but what uses them is not deterministic. What is fetched is neither: the answer is another's.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use zigttp_abi::api::{self, Effect};
use zigttp_abi::manifest::Properties;

use crate::code::FunctionId;
use crate::span::{ModuleId, Span};

/// The global that calls out.
pub const FETCH: &str = "fetch";

/// The global that sets a timer, which an event may wait for.
pub const SET_TIMEOUT: &str = "setTimeout";

/// A function of a handler.
pub type FunctionKey = (ModuleId, FunctionId);

/// The call graph of a handler.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// What each function does, in the order of the source.
    pub actions: BTreeMap<FunctionKey, Vec<Action>>,
    /// What calling each event export does.
    pub exports: BTreeMap<&'static str, Vec<Action>>,
    io: ShortestPaths,
    state: ShortestPaths,
}

/// Shortest paths to something that functions do, from each function that does it.
#[derive(Clone, Debug, Default)]
pub struct ShortestPaths(BTreeMap<FunctionKey, Step>);

/// The next action on the shortest path to an effect, and the last.
#[derive(Clone, Copy, Debug)]
struct Step {
    next: Action,
    last: Action,
}

/// One thing a function does.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Where.
    pub span: Span,
    pub kind: ActionKind,
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionKind {
    /// Calls another function of the handler, or passes it to be called.
    Function(FunctionKey),
    /// Calls a function of a built-in module, or passes it to be called; with its path.
    Api(&'static str, Effect),
    /// Reads the time; with the name of what it calls.
    Clock(&'static str),
    /// Reads random numbers.
    Random(&'static str),
    /// Takes properties of what has the settings, with its name, where nothing tests whether it is there.
    Setting(&'static str),
    /// Waits for something outside of the handler: `fetch`, or a timer.
    Outside(&'static str),
}

/// How a function leads to an action: the calls from the function on, and the action itself.
#[derive(Clone, Debug)]
pub struct Path {
    /// Calls that lead there, outermost first, each with the function called.
    pub steps: Vec<(Span, FunctionKey)>,
    pub action: Action,
}

impl Path {
    /// Where it begins: the first call, or else the action itself.
    pub fn start(&self) -> Span {
        self.steps.first().map_or(self.action.span, |&(span, _)| span)
    }
}

/// Most calls of a path that are shown, the first and the last ones: longer paths are artificial.
const MAX_SHOWN_STEPS: usize = 8;

/// Where a walk over the call graph has been.
struct Walk<'a> {
    effects: &'a Effects,
    nodes: Vec<Node>,
    seen: BTreeSet<FunctionKey>,
}

/// A function that a walk has reached.
struct Node {
    /// The call it came by, and the function.
    step: (Span, FunctionKey),
    /// The first call of the path to it.
    first: (Span, FunctionKey),
    /// The node before.
    from: Option<usize>,
}

impl<'a> Walk<'a> {
    fn new(effects: &'a Effects) -> Walk<'a> {
        Walk { effects, nodes: Vec::new(), seen: BTreeSet::new() }
    }

    /// Visits everything that some actions lead to, nearest first.
    fn each_action(
        &mut self,
        first: &'a [Action],
        mut visit: impl FnMut(&Walk<'a>, Option<usize>, Action),
    ) {
        let mut queue = VecDeque::from([(None, first)]);
        while let Some((from, actions)) = queue.pop_front() {
            for &action in actions {
                let ActionKind::Function(key) = action.kind else {
                    visit(self, from, action);
                    continue;
                };
                if self.seen.insert(key) {
                    let step = (action.span, key);
                    let first = from.map_or(step, |from: usize| self.nodes[from].first);
                    self.nodes.push(Node { step, first, from });
                    queue.push_back((Some(self.nodes.len() - 1), self.effects.actions_of(key)));
                }
            }
        }
    }

    fn steps(&self, node: Option<usize>) -> Vec<(Span, FunctionKey)> {
        let mut steps = Vec::new();
        let mut next = node;
        while let Some(index) = next {
            let node = &self.nodes[index];
            if steps.len() + 1 >= MAX_SHOWN_STEPS {
                steps.push(node.first);
                break;
            }
            steps.push(node.step);
            next = node.from;
        }
        steps.reverse();
        steps
    }
}

impl ShortestPaths {
    /// The shortest path from a function, if there is one.
    pub fn from(&self, function: FunctionKey) -> Option<Path> {
        let action = self.0.get(&function)?.last;
        let mut steps = Vec::new();
        let mut key = function;
        while let Some(Step { next, .. }) = self.0.get(&key)
            && let ActionKind::Function(called) = next.kind
            && steps.len() < MAX_SHOWN_STEPS
        {
            steps.push((next.span, called));
            key = called;
        }
        Some(Path { steps, action })
    }
}

impl Effects {
    /// The effects of a handler with this call graph.
    pub fn new(
        actions: BTreeMap<FunctionKey, Vec<Action>>,
        exports: BTreeMap<&'static str, Vec<Action>>,
    ) -> Effects {
        let mut effects = Effects { actions, exports, ..Effects::default() };
        effects.io = effects.paths_to(|kind| kind.effect() == Some(Effect::Io));
        effects.state = effects.paths_to(|kind| kind.effect() == Some(Effect::State));
        effects
    }

    /// The shortest paths to what functions do, from all functions that do it.
    pub fn paths_to(&self, wanted: impl Fn(ActionKind) -> bool) -> ShortestPaths {
        let mut callers: BTreeMap<FunctionKey, Vec<(FunctionKey, Action)>> = BTreeMap::new();
        let mut paths: BTreeMap<FunctionKey, Step> = BTreeMap::new();
        let mut queue = VecDeque::new();
        for (&key, list) in &self.actions {
            for &action in list {
                if let ActionKind::Function(called) = action.kind {
                    callers.entry(called).or_default().push((key, action));
                } else if wanted(action.kind)
                    && let Entry::Vacant(entry) = paths.entry(key)
                {
                    entry.insert(Step { next: action, last: action });
                    queue.push_back((key, action));
                }
            }
        }
        // What a function does, its callers do; the nearest first, so that paths are the shortest.
        while let Some((key, last)) = queue.pop_front() {
            for &(caller, next) in callers.get(&key).into_iter().flatten() {
                if let Entry::Vacant(entry) = paths.entry(caller) {
                    entry.insert(Step { next, last });
                    queue.push_back((caller, last));
                }
            }
        }
        ShortestPaths(paths)
    }

    /// The shortest path from a function to an effect that it has.
    pub fn path_to_effect(&self, from: FunctionKey, effect: Effect) -> Option<Path> {
        self.paths_to_effect(effect)?.from(from)
    }

    fn paths_to_effect(&self, effect: Effect) -> Option<&ShortestPaths> {
        match effect {
            Effect::Io => Some(&self.io),
            Effect::State => Some(&self.state),
            Effect::Pure => None,
        }
    }

    fn actions_of(&self, key: FunctionKey) -> &[Action] {
        self.actions.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Every action of a function other than calls, directly or through others, each with the shortest
    /// path to it.
    pub fn reached(&self, from: FunctionKey) -> Vec<Path> {
        let mut found = Vec::new();
        Walk::new(self).each_action(self.actions_of(from), |walk, node, action| {
            found.push(Path { steps: walk.steps(node), action });
        });
        found
    }

    /// The functions that may run for an event, each with an event that leads to it and the calls in
    /// between, outermost first.
    pub fn paths_from_events(&self) -> BTreeMap<FunctionKey, EventPath> {
        let mut paths = BTreeMap::new();
        for (&event, actions) in &self.exports {
            let mut walk = Walk::new(self);
            walk.each_action(actions, |_, _, _| ());
            for (index, node) in walk.nodes.iter().enumerate() {
                paths.entry(node.step.1).or_insert_with(|| {
                    let mut calls = walk.steps(Some(index));
                    // The first is the export itself, which the source does not call.
                    calls.remove(0);
                    EventPath { event, calls: calls.into_iter().map(|(span, _)| span).collect() }
                });
            }
        }
        paths
    }

    /// The events in which each action may happen, by its span.
    pub fn events_of_actions(&self) -> BTreeMap<Span, BTreeSet<&'static str>> {
        let mut events: BTreeMap<Span, BTreeSet<&'static str>> = BTreeMap::new();
        for (&event, actions) in &self.exports {
            Walk::new(self).each_action(actions, |_, _, action| {
                events.entry(action.span).or_default().insert(event);
            });
        }
        events
    }

    /// The effects of a function, [`Effect::Pure`] left out.
    pub fn of(&self, function: FunctionKey) -> BTreeSet<Effect> {
        [Effect::Io, Effect::State]
            .into_iter()
            .filter(|&effect| {
                self.paths_to_effect(effect).is_some_and(|paths| paths.0.contains_key(&function))
            })
            .collect()
    }

    /// The effects of each event export, sorted by name.
    pub fn of_exports(&self) -> BTreeMap<&'static str, BTreeSet<Effect>> {
        let mut all = BTreeMap::new();
        for (&event, actions) in &self.exports {
            let effects: &mut BTreeSet<Effect> = all.entry(event).or_default();
            for action in actions {
                match action.kind {
                    ActionKind::Function(key) => effects.extend(self.of(key)),
                    kind => effects.extend(kind.effect()),
                }
            }
        }
        all
    }

    /// What follows from the effects of all exports together.
    pub fn properties(&self) -> Properties {
        let mut properties = Properties { pure: true, read_only: true, deterministic: true };
        for actions in self.exports.values() {
            Walk::new(self).each_action(actions, |_, _, action| {
                properties.pure &= action.kind.effect().is_none();
                match action.kind {
                    ActionKind::Api(path, _) if api::find(path).is_some_and(|it| it.writes) => {
                        properties.read_only = false;
                    }
                    ActionKind::Clock(_) | ActionKind::Random(_) => {
                        properties.deterministic = false;
                    }
                    // Its answer is another's, which may have changed something for it.
                    ActionKind::Outside(FETCH) => {
                        properties.deterministic = false;
                        properties.read_only = false;
                    }
                    _ => {}
                }
            });
        }
        properties
    }
}

/// How an event leads to a function.
#[derive(Clone, Debug)]
pub struct EventPath {
    pub event: &'static str,
    /// The calls in between, outermost first.
    pub calls: Vec<Span>,
}

impl ActionKind {
    /// The effect of the action itself.
    pub fn effect(self) -> Option<Effect> {
        match self {
            ActionKind::Api(_, effect) if effect != Effect::Pure => Some(effect),
            ActionKind::Outside(_) => Some(Effect::Io),
            _ => None,
        }
    }

    /// The name of what is called or read, unless that is a function of the handler.
    pub fn name(self) -> Option<&'static str> {
        match self {
            ActionKind::Function(_) => None,
            ActionKind::Api(name, _)
            | ActionKind::Clock(name)
            | ActionKind::Random(name)
            | ActionKind::Setting(name)
            | ActionKind::Outside(name) => Some(name),
        }
    }
}
