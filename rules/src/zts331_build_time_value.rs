//! ZTS331: code outside of functions reads the time or random numbers.

use crate::call_path;
use crate::code::FunctionId;
use crate::diagnostic::Sink;
use crate::effects::ActionKind;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::ModuleId;

/// Top-level code reads the clock or random numbers.
pub(crate) struct BuildTimeValue;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS331",
    name: "build_time_value",
    severity: Severity::Warning,
    category: Category::Effects,
    since: "0.1.0",
    summary: "reads the time or random numbers while it is built",
    explanation: r#"
## What it is
Code outside of functions calls `Date.now()`, `new Date()`, `Math.random()` or their like, directly
or through other functions.

```ts,fires
import { send } from "zigttp:websocket";
const started = Date.now();
export function onMessage(ws: WebSocket) { send(ws, `up for ${Date.now() - started} ms`); }
```

```ts,silent
import { send } from "zigttp:websocket";
const launch = new Date("2026-01-01");
export function onMessage(ws: WebSocket) { send(ws, `${Date.now() - launch.getTime()} ms after launch`); }
```

## Why it matters
Code outside of functions runs once, when the handler is built, and what it computes becomes part of
the artifact. During the build the clock stands still and random numbers have a fixed seed, so that
one source makes one artifact: the value is the same in every event, on every server, for ever.

## What to do
Read it inside the function that needs it. What should stay the same for a connection belongs in
its attachment, and for a room in its state (`zigttp:storage`).
"#,
    help: "Read it inside the function of an event.",
};

impl Rule for BuildTimeValue {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for index in 0..handler.modules.len() {
            let top_level = (ModuleId::new(index), FunctionId::TOP_LEVEL);
            let mut reached = handler.effects.reached(top_level);
            reached.retain(|path| {
                matches!(path.action.kind, ActionKind::Clock(_) | ActionKind::Random(_))
            });
            for path in call_path::one_for_each_start(reached) {
                let Some(name) = path.action.kind.name() else { continue };
                let report = sink
                    .report(
                        path.start(),
                        format!("the result of `{name}` is frozen into the artifact"),
                    )
                    .label("runs when the handler is built")
                    .note("every event sees the same value, whenever and wherever it comes");
                call_path::explain(report, handler, &path);
            }
        }
    }
}
