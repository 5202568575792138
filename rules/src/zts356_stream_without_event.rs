//! ZTS356: streams are opened, and no event takes their pieces.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::receiving_event::ReceivingEvent;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Opens streams, but exports no `onStream`.
pub(crate) struct StreamWithoutEvent;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS356",
    name: "stream_without_event",
    severity: Severity::Error,
    category: Category::State,
    since: "0.1.0",
    summary: "opens streams, but exports no onStream",
    explanation: r#"
## What it is
`stream` or `cancelStream` of `zigttp:durable` is called. The entry module does not export `onStream`, the event
that gets the pieces of the response.

```ts,fires
import { stream } from "zigttp:durable";
export function onMessage(ws: WebSocket, data: string, room: string) {
  stream(room, "answer", "https://api.example.com/answers", { method: "POST", body: data });
}
```

```ts,silent
import { broadcast } from "zigttp:websocket";
import { type StreamPiece, stream } from "zigttp:durable";
export function onMessage(ws: WebSocket, data: string, room: string) {
  stream(room, "answer", "https://api.example.com/answers", { method: "POST", body: data });
}
export function onStream(room: string, name: string, piece: StreamPiece) {
  if (piece.kind === "lines") for (const line of piece.lines) broadcast(room, line);
}
```

## Why it matters
The call throws a TypeError, and the event ends with all its effects undone: nobody would get the response.

## What to do
Export `onStream(room, name, piece)` from the entry module. It runs in the turn of the room that has opened the
stream, once for each piece; the last one is of kind `end`.
"#,
    help: "Export `onStream(room, name, piece)` from the entry module.",
};

const EVENT: ReceivingEvent = ReceivingEvent {
    event: "onStream",
    functions: &["stream", "cancelStream"],
    note: "no event takes the pieces of the response",
};

impl Rule for StreamWithoutEvent {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        EVENT.check(handler, sink);
    }
}
