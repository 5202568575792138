//! ZTS335: a function of a built-in module is called with too few or too many arguments.

use zigttp_abi::api::Parameter;

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::ApiCall;
use crate::rule::Rule;
use crate::signature;
use crate::span::Span;

/// Calls a function of the API with another number of arguments than it has parameters.
pub(crate) struct WrongArgumentCount;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS335",
    name: "wrong_argument_count",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "calls a function of a built-in module with too few or too many arguments",
    explanation: r#"
## What it is
A function of a built-in module (`zigttp:…`) is called without an argument that it needs, or with more
arguments than it has parameters.

```ts,fires
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(data); }
```

```ts,fires
import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  for (const peer of getWebSockets(room, ws)) send(peer, data);
}
```

```ts,silent
import { close, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  const frame: [WebSocket, string] = [ws, data];
  send(...frame);
  if (data === "bye") close(ws);
}
```

## Why it matters
An argument that is missing is `undefined`, and the call throws a TypeError: the event ends with all
its effects undone. One too many is ignored, so what it was meant to do does not happen. TypeScript
reports both, but a handler is built without it.

## What to do
Call the function with the parameters that the message shows. Those with a `?` may be left out.
Calls with a spread (`send(...frame)`) are not judged.
"#,
    help: "Call it with the parameters it has.",
};

impl Rule for WrongArgumentCount {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for call in handler.api_calls().filter(|call| !call.call.has_spread) {
            let given = call.call.arguments.len();
            let parameters = call.function.parameters;
            let required = parameters.iter().filter(|parameter| !parameter.optional).count();
            if given < required {
                too_few(&call, &parameters[given..required], sink);
            } else if given > parameters.len() {
                too_many(&call, sink);
            }
        }
    }
}

fn too_few(call: &ApiCall<'_>, missing: &[Parameter], sink: &mut Sink<'_>) {
    let names: Vec<_> = missing.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
    let names = names.join(" and ");
    // Elsewhere the room is an object that has the method.
    let room_is_first =
        call.function.parameters.first().is_some_and(|parameter| parameter.name == "room");
    let hint = if room_is_first { " The first argument is the room." } else { "" };
    sink.report(call.call.span, format!("`{}` is called without {names}", call.function.name))
        .label(format!("called with {}", arguments(call.call.arguments.len())))
        .note(declaration(call))
        .help(format!("Pass {names}.{hint}"));
}

fn too_many(call: &ApiCall<'_>, sink: &mut Sink<'_>) {
    let taken = call.function.parameters.len();
    let more = &call.call.arguments[taken..];
    let (Some(first), Some(last)) = (more.first(), more.last()) else { return };
    let span = Span { end: last.span.end.max(first.span.end), ..first.span };
    let name = call.function.name;
    let given = call.call.arguments.len();
    sink.report(span, format!("`{name}` takes {} and is called with {given}", arguments(taken)))
        .label("ignored")
        .note(declaration(call))
        .help(if more.len() == 1 { "Remove the argument." } else { "Remove these arguments." });
}

fn declaration(call: &ApiCall<'_>) -> String {
    format!("the function is `{}`", signature::of_function(call.function))
}

fn arguments(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        more => format!("{more} arguments"),
    }
}
