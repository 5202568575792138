//! ZTS328: `routes` is not a list of routes, or one of them is wrong.

use std::collections::BTreeMap;

use zigttp_abi::route::{RouteError, RouteProblem};

use crate::diagnostic::Sink;
use crate::model::{HandlerModel, RouteElement, RouteMistake, RouteMistakeKind};
use crate::record::{Category, RuleRecord, Severity};
use crate::route_literals::PROPERTIES;
use crate::rule::Rule;
use crate::spelling;

/// Exports routes that cannot be served.
pub(crate) struct InvalidRoute;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS328",
    name: "invalid_route",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports routes that cannot be read, or one that is malformed or repeated",
    explanation: r#"
## What it is
`export const routes` is not an array of constant strings and objects, or one of its patterns does not
begin with `/`, has a parameter without a name or twice, has a `*` that is not its last segment, or
matches the same paths as one before it. An object has the properties `path`, a pattern; `room`, the
pattern of the rooms that its paths name, of what occurs in `path`; and `upgrade`, which is `false` where
no WebSocket opens. It has no others.

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

```ts,fires
import { send } from "zigttp:websocket";
export const routes = [{ path: "/api/auction/:id/bids", room: "/auction/:number" }];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function onRequest(req: Request, room: string) { return Response.text(room); }
```

```ts,silent
import { send } from "zigttp:websocket";
const LOBBY = "/lobby";
export const routes = [
  LOBBY, "/auction/:id", "/files/*",
  { path: "/api/auction/:id/bids", room: "/auction/:id", upgrade: false },
];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function onRequest(req: Request, room: string) { return Response.text(room); }
```

## Why it matters
Routes are read when the handler is built and become part of the artifact: a list that is computed
at run time comes too late. A server refuses to start with a pattern it cannot read, and of two
patterns for the same paths only one ever matches.

## What to do
Write the patterns out, each beginning with `/`: `/lobby`, `/room/:name`, `/files/*`. The parameters of a
`room` are those of its `path`.
"#,
    help: "Write the routes as an array of patterns that begin with `/`, or of objects with such a `path`.",
};

impl Rule for InvalidRoute {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(routes) = handler.modules.first().and_then(|entry| entry.routes.as_ref()) else {
            return;
        };
        let Some(elements) = &routes.elements else {
            sink.report(routes.span, "`routes` is not an array of constants")
                .label("cannot be read without running it")
                .note("routes are read when the handler is built");
            return;
        };
        let mut shapes = BTreeMap::new();
        for element in elements {
            let route = match element {
                Ok(route) => route,
                Err(mistake) => {
                    report_mistake(mistake, sink);
                    continue;
                }
            };
            if let Err(error) = route.route().patterns() {
                report_pattern(route, &error, sink);
                continue;
            }
            let path = &route.path;
            if let Some(&first) = shapes.get(&shape(&path.name)) {
                sink.report(
                    path.span,
                    format!("the route `{}` matches the same paths as another one", path.name),
                )
                .label("never matches")
                .secondary(first, "always matches first")
                .help("Remove one of the two.");
            } else {
                shapes.insert(shape(&path.name), path.span);
            }
        }
    }
}

/// What is wrong with the way in which a route is written.
fn report_mistake(RouteMistake { span, kind }: &RouteMistake, sink: &mut Sink<'_>) {
    const UNREADABLE: &str = "cannot be read without running it";
    let message = match kind {
        RouteMistakeKind::Element => {
            "a route is neither a constant string nor an object".to_owned()
        }
        RouteMistakeKind::NoPath => "a route has no `path`".to_owned(),
        RouteMistakeKind::UnknownProperty(name) => format!("a route has no property `{name}`"),
        RouteMistakeKind::UnreadableProperty => {
            "a route has a property that is not written out".to_owned()
        }
        RouteMistakeKind::NoText(name) => {
            format!("the `{name}` of a route is not a constant string")
        }
        RouteMistakeKind::NoBoolean => {
            "the `upgrade` of a route is neither `true` nor `false`".to_owned()
        }
    };
    let report = sink.report(*span, message);
    match kind {
        RouteMistakeKind::NoPath => report
            .label("matches nothing")
            .help("Say which paths it is for: `{ path: \"/room/:name\" }`."),
        RouteMistakeKind::UnknownProperty(name) => {
            report.label("means nothing").help(match spelling::closest(name, PROPERTIES) {
                Some(meant) => format!("Did you mean `{meant}`?"),
                None => "A route has a `path`, and perhaps `room` and `upgrade`.".to_owned(),
            })
        }
        RouteMistakeKind::NoBoolean => report
            .label("must be `true` or `false`")
            .note("routes are read when the handler is built"),
        _ => report.label(UNREADABLE).note("routes are read when the handler is built"),
    };
}

/// What is wrong with a pattern of a route.
fn report_pattern(route: &RouteElement, error: &RouteError, sink: &mut Sink<'_>) {
    let RouteError { pattern, is_room, problem } = error;
    let (what, at) = match (&route.room, is_room) {
        (Some(room), true) => ("room", room),
        _ => ("route", &route.path),
    };
    let report = sink
        .report(at.span, format!("the {what} `{pattern}` {problem}"))
        .note("a server refuses to start with it");
    if matches!(problem, RouteProblem::UnknownParameter(_) | RouteProblem::UnknownWildcard) {
        report
            .secondary(route.path.span, "the path that names it")
            .help("Use what occurs in the path, or add it there.");
    }
}

/// A pattern without the names of its parameters, which do not matter for what it matches.
fn shape(pattern: &str) -> String {
    let segments = pattern.split('/');
    let segments: Vec<_> =
        segments.map(|segment| if segment.starts_with(':') { ":" } else { segment }).collect();
    segments.join("/")
}
