//! ZTS330: code outside of functions uses connections.

use crate::call_path;
use crate::code::FunctionId;
use crate::diagnostic::Sink;
use crate::effects::ActionKind;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::ModuleId;

/// Top-level code reaches a function that needs a connection.
pub(crate) struct TopLevelEffect;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS330",
    name: "top_level_effect",
    severity: Severity::Error,
    category: Category::Effects,
    since: "0.1.0",
    summary: "calls a function of a built-in module, or fetch, while it is built",
    explanation: r#"
## What it is
Code outside of functions calls a function of a built-in module (`zigttp:…`) that uses connections or what is
stored with them, or `fetch` or `setTimeout`, directly or through other functions.

```ts,fires
import { getWebSockets, send } from "zigttp:websocket";
const peers = getWebSockets("/lobby");
export function onMessage(ws: WebSocket, data: string) { for (const peer of peers) send(peer, data); }
```

```ts,silent
import { getWebSockets, send } from "zigttp:websocket";
const peers = () => getWebSockets("/lobby");
export function onMessage(ws: WebSocket, data: string) { for (const peer of peers()) send(peer, data); }
```

```ts,fires
const rates = await (await fetch("https://api.example.com/rates")).json();
export function handler(req: Request) { return Response.json(rates); }
```

## Why it matters
Code outside of functions runs once, when the handler is built. There is no connection and no room
then, and nothing is fetched, since the answer would be part of the artifact: the call throws, and nothing is built.

## What to do
Move the call into the function that is called for an event: `onOpen`, `onMessage` or `onClose`.
"#,
    help: "Move the call into the function of an event.",
};

impl Rule for TopLevelEffect {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for index in 0..handler.modules.len() {
            let top_level = (ModuleId::new(index), FunctionId::TOP_LEVEL);
            for path in call_path::one_for_each_start(handler.effects.reached(top_level)) {
                let (Some(name), Some(_)) = (path.action.kind.name(), path.action.kind.effect())
                else {
                    continue;
                };
                let why = match path.action.kind {
                    ActionKind::Outside(_) => "nothing is waited for while a handler is built",
                    _ => "there is no connection and no room while a handler is built",
                };
                let report = sink
                    .report(path.start(), format!("top-level code calls `{name}`"))
                    .label("runs when the handler is built")
                    .note(why);
                call_path::explain(report, handler, &path);
            }
        }
    }
}
