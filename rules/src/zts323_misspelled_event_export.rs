//! ZTS323: an export looks like an event whose name is misspelled.

use zigttp_abi::events;

use crate::code::Value;
use crate::diagnostic::{Edit, Sink};
use crate::model::{HandlerModel, Module};
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::{ModuleId, Span};
use crate::spelling;

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
else reports that.

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
        let Some(entry) = handler.modules.first() else { return };
        let table = handler.exports_of(ModuleId::ENTRY);
        for (name, export) in &table.names {
            if export.is_type || events::find(name).is_some() {
                continue;
            }
            let missing = events::EXPORTS.iter().map(|event| event.name);
            let missing = missing.filter(|event| !table.names.contains_key(*event));
            let Some(meant) = spelling::closest(name, missing).filter(|event| is_slip(name, event))
            else {
                continue;
            };
            let meaning = handler.meaning_of_export(ModuleId::ENTRY, name);
            if !matches!(meaning, Meaning::Function(..)) {
                continue;
            }
            let report = sink
                .report(export.span, format!("`{name}` is exported, but the event is `{meant}`"))
                .label("never called under this name")
                .note("the runtime finds its functions by their exact name")
                .help(format!("Did you mean `{meant}`?"));
            if is_only_use(entry, name, export.span) {
                let edit = Edit { span: export.span, replacement: meant.to_owned() };
                report.fix(format!("rename `{name}` to `{meant}`"), vec![edit]);
            }
        }
    }
}

/// Whether a name that is close to an event's is a slip and not a word of its own, as `handle` and
/// `handlers` are.
fn is_slip(name: &str, event: &str) -> bool {
    let is_plural = |one: &str, other: &str| one.strip_suffix('s') == Some(other);
    name.eq_ignore_ascii_case(event)
        || event.starts_with("on")
            && name.to_lowercase().starts_with('o')
            && !is_plural(name, event)
}

/// Whether the name is used only where it is exported, so that it can be changed there.
fn is_only_use(entry: &Module, name: &str, span: Span) -> bool {
    let Some(exported) = entry.code.exports.get(name) else { return false };
    match exported.value {
        Value::Binding(id) => {
            let binding = &entry.code[id];
            binding.span == span && binding.uses == 0
        }
        _ => false,
    }
}
