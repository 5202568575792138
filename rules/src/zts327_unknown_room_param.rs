//! ZTS327: the handler asks for a route parameter that no route has.

use std::collections::BTreeSet;

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::ModuleId;
use crate::spelling;

/// Calls `roomFromPath` or `param` with a parameter that no route has.
pub(crate) struct UnknownRoomParam;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS327",
    name: "unknown_room_param",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "asks for a route parameter that no route has",
    explanation: r#"
## What it is
`roomFromPath` or `param` is called with the name of a parameter, and no pattern in `routes` has it, or
the handler exports no `routes` at all. For `roomFromPath` only routes count on which WebSockets open.

```ts,fires
import { roomFromPath, send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket) { send(ws, roomFromPath(ws, "room")); }
```

```ts,silent
import { roomFromPath, send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket) { send(ws, roomFromPath(ws, "name")); }
```

## Why it matters
They throw a RangeError for a parameter that the route of the connection or request does not have, and the
event ends with all its effects undone.

## What to do
Ask for a parameter by the name behind the `:` in a pattern, or add a pattern that has it:
`export const routes = ["/room/:name"];`.
"#,
    help: "Ask for a parameter of one of the handler's routes.",
};

impl Rule for UnknownRoomParam {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(entry) = handler.modules.first() else { return };
        // Of all routes, and of those on which connections open.
        let (mut known, mut opened) = (BTreeSet::new(), BTreeSet::new());
        match &entry.routes {
            // Routes may come from a module that cannot be found.
            None if handler.exports_of(ModuleId::ENTRY).is_open => return,
            None => {}
            Some(routes) => {
                let Some(elements) = &routes.elements else { return };
                let Ok(elements) =
                    elements.iter().map(Result::as_ref).collect::<Result<Vec<_>, _>>()
                else {
                    return;
                };
                for element in elements {
                    let segments = element.path.name.split('/');
                    let parameters = segments.filter_map(|segment| segment.strip_prefix(':'));
                    known.extend(parameters.clone());
                    opened.extend(parameters.filter(|_| element.upgrades));
                }
            }
        }
        for call in handler.api_calls() {
            let known = match call.function.name {
                "roomFromPath" => &opened,
                "param" => &known,
                _ => continue,
            };
            let Some(argument) = call.call.arguments.get(1) else { continue };
            for (span, meaning) in handler.possible_values(call.module, argument) {
                let Some(name) = meaning.text().filter(|name| !known.contains(name)) else {
                    continue;
                };
                let report = match &entry.routes {
                    Some(routes) => sink
                        .report(span, format!("no route has the parameter `:{name}`"))
                        .secondary(routes.span, "the routes are declared here"),
                    None => sink
                        .report(span, format!("there is no route that could have `:{name}`"))
                        .help(format!("Export routes: `export const routes = [\"/:{name}\"];`.")),
                };
                report.label("throws a RangeError");
                if let Some(meant) = spelling::closest(name, known.iter().copied()) {
                    report.help(format!("Did you mean `{meant}`?"));
                }
            }
        }
    }
}
