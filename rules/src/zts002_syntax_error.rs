//! ZTS002: the text is not TypeScript.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// The text cannot be parsed.
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
The parser found text that cannot be TypeScript: an unmatched bracket, a word where none is
allowed, a string that does not end. JSX and syntax that is newer than the parser are reported here
too, and so is what the language forbids although the grammar allows it: a name that is declared
or exported twice, a regular expression that is not valid, `this.#name` in no class that declares it,
`super()` outside of a constructor, a `break` that leads nowhere, an octal escape.

```ts,fires
export function onMessage(ws: WebSocket, data: string {}
```

```ts,silent
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
A module that cannot be parsed cannot be checked, so no other rule looks at the handler until it
can.

## What to do
Correct the underlined text. The cause is often just before it. Fix the first error first: it may
have caused the later ones.
"#,
    help: "Correct the underlined text, or what is just before it.",
};

impl Rule for SyntaxErrors {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn reads_partial_handlers(&self) -> bool {
        true
    }

    fn reads_packages(&self) -> bool {
        true
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for error in handler.modules.iter().flat_map(|module| &module.syntax_errors) {
            sink.report(error.span, error.message.clone());
        }
    }
}
