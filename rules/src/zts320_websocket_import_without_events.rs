//! ZTS320: the handler imports the WebSocket module and never receives a message.

use zigttp_abi::api::Module;

use crate::diagnostic::Sink;
use crate::mistaken_exports::MistakenExports;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::ModuleId;

/// Imports the WebSocket module but exports no `onMessage`.
pub(crate) struct WebsocketImportWithoutEvents;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS320",
    name: "websocket_import_without_events",
    severity: Severity::Warning,
    category: Category::Events,
    since: "0.1.0",
    summary: "imports zigttp:websocket but exports no onMessage",
    explanation: r#"
## What it is
A module of the handler imports `zigttp:websocket`, and the entry module does not export
`onMessage`.

```ts,fires
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { send(ws, "hello"); }
```

```ts,silent
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { send(ws, "hello"); }
export function onMessage(ws: WebSocket, data: string) {}
```

## Why it matters
Connections are accepted, and every message of a client is received, counted and dropped. Usually
`onMessage` was forgotten, is not exported, or is misspelled.

## What to do
Export `onMessage(ws, data, room)` from the entry module. If clients send nothing, because the
server only pushes, export an empty one to show that this is intended. Remove an import that is no
longer needed.
"#,
    help: "Export `onMessage(ws, data, room)` from the entry module, or remove the import.",
};

impl Rule for WebsocketImportWithoutEvents {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(entry) = handler.modules.first() else { return };
        let exported = handler.event_exports();
        let may_have_more = handler.exports_of(ModuleId::ENTRY).is_open;
        if may_have_more || exported.iter().any(|(event, _)| event.name == "onMessage") {
            return;
        }
        // Of one under another name the rule about that name tells.
        if MistakenExports::of(handler).stand_for("onMessage") {
            return;
        }
        let Some(import) = handler.websocket_imports().next() else { return };
        let report = sink
            .report(
                import.span,
                format!(
                    "`{}` is imported, but `{}` exports no `onMessage`",
                    Module::Websocket.specifier(),
                    entry.name
                ),
            )
            .label("imported here")
            .note("messages of clients are received and dropped");
        for (event, span) in exported.into_iter().filter(|(event, _)| event.is_websocket) {
            report.secondary(span, format!("`{}` is exported", event.name));
        }
    }
}
