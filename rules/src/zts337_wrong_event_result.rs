//! ZTS337: an event returns something that the runtime refuses.

use zigttp_abi::api::MAX_ROOM_BYTES;

use crate::code::{Expression, Value};
use crate::diagnostic::{Edit, Sink};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Returns something from an event that it may not return.
pub(crate) struct WrongEventResult;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS337",
    name: "wrong_event_result",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "returns something from an event that the runtime refuses",
    explanation: r#"
## What it is
`handler` or `onRequest` returns something that is certainly no `Response`; or `onUpgrade` returns a
boolean, a number, a bigint, `null`, an array or a function; or `roomOf` is `async`, or returns something
else than a string of 1 to 1,024 bytes, a `Response` or nothing.

```ts,fires
import { send } from "zigttp:websocket";
const isAllowed = (req: Request) => req.headers.get("authorization") === "Bearer open sesame";
export function onUpgrade(req: Request) { return isAllowed(req); }
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,fires
export function handler(req: Request) { return { path: req.path }; }
```

```ts,fires
import { send } from "zigttp:websocket";
export function roomOf(req: Request) { return 7; }
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
export function roomOf(req: Request) {
  const user = req.headers.get("x-user");
  return user ? `user:${user}` : Response.text("who are you?", { status: 401 });
}
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
const isAllowed = (req: Request) => req.headers.get("authorization") === "Bearer open sesame";
export function onUpgrade(req: Request) {
  if (!isAllowed(req)) return new Response("no", { status: 403 });
  return { name: req.headers.get("x-name") };
}
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function handler(req: Request) { return Response.json({ path: req.path }); }
```

## Why it matters
`onUpgrade` accepts a connection by returning nothing, or its first attachment: a string, bytes or a
plain object. A boolean is refused whether it is true or false, so that `return isAllowed(req)` never
lets anybody in by mistake. `roomOf` is asked before any turn, at once, so that it cannot wait. Of `handler` and `onRequest` the client waits for a response. Everything
else is a TypeError, and the client gets the status 500.

## What to do
Return a `Response`: `Response.text(…)`, `Response.html(…)`, `Response.json(…)`, or `new Response` with
a status. In `onUpgrade` return nothing to accept a connection, and a `Response` to refuse it. In `roomOf`
return the room's name, nothing where the route says it, or a `Response` to answer without any room.
"#,
    help: "Return what the event may return.",
};

/// What an event may return.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Response,
    /// A Response, nothing, or the first attachment.
    Admission,
    /// The name of a room, a Response or nothing.
    RoomName,
}

/// Meanings that are looked at for one result.
const MAX_STEPS: usize = 128;

impl Rule for WrongEventResult {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for (event, _) in handler.event_exports() {
            let expected = match event.returns.split(' ').next() {
                Some("Response") => Expected::Response,
                Some("Admission") => Expected::Admission,
                Some("string") => Expected::RoomName,
                _ => continue,
            };
            let meaning = handler.meaning_of_export(ModuleId::ENTRY, event.name);
            let Meaning::Function(module, id) = meaning else { continue };
            let function = &handler.module(module).code[id];
            if function.is_generator {
                continue;
            }
            if expected == Expected::RoomName && function.is_async {
                sink.report(function.span, format!("`{}` is async, and must not wait", event.name))
                    .label("a TypeError: it returns a promise")
                    .note("it names a room before any turn, and is asked at once")
                    .help("Name the room by what the request carries; what has to be waited for belongs in `onUpgrade` or `onRequest`.");
                continue;
            }
            for returned in &function.returns {
                if let Some(kind) = refused(handler, module, returned, expected, &mut { MAX_STEPS })
                {
                    report(event.name, returned, kind, expected, sink);
                }
            }
        }
    }
}

fn report(event: &str, returned: &Expression, kind: &str, expected: Expected, sink: &mut Sink<'_>) {
    let span = returned.span;
    match expected {
        Expected::Response => {
            let report = sink
                .report(span, format!("`{event}` returns {kind}, not a Response"))
                .label("a TypeError")
                .note("the client gets the status 500")
                .help("Return a `Response`: `Response.text(…)`, `Response.json(…)`.");
            let make = match returned.value {
                Value::Text(_) | Value::SomeText | Value::Joined(_) => "Response.text",
                Value::Object { is_class: false, .. } | Value::Array(_) => "Response.json",
                _ => return,
            };
            let insert = |at: u32, text: String| Edit {
                span: Span { start: at, end: at, ..span },
                replacement: text,
            };
            let edits = vec![insert(span.start, format!("{make}(")), insert(span.end, ")".into())];
            report.suggest_edits(format!("return `{make}(…)`"), edits);
        }
        Expected::RoomName => {
            sink.report(span, format!("`{event}` returns {kind}, which names no room"))
                .label("an error")
                .note("the client gets the status 500")
                .help(
                    "Return the name of a room, a `Response`, or nothing where the route says it.",
                );
        }
        Expected::Admission => {
            sink.report(span, format!("`{event}` returns {kind}, which accepts nobody"))
                .label("a TypeError")
                .note("the connection is refused with the status 500, whatever the value is")
                .help(
                    "Return nothing to accept the connection, or a `Response` with the status 403 to refuse it.",
                );
        }
    }
}

/// What an expression is, if each of its possible values is refused. A promise counts as what it resolves to.
fn refused(
    handler: &HandlerModel,
    module: ModuleId,
    expression: &Expression,
    expected: Expected,
    steps: &mut usize,
) -> Option<&'static str> {
    let mut first = None;
    for (_, meaning) in handler.possible_values(module, expression) {
        *steps = steps.checked_sub(1)?;
        let kind = match meaning {
            Meaning::Function(..) | Meaning::Api(_) => "a function",
            Meaning::Value(module, Expression { value: Value::Call(id), .. }) => {
                let call = &handler.module(module).code[*id];
                match handler.meaning(module, &call.callee) {
                    Meaning::Function(module, id) if !call.is_new => {
                        let called = &handler.module(module).code[id];
                        if called.is_generator {
                            return None;
                        }
                        if called.is_async && expected == Expected::RoomName {
                            "a promise"
                        } else {
                            let mut kinds = called.returns.iter().map(|returned| {
                                refused(handler, module, returned, expected, steps)
                            });
                            let kind = kinds.next()??;
                            kinds.all(|kind| kind.is_some()).then_some(kind)?
                        }
                    }
                    _ => return None,
                }
            }
            Meaning::Value(_, Expression { value, .. }) => match value {
                Value::Text(name) if expected == Expected::RoomName => match name.len() {
                    0 => "an empty string",
                    1..=MAX_ROOM_BYTES => return None,
                    _ => "a string of more than 1,024 bytes",
                },
                Value::SomeText | Value::Joined(_) | Value::Undefined
                    if expected == Expected::RoomName =>
                {
                    return None;
                }
                Value::Text(_)
                | Value::SomeText
                | Value::Joined(_)
                | Value::Undefined
                | Value::RegExp
                | Value::Object { is_class: false, .. }
                    if expected == Expected::Admission =>
                {
                    return None;
                }
                value => value.kind()?,
            },
            _ => return None,
        };
        first.get_or_insert(kind);
    }
    first
}
