//! ZTS337: an event returns something that the runtime refuses.

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
boolean, a number, a bigint, `null`, an array or a function.

```ts,fires
import { send } from "zigttp:websocket";
const isAllowed = (req: Request) => req.headers.get("authorization") === "Bearer open sesame";
export function onUpgrade(req: Request) { return isAllowed(req); }
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,fires
export function handler(req: Request) { return { path: req.path }; }
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
lets anybody in by mistake. Of `handler` and `onRequest` the client waits for a response. Everything
else is a TypeError, and the client gets the status 500.

## What to do
Return a `Response`: `Response.text(…)`, `Response.html(…)`, `Response.json(…)`, or `new Response` with
a status. In `onUpgrade` return nothing to accept a connection, and a `Response` to refuse it.
"#,
    help: "Return what the event may return.",
};

/// What an event may return.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Response,
    /// A Response, nothing, or the first attachment.
    Admission,
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
                _ => continue,
            };
            let meaning = handler.meaning_of_export(ModuleId::ENTRY, event.name);
            let Meaning::Function(module, id) = meaning else { continue };
            let function = &handler.module(module).code[id];
            if function.is_generator {
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
                Value::Text(_) | Value::SomeText => "Response.text",
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
                        let mut kinds = called
                            .returns
                            .iter()
                            .map(|returned| refused(handler, module, returned, expected, steps));
                        let kind = kinds.next()??;
                        kinds.all(|kind| kind.is_some()).then_some(kind)?
                    }
                    _ => return None,
                }
            }
            Meaning::Value(_, Expression { value, .. }) => match value {
                Value::Text(_)
                | Value::SomeText
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
