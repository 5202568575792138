//! ZTS321: the handler has connection events and cannot answer one.

use zigttp_abi::api;

use crate::diagnostic::{Diagnostic, Sink};
use crate::model::HandlerModel;
use crate::rule::{Category, Rule, RuleRecord, Severity};

/// Exports WebSocket events, and no module imports the WebSocket module.
pub(crate) struct WebsocketEventsWithoutImport;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS321",
    name: "websocket_events_without_import",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports onOpen, onMessage or onClose but imports no zigttp:websocket",
    explanation: r#"
## What it is
The entry module exports a function that is called for WebSocket connections, and no module of
the handler imports `zigttp:websocket`.

```ts,fires
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
A connection can be answered, closed and remembered through that module only: `ws` itself has no
methods. Without the import the first event ends in a ReferenceError, or the handler does nothing
a client could notice.

## What to do
Import the functions you call. Where a handler really only listens, say so with
`import "zigttp:websocket";`.
"#,
    help: "Import the functions you call from `zigttp:websocket`.",
};

impl Rule for WebsocketEventsWithoutImport {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        // What cannot be found may be it, or import it.
        if handler.websocket_imports().next().is_some() || handler.has_unresolved_imports() {
            return;
        }
        let mut events =
            handler.event_exports().into_iter().filter(|(event, _)| event.is_websocket);
        let Some((first, span)) = events.next() else { return };
        let report = sink
            .report(
                span,
                format!("`{}` is exported, but `{}` is never imported", first.name, api::MODULE),
            )
            .label("called for WebSocket connections")
            .note("a connection can be answered through that module only");
        for (event, span) in events {
            report.secondary(span, format!("`{}` too", event.name));
        }
        let called = called_functions(handler, report);
        if !called.is_empty() {
            report.help(format!(
                "Add `import {{ {} }} from \"{}\";`.",
                called.join(", "),
                api::MODULE
            ));
        }
    }
}

/// The API functions that are used without being declared, each pointed at once.
fn called_functions(handler: &HandlerModel, report: &mut Diagnostic) -> Vec<&'static str> {
    let mut called = Vec::new();
    for reference in handler.modules.iter().flat_map(|module| &module.globals) {
        if let Some(function) = api::find(&reference.name) {
            // `close` is also a method of many things, but as a bare name it is ours.
            if !called.contains(&function.name) {
                called.push(function.name);
                report.secondary(reference.span, "not declared anywhere");
            }
        }
    }
    called
}
