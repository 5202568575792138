//! ZTS504: an annotation names an effect that does not exist.

use crate::annotation::{self, EFFECTS};
use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::spelling;

/// An `@effects` annotation cannot be understood.
pub(crate) struct UnknownEffect;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS504",
    name: "unknown_effect",
    severity: Severity::Error,
    category: Category::Effects,
    since: "0.1.0",
    summary: "has an @effects annotation that cannot be understood",
    explanation: r#"
## What it is
An `@effects` tag names an effect that does not exist, no effect at all, or `pure` beside another.
The effects are `io` and `state`; `pure` stands for none of them.

```ts,fires
import { send } from "zigttp:websocket";
/** @effects network */
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
/** @effects io */
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
An annotation that cannot be understood is not checked, and promises nothing.

## What to do
Write `@effects io`, `@effects state`, `@effects io state` or `@effects pure`.
"#,
    help: "Write `io`, `state`, both, or `pure` alone.",
};

impl Rule for UnknownEffect {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for (_, function) in annotation::functions(handler) {
            let Some(tag) = &function.annotation else { continue };
            if tag.names.is_empty() {
                sink.report(tag.span, "`@effects` names no effect")
                    .note("an annotation that names none is not checked");
            }
            for name in &tag.names {
                let text = name.name.as_str();
                if text == "pure" && tag.names.iter().any(|other| other.name != "pure") {
                    sink.report(name.span, "`pure` stands beside another effect")
                        .label("says that there is none")
                        .note("an annotation that contradicts itself is not checked");
                } else if !EFFECTS.contains(&text) {
                    let report = sink
                        .report(name.span, format!("there is no effect `{text}`"))
                        .note("an annotation with an unknown effect is not checked");
                    if let Some(meant) = spelling::closest(text, EFFECTS) {
                        report.help(format!("Did you mean `{meant}`?")).suggest(
                            format!("replace `{text}` with `{meant}`"),
                            name.span,
                            meant,
                        );
                    }
                }
            }
        }
    }
}
