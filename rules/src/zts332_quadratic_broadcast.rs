//! ZTS332: the connections of a room are visited once for each connection.

use std::collections::BTreeMap;

use crate::call_path;
use crate::code::{BindingId, Call, Expression, LoopId, Origin, Value};
use crate::diagnostic::Sink;
use crate::effects::{ActionKind, FunctionKey, Path};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Calls `getWebSockets` or `broadcast` in a loop over connections.
pub(crate) struct QuadraticBroadcast;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS332",
    name: "quadratic_broadcast",
    severity: Severity::Warning,
    category: Category::Effects,
    since: "0.1.0",
    summary: "lists the connections of a room, or sends to all, once for each of them",
    explanation: r#"
## What it is
`getWebSockets` or `broadcast` is called, directly or by a function, inside a loop over what `getWebSockets`
returned.

```ts,fires
import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  for (const peer of getWebSockets(room)) send(peer, `${getWebSockets(room).length}: ${data}`);
}
```

```ts,fires
import { broadcast, getWebSockets } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  for (const _ of getWebSockets(room)) broadcast(room, data);
}
```

```ts,silent
import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  const peers = getWebSockets(room);
  for (const peer of peers) send(peer, `${peers.length}: ${data}`);
}
```

What the loop does at most once, because `break`, `return` or `throw` follows, is not reported, nor is a room that
belongs to the connection of the turn, such as `` `user:${name(peer)}` ``.

## Why it matters
Each call makes a new list of all connections in the room, or sends to them: with a thousand of them, one message
makes a million entries or frames. The time of an event is limited, and this one grows with the square of the
number of connections.

## What to do
Call `getWebSockets` once before the loop and keep the list: it does not change while an event runs. `broadcast`
needs no loop.
"#,
    help: "Call it once before the loop.",
};

impl Rule for QuadraticBroadcast {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let visits = visits(handler);
        let mut calls = None;
        for (module, call) in handler.calls() {
            let code = &handler.module(module).code;
            let turn = code[call.function].turn_of;
            let over_peers = |&id: &LoopId| is_list(handler, module, &code[id].over, 16);
            let around = std::iter::successors(call.innermost_loop, |&id| code[id].outer);
            let outer = around.take(MAX_LOOPS).filter(over_peers).last();
            let Some(outer) = outer.or(turn.filter(over_peers)) else { continue };
            // It may visit them itself, or pass a function that does.
            let spans = std::iter::once(call.span).chain(call.arguments.iter().map(|it| it.span));
            let Some(path) = spans.into_iter().find_map(|span| visits.get(&span)) else {
                continue;
            };
            let calls = calls.get_or_insert_with(|| calls_by_span(handler));
            if !is_of_one_room(handler, calls, (module, call.function), path) {
                continue;
            }
            let Some(function) = path.action.kind.name() else { continue };
            let report = sink
                .report(path.start(), format!("`{function}` is called once for each connection"))
                .label("inside the loop")
                .secondary(code[outer].over.span, "the loop goes over a list of connections")
                .note("the work grows with the square of the number of connections");
            if function == BROADCAST {
                report.help("Call it once, without the loop: it sends to each connection itself.");
            }
            call_path::explain(report, handler, path);
        }
    }
}

const FUNCTION: &str = "getWebSockets";
const BROADCAST: &str = "broadcast";

/// Most loops around a call that are looked at, from inside out.
const MAX_LOOPS: usize = 16;

/// Most names and calls between a room and what it comes from.
const MAX_STEPS: usize = 64;

/// The calls that visit all connections of a room, directly or through others, each with the path to it.
fn visits(handler: &HandlerModel) -> BTreeMap<Span, Path> {
    let is_visit = |kind: ActionKind| matches!(kind, ActionKind::Api(FUNCTION | BROADCAST, _));
    let paths = handler.effects.paths_to(is_visit);
    let mut visits = BTreeMap::new();
    for &action in handler.effects.actions.values().flatten() {
        let path = match action.kind {
            ActionKind::Function(key) => paths.from(key).map(|mut path| {
                path.steps.insert(0, (action.span, key));
                path
            }),
            kind => is_visit(kind).then_some(Path { steps: Vec::new(), action }),
        };
        if let Some(path) = path {
            visits.entry(action.span).or_insert(path);
        }
    }
    visits
}

type Calls<'a> = BTreeMap<Span, (ModuleId, &'a Call)>;

fn calls_by_span(handler: &HandlerModel) -> Calls<'_> {
    handler.calls().map(|(module, call)| (call.span, (module, call))).collect()
}

/// Whether a call in a loop leads to the same room in each turn: not to one that belongs to the connection.
fn is_of_one_room(
    handler: &HandlerModel,
    calls: &Calls<'_>,
    looping: FunctionKey,
    path: &Path,
) -> bool {
    let Some(&(module, visit)) = calls.get(&path.action.span) else { return true };
    let Some(room) = visit.arguments.first() else { return true };
    let trace = Trace { handler, calls, looping, path };
    trace.is_fixed(module, room, path.steps.len(), &mut { MAX_STEPS })
}

/// Follows a value from the end of a path to where the loop is.
struct Trace<'a> {
    handler: &'a HandlerModel,
    calls: &'a Calls<'a>,
    looping: FunctionKey,
    path: &'a Path,
}

impl Trace<'_> {
    /// Whether a value is the same in each turn, as far as is known. `depth` is the number of calls between the loop
    /// and the function in which it stands.
    fn is_fixed(
        &self,
        module: ModuleId,
        expression: &Expression,
        depth: usize,
        steps: &mut usize,
    ) -> bool {
        let Some(left) = steps.checked_sub(1) else { return true };
        *steps = left;
        let code = &self.handler.module(module).code;
        match &expression.value {
            Value::Binding(id) => match &code[*id].origin {
                Origin::Value(value) => self.is_fixed(module, value, depth, steps),
                Origin::Import { .. } => true,
                Origin::Unknown => self.is_parameter_fixed(module, *id, depth, steps),
            },
            // An element of a list is another one in each turn.
            Value::Member(_, None) => false,
            Value::Member(object, _) => self.is_fixed(module, object, depth, steps),
            Value::Joined(parts) | Value::OneOf(parts) => {
                parts.iter().all(|part| self.is_fixed(module, part, depth, steps))
            }
            Value::Call(id) => {
                let call = &code[*id];
                let object = match &call.callee.value {
                    Value::Member(object, _) => Some(&**object),
                    _ => None,
                };
                object
                    .into_iter()
                    .chain(&call.arguments)
                    .all(|it| self.is_fixed(module, it, depth, steps))
            }
            _ => true,
        }
    }

    fn is_parameter_fixed(
        &self,
        module: ModuleId,
        id: BindingId,
        depth: usize,
        steps: &mut usize,
    ) -> bool {
        let code = &self.handler.module(module).code;
        let scope = code[id].scope;
        let Some(before) = depth.checked_sub(1) else {
            // Of the function of the loop, or of one around it. The parameters of a callback are its elements.
            return (module, scope) != self.looping || code[scope].turn_of.is_none();
        };
        let (span, callee) = self.path.steps[before];
        if callee != (module, scope) {
            // Of a function around the one that is called.
            return true;
        }
        let place = code.place_of_parameter(id);
        let Some(place) = place else { return false };
        // A callback gets what it is called with by others.
        let Some(&(caller, call)) = self.calls.get(&span) else { return false };
        call.arguments.get(place).is_none_or(|it| self.is_fixed(caller, it, before, steps))
    }
}

/// Whether an expression is a list of connections, or a part of one.
fn is_list(
    handler: &HandlerModel,
    module: ModuleId,
    expression: &Expression,
    steps: usize,
) -> bool {
    let Some(steps) = steps.checked_sub(1) else { return false };
    let Meaning::Value(module, expression) = handler.meaning(module, expression) else {
        return false;
    };
    match &expression.value {
        // `[...getWebSockets(room)]`
        Value::Array(elements) => match elements.as_slice() {
            [Expression { value: Value::Spread(list), .. }] => {
                is_list(handler, module, list, steps)
            }
            _ => false,
        },
        Value::Call(call) => {
            let call = &handler.module(module).code[*call];
            match handler.meaning(module, &call.callee) {
                Meaning::Api(function) => function.name == FUNCTION,
                Meaning::Global(name) if name == "Array.from" => {
                    call.arguments.first().is_some_and(|it| is_list(handler, module, it, steps))
                }
                _ => match &call.callee.value {
                    Value::Member(object, Some(method))
                        if matches!(
                            method.as_str(),
                            "filter" | "slice" | "reverse" | "toReversed" | "entries"
                        ) =>
                    {
                        is_list(handler, module, object, steps)
                    }
                    _ => false,
                },
            }
        }
        _ => false,
    }
}
