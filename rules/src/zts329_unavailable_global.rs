//! ZTS329: a global is used that does not exist here.

use crate::code::{MemberKind, Value};
use crate::diagnostic::Sink;
use crate::globals;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::Span;

/// Uses a global of browsers or Node.js that handlers do not have.
pub(crate) struct UnavailableGlobal;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS329",
    name: "unavailable_global",
    severity: Severity::Error,
    category: Category::Modules,
    since: "0.1.0",
    summary: "uses a global that does not exist in a handler",
    explanation: r#"
## What it is
A name is used that is declared nowhere, and that other JavaScript platforms have but this one does
not: `setInterval`, `WebSocket` as a value, `process`, `require`, `Buffer`, streams, `Intl` and their like. Or a member
of a global is called that is not there: `URL.createObjectURL(…)`, `console.table(…)`.

```ts,fires
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { setInterval(() => send(ws, "still there?"), 1000); }
export function onMessage() {}
```

```ts,silent
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) {
  const environment = typeof process === "undefined" ? "handler" : "other";
  send(ws, environment);
}
export function onMessage() {}
```

## Why it matters
Each event runs in a sandbox of its own, which has the language itself and what the built-in modules
offer, and nothing that would continue after the event. Using such a name is a ReferenceError, and
the event ends with all its effects undone.

## What to do
The message says what to use instead, if there is something. A name that you declare or import is
allowed, and so is testing its type first, as the example does, or `if (globalThis.Deno)`.
"#,
    help: "Use what handlers have instead, or declare the name.",
};

impl Rule for UnavailableGlobal {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for module in &handler.modules {
            let code = &module.code;
            for reference in &code.needed_globals {
                if let Some(help) = globals::instead_of(&reference.name) {
                    report(&reference.name, reference.span, help, sink);
                }
            }
            for member in code.members.iter().filter(|member| !member.is_guarded) {
                let Value::Global(global) = &member.object.value else { continue };
                // Only reading it is `undefined`, and no error.
                if !matches!(
                    member.kind,
                    MemberKind::Called(_) | MemberKind::Object | MemberKind::Destructured
                ) {
                    continue;
                }
                let name = &member.name;
                let help = if global == "globalThis" {
                    let is_missing = member.kind != MemberKind::Destructured && name != "process";
                    globals::instead_of(name).filter(|_| is_missing)
                } else {
                    globals::instead_of_member(global, name)
                };
                if let Some(help) = help {
                    report(&format!("{global}.{name}"), member.span, help, sink);
                }
            }
        }
    }
}

fn report(name: &str, span: Span, help: &str, sink: &mut Sink<'_>) {
    let error = if name.contains('.') { "a TypeError" } else { "a ReferenceError" };
    sink.report(span, format!("there is no `{name}` in a handler"))
        .label(format!("{error} when it is reached"))
        .note("each event runs in a sandbox of its own, which has the language and the built-in modules")
        .help(help);
}
