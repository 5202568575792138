//! What the functions of a handler do to the world, directly or through others.
//!
//! Plain values; the compiler infers them. `io` and `state` are effects; clock and random numbers
//! are none, but what uses them is not deterministic.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use zigttp_abi::api::Effect;
use zigttp_abi::manifest::Properties;

use crate::code::FunctionId;
use crate::span::{ModuleId, Span};

/// A function of a handler.
pub type FunctionKey = (ModuleId, FunctionId);

/// The call graph of a handler.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// What each function does, in the order of the source.
    pub actions: BTreeMap<FunctionKey, Vec<Action>>,
    /// What calling each event export does.
    pub exports: BTreeMap<&'static str, Vec<Action>>,
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
    /// Calls another function of the handler, or has it called.
    Function(FunctionKey),
    /// Calls a function of `zigttp:websocket`, or has it called.
    Api(&'static str, Effect),
    /// Asks what time it is; by the name of what it calls.
    Clock(&'static str),
    /// Asks for random numbers.
    Random(&'static str),
}

/// How a function comes to do something: places from the function on, the last the action itself.
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

impl Effects {
    /// An event export that leads to a function, with the calls in between, outermost first.
    pub fn way_to(&self, wanted: FunctionKey) -> Option<(&'static str, Vec<(Span, FunctionKey)>)> {
        self.exports.iter().find_map(|(&event, actions)| {
            let mut seen = BTreeSet::new();
            let mut queue = VecDeque::from([(actions.as_slice(), Vec::new())]);
            while let Some((actions, steps)) = queue.pop_front() {
                for action in actions {
                    let ActionKind::Function(next) = action.kind else { continue };
                    if !seen.insert(next) {
                        continue;
                    }
                    let mut steps: Vec<_> = steps.clone();
                    steps.push((action.span, next));
                    if next == wanted {
                        // The first is the export itself, which nobody calls in the source.
                        steps.remove(0);
                        return Some((event, steps));
                    }
                    let actions = self.actions.get(&next).map_or(&[] as &[Action], Vec::as_slice);
                    queue.push_back((actions, steps));
                }
            }
            None
        })
    }

    /// Everything a function does but call others, itself or through others, each with the
    /// shortest way there.
    pub fn reached(&self, from: FunctionKey) -> Vec<Path> {
        let actions = self.actions.get(&from).map_or(&[] as &[Action], Vec::as_slice);
        self.reached_by(actions, BTreeSet::from([from]))
    }

    /// The same for an event export.
    pub fn reached_from_export(&self, event: &str) -> Vec<Path> {
        let actions = self.exports.get(event).map_or(&[] as &[Action], Vec::as_slice);
        self.reached_by(actions, BTreeSet::new())
    }

    fn reached_by(&self, first: &[Action], mut seen: BTreeSet<FunctionKey>) -> Vec<Path> {
        let mut queue = VecDeque::from([(first, Vec::new())]);
        let mut found = Vec::new();
        while let Some((actions, steps)) = queue.pop_front() {
            for &action in actions {
                match action.kind {
                    ActionKind::Function(next) if seen.insert(next) => {
                        let mut steps: Vec<_> = steps.clone();
                        steps.push((action.span, next));
                        let actions = self.actions.get(&next);
                        queue.push_back((actions.map_or(&[], Vec::as_slice), steps));
                    }
                    ActionKind::Function(_) => {}
                    _ => found.push(Path { steps: steps.clone(), action }),
                }
            }
        }
        found
    }

    /// The functions that may run when an event comes.
    pub fn reachable_from_events(&self) -> BTreeSet<FunctionKey> {
        self.reachable(self.exports.values().flatten().filter_map(|action| match action.kind {
            ActionKind::Function(key) => Some(key),
            _ => None,
        }))
    }

    /// The functions that may run when one of these does, they themselves included.
    pub fn reachable(&self, from: impl IntoIterator<Item = FunctionKey>) -> BTreeSet<FunctionKey> {
        let mut seen = BTreeSet::new();
        let mut stack: Vec<_> = from.into_iter().collect();
        while let Some(function) = stack.pop() {
            if seen.insert(function) {
                let actions = self.actions.get(&function).into_iter().flatten();
                stack.extend(actions.filter_map(|action| match action.kind {
                    ActionKind::Function(next) => Some(next),
                    _ => None,
                }));
            }
        }
        seen
    }

    /// The effects of a function, [`Effect::Pure`] left out.
    pub fn of(&self, function: FunctionKey) -> BTreeSet<Effect> {
        let reached = self.reached(function).into_iter();
        reached.filter_map(|path| path.action.kind.effect()).collect()
    }

    /// The effects of each event export, sorted by name.
    pub fn of_exports(&self) -> BTreeMap<&'static str, BTreeSet<Effect>> {
        let effects = |event| {
            let reached = self.reached_from_export(event).into_iter();
            reached.filter_map(|path| path.action.kind.effect()).collect()
        };
        self.exports.keys().map(|&event| (event, effects(event))).collect()
    }

    /// What follows from the effects of all exports together.
    pub fn properties(&self) -> Properties {
        let reached: Vec<ActionKind> = self
            .exports
            .keys()
            .flat_map(|event| self.reached_from_export(event))
            .map(|path| path.action.kind)
            .collect();
        Properties {
            pure: reached.iter().all(|action| action.effect().is_none()),
            read_only: !reached
                .iter()
                .any(|action| matches!(action, ActionKind::Api(name, _) if WRITING.contains(name))),
            deterministic: !reached
                .iter()
                .any(|action| matches!(action, ActionKind::Clock(_) | ActionKind::Random(_))),
        }
    }
}

/// Functions of `zigttp:websocket` that change something.
const WRITING: [&str; 4] = ["send", "close", "serializeAttachment", "setAutoResponse"];

impl ActionKind {
    /// The effect of the action itself.
    pub fn effect(self) -> Option<Effect> {
        match self {
            ActionKind::Api(_, effect) if effect != Effect::Pure => Some(effect),
            _ => None,
        }
    }

    /// The name of what is called, unless that is a function of the handler.
    pub fn name(self) -> Option<&'static str> {
        match self {
            ActionKind::Function(_) => None,
            ActionKind::Api(name, _) | ActionKind::Clock(name) | ActionKind::Random(name) => {
                Some(name)
            }
        }
    }
}
