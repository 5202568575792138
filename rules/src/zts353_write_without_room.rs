//! ZTS353: an event without a room writes the state of one.

use std::collections::BTreeMap;

use zigttp_abi::api::ApiFunction;

use crate::call_path;
use crate::diagnostic::Sink;
use crate::effects::{ActionKind, Path};
use crate::model::HandlerModel;
use crate::own_room::{self, ROOMLESS};
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::ModuleId;

/// Writes state, sets timers or opens streams in `handler`; or anything in `roomOf`.
pub(crate) struct WriteWithoutRoom;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS353",
    name: "write_without_room",
    severity: Severity::Error,
    category: Category::State,
    since: "0.1.0",
    summary: "writes the state of a room in handler, or anything in roomOf, which belong to none",
    explanation: r#"
## What it is
`handler(req)` calls, directly or through other functions, a function that writes the state of a room or
is about its timers or streams: `put`, `delete` or `deleteAll` of `zigttp:storage` or `zigttp:memory`, `signalAt`,
`signalEvery`, `cancelSignal`, `signalTime`, `stream` or `cancelStream`. Or `roomOf(req)` calls any function that changes something,
or `fetch`.

```ts,fires
import * as storage from "zigttp:storage";
function count(room: string) {
  const n = (storage.get<number>(room, "n") ?? 0) + 1;
  storage.put(room, "n", n);
  return n;
}
export function handler(req: Request) { return Response.text(`${count("/counter")}`); }
```

```ts,silent
import * as storage from "zigttp:storage";
export const routes = ["/counter/:name"];
export function onRequest(req: Request, room: string) {
  const n = (storage.get<number>(room, "n") ?? 0) + 1;
  storage.put(room, "n", n);
  return Response.text(`${n}`);
}
export function handler(req: Request) { return Response.text(`${storage.get("/counter/a", "n")}`); }
```

```ts,fires
import { broadcast } from "zigttp:websocket";
export function roomOf(req: Request) {
  broadcast("/lobby", "somebody comes");
  return `user:${req.headers.get("x-user")}`;
}
export function onMessage(ws: WebSocket, data: string, room: string) { broadcast(room, data); }
```

## Why it matters
`handler` belongs to no room and runs beside all of them. Two requests at once would read the same number
and store the same next one. So these functions throw a RangeError there, and the client gets the status
500. Only events of a room write its state: they run one at a time.

`roomOf` only names a room, before any turn, and nothing that it does takes effect: such a call is a TypeError.

## What to do
Answer the request in `onRequest(req, room)`, which runs in the turn of the room that its path names; the
path needs a route. Or send the room a signal from `handler`, and write in `onSignal`. Reading any room
is allowed.
"#,
    help: "Write in `onRequest(req, room)`, or `signal` the room and write in `onSignal`.",
};

impl Rule for WriteWithoutRoom {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        // Calls of which it is certain what they call.
        let calls: BTreeMap<_, _> =
            handler.api_calls().map(|call| (call.call.span, call.function)).collect();
        for event in ROOMLESS {
            let meaning = handler.meaning_of_export(ModuleId::ENTRY, event);
            let Meaning::Function(module, function) = meaning else { continue };
            let refused = |path: &Path| match path.action.kind {
                ActionKind::Outside(name) => waits(event, name),
                _ => refusal(event, calls.get(&path.action.span)?),
            };
            let mut paths = handler.effects.reached((module, function));
            paths.retain(|path| refused(path).is_some());
            for path in call_path::one_for_each_start(paths) {
                let Some(Refusal { message, label, law }) = refused(&path) else { continue };
                let report = sink.report(path.start(), message).label(label).note(law);
                call_path::explain(report, handler, &path);
                if event == "roomOf" {
                    report.help("Only read in `roomOf`; what changes something, or waits, belongs in the event that follows.");
                }
            }
        }
    }
}

/// Why an event without a room may not call a function.
struct Refusal {
    message: String,
    label: &'static str,
    law: &'static str,
}

/// `roomOf` is asked at once.
fn waits(event: &str, name: &str) -> Option<Refusal> {
    (event == "roomOf").then(|| Refusal {
        message: format!("`roomOf` calls `{name}`, and must not wait"),
        label: "never answered",
        law: "it names a room before any turn, and is asked at once",
    })
}

fn refusal(event: &str, function: &ApiFunction) -> Option<Refusal> {
    if event == "roomOf" && function.writes {
        return Some(Refusal {
            message: format!("`roomOf` calls `{}`, and may only read", function.name),
            label: "a TypeError",
            law: "it names a room before any turn, and nothing that it does takes effect",
        });
    }
    let own_room = own_room::of(function)?;
    Some(Refusal {
        message: format!("`{event}` {} a room, and belongs to none", own_room.does),
        label: "a RangeError",
        law: own_room.law,
    })
}
