//! ZTS002: the text is not TypeScript.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// The parser cannot make sense of the text.
pub(crate) struct SyntaxErrors;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS002",
    name: "syntax_error",
    severity: Severity::Error,
    category: Category::Syntax,
    since: "0.1.0",
    summary: "is not valid TypeScript",
    explanation: r#"
## What it is
The parser came to a place where the text cannot be TypeScript: a bracket without its partner, a
word where none may stand, a string that does not end. JSX, decorators and anything newer than
the language the parser knows end here too, and so does a name that one scope declares twice.

```ts,fires
export function onMessage(ws: WebSocket, data: string {}
```

```ts,silent
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
Nothing can be said about a module that cannot be read, so no other rule looks at the handler
until it can be.

## What to do
Correct the underlined place. The cause is often just before it. Fix the first error first:
later ones may be its consequence.
"#,
    help: "Correct the underlined place, or what stands just before it.",
};

impl Rule for SyntaxErrors {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn reads_partial_handlers(&self) -> bool {
        true
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for error in handler.modules.iter().flat_map(|module| &module.syntax_errors) {
            sink.report(error.span, error.message.clone());
        }
    }
}
