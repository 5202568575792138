//! ZTS354: a schedule sends a signal that no `onSignal` takes.

use std::collections::BTreeSet;

use zigttp_abi::events;

use crate::diagnostic::Sink;
use crate::mistaken_exports::MistakenExports;
use crate::model::{HandlerModel, ScheduleElement};
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::signature;
use crate::span::ModuleId;
use crate::spelling::closest;

/// Exports schedules whose signals nothing takes.
pub(crate) struct ScheduleWithoutEvent;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS354",
    name: "schedule_without_event",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports schedules whose signals no onSignal takes",
    explanation: r#"
## What it is
The handler exports `schedules` and no `onSignal`, or the name of a schedule is nearly one that the handler compares
with, and not the same.

```ts,fires
import { send } from "zigttp:websocket";
export const schedules = [{ cron: "0 9 * * *", room: "/auction", name: "open" }];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,fires
export const schedules = [{ cron: "0 9 * * *", room: "/auction", name: "opne" }];
export function onSignal(room: string, name: string) {
  if (name === "open") console.log(room, "is open");
}
```

```ts,silent
export const schedules = [{ cron: "0 9 * * *", room: "/auction", name: "open" }];
export function onSignal(room: string, name: string) {
  if (name === "open") console.log(room, "is open");
}
```

## Why it matters
At each of its times a schedule sends its room a signal. Without `onSignal` the signals wait for ever; under a name
that is not expected nothing happens.

## What to do
Export `onSignal(room, name, data, info)` from the entry module, and use the same name in both places.
"#,
    help: "Export `onSignal(room, name, data, info)` from the entry module.",
};

/// The event that takes signals.
const EVENT: &str = "onSignal";

impl Rule for ScheduleWithoutEvent {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(entry) = handler.modules.first() else { return };
        let Some(schedules) = &entry.schedules else { return };
        let elements: Vec<&ScheduleElement> = schedules
            .elements
            .iter()
            .flatten()
            .filter_map(|element| element.as_ref().ok())
            .collect();
        if elements.is_empty() || handler.exports_of(ModuleId::ENTRY).is_open {
            return;
        }
        if handler.event_exports().iter().any(|(event, _)| event.name == EVENT) {
            check_names(handler, &elements, sink);
            return;
        }
        // Of one under another name the rule about that name tells.
        if MistakenExports::of(handler).stand_for(EVENT) {
            return;
        }
        let report = sink
            .report(
                schedules.span,
                format!("`schedules` is exported, but `{}` exports no `{EVENT}`", entry.name),
            )
            .label("signals that nothing takes")
            .note("no event takes the signal");
        if let Some(event) = events::find(EVENT) {
            let event = signature::of_event(event);
            report.help(format!("Export `{event}` from `{}`.", entry.name));
        }
    }
}

/// Reports names that are nearly one that something is compared with. Other names may come to a `default`.
fn check_names(handler: &HandlerModel, elements: &[&ScheduleElement], sink: &mut Sink<'_>) {
    let mut compared = BTreeSet::new();
    for (index, module) in handler.modules.iter().enumerate() {
        let texts = module
            .code
            .compared
            .iter()
            .filter_map(|expression| handler.constant_string(ModuleId::new(index), expression));
        compared.extend(texts);
    }
    for ScheduleElement { name, .. } in elements {
        if compared.contains(&name.name) {
            continue;
        }
        if let Some(meant) = closest(&name.name, compared.iter().map(String::as_str)) {
            let report = sink.report(
                name.span,
                format!("no `{EVENT}` compares with the signal `{}`", name.name),
            );
            // It may still come to a `default`.
            report.severity = Severity::Warning;
            report
                .label(format!("the handler compares with `{meant}`"))
                .help(format!("Write `{meant}` in both places."))
                .suggest(format!("write `{meant}`"), name.span, meant);
        }
    }
}
