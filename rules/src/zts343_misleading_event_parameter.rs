//! ZTS343: a parameter of an event has the name of something else than it is given.

use crate::diagnostic::Sink;
use crate::event_parameters::{self, EventFunction, Mistaken, MistakenKind};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::signature;

/// Names a parameter of an event after another one.
pub(crate) struct MisleadingEventParameter;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS343",
    name: "misleading_event_parameter",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "names a parameter of an event after something else than it is given",
    explanation: r#"
## What it is
A parameter of an event has the name of another parameter of that event, or one that says that it is an
event object, as other platforms pass them: `onOpen(ws, room)`, `onMessage(ws, room, data)`,
`onClose(ws, reason)`, `onMessage(event)`, `onMessage(message)`.

```ts,fires
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket, room: string) { send(ws, `welcome to ${room}`); }
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,fires
import "zigttp:websocket";
export function onMessage(event: MessageEvent) { console.log(event.data); }
```

```ts,silent
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket, _url: string, room: string) { send(ws, `welcome to ${room}`); }
export function onMessage(socket: WebSocket, text: string) { send(socket, text); }
```

## Why it matters
The runtime passes arguments by their place. Most of them are strings, so neither TypeScript nor a test
with one room says that `room` holds a URL.

## What to do
Write the parameters in the order that the message shows. Those behind the last one that you need may be
left out; one before it that you do not need may be called `_url`. Any other name is allowed, and so is
this one with a type that says it: `message: WebSocket`.
"#,
    help: "Write the parameters in the order in which the event has them.",
};

impl Rule for MisleadingEventParameter {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for function in event_parameters::of_handler(handler) {
            if let Some(mistaken) = function.first_mistaken() {
                report(&function, &mistaken, sink);
            }
        }
    }
}

fn report(function: &EventFunction<'_>, mistaken: &Mistaken<'_>, sink: &mut Sink<'_>) {
    let event = function.event.name;
    let call = signature::of_event(function.event);
    let given = mistaken.given.name;
    let what = match given {
        "ws" => "the connection",
        "url" => "the path with its query",
        "data" if mistaken.given.ty == "any" => "what was sent with the signal",
        "data" => "the message",
        "code" => "the close code",
        "reason" => "the reason for the close",
        "room" => "the name of the room",
        "name" if event == "onStream" => "the name of the stream",
        "name" => "the name of the signal",
        "piece" => "what has come of the stream",
        "req" => "the request",
        _ => "something else",
    };
    let headline = match (mistaken.kind, mistaken.name) {
        (MistakenKind::EventObject, _) => format!("`{event}` is passed no event object"),
        (MistakenKind::NoConnection, Some(name)) => {
            format!("the first parameter of `{event}` is the connection, not `{name}`")
        }
        (_, name) => format!(
            "the {} parameter of `{event}` is `{given}`, not `{}`",
            ORDINALS.get(mistaken.index).unwrap_or(&"next"),
            name.unwrap_or_default()
        ),
    };
    sink.report(mistaken.span, headline)
        .label(format!("is {what}"))
        .note("the runtime passes arguments by their place, whatever the parameters are called")
        .help(format!("Write `{call}`; the last ones may be left out."));
}

const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];
