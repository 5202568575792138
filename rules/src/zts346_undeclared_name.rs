//! ZTS346: a name is used that is declared nowhere.

use zigttp_abi::api::Module;

use crate::diagnostic::{Edit, Sink};
use crate::import_edit;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::Span;
use crate::undeclared::{self, Meant, Undeclared};

/// Uses a name that no module declares and that is no global.
pub(crate) struct UndeclaredName;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS346",
    name: "undeclared_name",
    severity: Severity::Error,
    category: Category::Modules,
    since: "0.1.0",
    summary: "uses a name that is declared nowhere",
    explanation: r#"
## What it is
A name is used as a value that the module neither declares nor imports, and that is no global of
handlers or of another platform (that is ZTS329): mostly a slip, or an import that is missing.

```ts,fires
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, daat); }
```

```ts,fires
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  send(ws, data);
  if (data === "bye") close(ws);
}
```

```ts,silent
import { send } from "zigttp:websocket";
const greeting = typeof GREETING === "string" ? GREETING : "hello";
export function onMessage(ws: WebSocket, data: string) { send(ws, greeting + data); }
```

## Why it matters
Using it is a ReferenceError, and the event ends with all its effects undone.

## What to do
Correct the name, declare it, or import it. Testing its type first is allowed, as the example does.
Nothing is reported in a handler that sets properties of `globalThis`.
"#,
    help: "Correct the name, declare it, or import it.",
};

impl Rule for UndeclaredName {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for name in undeclared::find(handler) {
            if !is_told_elsewhere(handler, &name) {
                report(handler, &name, sink);
            }
        }
    }
}

/// Whether the rules about imports tell of it.
fn is_told_elsewhere(handler: &HandlerModel, name: &Undeclared<'_>) -> bool {
    if name.meant.is_some()
        && undeclared::is_misspelled_import(handler, name.module, &name.first.name)
    {
        return true;
    }
    let Some(Meant::Function(function)) = &name.meant else { return false };
    function.module == Module::Websocket
        && function.name == name.first.name
        && handler.websocket_imports().next().is_none()
        && !handler.has_unresolved_imports()
        && handler.event_exports().iter().any(|(event, _)| event.is_websocket)
}

fn report(handler: &HandlerModel, undeclared: &Undeclared<'_>, sink: &mut Sink<'_>) {
    let Undeclared { module, first, others, meant } = undeclared;
    let name = &first.name;
    let is_api = matches!(meant, Some(Meant::Function(function)) if function.name == *name);
    let headline = if is_api || matches!(meant, Some(Meant::Namespace(_))) {
        format!("`{name}` is not imported")
    } else {
        format!("`{name}` is declared nowhere")
    };
    let report = sink.report(first.span, headline);
    report.label("a ReferenceError when it is reached");
    match others {
        0 => {}
        1 => {
            report.note("it is used in one more place");
        }
        others => {
            report.note(format!("it is used in {others} more places"));
        }
    }
    match meant {
        Some(Meant::Function(function)) if is_api => {
            let specifier = function.module.specifier();
            report.help(format!("Add `{name}` to the import from `{specifier}`."));
            let edit = import_edit::adding(handler, *module, function.module, &[name]);
            report.fix(format!("import `{name}`"), vec![edit]);
        }
        Some(Meant::Function(function)) => {
            let (meant, specifier) = (function.name, function.module.specifier());
            report.help(format!("Did you mean `{meant}` of `{specifier}`?"));
        }
        Some(Meant::Namespace(of)) => {
            let declaration = format!("import * as {name} from \"{}\";", of.specifier());
            report.help(format!("Add `{declaration}`."));
            let edit =
                Edit { span: Span::start_of(*module), replacement: format!("{declaration}\n") };
            report.fix(format!("add `{declaration}`"), vec![edit]);
        }
        Some(Meant::Name(meant)) => {
            report.help(format!("Did you mean `{meant}`?"));
            if *others == 0 {
                report.suggest(format!("replace `{name}` with `{meant}`"), first.span, meant);
            }
        }
        None => {}
    }
}
