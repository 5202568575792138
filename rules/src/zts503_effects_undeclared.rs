//! ZTS503: a function has an effect that its annotation does not allow.

use crate::annotation::{self, Declared};
use crate::call_path;
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// A function does more than its `@effects` annotation says.
pub(crate) struct EffectsUndeclared;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS503",
    name: "effects_undeclared",
    severity: Severity::Error,
    category: Category::Effects,
    since: "0.1.0",
    summary: "has a function that does more than its @effects allow",
    explanation: r#"
## What it is
The doc comment of a function says with `@effects` what it may do, and the function does something
else, directly or through what it calls. There are two effects: `io` uses connections or lists them,
`state` reads or writes what is stored with them; `pure` is neither.

```ts,fires
import { send } from "zigttp:websocket";
/** @effects pure */
function greet(ws: WebSocket) { send(ws, "hello"); }
export function onMessage(ws: WebSocket) { greet(ws); }
```

```ts,silent
import { send } from "zigttp:websocket";
/** @effects io */
function greet(ws: WebSocket) { send(ws, "hello"); }
export function onMessage(ws: WebSocket) { greet(ws); }
```

## Why it matters
The annotation is a promise to the function's callers. One that relies on it, for example by calling
a `pure` function any number of times, would be wrong.

## What to do
Add the effect to the annotation, or take the call out of the function. The finding shows the calls
that lead to it.
"#,
    help: "Add the effect to the annotation, or take the call out of the function.",
};

impl Rule for EffectsUndeclared {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for Declared { key, span, name, effects } in annotation::declared(handler) {
            for &effect in handler.effects.of(key).difference(&effects) {
                let Some(path) = handler.effects.path_to_effect(key, effect) else { continue };
                let effect = effect.name();
                let report = sink
                    .report(
                        span,
                        format!("{name} has the effect `{effect}`, but does not declare it"),
                    )
                    .label(format!("allows no `{effect}`"))
                    .note("the annotation is a promise to the function's callers");
                call_path::explain(report, handler, &path);
            }
        }
    }
}
