//! ZTS326: what is stored with a connection is no value.

use crate::code::{Call, Expression, Value};
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::ModuleId;

/// Calls `serializeAttachment` with something it does not take, or with an object that holds such.
pub(crate) struct AttachmentNotSerialized;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS326",
    name: "attachment_not_serialized",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "stores something with a connection that would not be read back as it is",
    explanation: r#"
## What it is
`serializeAttachment` is given something that is neither text, bytes nor JSON: a `Date`, a `Map`, an instance of a
class, a function, a bigint, `NaN`, `undefined`; or an object that holds such.

```ts,fires
import { serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string) { serializeAttachment(ws, { url, since: new Date() }); }
export function onMessage() {}
```

```ts,silent
import { serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string) { serializeAttachment(ws, { url, since: Date.now() }); }
export function onMessage() {}
```

## Why it matters
What is read back equals what was stored. A value is a string, an `ArrayBuffer`, a typed array, or JSON: `null`, a
boolean, a finite number, an array or a plain object of these. `JSON.stringify` would make text of a `Date` and an empty
object of a `Map` without a word; `serializeAttachment` throws a TypeError that names the path instead, and the event
ends with all its effects undone.

## What to do
Store what JSON has: a time as a number (`Date.now()`), a `Map` or `Set` as an array (`[...map]`), what an instance
holds as a plain object, a bigint as text. Bytes are stored alone, not inside of an object. To clear an attachment,
store `null`.
"#,
    help: "Store what JSON has: a time as a number, a Map or Set as an array, an instance as a plain object.",
};

/// Objects in objects that are looked into.
const MAX_DEPTH: usize = 8;

/// Globals whose instances are no values. Arrays, typed arrays, `Object` and `Array` are not among them.
const CLASSES: &[&str] = &[
    "AggregateError",
    "Boolean",
    "DOMException",
    "DataView",
    "Date",
    "Error",
    "EvalError",
    "FinalizationRegistry",
    "Function",
    "Headers",
    "Map",
    "Number",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "RegExp",
    "Request",
    "Response",
    "Set",
    "SharedArrayBuffer",
    "String",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "TypeError",
    "URIError",
    "URL",
    "URLSearchParams",
    "WeakMap",
    "WeakRef",
    "WeakSet",
];

impl Rule for AttachmentNotSerialized {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for call in handler.api_calls().filter(|call| call.function.name == "serializeAttachment") {
            if let Some(value) = call.call.arguments.get(1) {
                look(handler, call.module, value, false, MAX_DEPTH, sink);
            }
        }
    }
}

/// Reports an expression that is no value, or what in an object literal is none.
fn look(
    handler: &HandlerModel,
    module: ModuleId,
    expression: &Expression,
    is_property: bool,
    depth: usize,
    sink: &mut Sink<'_>,
) {
    let found = handler.possible_values(module, expression);
    let what: Option<Vec<_>> =
        found.iter().map(|(_, meaning)| misfit(handler, meaning, is_property)).collect();
    // If one of the possible values is allowed, nothing is reported.
    if let Some([what, ..]) = what.as_deref() {
        let message = format!("{what} cannot be stored with a connection");
        sink.report(expression.span, message)
            .label("would not be read back as it is")
            .note("`serializeAttachment` throws a TypeError for it, and the event has no effect");
        return;
    }
    // Where it is written, so that nothing has changed it. What a spread brings in may replace a property,
    // and a later property does.
    let Value::Object { properties, is_class: false, .. } = &expression.value else { return };
    if depth == 0 || properties.iter().any(|(name, _)| name.is_none()) {
        return;
    }
    for (index, (name, property)) in properties.iter().enumerate() {
        if !properties[index + 1..].iter().any(|(later, _)| later == name) {
            look(handler, module, property, true, depth - 1, sink);
        }
    }
}

/// What something is, if it is certain that it cannot be stored.
fn misfit(handler: &HandlerModel, meaning: &Meaning<'_>, is_property: bool) -> Option<String> {
    Some(match meaning {
        Meaning::Function(..) | Meaning::Api(_) => "a function".to_owned(),
        Meaning::Global(name) => match name.as_str() {
            "NaN" | "Number.NaN" => "NaN".to_owned(),
            "Infinity" | "Number.POSITIVE_INFINITY" | "Number.NEGATIVE_INFINITY" => {
                "Infinity".to_owned()
            }
            _ if name.starts_with("Symbol.") => "a symbol".to_owned(),
            _ => return None,
        },
        Meaning::Value(module, Expression { value, .. }) => match value {
            // It is left out of an object.
            Value::Undefined if is_property => return None,
            Value::Number(number) if !number.is_finite() => "Infinity".to_owned(),
            Value::Undefined | Value::BigInt | Value::RegExp => value.kind()?.to_owned(),
            Value::Object { is_class: true, .. } => "a class".to_owned(),
            Value::Call(call) => {
                return made(handler, *module, &handler.module(*module).code[*call]);
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// What a call makes, if it is certain that it cannot be stored.
fn made(handler: &HandlerModel, module: ModuleId, call: &Call) -> Option<String> {
    match handler.meaning(module, &call.callee) {
        Meaning::Global(name) if call.is_new => {
            let class = CLASSES.iter().find(|class| **class == name)?;
            let article = if class.starts_with(['A', 'E']) { "an" } else { "a" };
            Some(format!("{article} {class}"))
        }
        Meaning::Global(name) => match name.as_str() {
            "Symbol" | "Symbol.for" => Some("a symbol".to_owned()),
            "BigInt" => Some("a bigint".to_owned()),
            _ => None,
        },
        Meaning::Value(module, Expression { value, .. }) if call.is_new => match value {
            Value::Object { properties, is_class: true }
                if makes_instances(handler, module, properties) =>
            {
                Some("an instance of a class".to_owned())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether `new` makes nothing but instances of just this class: it extends none, which would stand without a
/// name among its members (one of bytes may be stored), and its constructor returns nothing else.
fn makes_instances(
    handler: &HandlerModel,
    module: ModuleId,
    members: &[(Option<String>, Expression)],
) -> bool {
    members.iter().all(|(name, member)| match (name.as_deref(), &member.value) {
        (None, _) => false,
        (Some("constructor"), Value::Function(id)) => {
            handler.module(module).code[*id].returns.is_empty()
        }
        _ => true,
    })
}
