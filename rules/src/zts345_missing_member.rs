//! ZTS345: a member of a request, a response or headers is used that they do not have.

use std::collections::BTreeSet;

use crate::code::{MemberKind, MemberUse};
use crate::diagnostic::{Edit, Sink};
use crate::host_values::{HostValue, HostValues};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Uses a member that the Request, Response or Headers of other platforms have.
pub(crate) struct MissingMember;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS345",
    name: "missing_member",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "uses a member that requests, responses or headers do not have",
    explanation: r#"
## What it is
A member of a `Request`, a `Response` or `Headers` is used that other platforms have and this one does not:
`req.cookies`, `req.ip`, `req.cache`, `headers.authorization`. Requests are followed from the events into the
functions that are called with them.

```ts,fires
export function handler(req: Request) { return Response.text(String(req.cookies)); }
```

```ts,fires
export function handler(req: Request) { return Response.text(req.headers.host ?? "none"); }
```

```ts,silent
export async function handler(req: Request) {
  const form = await req.formData();
  return Response.text(`${form.get("name")} of ${req.headers.get("host")}`);
}
```

## Why it matters
Such a method is a TypeError, and the client gets the status 500; such a property is `undefined`.

## What to do
The message says what to use instead, if there is something.
"#,
    help: "Use what requests, responses and headers have here.",
};

impl Rule for MissingMember {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        // Computed for the first member that has such a name.
        let mut found = None;
        for (index, module) in handler.modules.iter().enumerate() {
            let id = ModuleId::new(index);
            for member in &module.code.members {
                let name = member.name.as_str();
                let is_known = TABLE.iter().any(|(_, names, _)| names.contains(&name));
                if member.kind == MemberKind::Written || !(is_known || may_be_header(name)) {
                    continue;
                }
                let (values, set) = found
                    .get_or_insert_with(|| (HostValues::of(handler), names_that_are_set(handler)));
                let Some(value) = values.value_of(id, &member.object) else { continue };
                if value == HostValue::Headers && may_be_header(name) {
                    report_header(member, sink);
                } else if let Some(help) = instead(value, name)
                    && !set.contains(name)
                {
                    report(value, member, help, sink);
                }
            }
        }
    }
}

const WHOLE: &str =
    "The body is whole: `await req.text()`, `json()`, `bytes()` or `arrayBuffer()`.";
const SENT: &str = "A request is what the client has sent: `method`, `url`, `path`, `query`, `params`, `headers` and a body.";
const HEADER: &str = "Read a header: `req.headers.get(name)`.";
const COOKIES: &str = "Read the header: `req.headers.get(\"cookie\")`.";
const ADDRESS: &str =
    "A handler does not see addresses; a proxy in front can pass one in a header.";
const OWN: &str = "Find it out from the headers, and pass it on as a value of your own.";

/// Members of other platforms by what they are taken of, and what to use instead.
static TABLE: &[(HostValue, &[&str], &str)] = &[
    (HostValue::Request, &["rawBody"], WHOLE),
    (
        HostValue::Request,
        &[
            "cache",
            "credentials",
            "destination",
            "duplex",
            "integrity",
            "isHistoryNavigation",
            "isReloadNavigation",
            "keepalive",
            "mode",
            "priority",
            "referrer",
            "referrerPolicy",
        ],
        SENT,
    ),
    (HostValue::Request, &["header", "get", "getHeader", "hostname", "host"], HEADER),
    (HostValue::Request, &["cookies", "cookie", "signedCookies"], COOKIES),
    (
        HostValue::Request,
        &["cf", "connection", "geo", "ip", "ips", "remoteAddress", "socket"],
        ADDRESS,
    ),
    (HostValue::Request, &["session", "user", "auth"], OWN),
    (HostValue::Request, &["param"], "Read `req.params`, or call `param(req, name)`."),
    (
        HostValue::Request,
        &["nextUrl", "originalUrl", "baseUrl", "pathname", "searchParams", "search"],
        "Read `req.path` and `req.query`, or `new URL(req.url, \"http://localhost\")`.",
    ),
    (HostValue::Request, &["on", "once", "pipe", "addEventListener"], WHOLE),
    (
        HostValue::Response,
        &["webSocket", "trailers"],
        "A response is what a handler has made: `status`, `statusText`, `ok`, `headers` and a body.",
    ),
    (
        HostValue::Response,
        &["setHeader", "header", "set", "append", "cookie", "writeHead"],
        "Set a header: `response.headers.set(name, value)`.",
    ),
    (
        HostValue::Response,
        &["end", "send", "write"],
        "Return it with its whole body: `new Response(body)`.",
    ),
];

/// What headers have, as every object.
const OF_HEADERS: &[&str] = &[
    "append",
    "constructor",
    "delete",
    "entries",
    "forEach",
    "get",
    "getSetCookie",
    "has",
    "hasOwnProperty",
    "keys",
    "set",
    "toLocaleString",
    "toString",
    "valueOf",
    "values",
];

fn may_be_header(name: &str) -> bool {
    !OF_HEADERS.contains(&name)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn instead(value: HostValue, name: &str) -> Option<&'static str> {
    let is_it =
        |(of, names, _): &&(HostValue, &[&str], &str)| *of == value && names.contains(&name);
    TABLE.iter().find(is_it).map(|(_, _, help)| *help)
}

/// The names of the properties that the handler gives to objects: one of them may be this one.
fn names_that_are_set(handler: &HandlerModel) -> BTreeSet<&str> {
    let members = handler.modules.iter().flat_map(|module| &module.code.members);
    let set = members.filter(|member| member.kind == MemberKind::Written);
    set.map(|member| member.name.as_str()).collect()
}

fn report(value: HostValue, member: &MemberUse, help: &str, sink: &mut Sink<'_>) {
    let of = if value == HostValue::Request { "a Request" } else { "a Response" };
    let name = &member.name;
    let (headline, label) = match member.kind {
        MemberKind::Called(_) => (format!("{of} has no method `{name}` here"), "a TypeError"),
        _ => (format!("{of} has no `{name}` here"), "undefined"),
    };
    sink.report(member.span, headline).label(label).help(help);
}

fn report_header(member: &MemberUse, sink: &mut Sink<'_>) {
    let name = &member.name;
    if matches!(member.kind, MemberKind::Called(_)) {
        sink.report(member.span, format!("Headers have no method `{name}`"))
            .label("a TypeError")
            .help("Use `get`, `has`, `set`, `append`, `delete`, or a loop over them.");
        return;
    }
    let header = name.to_lowercase();
    let report = sink
        .report(member.span, format!("Headers have no property `{name}`"))
        .label("undefined")
        .note("headers are no plain object, as they are in Node.js")
        .help(format!("Write `headers.get(\"{header}\")`."));
    if member.kind != MemberKind::Destructured && !member.is_optional {
        let span = Span { start: member.object_span.end, ..member.span };
        let edit = Edit { span, replacement: format!(".get(\"{header}\")") };
        report.fix(format!("read it with `get(\"{header}\")`"), vec![edit]);
    }
}
