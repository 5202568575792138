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
Each event runs in a sandbox of its own, which has the language itself and what the built-in modules
offers, and nothing that would continue after the event. Using such a name is a ReferenceError, and
the event ends with all its effects undone.

## What to do
The message says what to use instead, if there is something. A name that you declare or import is
allowed, and so is testing its type first, as the example does.
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
                .note("each event runs in a sandbox of its own, and nothing continues after it")
                .help(*help);
        }
    }
}

/// What other platforms have, and what to use instead.
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
        "Set a timer of the room: `signalAt` or `signalEvery`, which run `onSignal`.",
    ),
    (
        &["fetch", "XMLHttpRequest", "EventSource"],
        "A handler talks only to its own connections; fetch in another program and send it the result.",
    ),
    (
        &["WebSocket"],
        "A handler opens no connections; use `WebSocket` as a type, and `send` to reply.",
    ),
    (&["process"], "There is no environment; write settings into a module."),
    (&["require", "module", "exports"], "Write `import` and `export`."),
    (&["__dirname", "__filename"], "There are no files; import what you need as a module."),
    (&["Buffer"], "Use `Uint8Array`, `TextEncoder` and `TextDecoder`."),
    (&["Deno", "Bun"], "Use what the built-in modules (`zigttp:…`) offer."),
    (&["window", "self", "global"], "Use `globalThis`."),
    (
        &["document", "navigator", "location", "history", "alert", "prompt", "confirm"],
        "There is no page; this belongs to the client.",
    ),
    (
        &["localStorage", "sessionStorage", "indexedDB"],
        "Store data with a room (`zigttp:storage`), or with a connection (`serializeAttachment`).",
    ),
    (
        &["Worker", "SharedWorker", "BroadcastChannel", "MessageChannel"],
        "Send to the connections of a room: `getWebSockets` and `send`.",
    ),
];
