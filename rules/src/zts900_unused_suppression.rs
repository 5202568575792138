//! ZTS900: a comment suppresses nothing, or does not say why it suppresses something.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::suppression::{BadSuppression, SuppressionProblem};

/// A suppression suppresses nothing, or has no reason.
pub(crate) struct UnusedSuppression;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS900",
    name: "unused_suppression",
    severity: Severity::Warning,
    category: Category::Suppressions,
    since: "0.1.0",
    summary: "has a zigts-ignore comment that suppresses nothing or gives no reason",
    explanation: r#"
## What it is
A comment `// zigts-ignore CODE: reason` turns a rule off on its own line and the next,
`// zigts-ignore-file CODE: reason` in the whole module; several codes are separated by commas. This
one names a rule that reports nothing there, names none or one that does not exist, or gives no
reason. Syntax errors, unresolved imports (ZTS037) and failures of top-level code cannot be
suppressed: nothing could be built.

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
A suppression that is no longer needed hides the rule's next diagnostic. Without a reason, its
readers cannot know whether it is still needed.

## What to do
Remove the comment, or correct its code, or say after a colon why the rule does not apply.
"#,
    help: "Remove the comment, or give codes and a reason: `// zigts-ignore ZTS310: why`.",
};

impl Rule for UnusedSuppression {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    // It reviews what the comments did to the other rules' diagnostics.
    fn check(&self, _: &HandlerModel, _: &mut Sink<'_>) {}

    fn review(&self, bad_suppressions: &[BadSuppression<'_>], sink: &mut Sink<'_>) {
        for BadSuppression { span, problem } in bad_suppressions {
            match problem {
                SuppressionProblem::NothingFound(code) => {
                    sink.report(*span, format!("{code} reports nothing here"))
                        .label("suppresses nothing")
                        .note("it would hide the rule's next diagnostic")
                        .help("Remove the code or the comment.");
                }
                SuppressionProblem::CannotBeSuppressed(code) => {
                    sink.report(*span, format!("{code} cannot be suppressed"))
                        .label("suppresses nothing")
                        .note("nothing can be built with such an error");
                }
                SuppressionProblem::UnknownCode(code) => {
                    sink.report(*span, format!("there is no rule `{code}`"))
                        .label("suppresses nothing")
                        .help("`zigts rules` lists them.");
                }
                SuppressionProblem::NoCode => {
                    sink.report(*span, "the comment names no rule").label("suppresses nothing");
                }
                SuppressionProblem::NoReason => {
                    sink.report(*span, "the suppression gives no reason")
                        .note("without one, readers cannot know whether it is still needed")
                        .help("Say why after a colon: `// zigts-ignore ZTS310: why`.");
                }
            }
        }
    }
}
