//! ZTS328: `routes` is not a list of patterns, or one of them is wrong.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Exports routes that cannot be served.
pub(crate) struct InvalidRoute;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS328",
    name: "invalid_route",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports routes that cannot be read, or a pattern that is malformed or repeated",
    explanation: r#"
## What it is
`export const routes` is not an array of constant strings, or one of its patterns does not begin
with `/`, has a parameter without a name or twice, has a `*` that is not its last segment, or
matches the same paths as one before it.

```ts,fires
import { send } from "zigttp:websocket";
export const routes = ["room/:name"];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,fires
import { send } from "zigttp:websocket";
export const routes = ["/room/:name", "/room/:id"];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
const LOBBY = "/lobby";
export const routes = [LOBBY, "/room/:name", "/files/*"];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
Routes are read when the handler is built and become part of the artifact: a list that is computed
at run time comes too late. A server refuses to start with a pattern it cannot read, and of two
patterns for the same paths only one ever matches.

## What to do
Write the patterns out, each beginning with `/`: `/lobby`, `/room/:name`, `/files/*`.
"#,
    help: "Write the routes as an array of patterns that begin with `/`.",
};

impl Rule for InvalidRoute {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(routes) = handler.modules.first().and_then(|entry| entry.routes.as_ref()) else {
            return;
        };
        let Some(patterns) = &routes.patterns else {
            sink.report(routes.span, "`routes` is not an array of constant strings")
                .label("cannot be read without running it")
                .note("routes are read when the handler is built");
            return;
        };
        let mut shapes = BTreeMap::new();
        for pattern in patterns {
            if let Some(problem) = problem(&pattern.name) {
                sink.report(pattern.span, format!("the route `{}` {problem}", pattern.name))
                    .note("a server refuses to start with it");
                continue;
            }
            match shapes.get(&shape(&pattern.name)) {
                Some(&first) => {
                    sink.report(
                        pattern.span,
                        format!(
                            "the route `{}` matches the same paths as another one",
                            pattern.name
                        ),
                    )
                    .label("never matches")
                    .secondary(first, "always matches first")
                    .help("Remove one of the two.");
                }
                None => {
                    shapes.insert(shape(&pattern.name), pattern.span);
                }
            }
        }
    }
}

fn problem(pattern: &str) -> Option<&'static str> {
    let Some(rest) = pattern.strip_prefix('/') else { return Some("does not begin with `/`") };
    let segments: Vec<&str> = rest.split('/').collect();
    let parameters: Vec<&str> =
        segments.iter().filter_map(|segment| segment.strip_prefix(':')).collect();
    let distinct: BTreeSet<&str> = parameters.iter().copied().collect();
    if parameters.iter().any(|name| name.is_empty()) {
        Some("has a parameter without a name")
    } else if distinct.len() < parameters.len() {
        Some("has a parameter twice")
    } else if segments.iter().rev().skip(1).any(|&segment| segment == "*") {
        Some("has a `*` that is not its last segment")
    } else {
        None
    }
}

/// A pattern without the names of its parameters, which do not matter for what it matches.
fn shape(pattern: &str) -> String {
    let segments = pattern.split('/');
    let segments: Vec<_> =
        segments.map(|segment| if segment.starts_with(':') { ":" } else { segment }).collect();
    segments.join("/")
}
