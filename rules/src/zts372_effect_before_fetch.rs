//! ZTS372: frames are sent before a `fetch` that the event waits for.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{Call, Step};
use crate::diagnostic::Sink;
use crate::effects::{ActionKind, FunctionKey};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::Span;
use crate::waiting::Waiting;

/// Sends something and then waits for another server.
pub(crate) struct EffectBeforeFetch;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS372",
    name: "effect_before_fetch",
    severity: Severity::Warning,
    category: Category::Outside,
    since: "0.1.0",
    summary: "sends or closes before a fetch that the event waits for",
    explanation: r#"
## What it is
An event calls `send`, `broadcast` or `close`, and then waits for a `fetch`, itself or in a function that it calls.

```ts,fires
import { broadcast } from "zigttp:websocket";
export async function onMessage(ws: WebSocket, data: string, room: string) {
  broadcast(room, "thinking ...");
  const answer = await fetch("https://api.example.com/answer", { method: "POST", body: data });
  broadcast(room, await answer.text());
}
```

```ts,silent
import { broadcast } from "zigttp:websocket";
import { signal } from "zigttp:durable";
export function onMessage(ws: WebSocket, data: string, room: string) {
  broadcast(room, "thinking ...");
  signal(room, "ask", data);
}
export async function onSignal(room: string, name: string, data: string) {
  const answer = await fetch("https://api.example.com/answer", { method: "POST", body: data });
  broadcast(room, await answer.text());
}
```

## Why it matters
An event is atomic: what it sends leaves when it has ended, and so after the answer. Here "thinking ..." would
arrive together with what it announces.

## What to do
Send, and `signal` the own room: that event ends at once, and its frames leave. The `fetch` belongs in `onSignal`.
If the order does not matter, send after the `fetch`.
"#,
    help: "Send, then `signal` the own room, and fetch in `onSignal`; or send after the `fetch`.",
};

/// Functions whose effect a client sees when the event has ended.
const LEAVING: [&str; 3] = ["send", "broadcast", "close"];

/// Steps that are walked in all, and most calls that are remembered of one way.
const MAX_STEPS: usize = 1_000_000;
const MAX_SENT: usize = 16;

impl Rule for EffectBeforeFetch {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(waiting) = Waiting::of(handler) else { return };
        let mut order = Order {
            handler,
            waiting,
            sent_by: BTreeMap::new(),
            found: BTreeMap::new(),
            steps_left: MAX_STEPS,
        };
        for action in handler.effects.exports.values().flatten() {
            if let ActionKind::Function(key) = action.kind {
                order.function(key);
            }
        }
        for (Sent { span, name }, fetch) in order.found {
            sink.report(span, format!("`{name}` takes effect only after a `fetch`"))
                .label("waits with the event")
                .secondary(fetch, "the event waits for this answer")
                .note("an event is atomic: what it sends leaves when it has ended");
        }
    }
}

/// A call whose effect waits for the end of the event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sent {
    span: Span,
    name: &'static str,
}

/// What may have been sent on the ways that lead to a step; `None` where none does.
type Way = Option<BTreeSet<Sent>>;

struct Order<'a> {
    handler: &'a HandlerModel,
    waiting: Waiting<'a>,
    /// What calling a function may send.
    sent_by: BTreeMap<FunctionKey, BTreeSet<Sent>>,
    /// What is sent before a `fetch`, and which.
    found: BTreeMap<Sent, Span>,
    steps_left: usize,
}

impl Order<'_> {
    /// Walks a function once, and says what it may send.
    fn function(&mut self, key: FunctionKey) -> BTreeSet<Sent> {
        if let Some(known) = self.sent_by.get(&key) {
            return known.clone();
        }
        // What calls itself sends nothing new.
        self.sent_by.insert(key, BTreeSet::new());
        if self.handler.module(key.0).name.package().is_some() {
            return BTreeSet::new();
        }
        let mut walk = Walk { key, at: 0, held: BTreeSet::new(), all: BTreeSet::new() };
        self.block(&mut walk, Some(BTreeSet::new()));
        self.sent_by.insert(key, walk.all.clone());
        walk.all
    }

    /// Walks to the end of a block: the function's, or the next `Or` or `Join` of its own.
    fn block(&mut self, walk: &mut Walk, mut way: Way) -> Way {
        let (module, function) = walk.key;
        let handler = self.handler;
        let code = &handler.module(module).code;
        while let Some(step) = code[function].steps.get(walk.at) {
            match step {
                Step::Or | Step::Join => break,
                // Loops within loops double the steps.
                _ if self.steps_left == 0 => return None,
                Step::Branch => {
                    walk.at += 1;
                    way = self.branches(walk, way);
                    continue;
                }
                Step::Loop => {
                    let start = walk.at + 1;
                    // Twice: what one turn sends waits for the `fetch` of the next.
                    for _ in 0..2 {
                        walk.at = start;
                        let turn = self.block(walk, way.clone());
                        way = either(way, turn);
                    }
                }
                Step::Call(id) => self.call(walk, &code[*id], &mut way),
                Step::Await(promise) => {
                    if let Some(fetch) = self.waiting.fetch_of(module, promise) {
                        for &sent in way.iter().flatten() {
                            self.found.entry(sent).or_insert(fetch);
                        }
                    }
                    add(&mut way, &std::mem::take(&mut walk.held));
                }
                Step::Exit => way = None,
                Step::Read(_) | Step::Write(_) => {}
            }
            self.steps_left = self.steps_left.saturating_sub(1);
            walk.at += 1;
        }
        way
    }

    fn branches(&mut self, walk: &mut Walk, way: Way) -> Way {
        let (module, function) = walk.key;
        let handler = self.handler;
        let steps = &handler.module(module).code[function].steps;
        let mut after = None;
        loop {
            let branch = self.block(walk, way.clone());
            after = either(after, branch);
            let next = steps.get(walk.at);
            walk.at += 1;
            if !matches!(next, Some(Step::Or)) || self.steps_left == 0 {
                return after;
            }
        }
    }

    fn call(&mut self, walk: &mut Walk, call: &Call, way: &mut Way) {
        let (module, _) = walk.key;
        let mut sent = BTreeSet::new();
        let spans = std::iter::once(call.span).chain(call.arguments.iter().map(|it| it.span));
        for span in spans {
            for &kind in self.waiting.actions(walk.key, span) {
                match kind {
                    ActionKind::Api(name, _) if LEAVING.contains(&name) => {
                        sent.insert(Sent { span, name });
                    }
                    _ => {}
                }
            }
            let callees: Vec<_> = self.waiting.callees(walk.key, span).collect();
            for callee in callees {
                sent.extend(self.function(callee));
            }
        }
        walk.all.extend(&sent);
        // What waits for a `fetch` itself may send after that.
        match self.waiting.fetch_of_call(module, call) {
            Some(_) => walk.held.extend(&sent),
            None => add(way, &sent),
        }
    }
}

/// Where the walk of a function is.
struct Walk {
    key: FunctionKey,
    at: usize,
    /// What promises may send that nothing has waited for yet.
    held: BTreeSet<Sent>,
    all: BTreeSet<Sent>,
}

fn add(way: &mut Way, sent: &BTreeSet<Sent>) {
    let Some(way) = way else { return };
    for &it in sent {
        if way.len() < MAX_SENT {
            way.insert(it);
        }
    }
}

fn either(one: Way, other: Way) -> Way {
    match (one, other) {
        (Some(mut one), Some(other)) => {
            one.extend(other);
            Some(one)
        }
        (one, other) => one.or(other),
    }
}
