//! ZTS332: connections are listed once for each connection.

use crate::call_path;
use crate::code::{Call, Expression, LoopId, Value};
use crate::diagnostic::Sink;
use crate::effects::{Action, ActionKind, Path};
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::rule::{Category, Rule, RuleRecord, Severity};
use crate::span::ModuleId;

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
The list is made anew each time, and is as long as the room is full: with a thousand connections a
message makes a million entries. Events have a budget of time, and this one grows with the square of
the room.

## What to do
Ask once before the loop and keep the list: it does not change while an event runs.
"#,
    help: "Call it once before the loop.",
};

impl Rule for QuadraticBroadcast {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for (module, call) in handler.calls() {
            let code = &handler.module(module).code;
            let turn = code[call.function].turn_of;
            let over_peers = |id: &LoopId| is_list(handler, module, &code[*id], 16);
            let Some(outer) = call.loops.iter().copied().chain(turn).find(over_peers) else {
                continue;
            };
            let Some(path) = listing(handler, module, call) else { continue };
            let report = sink
                .report(path.start(), format!("`{FUNCTION}` is called once for each connection"))
                .label("inside the loop")
                .secondary(code[outer].span, "the loop goes over a list of connections")
                .note("the work grows with the square of the number of connections");
            call_path::show(report, handler, &path);
        }
    }
}

const FUNCTION: &str = "getWebSockets";

/// How a call comes to list connections, if it does.
fn listing(handler: &HandlerModel, module: ModuleId, call: &Call) -> Option<Path> {
    let actions = handler.effects.actions.get(&(module, call.function))?;
    let is_of_call = |action: &&Action| {
        action.span == call.span || call.arguments.iter().any(|it| it.span == action.span)
    };
    let is_list = |kind: ActionKind| matches!(kind, ActionKind::Api(FUNCTION, _));
    actions.iter().filter(is_of_call).find_map(|&action| match action.kind {
        ActionKind::Function(key) => {
            let mut path = handler.effects.way(key, is_list)?;
            path.steps.insert(0, (action.span, key));
            Some(path)
        }
        kind => is_list(kind).then_some(Path { steps: Vec::new(), action }),
    })
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
            [only] => is_list(handler, module, only, steps),
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
