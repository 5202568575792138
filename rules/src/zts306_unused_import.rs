//! ZTS306: a function is imported that nothing uses.

use std::cell::OnceCell;

use crate::connection_members;
use crate::diagnostic::{Edit, Sink};
use crate::import::{ImportKind, Target};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Imports a name of the WebSocket module and never uses it.
pub(crate) struct UnusedImport;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS306",
    name: "unused_import",
    severity: Severity::Warning,
    category: Category::Modules,
    since: "0.1.0",
    summary: "imports a name of a built-in module that it never uses",
    explanation: r#"
## What it is
A module imports a name of a built-in module (`zigttp:…`) and uses it neither as a value nor as a type.

```ts,fires
import { close, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
The imports of a handler say what it may do: they become part of the artifact's manifest, and the
runtime links nothing else. A name that is not needed allows more than is needed.

## What to do
Remove the name. For a handler that has WebSocket events but calls nothing, write
`import "zigttp:websocket";`.
"#,
    help: "Remove the name from the import.",
};

impl Rule for UnusedImport {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        // Computed for the first unused name.
        let mistakes = OnceCell::new();
        for (module, import) in handler.imports() {
            if !matches!(import.target, Target::Builtin(_)) || import.kind != ImportKind::Static {
                continue;
            }
            for name in &import.names {
                if !name.uses.values.is_empty() || name.uses.is_type {
                    continue;
                }
                let mistakes = mistakes.get_or_init(|| connection_members::find(handler));
                // Of `ws.send(data)` the rule about that tells, and then `send` is used.
                if connection_members::would_use(mistakes, module, name) {
                    continue;
                }
                let report = sink
                    .report(name.span, format!("`{}` is imported and never used", name.local))
                    .label("not used in this module")
                    .note("an artifact may call everything that its handler imports");
                if let Some(removal) = name.removal {
                    let edit = Edit { span: removal, replacement: String::new() };
                    report.fix(format!("remove `{}`", name.local), vec![edit]);
                }
            }
        }
    }
}
