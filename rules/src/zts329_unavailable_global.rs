//! ZTS329: a global is used that does not exist here.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Uses a global of browsers or Node.js that handlers do not have.
pub(crate) struct UnavailableGlobal;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS329",
    name: "unavailable_global",
    severity: Severity::Error,
    category: Category::Modules,
    since: "0.1.0",
    summary: "uses a global that does not exist in a handler",
    explanation: r#"
## What it is
A name is used that is declared nowhere, and that other JavaScript platforms have but this one does
not: timers, `fetch`, `WebSocket` as a value, `process`, `require`, `Buffer` and their like.

```ts,fires
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { setTimeout(() => send(ws, "still there?"), 1000); }
export function onMessage() {}
```

```ts,silent
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) {
  const environment = typeof process === "undefined" ? "handler" : "other";
  send(ws, environment);
}
export function onMessage() {}
```

## Why it matters
A handler lives for one event. It runs in a sandbox that has the language itself and what
`zigttp:websocket` offers, and nothing that would go on after the event. Using such a name is a
ReferenceError, and the event ends with all its effects undone.

## What to do
The finding says what takes the place of the name, where something does. A name of your own,
declared or imported, is no problem; nor is asking for its type first, as the example does.
"#,
    help: "Use what handlers have instead, or declare the name.",
};

impl Rule for UnavailableGlobal {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let used = handler.modules.iter().flat_map(|module| &module.code.needed_globals);
        for reference in used {
            let name = reference.name.as_str();
            let Some((_, help)) = UNAVAILABLE.iter().find(|(names, _)| names.contains(&name))
            else {
                continue;
            };
            sink.report(reference.span, format!("there is no `{name}` in a handler"))
                .label("a ReferenceError when it is reached")
                .note(
                    "a handler runs one event at a time in a sandbox, and nothing goes on after it",
                )
                .help(*help);
        }
    }
}

/// What other platforms have, and what to do without it.
static UNAVAILABLE: &[(&[&str], &str)] = &[
    (
        &[
            "setTimeout",
            "setInterval",
            "setImmediate",
            "clearTimeout",
            "clearInterval",
            "clearImmediate",
            "requestAnimationFrame",
        ],
        "Do it when the next event comes: keep the time in the connection's attachment and compare.",
    ),
    (
        &["fetch", "XMLHttpRequest", "EventSource"],
        "A handler talks to its own connections only; fetch elsewhere and send the result in.",
    ),
    (
        &["WebSocket"],
        "A handler does not connect to others; use `WebSocket` as a type, and `send` to answer.",
    ),
    (&["process"], "There is no environment; write settings into a module."),
    (&["require", "module", "exports"], "Write `import` and `export`."),
    (&["__dirname", "__filename"], "There are no files; import what you need as a module."),
    (&["Buffer"], "Use `Uint8Array`, `TextEncoder` and `TextDecoder`."),
    (&["Deno", "Bun"], "Use what `zigttp:websocket` offers."),
    (&["window", "self", "global"], "Use `globalThis`."),
    (
        &["document", "navigator", "location", "history", "alert", "prompt", "confirm"],
        "There is no page; this belongs to the client.",
    ),
    (
        &["localStorage", "sessionStorage", "indexedDB"],
        "Keep data with a connection: `serializeAttachment`.",
    ),
    (
        &["Worker", "SharedWorker", "BroadcastChannel", "MessageChannel"],
        "Send to the connections of a room: `getWebSockets` and `send`.",
    ),
];
