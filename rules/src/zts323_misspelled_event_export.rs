//! ZTS323: an export looks like an event whose name is misspelled.

use crate::diagnostic::{Edit, Sink};
use crate::mistaken_exports::{Misspelled, MistakenExports};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Exports a function whose name is almost an event's.
pub(crate) struct MisspelledEventExport;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS323",
    name: "misspelled_event_export",
    severity: Severity::Warning,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports a function whose name is almost that of an event",
    explanation: r#"
## What it is
The entry module exports a function whose name differs from an event's by case or by a letter or
two, and does not export that event.

```ts,fires
import { send } from "zigttp:websocket";
export function onmessage(ws: WebSocket, data: string) { send(ws, data); }
export function handler(req: Request) { return Response.text("hello"); }
```

```ts,silent
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function onMessages(count: number) { return count; }
```

## Why it matters
The runtime finds its functions by their exact name. A misspelled one is never called, and nothing
else reports that. If the handler exports no event under its right name, this is an error.

## What to do
Correct the name. If the function is for other modules and not for the runtime, give it a name
that looks less like an event's, or stop exporting it.
"#,
    help: "Write the name as the runtime calls it.",
};

impl Rule for MisspelledEventExport {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let calls_nothing = handler.calls_nothing();
        for Misspelled { name, span, meant } in MistakenExports::of(handler).misspelled {
            let meant = meant.name;
            let report = sink
                .report(span, format!("`{name}` is exported, but the event is `{meant}`"))
                .label("never called under this name")
                .note("the runtime finds its functions by their exact name")
                .help(format!("Did you mean `{meant}`?"));
            if calls_nothing {
                report.severity = Severity::Error;
            }
            if handler.is_named_once(&name, span) {
                let edit = Edit { span, replacement: meant.to_owned() };
                report.fix(format!("rename `{name}` to `{meant}`"), vec![edit]);
            }
        }
    }
}
