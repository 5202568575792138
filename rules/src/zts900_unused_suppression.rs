//! ZTS900: a comment asks for silence where there is nothing to say.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::suppression::{Complaint, Unheeded};

/// A suppression suppresses nothing, or has no reason.
pub(crate) struct UnusedSuppression;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS900",
    name: "unused_suppression",
    severity: Severity::Warning,
    category: Category::Suppressions,
    since: "0.1.0",
    summary: "has a zigts-ignore comment that silences nothing or gives no reason",
    explanation: r#"
## What it is
A comment `// zigts-ignore CODE: reason` speaks for its own line and the next,
`// zigts-ignore-file CODE: reason` for the whole module; several codes are separated by commas. This
one names a rule that has nothing to say there, names none or one that does not exist, or gives no
reason. Syntax errors, imports that lead nowhere (ZTS037) and what happens when top-level code runs
cannot be suppressed: nothing could be built.

```ts,fires
import { send } from "zigttp:websocket";
// zigts-ignore ZTS310: the counter is for debugging
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

```ts,silent
import { send } from "zigttp:websocket";
let count = 0;
export function onMessage(ws: WebSocket, data: string) {
  // zigts-ignore ZTS310: counts within the event
  count += 1;
  send(ws, `${count} ${data}`);
}
```

## Why it matters
A suppression that is not needed any more hides the next finding of its rule. One without a reason
tells nobody whether it still is.

## What to do
Remove the comment, or correct its code, or say after a colon why the rule does not apply.
"#,
    help: "Remove the comment, or give codes and a reason: `// zigts-ignore ZTS310: why`.",
};

impl Rule for UnusedSuppression {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    // It is about what the other rules found.
    fn check(&self, _: &HandlerModel, _: &mut Sink<'_>) {}

    fn review(&self, unheeded: &[Unheeded<'_>], sink: &mut Sink<'_>) {
        for Unheeded { span, complaint } in unheeded {
            match complaint {
                Complaint::NothingFound(code) => {
                    sink.report(*span, format!("{code} has nothing to say here"))
                        .label("suppresses nothing")
                        .note("it would hide the next finding of the rule")
                        .help("Remove the code or the comment.");
                }
                Complaint::CannotBeSuppressed(code) => {
                    sink.report(*span, format!("{code} cannot be suppressed"))
                        .label("suppresses nothing")
                        .note("what it finds leaves nothing to build");
                }
                Complaint::UnknownCode(code) => {
                    sink.report(*span, format!("there is no rule `{code}`"))
                        .label("suppresses nothing")
                        .help("`zigts rules` lists them.");
                }
                Complaint::NoCode => {
                    sink.report(*span, "the comment names no rule").label("suppresses nothing");
                }
                Complaint::NoReason => {
                    sink.report(*span, "the suppression gives no reason")
                        .note("without one nobody can tell whether it still is needed")
                        .help("Say why after a colon: `// zigts-ignore ZTS310: why`.");
                }
            }
        }
    }
}
