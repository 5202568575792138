//! ZTS352: keys of a room, or rooms, are listed, and nothing bounds how many.

use zigttp_abi::api::{ApiFunction, Module};

use crate::code::{Expression, Value};
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::ApiCall;
use crate::rule::Rule;
use crate::span::Span;

/// Calls `list` of `zigttp:storage` or `zigttp:memory`, or `listRooms`, without a limit.
pub(crate) struct ListWithoutLimit;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS352",
    name: "list_without_limit",
    severity: Severity::Warning,
    category: Category::State,
    since: "0.1.0",
    summary: "lists the keys of a room, or rooms, without a limit",
    explanation: r#"
## What it is
`list` of `zigttp:storage` or `zigttp:memory`, or `listRooms` of `zigttp:websocket`, is called without options, or with
options that have no `limit`.

```ts,fires
import { send } from "zigttp:websocket";
import * as storage from "zigttp:storage";
export function onOpen(ws: WebSocket, url: string, room: string) {
  for (const [, line] of storage.list<string>(room, { prefix: "log/" })) send(ws, line);
}
export function onMessage() {}
```

```ts,fires
import { listRooms } from "zigttp:websocket";
export function handler() { return Response.json(listRooms({ prefix: "game:" })); }
```

```ts,silent
import { send } from "zigttp:websocket";
import * as storage from "zigttp:storage";
export function onOpen(ws: WebSocket, url: string, room: string) {
  const last = storage.list<string>(room, { prefix: "log/", reverse: true, limit: 100 });
  for (const [, line] of last.reverse()) send(ws, line);
}
export function onMessage() {}
```

## Why it matters
A list is never cut without a word: when more than 1,000 entries or 1 MiB are in the range, `list` throws
a RangeError, as `listRooms` does for more than 1,000 rooms, and the event ends with all its effects undone. A handler
that works while a room, or a site, is young fails for ever once it has grown.

## What to do
Pass `limit`, and ask for the next page with `startAfter`, or with `end` when `reverse` is set. Where the
number of keys is bounded by what the handler stores, write that bound as the limit.
"#,
    help: "Pass `limit`, and page with `startAfter`.",
};

/// What `limit` may be at most, which changes nothing of what is listed today.
const MOST: &str = "limit: 1000";

impl Rule for ListWithoutLimit {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for call in handler.api_calls().filter(is_list) {
            let place = options_of(call.function);
            let Some(options) = call.call.arguments.get(place) else {
                if call.call.has_spread {
                    continue;
                }
                let comma = if place == 0 { "" } else { ", " };
                let edit = call.call.next_argument.map(|at| (at, format!("{comma}{{ {MOST} }}")));
                // Without a room it is no call that could be mended by a limit.
                if call.call.arguments.len() == place {
                    report(&call, call.call.span, edit, sink);
                }
                continue;
            };
            match &handler.literal(call.module, options).value {
                Value::Undefined => {
                    let edit = (options.span, format!("{{ {MOST} }}"));
                    report(&call, options.span, Some(edit), sink);
                }
                Value::Object { properties, is_class: false } if !has_limit(properties) => {
                    let literal = handler.literal(call.module, options).span;
                    let edit = if properties.is_empty() {
                        (literal, format!("{{ {MOST} }}"))
                    } else {
                        let start = literal.start + 1;
                        (Span { start, end: start, ..literal }, format!(" {MOST},"))
                    };
                    report(&call, options.span, Some(edit), sink);
                }
                _ => {}
            }
        }
    }
}

fn is_list(call: &ApiCall<'_>) -> bool {
    match call.function.module {
        Module::Storage | Module::Memory => call.function.name == "list",
        Module::Websocket => call.function.name == LIST_ROOMS,
        Module::Durable | Module::Env => false,
    }
}

const LIST_ROOMS: &str = "listRooms";

/// The place of the options among the arguments.
fn options_of(function: &ApiFunction) -> usize {
    function.parameters.iter().position(|parameter| parameter.name == "options").unwrap_or(0)
}

/// Whether options have a limit, or something that may bring one.
fn has_limit(properties: &[(Option<String>, Expression)]) -> bool {
    properties.iter().any(|(name, _)| name.as_deref().is_none_or(|name| name == "limit"))
}

fn report(call: &ApiCall<'_>, span: Span, edit: Option<(Span, String)>, sink: &mut Sink<'_>) {
    let report = sink
        .report(span, format!("`{}` is called without a limit", call.function.name))
        .label(match call.function.name {
            LIST_ROOMS => "a RangeError once there are more than 1,000 rooms",
            _ => "a RangeError once there are more than 1,000 entries or 1 MiB",
        })
        .note("a list is never cut: it is returned whole, or the call throws");
    if let Some((at, text)) = edit {
        report.suggest(format!("pass `{MOST}`"), at, text);
    }
}
