//! ZTS319: the handler exports nothing that the runtime calls.

use zigttp_abi::events;

use crate::diagnostic::Sink;
use crate::mistaken_exports::MistakenExports;
use crate::model::{Evaluation, HandlerModel};
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Exports none of the functions the runtime calls.
pub(crate) struct NoEventExports;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS319",
    name: "no_event_exports",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports no function that the runtime calls",
    explanation: r#"
## What it is
The runtime calls a handler through functions it exports by name: `onUpgrade`, `onOpen`,
`onMessage` and `onClose` for the life of a WebSocket connection, `onRequest` and `handler` for HTTP
requests, `onSignal` for signals and timers, `onStream` for streams. The entry module exports none of them, or what it exports
under these names is not a function.

```ts,fires
function onMessage(ws: WebSocket, data: string) {}
```

```ts,fires
export default function (req: Request) { return Response.text("hello"); }
```

```ts,silent
export function handler(req: Request) { return Response.text("hello"); }
```

## Why it matters
Nothing in the module would ever run.

## What to do
Export at least one of these functions, under exactly this name. A default export is not
called.
"#,
    help: "Export `onMessage`, `onOpen`, `onClose` or `handler` from this module.",
};

impl Rule for NoEventExports {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(entry) = handler.modules.first() else { return };
        let table = handler.exports_of(ModuleId::ENTRY);
        let exported = handler.event_exports();
        let is_called = match &handler.evaluation {
            Some(Evaluation::Completed { callable }) => !callable.is_empty(),
            // A module that cannot be found may export one of them.
            _ => !exported.is_empty() || table.is_open,
        };
        // Of an export under another name the rule about that name tells.
        let is_told = handler.evaluation.is_none() && MistakenExports::of(handler).any();
        if is_called || is_told {
            return;
        }
        let names: Vec<_> =
            events::EXPORTS.iter().map(|event| format!("`{}`", event.name)).collect();
        let default = table.names.get("default").map(|export| export.span);
        let not_a_function = exported.first().map(|&(_, span)| span);
        let of_that_name = events::EXPORTS.iter().find_map(|event| table.names.get(event.name));
        let gone = of_that_name.filter(|export| export.is_type).map(|export| export.span);
        let span = not_a_function.or(gone).or(default);
        let span = span.unwrap_or(Span::start_of(ModuleId::ENTRY));
        let report = sink
            .report(span, format!("`{}` exports no function that the runtime calls", entry.name))
            .note(format!("the runtime calls {}, each by its name", names.join(", ")));
        if not_a_function.is_some() {
            report.label("not a function");
        } else if gone.is_some() {
            report.label("a type, which is gone at run time");
        } else if default.is_some() {
            report
                .label("a default export is not called")
                .help("Export it by name: `export function handler(req) { … }`.");
        }
    }
}
