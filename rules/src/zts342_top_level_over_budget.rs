//! ZTS342: the code outside of functions exceeds its limits.

use crate::diagnostic::Sink;
use crate::model::{Evaluation, HandlerModel};
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Top-level code does not end in time, or takes too much memory.
pub(crate) struct TopLevelOverBudget;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS342",
    name: "top_level_over_budget",
    severity: Severity::Error,
    category: Category::Build,
    since: "0.1.0",
    summary: "runs too long, or takes too much memory, while its top-level code runs",
    explanation: r#"
## What it is
The code outside of functions runs once, when the handler is built, with a limit of time and of
memory. It exceeded one of them.

```ts,fires
while (true) {}
export function handler(req: Request) { return Response.text("hello"); }
```

```ts,silent
const squares = Array.from({ length: 1000 }, (_, index) => index * index);
export function handler(req: Request) { return Response.json(squares); }
```

## Why it matters
A build that never ends has no result. What top-level code leaves in memory becomes part of the
artifact, and of every instance that serves an event.

## What to do
Look for a loop without an end. Compute large tables beforehand, or when they are needed.
"#,
    help: "Look for a loop that does not end, or for a table that is too large.",
};

impl Rule for TopLevelOverBudget {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(entry) = handler.modules.first() else { return };
        let name = &entry.name;
        let message = match &handler.evaluation {
            Some(Evaluation::OutOfTime { seconds }) => {
                format!("the top-level code of `{name}` did not end within {seconds} s")
            }
            Some(Evaluation::OutOfMemory { mebibytes }) => {
                format!("the top-level code of `{name}` takes more than {mebibytes} MiB of memory")
            }
            Some(Evaluation::Trapped { reason }) => {
                format!("the top-level code of `{name}` was stopped: {reason}")
            }
            _ => return,
        };
        sink.report(Span::start_of(ModuleId::ENTRY), message).note(
            "top-level code, that of imported modules included, runs when the handler is built",
        );
    }
}
