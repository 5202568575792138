//! ZTS328: `routes` is not a list of routes, or one of them is wrong.

use std::collections::BTreeMap;

use zigttp_abi::route::{RouteError, RouteProblem};

use crate::diagnostic::Sink;
use crate::import::Reference;
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

A segment of a pattern is text, or `:name` for all of one segment, or a last `*` for one or more segments. What
other routers write more is refused, each with what to write in its place:

| | |
|---|---|
| `/room/:id?` | two routes, `/room` and `/room/:id` |
| `/files/:path*`, `/files/:path+`, `/files/**` | `/files/*`; what it matches is read from `url` or the room's name |
| `/room/:id(\d+)` | `/room/:id`, and a test in `onUpgrade` or `onRequest` that returns a `Response` with the status 404 |
| `/:file.json`, `/:from-:to` | `/:file`, and take it apart in the handler |
| `/*/end`, `/a*` | parameters before the last segment |
| `/room?x=1`, `/{id}` | a path without query; `:id` |

Text such as `/room-:id`, `/[id]` or `/(a|b)` is compared as it is written, which a warning says.

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

```ts,fires
import { send } from "zigttp:websocket";
export const routes = ["/room/:id?"];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
const LOBBY = "/lobby";
const API = "/api" + "/v1";
const common = Object.freeze(["/files/*"]);
export const routes = [
  LOBBY, "/auction/:id", ...common,
  { path: `${API}/auction/:id/bids`, room: "/auction/:id", upgrade: false },
];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function onRequest(req: Request, room: string) { return Response.text(room); }
```

## Why it matters
Routes are read when the handler is built and become part of the artifact: a list that is computed
at run time comes too late. A server refuses to start with a pattern it cannot read, and of two
patterns for the same paths only one ever matches.

Constants are read, also of other modules: strings, templates and sums of them, members of constant objects and of
enums, spread arrays and objects, `concat`, `Object.values` and `Object.freeze`. What a function returns is not.

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
            check_text(path, sink);
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
        RouteMistakeKind::Changed => "`routes` is changed as the code runs".to_owned(),
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
        RouteMistakeKind::Changed => report
            .label("comes too late")
            .note("routes are read when the handler is built")
            .help("Write all routes where the list is written."),
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
    } else if let Some(help) = instead(pattern, problem) {
        report.help(help);
    }
}

/// What to write in place of what other routers understand.
fn instead(pattern: &str, problem: &RouteProblem) -> Option<String> {
    Some(match problem {
        RouteProblem::OptionalParameter => match pattern.rsplit_once("/:") {
            Some((before, name)) if name.trim_end_matches('?').chars().all(char::is_alphanumeric) => {
                let (without, name) = (if before.is_empty() { "/" } else { before }, name.trim_end_matches('?'));
                format!("Write two routes: `{without}` and `{before}/:{name}`.")
            }
            _ => "Write two routes, one with the parameter and one without.".to_owned(),
        },
        RouteProblem::RepeatingParameter => {
            "End the pattern with `*`, which is one or more segments; `url` and the room's name have them."
                .to_owned()
        }
        RouteProblem::ParameterExpression => {
            "Write the name alone, and return a `Response` with the status 404 from `onUpgrade` or `onRequest` \
             for what it must not be."
                .to_owned()
        }
        RouteProblem::PartialParameter => {
            "A parameter is all of a segment; its name has letters, digits, `_` and `$`. Take its value apart in \
             the handler."
                .to_owned()
        }
        RouteProblem::InnerWildcard => {
            "Write a parameter for each segment before the last one: `/:a/end`.".to_owned()
        }
        RouteProblem::PartialWildcard => {
            "Write `*` alone as the last segment, which is one or more segments.".to_owned()
        }
        RouteProblem::NoPathCharacter('?') => {
            "A route has no query: read it from `url` or `req.query`.".to_owned()
        }
        RouteProblem::NoPathCharacter('{' | '<') => "Write a parameter as `:name`.".to_owned(),
        RouteProblem::NoPathCharacter('#') => "Clients keep the fragment to themselves.".to_owned(),
        RouteProblem::NoPathCharacter(_) => {
            "Write it percent-encoded, as clients send it: `%20` for a space.".to_owned()
        }
        _ => return None,
    })
}

/// Warns of text that other routers would read as a pattern, or that clients send in another form.
fn check_text(path: &Reference, sink: &mut Sink<'_>) {
    let texts = || path.name.split('/').filter(|it| !it.starts_with(':') && *it != "*");
    let is_named = |text: &str| {
        let begins_name = |rest: &str| rest.starts_with(|it: char| it.is_alphabetic() || it == '_');
        text.split_once(':').is_some_and(|(_, rest)| begins_name(rest))
    };
    let is_grouped = |text: &str| {
        ["()", "[]"].iter().any(|pair| {
            let mut ends = pair.chars();
            ends.all(|end| text.contains(end))
        })
    };
    if let Some(text) = texts().find(|text| is_named(text) || is_grouped(text)) {
        let report = sink.report(path.span, format!("`{text}` in a route is text, not a pattern"));
        report.severity = Severity::Warning;
        report
            .label("matches only a path with just this text")
            .help("Write a parameter as `:name`. It is all of a segment.");
    } else if let Some(text) = texts().find(|text| !text.is_ascii()) {
        let sent: String = text
            .bytes()
            .map(|byte| match byte {
                ..=0x7f => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect();
        let report = sink.report(path.span, format!("`{text}` is sent as `{sent}`"));
        report.severity = Severity::Warning;
        report
            .label("matches no path that a browser sends")
            .note("the text of a route is compared with the path as it was sent")
            .help(format!("Write `{sent}`."));
    }
}

/// A pattern without the names of its parameters, which do not matter for what it matches.
fn shape(pattern: &str) -> String {
    let segments = pattern.split('/');
    let segments: Vec<_> =
        segments.map(|segment| if segment.starts_with(':') { ":" } else { segment }).collect();
    segments.join("/")
}
