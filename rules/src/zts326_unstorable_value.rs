//! ZTS326: what is stored is no value.

use crate::diagnostic::{Diagnostic, Edit, Sink};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::{ModuleId, Span};
use crate::storable::{Misfit, MisfitKind, Storability};

/// Stores something that is no value, or an object that holds such.
pub(crate) struct UnstorableValue;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS326",
    name: "unstorable_value",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "stores something that would not be read back as it is",
    explanation: r#"
## What it is
`serializeAttachment`, `put` (of `zigttp:storage` and `zigttp:memory`) or a function of `zigttp:durable` is given
something to store that is neither text, bytes nor JSON: a `Date`, a `Map`, an instance of a class, a function, a
promise, a bigint, `NaN`, `undefined`; or an object or array that holds such. What `onUpgrade` returns is stored as well.

```ts,fires
import { serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string) { serializeAttachment(ws, { url, since: new Date() }); }
export function onMessage() {}
```

```ts,fires
import { serializeAttachment } from "zigttp:websocket";
async function profile(name: string) { return { name }; }
export async function onMessage(ws: WebSocket, name: string) { serializeAttachment(ws, profile(name)); }
```

```ts,fires
import * as storage from "zigttp:storage";
export function onMessage(ws: WebSocket, text: string, room: string) {
  storage.put(room, "players", new Map([[text, 1]]));
}
```

```ts,silent
import { serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string) { serializeAttachment(ws, { url, since: Date.now() }); }
export function onMessage() {}
```

## Why it matters
What is read back equals what was stored. A value is a string, an `ArrayBuffer`, a typed array, or JSON: `null`, a
boolean, a finite number, an array or a plain object of these. `JSON.stringify` would make text of a `Date` and an empty
object of a `Map` without a word; the functions that store throw a TypeError that names the path instead, and the event
ends with all its effects undone. If `onUpgrade` returns it, the connection is refused with 500.

## What to do
Store what JSON has: a time as a number (`Date.now()`), a `Map` or `Set` as an array (`[...map]`), what an instance
holds as a plain object, a bigint as text, what a promise resolves to (`await`). Bytes are stored alone, not inside of
an object. To clear an attachment, store `null`; to clear a key, `delete` it.
"#,
    help: "Store what JSON has: a time as a number, a Map or Set as an array, an instance as a plain object.",
};

impl Rule for UnstorableValue {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let storability = Storability::of(handler);
        for call in handler.api_calls() {
            let parameters = call.function.parameters.iter();
            for (parameter, value) in parameters.zip(&call.call.arguments) {
                if !parameter.ty.contains("Storable<") {
                    continue;
                }
                let is_async = handler.module(call.module).code[call.call.function].is_async;
                // What is left out of a call is undefined, too.
                let may_be_left_out = |misfit: &Misfit| {
                    parameter.optional && misfit.kind == MisfitKind::Undefined && misfit.path == "$"
                };
                let misfits = storability.misfits(call.module, value);
                for misfit in misfits.into_iter().filter(|misfit| !may_be_left_out(misfit)) {
                    let note = format!(
                        "`{}` throws a TypeError for it, and the event has no effect",
                        call.function.name
                    );
                    report(&misfit, is_async, sink).note(note);
                }
            }
        }
        let Meaning::Function(module, id) = handler.meaning_of_export(ModuleId::ENTRY, "onUpgrade")
        else {
            return;
        };
        let function = &handler.module(module).code[id];
        for returned in &function.returns {
            for misfit in storability.misfits(module, returned) {
                // What it may return besides values, and what is no attachment at all.
                let is_its_own = misfit.path == "$"
                    && !matches!(
                        misfit.kind,
                        MisfitKind::Now
                            | MisfitKind::Date
                            | MisfitKind::Collection
                            | MisfitKind::Url
                            | MisfitKind::Instance
                    );
                if !is_its_own {
                    report(&misfit, function.is_async, sink)
                        .note("what `onUpgrade` returns is the first attachment; the connection is refused with 500");
                }
            }
        }
    }
}

fn report<'sink>(
    misfit: &Misfit,
    is_async: bool,
    sink: &'sink mut Sink<'_>,
) -> &'sink mut Diagnostic {
    let Misfit { span, what, path, .. } = misfit;
    let place = if path == "$" { String::new() } else { format!(" at `{path}`") };
    let report = sink
        .report(*span, format!("{what}{place} cannot be stored"))
        .label("would not be read back as it is");
    match misfit.kind {
        MisfitKind::Now => report.help("Store the time as a number: `Date.now()`."),
        MisfitKind::Date => report.help("Store the time as a number: its `getTime()`."),
        MisfitKind::Collection => report.help("Store an array of it: `[...it]`."),
        MisfitKind::BigInt => report.help("Store it as text: `String(it)`."),
        MisfitKind::Promise => report.help("Store what it resolves to: `await it`."),
        MisfitKind::NoNumber => report.help("Store `null` where there is no number."),
        MisfitKind::Undefined => report.help("Store `null` where there is nothing."),
        MisfitKind::Bytes => report.help("Store bytes alone, not inside of an object, or as text."),
        MisfitKind::Url => report.help("Store it as text: its `href`."),
        MisfitKind::Instance | MisfitKind::Response => {
            report.help("Store what it holds as a plain object.")
        }
        MisfitKind::Other => report,
    };
    if !misfit.is_replaceable {
        return report;
    }
    let insert = |at: u32, text: &str| Edit {
        span: Span { start: at, end: at, ..*span },
        replacement: text.to_owned(),
    };
    match misfit.kind {
        MisfitKind::Now => report.suggest("store `Date.now()`", *span, "Date.now()"),
        MisfitKind::Collection => {
            let edits = vec![insert(span.start, "[..."), insert(span.end, "]")];
            report.suggest_edits("store an array of it", edits)
        }
        MisfitKind::BigInt => {
            let edits = vec![insert(span.start, "String("), insert(span.end, ")")];
            report.suggest_edits("store it as text", edits)
        }
        MisfitKind::Promise if is_async => {
            report.suggest_edits("await it", vec![insert(span.start, "await ")])
        }
        _ => report,
    }
}
