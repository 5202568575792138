//! ZTS350: signals are sent, and no event takes them.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::receiving_event::ReceivingEvent;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Sends signals or sets timers, but exports no `onSignal`.
pub(crate) struct SignalWithoutEvent;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS350",
    name: "signal_without_event",
    severity: Severity::Error,
    category: Category::State,
    since: "0.1.0",
    summary: "sends signals or sets timers, but exports no onSignal",
    explanation: r#"
## What it is
A function of `zigttp:durable` about signals is called: `signal`, `signalAt`, `signalEvery`, `cancelSignal` or
`signalTime`. The entry module does not export `onSignal`, the event that signals and timers run. That
is also the event for the signal that `onFail` names.

```ts,fires
import { signalAt } from "zigttp:durable";
export function onMessage(ws: WebSocket, data: string, room: string) {
  signalAt(room, "time is up", Date.now() + 30_000);
}
```

```ts,silent
import { getWebSockets, send } from "zigttp:websocket";
import { signalAt } from "zigttp:durable";
export function onMessage(ws: WebSocket, data: string, room: string) {
  signalAt(room, "time is up", Date.now() + 30_000);
}
export function onSignal(room: string, name: string) {
  for (const peer of getWebSockets(room)) send(peer, name);
}
```

## Why it matters
The call throws a TypeError, and the event ends with all its effects undone: a signal that nothing takes
would wait for ever.

## What to do
Export `onSignal(room, name, data, info)` from the entry module. It runs in the turn of the room that
the signal is for, with the name and the data that the call has given.
"#,
    help: "Export `onSignal(room, name, data, info)` from the entry module.",
};

const EVENT: ReceivingEvent = ReceivingEvent {
    event: "onSignal",
    functions: &["signal", "signalAt", "signalEvery", "cancelSignal", "signalTime"],
    note: "no event takes the signal",
};

impl Rule for SignalWithoutEvent {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        EVENT.check(handler, sink);
    }
}
