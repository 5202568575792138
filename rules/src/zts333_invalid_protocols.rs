//! ZTS333: `protocols` is not a list of subprotocols, or one of them has no valid name.

use std::collections::BTreeMap;

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Exports subprotocols that cannot be negotiated.
pub(crate) struct InvalidProtocols;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS333",
    name: "invalid_protocols",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports subprotocols that cannot be read, or one whose name is not a token or is repeated",
    explanation: r#"
## What it is
`export const protocols` is not an array of constant strings, or one of them is not a name that a
client could offer: it is empty, has a space, a comma, a slash or another character that separates
words in a header, or is repeated.

```ts,fires
import { send } from "zigttp:websocket";
export const protocols = ["chat/v2"];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,fires
import { send } from "zigttp:websocket";
export const protocols = "chat.v2";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
export const protocols = ["chat.v2", "chat.v1"];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
Subprotocols are read when the handler is built and become part of the artifact. A client offers
those it speaks, and the first that is in the list is selected (RFC 6455, 4.2.2); a server refuses to
start with a name that it could not write into the response.

## What to do
Write the names out, of letters, digits and marks such as `.` and `-`: `chat.v2`.
"#,
    help: "Write the subprotocols as an array of names such as `chat.v2`.",
};

impl Rule for InvalidProtocols {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(protocols) = handler.modules.first().and_then(|entry| entry.protocols.as_ref())
        else {
            return;
        };
        let Some(names) = &protocols.names else {
            sink.report(protocols.span, "`protocols` is not an array of constant strings")
                .label("cannot be read without running it")
                .note("subprotocols are read when the handler is built");
            return;
        };
        let mut known = BTreeMap::new();
        for protocol in names {
            let protocol = match protocol {
                Ok(protocol) => protocol,
                Err(span) => {
                    sink.report(*span, "a subprotocol is not a constant string")
                        .label("cannot be read without running it")
                        .note("subprotocols are read when the handler is built");
                    continue;
                }
            };
            if let Some(problem) = problem(&protocol.name) {
                sink.report(
                    protocol.span,
                    format!("the subprotocol `{}` {problem}", protocol.name),
                )
                .note("a server refuses to start with it");
            } else if let Some(first) = known.insert(&protocol.name, protocol.span) {
                sink.report(
                    protocol.span,
                    format!("the subprotocol `{}` is listed twice", protocol.name),
                )
                .secondary(first, "the first time")
                .help("Remove one of the two.");
            }
        }
    }
}

/// What keeps a name from being a token (RFC 9110, 5.6.2).
fn problem(name: &str) -> Option<String> {
    let is_mark = |character: char| "!#$%&'*+-.^_`|~".contains(character);
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || is_mark(character);
    if name.is_empty() {
        return Some("has no name".to_owned());
    }
    let other = name.chars().find(|&character| !is_allowed(character))?;
    Some(format!("has {other:?}, which no token may have"))
}
