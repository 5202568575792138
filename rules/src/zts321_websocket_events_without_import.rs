//! ZTS321: the handler has connection events and no function to use connections with.

use zigttp_abi::api::Module;

use crate::code::Value;
use crate::connection_members;
use crate::diagnostic::{Edit, Sink};
use crate::import::Reference;
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
the handler imports `zigttp:websocket`. If it imports another built-in module, such as `zigttp:storage`,
it is only reported when it calls a function that it does not import.

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
        let called = called_functions(handler);
        // What happens to a connection may be meant for the state of its room alone.
        if called.is_empty() && handler.builtin_imports().next().is_some() {
            return;
        }
        // Of `ws.send(data)` the rule about that tells, and its fix adds the import.
        if called.is_empty() && !connection_members::find(handler).is_empty() {
            return;
        }
        if called.is_empty() && requires_module(handler) {
            return;
        }
        let report = sink
            .report(
                span,
                format!(
                    "`{}` is exported, but `{}` is never imported",
                    first.name,
                    Module::Websocket.specifier()
                ),
            )
            .label("called for WebSocket connections")
            .note("only that module can send to a connection");
        for (event, span) in events {
            report.secondary(span, format!("`{}` too", event.name));
        }
        for call in called.iter().flat_map(|(_, calls)| calls) {
            report.secondary(call.span, "not declared anywhere");
        }
        let mut declarations = called.iter().map(|(_, calls)| declaration(calls));
        let Some(first) = declarations.next() else { return };
        let message = match declarations.next() {
            None => format!("add `{first}`"),
            Some(_) => {
                format!("import from `{}` what each module calls", Module::Websocket.specifier())
            }
        };
        report.help(format!("Add `{first}`."));
        let edits = called.iter().map(|(module, calls)| Edit {
            span: Span::start_of(*module),
            replacement: declaration(calls) + "\n",
        });
        report.fix(message, edits.collect());
    }
}

/// Whether a module asks for it as CommonJS does, of which the rule about `require` tells.
fn requires_module(handler: &HandlerModel) -> bool {
    handler.calls().any(|(_, call)| {
        let name = call.arguments.first().map(|argument| &argument.value);
        matches!(&call.callee.value, Value::Global(callee) if callee == "require")
            && matches!(name, Some(Value::Text(name)) if name == Module::Websocket.specifier())
    })
}

/// An import of these functions.
fn declaration(calls: &[&Reference]) -> String {
    let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
    format!("import {{ {} }} from \"{}\";", names.join(", "), Module::Websocket.specifier())
}

/// The API functions that modules use without declaring them, each where it is used first.
fn called_functions(handler: &HandlerModel) -> Vec<(ModuleId, Vec<&Reference>)> {
    let mut called = Vec::new();
    for (index, module) in handler.modules.iter().enumerate() {
        let mut calls = Vec::<&Reference>::new();
        for reference in &module.globals {
            // `close` is also a method of many objects, but as a bare name it is that of the API.
            let is_new = calls.iter().all(|call| call.name != reference.name);
            if is_new && Module::Websocket.find(&reference.name).is_some() {
                calls.push(reference);
            }
        }
        if !calls.is_empty() {
            called.push((ModuleId::new(index), calls));
        }
    }
    called
}
