//! ZTS341: the code outside of functions fails.

use crate::diagnostic::Sink;
use crate::model::{Evaluation, HandlerModel};
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Top-level code throws, or awaits what never comes.
pub(crate) struct TopLevelThrows;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS341",
    name: "top_level_throws",
    severity: Severity::Error,
    category: Category::Build,
    since: "0.1.0",
    summary: "throws while its top-level code runs",
    explanation: r#"
## What it is
The code outside of functions runs once, when the handler is built, and every event starts from its
result. This code threw an error, or awaits a promise that can never settle.

```ts,fires
const limits = JSON.parse("{ messages: 10 }");
export function handler(req: Request) { return Response.json(limits); }
```

```ts,silent
const limits = JSON.parse('{ "messages": 10 }');
export function handler(req: Request) { return Response.json(limits); }
```

## Why it matters
There is no state to start an event from. While building there is also no connection, no request
and no clock that runs: a function of a built-in module called here throws.

## What to do
Correct the underlined code, or move what belongs to an event into the function that
is called for it.
"#,
    help: "Correct the code, or move what needs a connection or request into an exported function.",
};

impl Rule for TopLevelThrows {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn reads_packages(&self) -> bool {
        true
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        if let Some(Evaluation::Refused { message, span }) = &handler.evaluation {
            sink.report(*span, format!("the engine cannot compile this module: {message}"))
                .help("Write it in another way, and tell the authors of zigts: `check` should have found it.");
        }
        let Some(Evaluation::Threw { message, frames }) = &handler.evaluation else { return };
        let (thrown_at, callers) = match frames.split_first() {
            Some((first, rest)) => (first.span, rest),
            None => (Span::start_of(ModuleId::ENTRY), frames.as_slice()),
        };
        let report = sink
            .report(thrown_at, format!("top-level code fails: {message}"))
            .note("top-level code runs once, when the handler is built");
        if !frames.is_empty() {
            report.label("thrown here");
        }
        // Recursion repeats itself, and what matters is near the throw.
        let mut spans: Vec<Span> = callers.iter().map(|frame| frame.span).collect();
        spans.dedup();
        for span in spans.into_iter().filter(|&span| span != thrown_at).take(4) {
            report.secondary(span, "called from here");
        }
    }
}
