//! ZTS326: an attachment is neither text nor bytes.

use crate::code::Expression;
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;

/// Calls `serializeAttachment` with a value it does not take.
pub(crate) struct AttachmentNotSerialized;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS326",
    name: "attachment_not_serialized",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "stores a value with a connection that is neither text nor bytes",
    explanation: r#"
## What it is
`serializeAttachment` is given an object, an array, a number, a boolean, `null` or `undefined`.

```ts,fires
import { serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string) { serializeAttachment(ws, { url, joined: true }); }
export function onMessage() {}
```

```ts,silent
import { serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string) { serializeAttachment(ws, JSON.stringify({ url })); }
export function onMessage() {}
```

## Why it matters
An attachment is stored outside of the handler, and possibly on disk: it is a string or bytes.
Anything else throws a TypeError, and the event ends with all its effects undone.

## What to do
Turn the value into text with `JSON.stringify`, and back with `JSON.parse`. To clear an attachment,
store an empty string.
"#,
    help: "Store text or bytes: `JSON.stringify(value)`.",
};

impl Rule for AttachmentNotSerialized {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for call in handler.api_calls().filter(|call| call.function.name == "serializeAttachment") {
            let Some(value) = call.call.arguments.get(1) else { continue };
            let values = handler.possible_values(call.module, value);
            let kinds: Option<Vec<_>> = values.iter().map(|(_, value)| kind_of(value)).collect();
            // If one of the possible values is allowed, nothing is reported.
            let Some(&[kind, ..]) = kinds.as_deref() else { continue };
            sink.report(value.span, format!("an attachment cannot be {kind}"))
                .label("neither a string nor bytes")
                .note(
                    "`serializeAttachment` throws a TypeError for it, and the event has no effect",
                );
        }
    }
}

/// What a value is, if it is certain that it cannot be an attachment.
fn kind_of(meaning: &Meaning<'_>) -> Option<&'static str> {
    match meaning {
        Meaning::Function(..) | Meaning::Api(_) => Some("a function"),
        // A string can be, and what an instance of a class is, is not known.
        Meaning::Value(_, Expression { value, .. }) => {
            value.kind().filter(|kind| !matches!(*kind, "a string" | "a class"))
        }
        _ => None,
    }
}
