//! ZTS310: an event changes what belongs to a module.

use std::collections::BTreeMap;

use crate::code::{Expression, FunctionId, Value, Write, WriteKind};
use crate::diagnostic::Sink;
use crate::first_access::{Accesses, Part};
use crate::memo::{self, Change};
use crate::model::HandlerModel;
use crate::module_state::ModuleState;
use crate::places::Owner;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Code that an event runs changes a module's variables or objects.
pub(crate) struct ModuleScopeMutation;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS310",
    name: "module_scope_mutation",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "changes a variable or object of a module while an event is handled",
    explanation: r#"
## What it is
A function that an event export reaches changes what belongs to a module: it assigns a variable declared outside of
functions, or changes an object kept there, by writing or deleting a property or by calling `push`, `set`, `add` and
their like. The object is followed under other names: constants and destructured members, imports, a parameter
(`add(rooms, name)`), what a function returns or a `Map` holds (`rooms.get(name).push(ws)`), `this` of an object or of
a class whose instances are made outside of functions, static members, variables of a function that has run when the
handler was built (`const next = (() => { let n = 0; return () => ++n; })()`), `globalThis`.

```ts,fires
import { send } from "zigttp:websocket";
let count = 0;
export function onMessage(ws: WebSocket, data: string) { count += 1; send(ws, `${count}`); }
```

```ts,fires
import { send } from "zigttp:websocket";
const names = new Map<string, string>();
export function onMessage(ws: WebSocket, data: string, room: string) { names.set(room, data); send(ws, data); }
```

```ts,fires
import { send } from "zigttp:websocket";
class Room { count = 0; join() { this.count++; } }
const lobby = new Room();
export function onOpen(ws: WebSocket) { lobby.join(); send(ws, `${lobby.count}`); }
```

```ts,silent
import { deserializeAttachment, send, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const count = Number(deserializeAttachment(ws) ?? "0") + 1;
  serializeAttachment(ws, `${count}`);
  send(ws, `${count}`);
}
```

Nothing is reported where it makes no difference, because no event reads what an earlier one has left:

- a variable, a member or a buffer that each event writes before it reads it, such as the current request;
- a list that each event that uses it also empties (`lines.length = 0`, `seen.clear()`);
- results under the key they are computed from, and values that are computed once: `table ??= build()`.

```ts,silent
import { send } from "zigttp:websocket";
let current: string;
const lengths = new Map<string, number>();
function length(text: string) {
  let known = lengths.get(text);
  if (known === undefined) lengths.set(text, known = [...text].length);
  return known;
}
const reply = () => `${current}: ${length(current)}`;
export function onMessage(ws: WebSocket, data: string) { current = data; send(ws, reply()); }
```

Not found are changes by code of packages, of `Date` objects and other instances of the language's classes, and of an
object that one event got from the module and another made itself.

## Why it matters
Every event starts from the handler as it was when it was built. What an event leaves in variables
is gone when it ends: the next one, even of the same connection, does not see it.

## What to do
Store what belongs to a room in its state: `put` and `get` of `zigttp:storage`, or of `zigttp:memory`
for what changes often. Store what belongs to a connection in its attachment: `serializeAttachment` and
`deserializeAttachment`. List the connections with `getWebSockets`. Fill a table that never changes
outside of functions. For a value that only one event needs, use a variable inside the function.
"#,
    help: "Store it with the room (`zigttp:storage`) or the connection (`serializeAttachment`), or in a variable of the function.",
};

impl Rule for ModuleScopeMutation {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let state = ModuleState::of(handler);
        let changes = changes(&state);
        if changes.is_empty() {
            return;
        }
        let mut by_part: BTreeMap<Part, Vec<&Change<'_>>> = BTreeMap::new();
        for change in &changes {
            let kind = state.kind(change.module, change.write.function, container(change.write));
            let part = Part::written(change.write, &change.place, kind);
            by_part.entry(part).or_default().push(change);
        }
        let written = changes.iter().map(|change| change.place.owner).collect();
        let mut accesses = Accesses::of(&state);
        let mut lost: Vec<&Change<'_>> = Vec::new();
        for (part, changes) in by_part {
            let is_kept = !accesses.is_written_before_read(&part)
                && !accesses.is_emptied(&part)
                && !memo::is_memo(&state, &accesses, &part, &changes, &written);
            if is_kept {
                lost.extend(changes);
            }
        }
        // Of what is not known nothing is claimed.
        if state.is_exhausted() {
            return;
        }
        lost.sort_by_key(|change| change.write.span);
        for change in lost {
            report(&state, change, sink);
        }
    }
}

/// What events change in the modules' state.
fn changes<'a>(state: &ModuleState<'a>) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    for (index, module) in state.handler.modules.iter().enumerate() {
        let id = ModuleId::new(index);
        for write in &module.code.writes {
            if state.lasts(id, write.function) {
                continue;
            }
            if let Some(place) = state.changed(id, write) {
                changes.push(Change { module: id, write, place });
            }
        }
    }
    changes
}

/// The object whose content or member a write changes.
fn container(write: &Write) -> &Expression {
    match (&write.kind, &write.target.value) {
        (WriteKind::Assign | WriteKind::Delete, Value::Member(object, _)) => object,
        _ => &write.target,
    }
}

fn report(state: &ModuleState<'_>, change: &Change<'_>, sink: &mut Sink<'_>) {
    let Change { module, write, place } = change;
    let Some(path) = state.paths.get(&(*module, write.function)) else { return };
    let (subject, declared) = subject(state, change);
    let report = sink
        .report(write.span, format!("{subject}; the change by `{}` is lost", path.event))
        .label(label(write))
        .note(
            "every event starts from the handler as it was built; \
             what it changes is gone when it ends",
        );
    if let Some((span, label)) = declared {
        report.secondary(span, label);
    }
    if let Some(span) = place.passed {
        report.secondary(span, "passed here");
    }
    for &call in &path.calls {
        report.secondary(call, "called from here");
    }
}

/// What is changed, and where that comes from.
fn subject(state: &ModuleState<'_>, change: &Change<'_>) -> (String, Option<(Span, &'static str)>) {
    let place = &change.place;
    const OUTSIDE: &str = "declared outside of functions";
    const ONCE: &str = "declared in a function that runs when the handler is built";
    let of_name = |name: &str| format!("`{name}` belongs to the module");
    match place.owner {
        Owner::Binding(module, id) => {
            let binding = &state.handler.module(module).code[id];
            let is_outside = binding.scope == FunctionId::TOP_LEVEL;
            let label = if is_outside { OUTSIDE } else { ONCE };
            (of_name(&binding.name), Some((binding.span, label)))
        }
        Owner::Object(_) | Owner::Instances(_) => {
            if let Some(binding) = state.name_of(place.owner) {
                return (of_name(&binding.name), Some((binding.span, OUTSIDE)));
            }
            let made = match place.owner {
                Owner::Instances(class) => state.made_at(class),
                Owner::Object(span) => Some(span),
                _ => None,
            };
            // It is known by the name that it is imported under.
            let subject = match change.write.target.root().value {
                Value::Binding(id) => of_name(&state.handler.module(change.module).code[id].name),
                _ => "this object belongs to the module".to_owned(),
            };
            (subject, made.map(|span| (span, "made outside of functions")))
        }
        Owner::Global => ("`globalThis` is as it was built in every event".to_owned(), None),
    }
}

fn label(write: &Write) -> String {
    match &write.kind {
        WriteKind::Assign => "assigned here".to_owned(),
        WriteKind::Delete => "deleted here".to_owned(),
        WriteKind::Method(method) => format!("changed by `{method}`"),
        WriteKind::Argument(function) => format!("changed by `{function}`"),
    }
}
