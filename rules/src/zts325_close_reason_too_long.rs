//! ZTS325: a connection is closed with a reason that does not fit into a frame.

use zigttp_abi::close_code::MAX_REASON_BYTES;

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Calls `close` with a reason that is too long.
pub(crate) struct CloseReasonTooLong;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS325",
    name: "close_reason_too_long",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "closes a connection with a reason over 123 bytes",
    explanation: r#"
## What it is
`close` is called with a constant reason of more than 123 bytes of UTF-8.

```ts,fires
import { close } from "zigttp:websocket";
const RULES = "Please read the rules of this room before you come back: no shouting, no links, no pictures of your lunch, no more than one message a second.";
export function onMessage(ws: WebSocket) { close(ws, 1008, RULES); }
```

```ts,silent
import { close } from "zigttp:websocket";
export function onMessage(ws: WebSocket) { close(ws, 1008, "rules broken"); }
```

## Why it matters
A control frame holds 125 bytes, two of which are the code (RFC 6455, 5.5). `close` throws a
RangeError, and the event ends with all its effects undone. Letters beyond ASCII take more than a
byte.

## What to do
Shorten the reason, or send the whole text as a message before closing.
"#,
    help: "Shorten the reason, or send the text before closing.",
};

impl Rule for CloseReasonTooLong {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for call in handler.api_calls().filter(|call| call.function.name == "close") {
            let Some(reason) = call.call.arguments.get(2) else { continue };
            for (span, meaning) in handler.possible_values(call.module, reason) {
                let Some(text) = meaning.text().filter(|text| text.len() > MAX_REASON_BYTES) else {
                    continue;
                };
                sink.report(
                    span,
                    format!(
                        "the reason has {} bytes; a close frame has room for {MAX_REASON_BYTES}",
                        text.len()
                    ),
                )
                .label(format!("{} too many", text.len() - MAX_REASON_BYTES))
                .note("`close` throws a RangeError for it, and the event has no effect");
            }
        }
    }
}
