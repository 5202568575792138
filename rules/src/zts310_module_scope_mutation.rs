//! ZTS310: an event changes what belongs to a module.

use crate::code::{BindingId, Expression, FunctionId, Origin, Value, Write, WriteKind};
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::ModuleId;

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
A function that an event export reaches assigns a variable declared outside of functions, or
changes an object kept there: writes or deletes a property, or calls `push`, `set`, `add` and
their like. Changes through a parameter or `this` are not followed.

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

```ts,silent
import { deserializeAttachment, send, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const count = Number(deserializeAttachment(ws) ?? "0") + 1;
  serializeAttachment(ws, `${count}`);
  send(ws, `${count}`);
}
```

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
        let paths = handler.effects.paths_from_events();
        for (index, module) in handler.modules.iter().enumerate() {
            let id = ModuleId::new(index);
            for write in &module.code.writes {
                let Some(path) = paths.get(&(id, write.function)) else { continue };
                let Some((owner, changed)) = changed_binding(handler, id, write) else { continue };
                let binding = &handler.module(owner).code[changed];
                let name = &binding.name;
                let report = sink
                    .report(
                        write.span,
                        format!(
                            "`{name}` belongs to the module; the change by `{}` is lost",
                            path.event
                        ),
                    )
                    .label(label(write))
                    .secondary(binding.span, "declared outside of functions")
                    .note(
                        "every event starts from the handler as it was built; \
                         what it changes is gone when it ends",
                    );
                for &call in &path.calls {
                    report.secondary(call, "called from here");
                }
            }
        }
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

/// The binding of a module that a write changes, or whose object it changes.
fn changed_binding(
    handler: &HandlerModel,
    module: ModuleId,
    write: &Write,
) -> Option<(ModuleId, BindingId)> {
    match (&write.kind, &write.target.value) {
        (WriteKind::Assign, Value::Binding(id)) => {
            let is_of_module = handler.module(module).code[*id].scope == FunctionId::TOP_LEVEL;
            return is_of_module.then_some((module, *id));
        }
        // A pattern sets it itself, to where its next search begins.
        (WriteKind::Assign, Value::Member(_, Some(name))) if name == "lastIndex" => return None,
        (WriteKind::Method(method), _) => {
            let kind = kind_of(handler, module, &write.target, 16)?;
            if !mutators(kind).contains(&method.as_str()) {
                return None;
            }
        }
        _ => {}
    }
    owner(handler, module, &write.target, 16)
}

/// The binding outside of functions that holds an object, or holds what it is a part of.
fn owner(
    handler: &HandlerModel,
    module: ModuleId,
    expression: &Expression,
    steps: usize,
) -> Option<(ModuleId, BindingId)> {
    let steps = steps.checked_sub(1)?;
    let Value::Binding(id) = expression.root().value else { return None };
    let binding = &handler.module(module).code[id];
    match &binding.origin {
        Origin::Import { import, name } => {
            let name = name.as_deref().or(first_member(expression))?;
            handler.imported_binding(module, *import, name)
        }
        _ if binding.scope == FunctionId::TOP_LEVEL => Some((module, id)),
        // Another name for an object that is kept elsewhere.
        Origin::Value(value) if binding.is_constant => owner(handler, module, value, steps),
        _ => None,
    }
}

/// `list` of `all.list[0].name`.
fn first_member(expression: &Expression) -> Option<&str> {
    match &expression.value {
        Value::Member(object, name) => match &object.value {
            Value::Member(..) => first_member(object),
            _ => name.as_deref(),
        },
        _ => None,
    }
}

/// Kinds of objects whose methods change them.
#[derive(Clone, Copy)]
enum Kind {
    Array,
    Map,
    Set,
}

fn mutators(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Array => {
            &["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"]
        }
        Kind::Map => &["set", "delete", "clear"],
        Kind::Set => &["add", "delete", "clear"],
    }
}

/// What kind of object an expression is, if that is certain.
fn kind_of(
    handler: &HandlerModel,
    module: ModuleId,
    expression: &Expression,
    steps: usize,
) -> Option<Kind> {
    let steps = steps.checked_sub(1)?;
    match handler.meaning(module, expression) {
        Meaning::Value(_, Expression { value: Value::Array(_), .. }) => Some(Kind::Array),
        Meaning::Value(module, Expression { value: Value::Call(call), .. }) => {
            let call = &handler.module(module).code[*call];
            match handler.meaning(module, &call.callee) {
                Meaning::Global(name) if call.is_new => match name.as_str() {
                    "Map" | "WeakMap" => Some(Kind::Map),
                    "Set" | "WeakSet" => Some(Kind::Set),
                    "Array" => Some(Kind::Array),
                    _ => None,
                },
                Meaning::Global(name) => {
                    matches!(name.as_str(), "Array.from" | "Array.of" | "Array")
                        .then_some(Kind::Array)
                }
                // `new Array(9).fill(0)`
                _ => match &call.callee.value {
                    Value::Member(object, Some(method))
                        if matches!(
                            method.as_str(),
                            "fill" | "map" | "filter" | "slice" | "concat"
                        ) =>
                    {
                        kind_of(handler, module, object, steps)
                    }
                    _ => None,
                },
            }
        }
        // Assigned more than once: its first value mostly says what it is.
        Meaning::Binding(module, id) => match &handler.module(module).code[id].origin {
            Origin::Value(value) => kind_of(handler, module, value, steps),
            _ => None,
        },
        _ => None,
    }
}
