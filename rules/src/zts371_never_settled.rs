//! ZTS371: a promise is awaited that nothing settles.

use crate::code::{BindingId, Call, Code, Expression, FunctionId, Origin, Step, Value};
use crate::diagnostic::Sink;
use crate::import::Target;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::ModuleId;

/// Waits for a promise that no code of the event can settle.
pub(crate) struct NeverSettled;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS371",
    name: "never_settled",
    severity: Severity::Error,
    category: Category::Outside,
    since: "0.1.0",
    summary: "awaits a promise that nothing settles",
    explanation: r#"
## What it is
`await` stands before a new promise whose function uses neither `resolve` nor `reject`, or hands them to an
`EventTarget` or `EventEmitter` of the handler to which no code tells anything; or before `Promise.race([])`.

```ts,fires
import { send } from "zigttp:websocket";
export async function onMessage(ws: WebSocket, data: string) {
  send(ws, "wait for the next one");
  await new Promise(() => {});
}
```

```ts,fires
import { send } from "zigttp:websocket";
const answers = new EventTarget();
export async function onMessage(ws: WebSocket, data: string) {
  const answer = await new Promise((resolve) => answers.addEventListener(data, resolve));
  send(ws, `${answer}`);
}
```

```ts,silent
import { send } from "zigttp:websocket";
export async function onMessage(ws: WebSocket, data: string) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  send(ws, data);
}
```

## Why it matters
An event waits for what it has asked for itself: a `fetch`, a timer, a long computation of `crypto.subtle`. Another
message is another event, in a sandbox of its own, and cannot settle a promise of this one. When nothing is left to
wait for, the event fails, and nothing of it takes effect.

## What to do
Store what the next event has to know with the connection (`serializeAttachment`) or the room (`zigttp:storage`), and
return; go on in the event that brings the answer. What has to happen later is a timer of the room: `signalAt`.
"#,
    help: "Store what is needed later, return, and go on in the event that brings it.",
};

/// Methods that keep a function, to call it when they are told something.
const LISTENING: [&str; 4] = ["addEventListener", "on", "once", "addListener"];

/// Methods that tell it.
const TELLING: [&str; 2] = ["dispatchEvent", "emit"];

impl Rule for NeverSettled {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for (index, module) in handler.modules.iter().enumerate() {
            let id = ModuleId::new(index);
            // Top-level code is run, and tells for itself.
            let steps = module.code.functions.iter().skip(1).flat_map(|function| &function.steps);
            for step in steps {
                let Step::Await(awaited) = step else { continue };
                let Meaning::Value(of, Expression { value: Value::Call(call), span }) =
                    handler.meaning(id, awaited)
                else {
                    continue;
                };
                let call = &handler.module(of).code[*call];
                let Some(why) = never(handler, of, call) else { continue };
                let report = sink
                    .report(awaited.span, "nothing settles this promise")
                    .label(why)
                    .note("another event runs in a sandbox of its own, and cannot settle it");
                if *span != awaited.span {
                    report.secondary(call.span, "made here");
                }
            }
        }
    }
}

/// Why a call returns a promise that stays pending.
fn never(handler: &HandlerModel, module: ModuleId, call: &Call) -> Option<&'static str> {
    let Meaning::Global(name) = handler.meaning(module, &call.callee) else { return None };
    let first = call.arguments.first()?;
    match (name.as_str(), call.is_new) {
        ("Promise.race", false) => {
            let Meaning::Value(_, Expression { value: Value::Array(items), .. }) =
                handler.meaning(module, first)
            else {
                return None;
            };
            items.is_empty().then_some("a race without anybody never ends")
        }
        ("Promise", true) => {
            let Meaning::Function(module, executor) = handler.meaning(module, first) else {
                return None;
            };
            let code = &handler.module(module).code;
            if may_throw(code, executor) {
                return None;
            }
            let given = code[executor].parameters.iter().take(2);
            let given: Option<Vec<_>> =
                given.map(|it| it.binding.filter(|_| !it.is_rest)).collect();
            let used: Vec<_> = given?.into_iter().filter(|&id| code[id].uses > 0).collect();
            if used.is_empty() {
                return Some("neither `resolve` nor `reject` is called");
            }
            used.iter()
                .all(|&id| is_only_listening(handler, module, id))
                .then_some("nothing tells what `resolve` is waiting for")
        }
        _ => None,
    }
}

/// Whether a function leaves by `throw`, which would reject the promise.
fn may_throw(code: &Code, id: FunctionId) -> bool {
    let function = &code[id];
    let exits = function.steps.iter().filter(|step| matches!(step, Step::Exit)).count();
    exits > function.returns.len()
}

/// Whether a name is only handed to objects that listen, and that nothing is told to.
fn is_only_listening(handler: &HandlerModel, module: ModuleId, id: BindingId) -> bool {
    let code = &handler.module(module).code;
    let is_it = |it: &Expression| matches!(it.value, Value::Binding(other) if other == id);
    let listened = code.calls.iter().filter(|call| call.arguments.iter().any(is_it));
    let listened: Vec<_> = listened.collect();
    listened.len() == code[id].uses
        && listened.iter().all(|call| match &call.callee.value {
            Value::Member(object, Some(method)) => {
                LISTENING.contains(&method.as_str()) && is_own_target(handler, module, object)
            }
            _ => false,
        })
        && !handler.calls().any(|(module, call)| {
            let tells = matches!(&call.callee.value, Value::Member(_, Some(method)) if TELLING.contains(&method.as_str()));
            tells && handler.module(module).name.package().is_none()
        })
}

/// Whether an object is an `EventTarget` or an `EventEmitter` that the handler has made.
fn is_own_target(handler: &HandlerModel, module: ModuleId, object: &Expression) -> bool {
    let Meaning::Value(module, Expression { value: Value::Call(call), .. }) =
        handler.meaning(module, object)
    else {
        return false;
    };
    let maker = handler.module(module);
    let call = &maker.code[*call];
    let is_emitter = || {
        let Value::Binding(id) = call.callee.root().value else { return false };
        let Origin::Import { import, .. } = maker.code[id].origin else { return false };
        match maker.imports[import].target {
            Target::Module(id) => handler.module(id).name.as_str() == "node:events",
            _ => false,
        }
    };
    let is_target = matches!(
        handler.meaning(module, &call.callee),
        Meaning::Global(name) if name == "EventTarget"
    );
    call.is_new && (is_target || is_emitter())
}
