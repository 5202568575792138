//! ZTS322: an event export is not a function the runtime can call.

use zigttp_abi::events::EventExport;

use crate::code::{Code, Parameter};
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::ModuleId;

/// Exports something that is no event function under the name of one.
pub(crate) struct EventExportNotFunction;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS322",
    name: "event_export_not_function",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports something under an event's name that the runtime cannot call",
    explanation: r#"
## What it is
An export that the runtime calls is not a function, is a generator function, or asks for more
parameters than the event passes.

```ts,fires
import { send } from "zigttp:websocket";
export function* onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,fires
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string, room: string, id: string) { send(ws, id); }
export function onMessage(ws: WebSocket, data: string) {}
```

```ts,silent
import { send } from "zigttp:websocket";
export const onMessage = async (ws: WebSocket, data: string, room = "lobby") => { send(ws, room); };
```

## Why it matters
Other values cannot be called, a generator does nothing when it is called, and a parameter that is
not passed is `undefined`, whatever its type says.

## What to do
Export a plain or async function with the parameters of the event: `onOpen(ws, url)`,
`onMessage(ws, data, room)`, `onClose(ws, code, reason)`, `onUpgrade(req)`, `handler(req)`. Further
parameters of your own need a default.
"#,
    help: "Export a plain or async function with the event's parameters.",
};

impl Rule for EventExportNotFunction {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for (event, span) in handler.event_exports() {
            match handler.meaning_of_export(ModuleId::ENTRY, event.name) {
                Meaning::Function(module, id) => {
                    let function = &handler.module(module).code[id];
                    if function.is_generator {
                        sink.report(span, format!("`{}` is a generator function", event.name))
                            .label("returns an iterator that is never used")
                            .note("calling a generator function runs none of its code")
                            .help("Remove the `*`; an event function may be async.");
                    } else {
                        let code = &handler.module(module).code;
                        too_many_parameters(event, code, &function.parameters, sink);
                    }
                }
                Meaning::Value(_, value) => {
                    if let Some(kind) = value.value.kind() {
                        sink.report(span, format!("`{}` is {kind}, not a function", event.name))
                            .label("the runtime calls this export");
                    }
                }
                Meaning::ApiNamespace(_) | Meaning::Namespace(_) => {
                    sink.report(span, format!("`{}` is a module, not a function", event.name))
                        .label("the runtime calls this export");
                }
                _ => {}
            }
        }
    }
}

fn too_many_parameters(
    event: &EventExport,
    code: &Code,
    parameters: &[Parameter],
    sink: &mut Sink<'_>,
) {
    let Some(first) =
        parameters.iter().skip(event.parameters.len()).find(|parameter| parameter.is_required)
    else {
        return;
    };
    let passed: Vec<_> = event.parameters.iter().map(|parameter| parameter.name).collect();
    let passed = passed.join(", ");
    let name = event.name;
    let is_room = first.binding.is_some_and(|id| code[id].name.starts_with("room"));
    sink.report(
        first.span,
        format!(
            "`{name}` takes {} parameters, and is passed {}",
            parameters.len(),
            event.parameters.len()
        ),
    )
    .label("always undefined")
    .note(format!("the runtime calls `{name}({passed})`"))
    .help(if event.name == "handler" && is_room {
        "Export `onRequest(req, room)` for what belongs to a room: `handler` belongs to none."
    } else {
        "Remove the parameter, or give it a default."
    });
}
