//! ZTS373: the answer of a `fetch` is used, and nothing waits for it.

use crate::code::{Call, Code, Expression, Origin, Value};
use crate::diagnostic::{Edit, Sink};
use crate::effects::{ActionKind, FunctionKey};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};
use crate::waiting::Waiting;

/// Lets an event end before the answer comes that it is about.
pub(crate) struct UnawaitedFetch;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS373",
    name: "unawaited_fetch",
    severity: Severity::Warning,
    category: Category::Outside,
    since: "0.1.0",
    summary: "uses the answer of a fetch for which nothing waits",
    explanation: r#"
## What it is
A statement calls `fetch`, directly or in another function, and does something with the answer; but no `await` and no
`return` stands before it, or what it is given to is never read.

```ts,fires
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  fetch(`https://api.example.com/${data}`)
    .then((response) => response.text())
    .then((text) => send(ws, text));
}
```

```ts,silent
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  return fetch(`https://api.example.com/${data}`)
    .then((response) => response.text())
    .then((text) => { send(ws, text); });
}
```

```ts,silent
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  fetch("https://log.example.com/", { method: "POST", body: data });
  send(ws, "noted");
}
```

## Why it matters
An event ends when its handler has. A request that it does not wait for is sent then, and the answer is dropped: what
was to happen with it never does. Where the answer does not matter, as in the last example, that is right.

## What to do
Write `await` before it, in an `async` function, or return the promise. `forEach` waits for nothing: use `for` with
`await`, or `await Promise.all(list.map(…))`.
"#,
    help: "Write `await` before it, or return it.",
};

impl Rule for UnawaitedFetch {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(waiting) = Waiting::of(handler) else { return };
        let of_events = handler.effects.paths_from_events();
        for (index, module) in handler.modules.iter().enumerate() {
            let id = ModuleId::new(index);
            for dropped in module.code.dropped.iter().chain(unused(&module.code, &waiting)) {
                let Value::Call(call) = dropped.value else { continue };
                let call = &module.code[call];
                if !of_events.contains_key(&(id, call.function)) {
                    continue;
                }
                let Some(fetch) = waiting.fetch_of(id, dropped) else { continue };
                if !uses_answer(handler, &waiting, id, call) {
                    continue;
                }
                let report = sink
                    .report(dropped.span, "nothing waits for the answer of this `fetch`")
                    .label("the event ends before it comes")
                    .note("a request that an event does not wait for is sent at its end, and its answer is dropped");
                if !contains(dropped.span, fetch) {
                    report.secondary(fetch, "`fetch` is called here");
                }
                let is_list =
                    matches!(&call.callee.value, Value::Member(_, Some(name)) if name == "forEach");
                if is_list {
                    report.help("`forEach` does not wait: use `for (… of …)` with `await`, or `await Promise.all(list.map(…))`.");
                } else if module.code[call.function].is_async {
                    let start = Span { end: dropped.span.start, ..dropped.span };
                    let edit = Edit { span: start, replacement: "await ".to_owned() };
                    report.suggest_edits("wait for it", vec![edit]);
                }
            }
        }
    }
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.module == inner.module && outer.start <= inner.start && inner.end <= outer.end
}

/// What is given, without `await`, to a name that nothing reads.
fn unused<'a>(code: &'a Code, waiting: &Waiting<'_>) -> impl Iterator<Item = &'a Expression> {
    code.bindings.iter().filter(|binding| binding.uses == 0).filter_map(|binding| {
        match &binding.origin {
            Origin::Value(value) if !waiting.is_awaited(value) => Some(value),
            _ => None,
        }
    })
}

/// Whether something is done with the answer: in what the call runs, or in what a chain of `then` is given.
fn uses_answer(
    handler: &HandlerModel,
    waiting: &Waiting<'_>,
    module: ModuleId,
    call: &Call,
) -> bool {
    let caller = (module, call.function);
    let spans = std::iter::once(call.span).chain(call.arguments.iter().map(|it| it.span));
    let mut functions = spans.flat_map(|span| waiting.callees(caller, span));
    if functions.any(|key| has_effects(handler, key)) {
        return true;
    }
    let Value::Member(object, _) = &call.callee.value else { return false };
    let Expression { value: Value::Call(before), .. } = **object else { return false };
    uses_answer(handler, waiting, module, &handler.module(module).code[before])
}

fn has_effects(handler: &HandlerModel, key: FunctionKey) -> bool {
    let is_effect =
        |kind: ActionKind| kind.effect().is_some() && !matches!(kind, ActionKind::Outside(_));
    handler.effects.reached(key).iter().any(|path| is_effect(path.action.kind))
}
