//! ZTS334: `onRequest` is exported, and neither routes nor `roomOf` say which requests belong to a room.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::ModuleId;

/// Exports `onRequest` but neither `routes` nor `roomOf`.
pub(crate) struct RequestWithoutRoutes;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS334",
    name: "request_without_routes",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports onRequest but neither routes nor roomOf",
    explanation: r#"
## What it is
`onRequest(req, room)` runs for an HTTP request whose path matches a route, in the turn of the room that
the path names, or of the room that `roomOf(req)` names. The entry module exports it without `routes` and
without `roomOf`.

```ts,fires
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function onRequest(req: Request, room: string) { return Response.text(room); }
```

```ts,silent
import { send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function onRequest(req: Request, room: string) { return Response.text(room); }
```

## Why it matters
Without routes every path is a room, so every request of a browser or a scanner, such as
`/favicon.ico`, would wait for the turn of a room of its own. Such requests go to `handler(req)`
instead, and `onRequest` is never called.

## What to do
Export `routes` from the entry module, or `roomOf` if something else than the path says it; or answer requests in `handler(req)`, which belongs to no room.
"#,
    help: "Export `const routes = [\"/room/:name\"]`, or rename `onRequest` to `handler`.",
};

impl Rule for RequestWithoutRoutes {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(entry) = handler.modules.first() else { return };
        if entry.routes.is_some() || handler.exports_of(ModuleId::ENTRY).is_open {
            return;
        }
        let exported = handler.event_exports();
        let place_of = |name| exported.iter().find(|(event, _)| event.name == name);
        let (Some((_, span)), None) = (place_of("onRequest"), place_of("roomOf")) else { return };
        sink.report(
            *span,
            format!("`onRequest` is exported, but `{}` has no `routes`", entry.name),
        )
        .label("never called")
        .note("`onRequest` runs for paths that a route matches");
    }
}
