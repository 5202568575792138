//! ZTS321: the handler has connection events and no function to use connections with.

use zigttp_abi::api;

use crate::diagnostic::{Diagnostic, Edit, Sink};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

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
Only that module can send to a connection, close it or store an attachment with it: `ws` itself has
no methods. Without the import the first event ends in a ReferenceError, or the handler does
nothing that a client could notice.

## What to do
Import the functions you call. If a handler only listens, say so with
`import "zigttp:websocket";`.
"#,
    help: "Import the functions you call from `zigttp:websocket`.",
};

impl Rule for WebsocketEventsWithoutImport {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        // A module that cannot be found may import it.
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
            .note("only that module can send to a connection");
        for (event, span) in events {
            report.secondary(span, format!("`{}` too", event.name));
        }
        let called = called_functions(handler, report);
        let mut declarations = called.iter().map(|(_, names)| declaration(names));
        let Some(first) = declarations.next() else { return };
        let message = match declarations.next() {
            None => format!("add `{first}`"),
            Some(_) => format!("import from `{}` what each module calls", api::MODULE),
        };
        report.help(format!("Add `{first}`."));
        let edits = called.iter().map(|(module, names)| Edit {
            span: Span::start_of(*module),
            replacement: declaration(names) + "\n",
        });
        report.fix(message, edits.collect());
    }
}

/// An import of these functions.
fn declaration(names: &[&str]) -> String {
    format!("import {{ {} }} from \"{}\";", names.join(", "), api::MODULE)
}

/// The API functions that modules use without declaring them, each with a label at its first use.
fn called_functions(
    handler: &HandlerModel,
    report: &mut Diagnostic,
) -> Vec<(ModuleId, Vec<&'static str>)> {
    let mut called = Vec::new();
    for (index, module) in handler.modules.iter().enumerate() {
        let mut names = Vec::new();
        for reference in &module.globals {
            // `close` is also a method of many objects, but as a bare name it is that of the API.
            let Some(function) = api::find(&reference.name) else { continue };
            if !names.contains(&function.name) {
                names.push(function.name);
                report.secondary(reference.span, "not declared anywhere");
            }
        }
        if !names.is_empty() {
            called.push((ModuleId::new(index), names));
        }
    }
    called
}
