//! ZTS505: an annotation allows an effect that the function never has.

use crate::annotation::{self, Declared};
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// A function does less than its `@effects` annotation says.
pub(crate) struct EffectsOverDeclared;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS505",
    name: "effects_over_declared",
    severity: Severity::Warning,
    category: Category::Effects,
    since: "0.1.0",
    summary: "has a function that does less than its @effects allow",
    explanation: r#"
## What it is
The doc comment of a function allows an effect with `@effects` that nothing in the function, or in
what it calls, has.

```ts,fires
import { send } from "zigttp:websocket";
/** @effects io state */
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
/** @effects io */
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
Callers have to expect an effect that never happens, and a later change that adds it is not
noticed.

## What to do
Remove the effect from the annotation; if none is left, write `@effects pure`.
"#,
    help: "Remove the effect from the annotation.",
};

impl Rule for EffectsOverDeclared {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for Declared { key, span, name, effects } in annotation::declared(handler) {
            let inferred = handler.effects.of(key);
            for effect in effects.difference(&inferred).map(|effect| effect.name()) {
                sink.report(span, format!("{name} allows the effect `{effect}`, but never has it"))
                    .label(format!("`{effect}` is not needed"))
                    .note("callers have to expect what the annotation allows");
            }
        }
    }
}
