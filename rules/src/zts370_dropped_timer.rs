//! ZTS370: a timer is set for which nothing waits.

use crate::call_path;
use crate::code::{Code, FunctionId, Origin, Value};
use crate::diagnostic::Sink;
use crate::effects::{ActionKind, SET_TIMEOUT};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;

/// Sets a timer that the end of the event drops.
pub(crate) struct DroppedTimer;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS370",
    name: "dropped_timer",
    severity: Severity::Warning,
    category: Category::Outside,
    since: "0.1.0",
    summary: "sets a timer for which nothing waits",
    explanation: r#"
## What it is
`setTimeout` is called with a function that sends, stores or calls out, and that settles no promise.

```ts,fires
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { setTimeout(() => send(ws, "still there?"), 30_000); }
export function onMessage() {}
```

```ts,silent
import { signalAt } from "zigttp:durable";
export function onOpen(ws: WebSocket, url: string, room: string) { signalAt(room, "ask", Date.now() + 30_000); }
export function onMessage() {}
export function onSignal(room: string, name: string) {}
```

```ts,silent
import { send } from "zigttp:websocket";
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
export async function onMessage(ws: WebSocket, data: string) {
  await pause(100);
  send(ws, data);
}
```

## Why it matters
An event ends when its handler has. A timer that is still pending then is dropped, with a line in the log: what was to
happen never does. Each event runs in a sandbox of its own, and nothing of it is left for later.

## What to do
Set a timer of the room, which outlives the event and the server: `signalAt(room, name, at)` of `zigttp:durable`, and do
it in `onSignal`. To wait a moment within the event, `await` a promise that the timer resolves.
"#,
    help: "Set a timer of the room: `signalAt(room, name, Date.now() + …)` of `zigttp:durable`, and do it in `onSignal`.",
};

impl Rule for DroppedTimer {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let mut of_events = None;
        for (module, call) in handler.calls() {
            let is_timer = matches!(
                handler.meaning(module, &call.callee),
                Meaning::Global(name) if name == SET_TIMEOUT
            );
            let Some(callback) = call.arguments.first().filter(|_| is_timer) else { continue };
            let Meaning::Function(of, id) = handler.meaning(module, callback) else { continue };
            let events = of_events.get_or_insert_with(|| handler.effects.paths_from_events());
            if !events.contains_key(&(module, call.function))
                || calls_what_it_was_given(&handler.module(of).code, id)
            {
                continue;
            }
            let Some(mut path) = handler.effects.reached((of, id)).into_iter().find(|path| {
                !matches!(path.action.kind, ActionKind::Outside(SET_TIMEOUT))
                    && path.action.kind.effect().is_some()
            }) else {
                continue;
            };
            let is_written_here = callback.span.module == call.span.module
                && matches!(callback.value, Value::Function(_));
            if !is_written_here {
                path.steps.insert(0, (callback.span, (of, id)));
            }
            let report = sink
                .report(call.span, "nothing waits for this timer")
                .label("dropped when the event ends")
                .note("an event ends when its handler has, and nothing of it is left for later");
            call_path::explain(report, handler, &path);
        }
    }
}

/// Whether a function calls something that a function around it was given: the `resolve` of a promise.
fn calls_what_it_was_given(code: &Code, id: FunctionId) -> bool {
    let is_inside = |function: FunctionId| {
        std::iter::successors(Some(function), |&it| {
            (it != FunctionId::TOP_LEVEL).then(|| code[it].parent)
        })
        .any(|it| it == id)
    };
    code.calls.iter().filter(|call| is_inside(call.function)).any(|call| {
        let Value::Binding(binding) = call.callee.value else { return false };
        let binding = &code[binding];
        !is_inside(binding.scope)
            && binding.scope != FunctionId::TOP_LEVEL
            && !matches!(&binding.origin, Origin::Value(value) if matches!(value.value, Value::Function(_)))
    })
}
