//! ZTS355: a client names the room that its connection joins or moves to.

use crate::code::{BindingId, Expression, Origin, Value};
use crate::diagnostic::Sink;
use crate::event_parameters;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::ModuleId;

/// Joins or moves to a room that a message names, without a prefix.
pub(crate) struct UnprefixedRoom;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS355",
    name: "unprefixed_room",
    severity: Severity::Warning,
    category: Category::Events,
    since: "0.1.0",
    summary: "joins or moves to a room whose name a message gives, without a literal prefix",
    explanation: r#"
## What it is
`join` or `move` is called with a name that comes from a message as it is, or that begins with such a part.

```ts,fires
import { join } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const { channel } = JSON.parse(data);
  join(ws, channel);
}
```

```ts,silent
import { join } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const { channel } = JSON.parse(data);
  join(ws, `channel:${channel}`);
}
```

## Why it matters
No `onUpgrade` of that room is asked: a client could name any room, such as `user:42`, and get what is broadcast
to it; or move into a game that it has no seat in.

## What to do
Put a literal before the name, so that clients choose only among rooms of one kind: `` `channel:${name}` ``. Nothing
is reported for a name that the handler looks up or compares with its own.
"#,
    help: "Put a literal before the name: `` `channel:${name}` ``.",
};

/// Methods whose result depends on their object's text alone.
const TEXT_METHODS: [&str; 9] = [
    "trim",
    "toLowerCase",
    "toUpperCase",
    "slice",
    "substring",
    "normalize",
    "split",
    "toString",
    "at",
];

/// Methods of a text with which a handler looks at it.
const CHECKS: [&str; 4] = ["startsWith", "match", "search", "includes"];

/// Most steps from a name to the message.
const MAX_STEPS: usize = 16;

impl Rule for UnprefixedRoom {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(message) = message(handler) else { return };
        for call in handler.api_calls() {
            let name = call.function.name;
            if !matches!(name, "join" | "move") || call.module != message.module {
                continue;
            }
            let Some(room) = call.call.arguments.get(1) else { continue };
            if message.gives(handler, room, MAX_STEPS) && !is_checked(handler, call.module, room) {
                sink.report(
                    room.span,
                    format!("a message names the room that `{name}` is called with"),
                )
                .label("any room, also that of somebody else")
                .note("no `onUpgrade` of that room is asked");
            }
        }
    }
}

/// The message that `onMessage` gets.
struct Message {
    module: ModuleId,
    data: BindingId,
}

fn message(handler: &HandlerModel) -> Option<Message> {
    let events = event_parameters::of_handler(handler);
    let of = events.iter().find(|of| of.event.name == "onMessage")?;
    Some(Message { module: of.module, data: of.binding_of("data")? })
}

impl Message {
    /// Whether an expression is the message, or a part of it.
    fn gives(&self, handler: &HandlerModel, expression: &Expression, steps: usize) -> bool {
        let Some(steps) = steps.checked_sub(1) else { return false };
        let code = &handler.module(self.module).code;
        match &expression.value {
            Value::Binding(id) if *id == self.data => true,
            Value::Binding(id) => match &code[*id].origin {
                Origin::Value(value) => self.gives(handler, value, steps),
                _ => false,
            },
            Value::Member(object, _) => self.gives(handler, object, steps),
            Value::Joined(_) => self.gives(handler, beginning(expression), steps),
            // One that has another value in some case was looked at.
            Value::OneOf(values) => values.iter().all(|it| self.gives(handler, it, steps)),
            Value::Call(call) => {
                let call = &code[*call];
                let of_argument =
                    || call.arguments.first().is_some_and(|it| self.gives(handler, it, steps));
                match (&call.callee.value, handler.meaning(self.module, &call.callee)) {
                    (_, Meaning::Global(name)) if matches!(&*name, "JSON.parse" | "String") => {
                        of_argument()
                    }
                    (Value::Member(object, Some(method)), _)
                        if TEXT_METHODS.contains(&method.as_str()) =>
                    {
                        self.gives(handler, object, steps)
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

/// Whether the handler compares a name with something, looks it up, or hands it to a function that may.
fn is_checked(handler: &HandlerModel, module: ModuleId, room: &Expression) -> bool {
    let code = &handler.module(module).code;
    let mut room = beginning(room);
    while let Value::Call(call) = &room.value
        && let Value::Member(object, _) = &code[*call].callee.value
    {
        room = object;
    }
    let looked_at = code.calls.iter().flat_map(|call| {
        let is_api = matches!(handler.meaning(module, &call.callee), Meaning::Api(_));
        let arguments = call.arguments.iter().filter(move |_| !is_api);
        let object = match &call.callee.value {
            Value::Member(object, Some(method)) if CHECKS.contains(&method.as_str()) => {
                Some(&**object)
            }
            _ => None,
        };
        arguments.chain(object)
    });
    code.compared.iter().chain(looked_at).any(|checked| is_same(checked, room))
}

/// What a string that is put together begins with.
fn beginning(expression: &Expression) -> &Expression {
    let Value::Joined(parts) = &expression.value else { return expression };
    let is_something =
        |part: &&Expression| !matches!(&part.value, Value::Text(text) if text.is_empty());
    parts.iter().find(is_something).unwrap_or(expression)
}

/// Whether two expressions are the same name, or the same member of one.
fn is_same(one: &Expression, other: &Expression) -> bool {
    match (&one.value, &other.value) {
        (Value::Binding(one), Value::Binding(other)) => one == other,
        (Value::Member(one, name), Value::Member(other, other_name)) => {
            name.is_some() && name == other_name && is_same(one, other)
        }
        _ => false,
    }
}
