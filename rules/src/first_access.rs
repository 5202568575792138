//! Whether an event writes a part of the modules' state before it reads it, so that what an earlier event has left
//! there would make no difference.
//!
//! The steps of functions are walked in the order in which they run, calls included. In doubt a part is read.

use std::collections::BTreeMap;

use crate::code::{Expression, FunctionId, Step, Value, Write, WriteKind};
use crate::container::Kind;
use crate::effects::{ActionKind, FunctionKey};
use crate::module_state::ModuleState;
use crate::places::{Owner, Place};
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// Steps of functions that are walked for all parts together. Then all of them count as read.
const MAX_STEPS: usize = 5_000_000;

/// Methods that change a container and read nothing of it.
const PUTTING: [&str; 6] = ["push", "unshift", "set", "add", "delete", "clear"];

/// A part of the state that is looked at by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) owner: Owner,
    pub(crate) kind: PartKind,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PartKind {
    /// The variable itself.
    Variable,
    /// A member by its name.
    Member(String),
    /// All elements of a container.
    Content,
}

impl Part {
    /// The part that a write of this place is about.
    pub(crate) fn written(write: &Write, place: &Place, kind: Option<Kind>) -> Part {
        let is_assignment = matches!(write.kind, WriteKind::Assign)
            && matches!(write.target.value, Value::Binding(_));
        let kind = match place.members.first() {
            None if is_assignment => PartKind::Variable,
            Some(Some(name)) if kind.is_none() || place.members.len() > 1 => {
                PartKind::Member(name.clone())
            }
            Some(Some(name)) if name != "length" => PartKind::Member(name.clone()),
            _ => PartKind::Content,
        };
        Part { owner: place.owner, kind }
    }
}

/// What a function does with a part at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Nothing,
    Reads,
    Writes,
    /// Writes elements one by one, which is all of it in a loop.
    Fills,
    /// It ends before it does anything.
    Ends,
}

/// The steps of the functions that events run, with the places that they are about.
pub(crate) struct Accesses<'s, 'a> {
    state: &'s ModuleState<'a>,
    functions: BTreeMap<FunctionKey, Vec<Option<Place>>>,
    /// The steps that read something of each owner.
    reads: BTreeMap<Owner, Vec<(FunctionKey, usize)>>,
    /// The functions that each call runs, and those that it is given.
    callees: BTreeMap<(FunctionKey, Span), Vec<FunctionKey>>,
    steps_left: usize,
}

impl<'s, 'a> Accesses<'s, 'a> {
    pub(crate) fn of(state: &'s ModuleState<'a>) -> Accesses<'s, 'a> {
        let mut functions = BTreeMap::new();
        let mut reads: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for &(module, function) in state.paths.keys() {
            let code = &state.handler.module(module).code;
            let places = code[function].steps.iter().map(|step| match step {
                Step::Read(expression) => state.place(module, function, expression),
                Step::Write(index) => {
                    let write = &code.writes[*index];
                    match (&write.kind, &write.target.value) {
                        (WriteKind::Assign, Value::Binding(_)) => state.changed(module, write),
                        _ => state.place(module, function, &write.target),
                    }
                }
                _ => None,
            });
            let places: Vec<Option<Place>> = places.collect();
            for (index, (step, place)) in code[function].steps.iter().zip(&places).enumerate() {
                if let (Step::Read(_), Some(place)) = (step, place) {
                    reads.entry(place.owner).or_default().push(((module, function), index));
                }
            }
            functions.insert((module, function), places);
        }
        let mut callees: BTreeMap<_, Vec<FunctionKey>> = BTreeMap::new();
        for (&key, actions) in &state.handler.effects.actions {
            for action in actions {
                if let ActionKind::Function(callee) = action.kind {
                    callees.entry((key, action.span)).or_default().push(callee);
                }
            }
        }
        Accesses { state, functions, reads, callees, steps_left: MAX_STEPS }
    }

    /// Every read of a part in a function that an event runs.
    pub(crate) fn reads<'p>(&'p self, part: &'p Part) -> impl Iterator<Item = &'p Place> {
        let steps = self.reads.get(&part.owner).into_iter().flatten();
        steps.filter_map(|&(key, index)| {
            self.functions[&key][index].as_ref().filter(|it| reads(it, part))
        })
    }

    /// Whether events read a part, and each of them writes it before.
    pub(crate) fn is_written_before_read(&mut self, part: &Part) -> bool {
        if self.reads(part).next().is_none() {
            return false;
        }
        self.of_events(part, false)
            .is_some_and(|events| events.iter().all(|&it| it != First::Reads))
    }

    /// Whether each event that does anything with the content of a container also empties it, whatever else happens.
    pub(crate) fn is_emptied(&mut self, part: &Part) -> bool {
        part.kind != PartKind::Variable
            && self.of_events(part, true).is_some_and(|events| {
                events.iter().all(|&it| it == First::Writes || it == First::Nothing)
                    && events.contains(&First::Writes)
            })
    }

    /// What each event does first; with `resets` whether it empties it. `None` if nothing writes all of the part, or
    /// there are too many steps.
    fn of_events(&mut self, part: &Part, resets: bool) -> Option<Vec<First>> {
        let events: Vec<FunctionKey> = self
            .state
            .handler
            .effects
            .exports
            .values()
            .flatten()
            .filter_map(|action| match action.kind {
                ActionKind::Function(key) => Some(key),
                _ => None,
            })
            .collect();
        let mut walk = Walk {
            accesses: self,
            part,
            resets,
            known: BTreeMap::new(),
            touches: false,
            writes: false,
        };
        let mut found = Vec::new();
        for event in events {
            walk.touches = false;
            let first = walk.function(event);
            // An event that uses a container and does not empty it.
            found.push(if resets && walk.touches && first != First::Writes {
                First::Reads
            } else {
                first
            });
            if walk.accesses.steps_left == 0 {
                return None;
            }
        }
        (resets || walk.writes).then_some(found)
    }
}

/// Whether reading a place reads a part.
fn reads(place: &Place, part: &Part) -> bool {
    let is_putting = |name: &Option<String>| {
        name.as_deref().is_some_and(|name| PUTTING.contains(&name) || name == "fill")
    };
    place.owner == part.owner
        && match (&part.kind, place.members.as_slice()) {
            // Also what is taken of a variable reads it.
            (PartKind::Variable, _) | (_, []) => true,
            (PartKind::Member(name), [first, rest @ ..]) => match first {
                Some(first) => first == name && !rest.first().is_some_and(is_putting),
                None => true,
            },
            (PartKind::Content, [first, ..]) => !is_putting(first),
        }
}

struct Walk<'w, 's, 'a> {
    accesses: &'w mut Accesses<'s, 'a>,
    part: &'w Part,
    /// Whether only what empties it counts.
    resets: bool,
    known: BTreeMap<FunctionKey, (First, bool)>,
    /// Whether anything that was walked uses the part.
    touches: bool,
    /// Whether anything that was walked writes all of it.
    writes: bool,
}

impl Walk<'_, '_, '_> {
    fn function(&mut self, key: FunctionKey) -> First {
        if let Some(&(first, touches)) = self.known.get(&key) {
            self.touches |= touches;
            return first;
        }
        // A function that calls itself does nothing new.
        self.known.insert(key, (First::Nothing, false));
        let around = std::mem::take(&mut self.touches);
        let mut at = 0;
        let first = match self.block(key, &mut at) {
            First::Ends | First::Fills => First::Nothing,
            first => first,
        };
        self.writes |= first == First::Writes;
        self.known.insert(key, (first, self.touches));
        self.touches |= around;
        first
    }

    /// Walks to the end of a block: the function's, or the next `Or` or `Join` of its own.
    fn block(&mut self, key: FunctionKey, at: &mut usize) -> First {
        let handler = self.accesses.state.handler;
        let steps = &handler.module(key.0).code[key.1].steps;
        let mut first = First::Nothing;
        while let Some(step) = steps.get(*at) {
            let index = *at;
            match step {
                Step::Or | Step::Join => break,
                Step::Branch | Step::Loop => {
                    *at += 1;
                    let of_ways = self.ways(key, at, matches!(step, Step::Loop));
                    first = then(first, of_ways);
                }
                _ if matches!(first, First::Nothing | First::Fills) => {
                    *at += 1;
                    self.accesses.steps_left = self.accesses.steps_left.saturating_sub(1);
                    let next = self.step(key, index, step);
                    first = then(first, next);
                }
                _ => *at += 1,
            }
        }
        first
    }

    /// Walks the ways of a branch, or the body of a loop.
    fn ways(&mut self, key: FunctionKey, at: &mut usize, is_loop: bool) -> First {
        let handler = self.accesses.state.handler;
        let steps = &handler.module(key.0).code[key.1].steps;
        let mut ways = Vec::new();
        loop {
            ways.push(self.block(key, at));
            let next = steps.get(*at);
            *at += 1;
            if !matches!(next, Some(Step::Or)) {
                break;
            }
        }
        let all = |wanted: &[First]| ways.iter().all(|way| wanted.contains(way));
        if ways.contains(&First::Reads) {
            First::Reads
        } else if is_loop {
            if ways.contains(&First::Fills) { First::Writes } else { First::Nothing }
        } else if all(&[First::Ends]) {
            First::Ends
        } else if all(&[First::Ends, First::Writes]) {
            First::Writes
        } else {
            First::Nothing
        }
    }

    fn step(&mut self, key: FunctionKey, index: usize, step: &Step) -> First {
        if self.accesses.steps_left == 0 {
            return First::Reads;
        }
        let state = self.accesses.state;
        let code = &state.handler.module(key.0).code;
        let place = self.accesses.functions.get(&key).and_then(|places| places[index].as_ref());
        match step {
            Step::Read(_) => {
                if !place.is_some_and(|place| reads(place, self.part)) {
                    return First::Nothing;
                }
                self.touches = true;
                if self.resets { First::Nothing } else { First::Reads }
            }
            Step::Write(index) => {
                let Some(place) = place.filter(|place| place.owner == self.part.owner) else {
                    return First::Nothing;
                };
                let write = &code.writes[*index];
                let first = self.write(key.0, key.1, write, place);
                self.touches |= first != First::Nothing || self.part.kind == PartKind::Content;
                if self.resets && first == First::Fills { First::Nothing } else { first }
            }
            Step::Call(id) => {
                let call = &code[*id];
                let mut ways = Vec::new();
                for callee in self.callees(key, call.span) {
                    ways.push(self.function(callee));
                }
                if ways.contains(&First::Reads) {
                    return First::Reads;
                }
                if !ways.is_empty() && ways.iter().all(|&way| way == First::Writes) {
                    return First::Writes;
                }
                // Functions that it is given may run.
                for argument in &call.arguments {
                    for callee in self.callees(key, argument.span) {
                        if self.function(callee) == First::Reads {
                            return First::Reads;
                        }
                    }
                }
                First::Nothing
            }
            Step::Exit => First::Ends,
            Step::Await(_) | Step::Branch | Step::Or | Step::Join | Step::Loop => First::Nothing,
        }
    }

    fn callees(&self, key: FunctionKey, span: Span) -> Vec<FunctionKey> {
        self.accesses.callees.get(&(key, span)).cloned().unwrap_or_default()
    }

    /// What a write of the owner means for the part.
    fn write(&self, module: ModuleId, function: FunctionId, write: &Write, place: &Place) -> First {
        let is_variable =
            matches!((&write.kind, &write.target.value), (WriteKind::Assign, Value::Binding(_)));
        let members = match &self.part.kind {
            // A variable that holds another object holds nothing of what it held.
            _ if is_variable => {
                let is_it = self.part.kind == PartKind::Variable || !self.resets;
                return if is_it { First::Writes } else { First::Nothing };
            }
            PartKind::Variable => return First::Nothing,
            PartKind::Member(name) => match place.members.split_first() {
                Some((Some(first), rest)) if first == name => rest,
                _ => return First::Nothing,
            },
            PartKind::Content => &place.members[..],
        };
        let is_member = matches!(self.part.kind, PartKind::Member(_));
        match (&write.kind, members) {
            (WriteKind::Assign, []) if is_member && !self.resets => First::Writes,
            // `this.lines = []`
            (WriteKind::Assign, []) if is_member => {
                let is_empty = |value: &Expression| match &value.value {
                    Value::Array(items) => items.is_empty(),
                    Value::Object { properties, .. } => properties.is_empty(),
                    Value::Call(id) => self.accesses.state.handler.module(module).code[*id].is_new,
                    _ => false,
                };
                if write.value.as_ref().is_some_and(is_empty) {
                    First::Writes
                } else {
                    First::Nothing
                }
            }
            (WriteKind::Assign, [Some(name)]) if name == "length" => {
                let is_zero = |value: &Expression| matches!(value.value, Value::Number(number) if number == 0.0);
                if write.value.as_ref().is_some_and(is_zero) {
                    First::Writes
                } else {
                    First::Nothing
                }
            }
            (WriteKind::Assign, [None]) => self.element(module, function, write),
            (WriteKind::Method(method), []) => match method.as_str() {
                "clear" | "fill" => First::Writes,
                // `buffer.set(bytes)`
                "set" if !self.resets => {
                    match self.accesses.state.kind(module, function, &write.target) {
                        Some(Kind::Bytes) => First::Writes,
                        _ => First::Nothing,
                    }
                }
                _ => First::Nothing,
            },
            _ => First::Nothing,
        }
    }

    /// What the write of one element means: in a buffer or an array, they may be filled one after the other.
    fn element(&self, module: ModuleId, function: FunctionId, write: &Write) -> First {
        let Value::Member(container, _) = &write.target.value else { return First::Nothing };
        let kind = self.accesses.state.kind(module, function, container);
        if !matches!(kind, Some(Kind::Bytes | Kind::Array)) || !write.replaces {
            return First::Nothing;
        }
        match write
            .key
            .as_ref()
            .map(|key| (&key.value, self.accesses.state.handler.meaning(module, key)))
        {
            Some((_, Meaning::Value(_, key)))
                if matches!(key.value, Value::Number(_)) && kind == Some(Kind::Bytes) =>
            {
                First::Writes
            }
            Some((Value::Binding(_), _)) => First::Fills,
            _ => First::Nothing,
        }
    }
}

/// What comes first of two things that run one after the other.
fn then(first: First, next: First) -> First {
    match (first, next) {
        (First::Nothing, next) => next,
        (First::Fills, First::Reads | First::Writes) => next,
        (first, _) => first,
    }
}
