//! ZTS306: a function is imported that nothing uses.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crate::connection_members;
use crate::diagnostic::{Edit, Sink};
use crate::import::{ImportKind, ImportedName, Target};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::ModuleId;
use crate::undeclared;

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
        let meant = OnceCell::new();
        for (module, import) in handler.imports() {
            let Target::Builtin(from) = import.target else { continue };
            if import.kind != ImportKind::Static {
                continue;
            }
            for name in &import.names {
                if !name.uses.values.is_empty() || name.uses.is_type {
                    continue;
                }
                // What the module does not export the rule about that tells of.
                if name.imported.as_deref().is_some_and(|it| from.find(it).is_none()) {
                    continue;
                }
                // Where it is misspelled, or it is `ws.send(data)`, the rules about these tell, and then it is used.
                let is_meant = meant.get_or_init(|| Meant::of(handler)).contains(module, name);
                if is_meant {
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

/// Names that modules would use if other mistakes were corrected.
struct Meant {
    /// Functions of `zigttp:websocket`, for `ws.send(data)`.
    functions: BTreeSet<(ModuleId, &'static str)>,
    /// Names that are misspelled where they are used.
    misspelled: BTreeSet<(ModuleId, String)>,
}

impl Meant {
    fn of(handler: &HandlerModel) -> Meant {
        let misspelled =
            undeclared::find(handler).into_iter().filter_map(|slip| match slip.meant {
                Some(undeclared::Meant::Name(meant)) => Some((slip.module, meant)),
                _ => None,
            });
        Meant {
            functions: connection_members::used(&connection_members::find(handler)),
            misspelled: misspelled.collect(),
        }
    }

    fn contains(&self, module: ModuleId, name: &ImportedName) -> bool {
        let is_function = match name.imported.as_deref() {
            Some(imported) => self.functions.contains(&(module, imported)),
            None => self.functions.iter().any(|(of, _)| *of == module),
        };
        is_function || self.misspelled.contains(&(module, name.local.clone()))
    }
}
