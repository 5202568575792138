//! ZTS353: an event without a room writes the state of one.

use std::collections::BTreeMap;

use crate::call_path;
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::own_room;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::ModuleId;

/// Writes state, or sets timers, in `handler`.
pub(crate) struct WriteWithoutRoom;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS353",
    name: "write_without_room",
    severity: Severity::Error,
    category: Category::State,
    since: "0.1.0",
    summary: "writes the state of a room in handler, which belongs to none",
    explanation: r#"
## What it is
`handler(req)` calls, directly or through other functions, a function that writes the state of a room or
is about its timers: `put`, `delete` or `deleteAll` of `zigttp:storage` or `zigttp:memory`, `signalAt`,
`signalEvery`, `cancelSignal` or `signalTime`.

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

## Why it matters
`handler` belongs to no room and runs beside all of them. Two requests at once would read the same number
and store the same next one. So these functions throw a RangeError there, and the client gets the status
500. Only events of a room write its state: they run one at a time.

## What to do
Answer the request in `onRequest(req, room)`, which runs in the turn of the room that its path names; the
path needs a route. Or send the room a signal from `handler`, and write in `onSignal`. Reading any room
is allowed.
"#,
    help: "Write in `onRequest(req, room)`, or `signal` the room and write in `onSignal`.",
};

/// The event that belongs to no room.
const EVENT: &str = "handler";

impl Rule for WriteWithoutRoom {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let meaning = handler.meaning_of_export(ModuleId::ENTRY, EVENT);
        let Meaning::Function(module, function) = meaning else { return };
        // Calls of which it is certain what they call.
        let writes: BTreeMap<_, _> = handler
            .api_calls()
            .filter_map(|call| Some((call.call.span, own_room::of(call.function)?)))
            .collect();
        if writes.is_empty() {
            return;
        }
        let mut paths = handler.effects.reached((module, function));
        paths.retain(|path| writes.contains_key(&path.action.span));
        for path in call_path::one_for_each_start(paths) {
            let own_room = &writes[&path.action.span];
            let report = sink
                .report(
                    path.start(),
                    format!("`{EVENT}` {} a room, and belongs to none", own_room.does),
                )
                .label("a RangeError")
                .note(own_room.law);
            call_path::explain(report, handler, &path);
        }
    }
}
