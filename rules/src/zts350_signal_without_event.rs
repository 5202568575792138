//! ZTS350: signals are sent, and no event takes them.

use zigttp_abi::api::Module;
use zigttp_abi::events;

use crate::diagnostic::Sink;
use crate::mistaken_exports::MistakenExports;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::ApiCall;
use crate::rule::Rule;
use crate::signature;
use crate::span::ModuleId;

/// Calls functions of `zigttp:durable`, but exports no `onSignal`.
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
A function of `zigttp:durable` is called: `signal`, `signalAt`, `signalEvery`, `cancelSignal` or
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

/// The event that takes signals.
const EVENT: &str = "onSignal";

/// Functions that throw without it.
const FUNCTIONS: [&str; 5] = ["signal", "signalAt", "signalEvery", "cancelSignal", "signalTime"];

/// Most further calls that are shown.
const MAX_SHOWN: usize = 8;

impl Rule for SignalWithoutEvent {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(entry) = handler.modules.first() else { return };
        let is_exported = handler.event_exports().iter().any(|(event, _)| event.name == EVENT);
        if is_exported || handler.exports_of(ModuleId::ENTRY).is_open {
            return;
        }
        let needs_event = |call: &ApiCall<'_>| {
            call.function.module == Module::Durable && FUNCTIONS.contains(&call.function.name)
        };
        let mut calls: Vec<_> = handler.api_calls().filter(needs_event).collect();
        calls.sort_by_key(|call| call.call.span);
        // What is missing is one export, however many calls need it.
        let Some((first, others)) = calls.split_first() else { return };
        // Of one under another name the rule about that name tells.
        if MistakenExports::of(handler).stand_for(EVENT) {
            return;
        }
        let name = first.function.name;
        let report = sink
            .report(
                first.call.span,
                format!("`{name}` is called, but `{}` exports no `{EVENT}`", entry.name),
            )
            .label("a TypeError")
            .note("no event takes the signal");
        if let Some(event) = events::find(EVENT) {
            let event = signature::of_event(event);
            report.help(format!("Export `{event}` from `{}`.", entry.name));
        }
        for other in others.iter().take(MAX_SHOWN) {
            report.secondary(other.call.span, "needs it too");
        }
    }
}
