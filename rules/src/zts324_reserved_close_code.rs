//! ZTS324: a connection is closed with a code that may not be sent.

use zigttp_abi::close_code;

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Calls `close` with a code that may not be sent.
pub(crate) struct ReservedCloseCode;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS324",
    name: "reserved_close_code",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "closes a connection with a code that may not be sent",
    explanation: r#"
## What it is
`close` is called with a constant code that a close frame may not carry: 1004, 1005, 1006, 1015,
anything below 1000, from 1016 to 2999 or above 4999, or not a whole number.

```ts,fires
import { close } from "zigttp:websocket";
export function onMessage(ws: WebSocket) { close(ws, 1006, "gone"); }
```

```ts,silent
import { close } from "zigttp:websocket";
const KICKED = 4001;
export function onMessage(ws: WebSocket) { close(ws, KICKED, "try again later"); }
```

## Why it matters
RFC 6455 (7.4) reserves these codes: 1005 stands for a close frame without a code, 1006 for one that
never came. `close` throws a RangeError for them, and the event ends with all its effects undone.

## What to do
1000 means a normal end, 1001 that the server goes away, 1008 that the client broke a rule, 1011
that the server failed. For meanings of your own use a code from 4000 to 4999.
"#,
    help: "Use 1000, a registered code, or one of your own from 4000 to 4999.",
};

impl Rule for ReservedCloseCode {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for call in handler.api_calls().filter(|call| call.function.name == "close") {
            let Some(code) = call.call.arguments.get(1) else { continue };
            for (span, meaning) in handler.possible_values(call.module, code) {
                let Some(number) = meaning.number() else { continue };
                if may_be_sent(number) {
                    continue;
                }
                sink.report(span, format!("the close code {number} may not be sent"))
                    .label(reason(number))
                    .note("`close` throws a RangeError for it, and the event has no effect");
            }
        }
    }
}

fn may_be_sent(number: f64) -> bool {
    // Whole numbers of this size are exact.
    number.fract() == 0.0
        && (0.0..=f64::from(u16::MAX)).contains(&number)
        && close_code::may_be_sent(number as u16)
}

fn reason(number: f64) -> &'static str {
    match number {
        1005.0 => "stands for a close frame without a code",
        1006.0 => "stands for a connection that broke",
        1015.0 => "stands for a failed TLS handshake",
        1004.0 => "reserved",
        _ if number.fract() != 0.0 => "not a whole number",
        _ if number < 1000.0 => "below 1000",
        _ if number < 3000.0 => "not defined",
        _ => "above 4999",
    }
}
