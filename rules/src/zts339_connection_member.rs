//! ZTS339: a member is taken of a connection, which has none.

use std::collections::{BTreeMap, BTreeSet};

use zigttp_abi::api::Module;

use crate::code::{MemberKind, Value};
use crate::connection_members::{self, LocalNames, MemberMistake, Remedy};
use crate::diagnostic::Sink;
use crate::import_edit;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::signature;
use crate::span::ModuleId;

/// Calls a method of a connection, or uses a property of one.
pub(crate) struct ConnectionMember;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS339",
    name: "connection_member",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "takes a member of a connection, which has none",
    explanation: r#"
## What it is
A method of a connection is called, or a property of it is used: `ws.send(data)`, `ws.close()`, `ws.id`,
`ws.addEventListener(…)`, `ws.name = "Ann"`. Connections are followed from the parameters of events into the
functions that are called with them, and through lists of them.

```ts,fires
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { ws.send(data); }
```

```ts,fires
import { getWebSockets } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  getWebSockets(room).forEach((peer) => peer.send(data));
}
```

```ts,silent
import { broadcast, connectionId, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  send(ws, `you are ${connectionId(ws)}`);
  broadcast(room, data, ws);
}
```

## Why it matters
Each event runs in a sandbox of its own, and a connection is not an object there but a value that names one.
It has no members: a method is a TypeError, which ends the event with all its effects undone, and a
property is `undefined`.

## What to do
Call the function of `zigttp:websocket` and hand it the connection: `send(ws, data)`, `close(ws)`,
`connectionId(ws)`. `zigts check --fix` does that where it is certain, and adds the import. Keep a value
with a connection by `serializeAttachment`, and export `onMessage` and `onClose` instead of
adding listeners.
"#,
    help: "Call a function of `zigttp:websocket` and hand it the connection.",
};

impl Rule for ConnectionMember {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let mistakes = connection_members::find(handler);
        let mut names = LocalNames::new();
        let replacements: Vec<_> =
            mistakes.iter().map(|it| it.replacement(handler, &mut names)).collect();
        // All fixes of a module add the same names, so that they can be made together.
        let mut missing: BTreeMap<ModuleId, BTreeSet<&str>> = BTreeMap::new();
        for (mistake, replacement) in mistakes.iter().zip(&replacements) {
            let name = replacement.as_ref().and_then(|it| it.missing);
            missing.entry(mistake.module).or_default().extend(name);
        }
        for (mistake, replacement) in mistakes.iter().zip(replacements) {
            let report = report(handler, mistake, sink);
            if let Some(replacement) = replacement {
                let names: Vec<_> = missing[&mistake.module].iter().copied().collect();
                let mut edits = replacement.edits;
                let message = match replacement.missing {
                    Some(name) => {
                        format!("{}, and import `{name}`", report.help.trim_end_matches('.'))
                    }
                    None => report.help.trim_end_matches('.').to_owned(),
                };
                if !names.is_empty() {
                    let from = Module::Websocket;
                    edits.push(import_edit::adding(handler, mistake.module, from, &names));
                }
                report.fix(lower_case(&message), edits);
            }
        }
    }
}

fn report<'sink>(
    handler: &HandlerModel,
    mistake: &MemberMistake<'_>,
    sink: &'sink mut Sink<'_>,
) -> &'sink mut crate::diagnostic::Diagnostic {
    let member = mistake.member;
    let name = &member.name;
    let (headline, label) = match member.kind {
        MemberKind::Called(_) => (format!("a connection has no method `{name}`"), "a TypeError"),
        MemberKind::Written => {
            (format!("a connection cannot keep a property `{name}`"), "a TypeError")
        }
        _ => (format!("a connection has no property `{name}`"), "undefined"),
    };
    let object = match &member.object.value {
        Value::Binding(id) => handler.module(mistake.module).code[*id].name.clone(),
        Value::Member(object, Some(name)) if matches!(object.value, Value::This) => {
            format!("this.{name}")
        }
        _ => "ws".to_owned(),
    };
    let help = match mistake.remedy {
        Remedy::Function(function) => {
            let arguments = if function.parameters.len() > 1 { ", …" } else { "" };
            let is_closing = function.name == "close";
            let arguments = if is_closing { "" } else { arguments };
            format!("Write `{}({object}{arguments})`.", function.name)
        }
        Remedy::Advice(advice) => advice.to_owned(),
        Remedy::OwnValue => format!(
            "Keep it with the connection: `serializeAttachment({object}, {{ {name} }})`, and \
             `deserializeAttachment({object})` returns it."
        ),
    };
    let report = sink.report(member.span, headline);
    report
        .label(label)
        .note("a connection is a value without members, which functions of `zigttp:websocket` take")
        .help(help);
    if let Remedy::Function(function) = mistake.remedy {
        report.note(format!(
            "a connection is a value without members; the function is `{}`",
            signature::of_function(function)
        ));
    }
    report
}

fn lower_case(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
