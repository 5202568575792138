//! ZTS332: connections are listed once for each connection.

use std::collections::BTreeMap;

use crate::call_path;
use crate::code::{Expression, LoopId, Value};
use crate::diagnostic::Sink;
use crate::effects::{ActionKind, Path};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Calls `getWebSockets` in a loop over connections.
pub(crate) struct QuadraticBroadcast;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS332",
    name: "quadratic_broadcast",
    severity: Severity::Warning,
    category: Category::Effects,
    since: "0.1.0",
    summary: "lists the connections of a room once for each of them",
    explanation: r#"
## What it is
`getWebSockets` is called, directly or by a function, inside a loop over what `getWebSockets`
returned.

```ts,fires
import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  for (const peer of getWebSockets(room)) send(peer, `${getWebSockets(room).length}: ${data}`);
}
```

```ts,silent
import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  const peers = getWebSockets(room);
  for (const peer of peers) send(peer, `${peers.length}: ${data}`);
}
```

## Why it matters
Each call makes a new list of all connections in the room: with a thousand of them, one message
makes a million entries. The time of an event is limited, and this one grows with the square of the
number of connections.

## What to do
Call it once before the loop and keep the list: it does not change while an event runs.
"#,
    help: "Call it once before the loop.",
};

impl Rule for QuadraticBroadcast {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let listings = listings(handler);
        for (module, call) in handler.calls() {
            let code = &handler.module(module).code;
            let turn = code[call.function].turn_of;
            let over_peers = |&id: &LoopId| is_list(handler, module, &code[id].over, 16);
            let around = std::iter::successors(call.innermost_loop, |&id| code[id].outer);
            let outer = around.take(MAX_LOOPS).filter(over_peers).last();
            let Some(outer) = outer.or(turn.filter(over_peers)) else { continue };
            // It may list them itself, or pass a function that does.
            let spans = std::iter::once(call.span).chain(call.arguments.iter().map(|it| it.span));
            let Some(path) = spans.into_iter().find_map(|span| listings.get(&span)) else {
                continue;
            };
            let report = sink
                .report(path.start(), format!("`{FUNCTION}` is called once for each connection"))
                .label("inside the loop")
                .secondary(code[outer].over.span, "the loop goes over a list of connections")
                .note("the work grows with the square of the number of connections");
            call_path::explain(report, handler, path);
        }
    }
}

const FUNCTION: &str = "getWebSockets";

/// Most loops around a call that are looked at, from inside out.
const MAX_LOOPS: usize = 16;

/// The calls that list connections, directly or through others, each with the path to it.
fn listings(handler: &HandlerModel) -> BTreeMap<Span, Path> {
    let is_list = |kind: ActionKind| matches!(kind, ActionKind::Api(FUNCTION, _));
    let paths = handler.effects.paths_to(is_list);
    let mut listings = BTreeMap::new();
    for &action in handler.effects.actions.values().flatten() {
        let path = match action.kind {
            ActionKind::Function(key) => paths.from(key).map(|mut path| {
                path.steps.insert(0, (action.span, key));
                path
            }),
            kind => is_list(kind).then_some(Path { steps: Vec::new(), action }),
        };
        if let Some(path) = path {
            listings.entry(action.span).or_insert(path);
        }
    }
    listings
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
