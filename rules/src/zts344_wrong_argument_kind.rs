//! ZTS344: a function of a built-in module is called with a value that it refuses.

use zigttp_abi::api::Parameter;

use crate::code::{Expression, Value};
use crate::diagnostic::{Edit, Sink};
use crate::host_values::{HostValue, HostValues};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::{ApiCall, Meaning};
use crate::rule::Rule;
use crate::signature;
use crate::span::{ModuleId, Span};

/// Passes an object, a number or something else where text, bytes or a connection is needed.
pub(crate) struct WrongArgumentKind;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS344",
    name: "wrong_argument_kind",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "passes a function of a built-in module a value that it refuses",
    explanation: r#"
## What it is
A function of a built-in module (`zigttp:…`) is given a value that is certainly not what it takes: an object,
an array, a Map or a number as data; a room where it takes a connection; a connection where it takes the
name of a room.

```ts,fires
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { send(ws, { type: "welcome" }); }
export function onMessage() {}
```

```ts,fires
import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  for (const peer of getWebSockets(ws)) send(peer, data);
}
```

```ts,silent
import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  for (const peer of getWebSockets(room)) send(peer, JSON.stringify({ type: "said", data }));
  send(ws, new Uint8Array([1, 2, 3]));
}
```

## Why it matters
The call throws a TypeError, and the event ends with all its effects undone. TypeScript reports it too, but
a handler is built without it.

## What to do
Send text or bytes: `JSON.stringify(value)` makes text of an object, `String(value)` of a number.
"#,
    help: "Pass what the function takes.",
};

impl Rule for WrongArgumentKind {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let kinds = Kinds { handler, values: HostValues::of(handler) };
        for call in handler.api_calls() {
            for (argument, parameter) in call.call.arguments.iter().zip(call.function.parameters) {
                let Some(taken) = taken(parameter) else { continue };
                let mut steps = MAX_STEPS;
                if let Some(kind) = kinds.of(call.module, argument, &mut steps)
                    && !kind.fits(taken)
                {
                    // An optional argument may be undefined.
                    if !(parameter.optional && kind == Kind::Undefined) {
                        report(&call, parameter, argument, kind, sink);
                    }
                }
            }
        }
    }
}

/// Meanings that are looked at for one argument.
const MAX_STEPS: usize = 64;

/// What a parameter takes, as far as it is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Data,
    Connection,
    Text,
}

fn taken(parameter: &Parameter) -> Option<Taken> {
    match parameter.ty {
        "string | ArrayBuffer | ArrayBufferView" => Some(Taken::Data),
        "WebSocket" => Some(Taken::Connection),
        "string" => Some(Taken::Text),
        _ => None,
    }
}

/// What a value certainly is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Connection,
    Number,
    Undefined,
    Object,
    Array,
    /// Something else, in words.
    Other(&'static str),
}

impl Kind {
    fn fits(self, taken: Taken) -> bool {
        match taken {
            Taken::Data => matches!(self, Kind::Text | Kind::Bytes),
            Taken::Text => self == Kind::Text,
            // A constant number is no connection either, but only tests write one.
            Taken::Connection => matches!(self, Kind::Connection | Kind::Number),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Kind::Text => "a string",
            Kind::Bytes => "bytes",
            Kind::Connection => "a connection",
            Kind::Number => "a number",
            Kind::Undefined => "undefined",
            Kind::Object => "an object",
            Kind::Array => "an array",
            Kind::Other(words) => words,
        }
    }
}

/// Says what expressions certainly are.
struct Kinds<'a> {
    handler: &'a HandlerModel,
    values: HostValues<'a>,
}

impl Kinds<'_> {
    /// What an expression is, if each of its possible values is of one kind.
    fn of(&self, module: ModuleId, expression: &Expression, steps: &mut usize) -> Option<Kind> {
        *steps = steps.checked_sub(1)?;
        match self.values.value_of(module, expression) {
            Some(HostValue::Connection) => return Some(Kind::Connection),
            Some(HostValue::Connections) => return Some(Kind::Other("a list of connections")),
            Some(HostValue::Request) => return Some(Kind::Other("a Request")),
            Some(HostValue::Response) => return Some(Kind::Other("a Response")),
            Some(HostValue::Headers) => return Some(Kind::Other("Headers")),
            None => {}
        }
        let mut kinds = Vec::new();
        for (_, meaning) in self.handler.possible_values(module, expression) {
            kinds.push(self.of_meaning(&meaning, steps)?);
        }
        let first = *kinds.first()?;
        kinds.iter().all(|&kind| kind == first).then_some(first)
    }

    fn of_meaning(&self, meaning: &Meaning<'_>, steps: &mut usize) -> Option<Kind> {
        Some(match meaning {
            Meaning::Function(..) | Meaning::Api(_) => Kind::Other("a function"),
            Meaning::Value(module, Expression { value, .. }) => match value {
                Value::Text(_) | Value::SomeText => Kind::Text,
                Value::Number(_) => Kind::Number,
                Value::Undefined => Kind::Undefined,
                Value::Array(_) => Kind::Array,
                Value::Object { is_class: false, .. } => Kind::Object,
                Value::Call(id) => {
                    let call = &self.handler.module(*module).code[*id];
                    match self.handler.meaning(*module, &call.callee) {
                        Meaning::Global(name) if call.is_new => made(&name)?,
                        Meaning::Global(name) => match name.as_str() {
                            "JSON.stringify" | "String" => Kind::Text,
                            "Date.now" | "Math.random" | "Number" | "parseInt" | "parseFloat" => {
                                Kind::Number
                            }
                            "Object.fromEntries" | "Object.assign" => Kind::Object,
                            "Object.keys" | "Object.values" | "Object.entries" => Kind::Array,
                            _ => return None,
                        },
                        Meaning::Function(called_in, function) if !call.is_new => {
                            self.of_returns(called_in, function, steps)?
                        }
                        _ => return None,
                    }
                }
                value => match value.kind()? {
                    "a string" => Kind::Text,
                    words => Kind::Other(words),
                },
            },
            _ => return None,
        })
    }

    /// What a function returns, if it does so whatever way it takes.
    fn of_returns(
        &self,
        module: ModuleId,
        function: crate::code::FunctionId,
        steps: &mut usize,
    ) -> Option<Kind> {
        let function = &self.handler.module(module).code[function];
        // Its promise may be awaited.
        if function.is_generator || function.is_async {
            return None;
        }
        let mut kinds = function.returns.iter().map(|it| self.of(module, it, steps));
        let first = kinds.next()??;
        // Only what is written there is certain: a declared type may promise something else.
        kinds.all(|kind| kind == Some(first)).then_some(first)
    }
}

/// What `new` makes of a class of the language.
fn made(class: &str) -> Option<Kind> {
    Some(match class {
        "Map" => Kind::Other("a Map"),
        "Set" => Kind::Other("a Set"),
        "Date" => Kind::Other("a Date"),
        "URL" => Kind::Other("a URL"),
        "URLSearchParams" => Kind::Other("URLSearchParams"),
        "Error" | "TypeError" | "RangeError" => Kind::Other("an error"),
        "Array" => Kind::Array,
        "ArrayBuffer" | "DataView" => Kind::Bytes,
        name if name.ends_with("Array") => Kind::Bytes,
        _ => return None,
    })
}

fn report(
    call: &ApiCall<'_>,
    parameter: &Parameter,
    argument: &Expression,
    kind: Kind,
    sink: &mut Sink<'_>,
) {
    let (function, name) = (call.function.name, parameter.name);
    let what = match taken(parameter) {
        Some(Taken::Data) => "text or bytes",
        Some(Taken::Connection) => "a connection",
        _ if name == "room" => "the name of a room",
        _ => "a string",
    };
    let report = sink
        .report(argument.span, format!("`{function}` takes {what}, and is given {}", kind.words()))
        .label("a TypeError")
        .note(format!("the function is `{}`", signature::of_function(call.function)));
    let wrap = |make: &str| {
        let insert = |at: u32, text: &str| Edit {
            span: Span { start: at, end: at, ..argument.span },
            replacement: text.to_owned(),
        };
        vec![insert(argument.span.start, &format!("{make}(")), insert(argument.span.end, ")")]
    };
    match (taken(parameter), kind) {
        (Some(Taken::Data), Kind::Object) => {
            report.help("Write `JSON.stringify(…)`.");
            // A name may stand for it more than once.
            if matches!(argument.value, Value::Object { .. }) {
                report.fix("send it as JSON: `JSON.stringify(…)`", wrap("JSON.stringify"));
            } else {
                report
                    .suggest_edits("send it as JSON: `JSON.stringify(…)`", wrap("JSON.stringify"));
            }
        }
        (Some(Taken::Data), Kind::Array) => {
            report
                .help("Write `JSON.stringify(…)`, or `new Uint8Array(…)` to send it as bytes.")
                .suggest_edits("send it as JSON: `JSON.stringify(…)`", wrap("JSON.stringify"));
        }
        (Some(Taken::Data), Kind::Number | Kind::Other("a boolean")) => {
            report
                .help("Write `String(…)`.")
                .suggest_edits("send it as text: `String(…)`", wrap("String"));
        }
        (Some(Taken::Data), Kind::Other("a Map")) => {
            report.help("Write `JSON.stringify([...map])`.");
        }
        (Some(Taken::Data), Kind::Other("a Set")) => {
            report.help("Write `JSON.stringify([...set])`.");
        }
        (Some(Taken::Connection), Kind::Other("a list of connections")) => {
            report.help("Call it for each of them, or `broadcast(room, data)`.");
        }
        (Some(Taken::Connection), _) => {
            report.help(format!("Pass the connection first: `{function}(ws, …)`."));
        }
        (Some(Taken::Text), Kind::Connection) if name == "room" => {
            report.help(
                "Pass the name of the room: the last parameter of `onOpen`, `onMessage` and `onClose`.",
            );
        }
        (Some(Taken::Text), Kind::Number) => {
            report
                .help("Write `String(…)`.")
                .suggest_edits("make text of it: `String(…)`", wrap("String"));
        }
        _ => {
            report.help(format!("Pass {what}."));
        }
    }
}
