//! ZTS336: an export is an event of another platform.

use zigttp_abi::events::{self, EventExport};

use crate::diagnostic::Sink;
use crate::event_containers::{Container, MemberEvent};
use crate::foreign_events::ForeignEvent;
use crate::mistaken_exports::{Foreign, MistakenExports};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::signature;

/// Exports a function, a class or an object that another platform would call.
pub(crate) struct ForeignEventExport;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS336",
    name: "foreign_event_export",
    severity: Severity::Warning,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports an event of another platform",
    explanation: r#"
## What it is
The entry module exports a function under the name of an event that PartyKit, Cloudflare, Bun or
another platform has; or a class or an object whose members are such events.

```ts,fires
import { send } from "zigttp:websocket";
export function onConnect(ws: WebSocket) { send(ws, "welcome"); }
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,fires
export default {
  fetch(req: Request) { return Response.text("hello"); },
  websocket: { message(ws: WebSocket, data: string) {} },
};
```

```ts,silent
import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { send(ws, "welcome"); }
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
The runtime calls functions that are exported by name, with names of its own. What is exported under
another name, or is a member of a class or an object, is never called. If the handler exports no
event at all, this is an error.

## What to do
Export functions with the names that the message says, and look at their parameters: a connection is
a value that you hand to `send` and `close`, a room is a string, and what an object kept in its
fields belongs into the state of the room (`zigttp:storage`) or the attachment of a connection. If the export is for other code, rename it.

A class of events does not need the import of the class that it extends.
"#,
    help: "Export functions under the names of events that the runtime calls.",
};

impl Rule for ForeignEventExport {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let mistaken = MistakenExports::of(handler);
        let calls_nothing = handler.calls_nothing();
        let exported = handler.event_exports();
        for Foreign { span, event } in &mistaken.foreign {
            let ours: Vec<_> = event.ours().collect();
            let is_there =
                |event: &&EventExport| exported.iter().any(|(it, _)| it.name == event.name);
            let (there, missing): (Vec<&EventExport>, Vec<&EventExport>) =
                ours.iter().copied().partition(is_there);
            let name = event.name;
            let report = sink
                .report(*span, headline(event, &ours))
                .label("never called")
                .note("the runtime finds its functions by their exact name");
            match there.first() {
                Some(there) if missing.is_empty() => {
                    let there = format!("Remove it: `{}` is exported too.", there.name);
                    report.help([&there, event.advice].join(" ").trim_end());
                }
                _ => {
                    report.help(advice(&missing, &[event]));
                }
            }
            if calls_nothing {
                report.severity = Severity::Error;
            }
            if let Some(best) = missing.first().filter(|_| handler.is_named_once(name, *span)) {
                report.suggest(format!("rename `{name}` to `{}`", best.name), *span, best.name);
            }
        }
        if let Some((first, others)) = mistaken.containers.split_first() {
            report_containers(first, others, calls_nothing, sink);
        }
    }
}

/// One diagnostic for all of them: the class of a room and the object that leads to it are one mistake.
fn report_containers(
    first: &Container<'_>,
    others: &[Container<'_>],
    is_error: bool,
    sink: &mut Sink<'_>,
) {
    let kind = if first.is_class { "a class" } else { "an object" };
    let name = if first.name == "default" {
        "the default export".to_owned()
    } else {
        format!("`{}`", first.name)
    };
    let report = sink
        .report(first.span, format!("{name} is {kind} of events, as in {}", first.platform))
        .label("never called")
        .note("the runtime calls functions that are exported by name");
    if is_error {
        report.severity = Severity::Error;
    }
    for other in others {
        report.secondary(other.span, "never called either");
    }
    let (mut ours, mut foreign) = (Vec::<&EventExport>::new(), Vec::new());
    for container in std::iter::once(first).chain(others) {
        if let Some(base) = container.base {
            report.secondary(base.span, "not needed");
        }
        for member in &container.members {
            let its = member.event.ours();
            let name = match member.event {
                MemberEvent::Ours(event) => event.name,
                MemberEvent::Foreign(event) => {
                    foreign.push(event);
                    event.name
                }
            };
            let label = match names(&its) {
                Some(names) => format!("here {names}"),
                None => format!("nothing here is like `{name}`"),
            };
            report.secondary(member.span, label);
            ours.extend(its.first().copied());
        }
    }
    // Each once, in the order of a connection's life.
    let ours: Vec<_> = events::EXPORTS
        .iter()
        .filter(|event| ours.iter().any(|ours| ours.name == event.name))
        .collect();
    let list: Vec<_> =
        ours.iter().map(|event| format!("`{}`", signature::of_event(event))).collect();
    if !list.is_empty() {
        report.help(format!("Export functions: {}.", list.join(", ")));
    } else {
        report.help(advice(&ours, &foreign));
    }
}

fn headline(event: &ForeignEvent, ours: &[&EventExport]) -> String {
    let ForeignEvent { name, platform, .. } = event;
    match names(ours) {
        Some(names) => format!("`{name}` is an event of {platform}; here it is {names}"),
        None => format!("`{name}` is an event of {platform}, and nothing here is like it"),
    }
}

fn names(ours: &[&EventExport]) -> Option<String> {
    let names: Vec<_> = ours.iter().map(|event| format!("`{}`", event.name)).collect();
    (!names.is_empty()).then(|| names.join(" or "))
}

/// What to do about foreign events, in whole sentences.
fn advice(ours: &[&EventExport], events: &[&ForeignEvent]) -> String {
    let mut sentences = Vec::new();
    let calls: Vec<_> =
        ours.iter().map(|event| format!("`{}`", signature::of_event(event))).collect();
    if !calls.is_empty() {
        sentences.push(format!("Export {}.", calls.join(" or ")));
    }
    for event in events.iter().filter(|event| !event.advice.is_empty()) {
        sentences.push(event.advice.to_owned());
    }
    sentences.join(" ")
}
