//! ZTS374: a promise stands where a condition is expected.

use std::collections::BTreeSet;

use crate::code::{Expression, Value};
use crate::diagnostic::{Edit, Sink};
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::Meaning;
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// Decides by a promise instead of by what it resolves to.
pub(crate) struct PromiseAsCondition;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS374",
    name: "promise_as_condition",
    severity: Severity::Error,
    category: Category::Outside,
    since: "0.1.0",
    summary: "decides by a promise, which is always true",
    explanation: r#"
## What it is
The condition of `if`, of a loop or of `?:`, what stands left of `&&` or `||`, or what stands after `!`, is a promise:
what an `async` function, `fetch`, `crypto.subtle` or `new Promise` returns, without `await`.

```ts,fires
export async function handler(req: Request) {
  const body = await req.text();
  if (isSigned(req, body)) return new Response("welcome");
  return new Response("who are you?", { status: 401 });
}
async function isSigned(req: Request, body: string) {
  const key = await crypto.subtle.importKey("raw", new Uint8Array(32), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const signature = Uint8Array.from(atob(req.headers.get("x-signature") ?? ""), (it) => it.charCodeAt(0));
  return crypto.subtle.verify("HMAC", key, signature, new TextEncoder().encode(body));
}
```

```ts,silent
const known = async (name: string) => (await fetch(`https://users.example.com/${name}`)).ok;
export async function handler(req: Request) {
  if (!(await known(req.headers.get("x-name") ?? ""))) return new Response("who are you?", { status: 401 });
  return new Response("welcome");
}
```

## Why it matters
A promise is an object, and an object is true, whatever it resolves to. A signature that is checked so is never
refused.

## What to do
Write `await` before it, and in parentheses after `!`: `!(await isSigned(req))`.
"#,
    help: "Write `await` before it.",
};

/// Most names and calls from a condition to what makes it a promise.
const MAX_LINKS: usize = 8;

/// Methods of promises, which return another one.
const OF_PROMISES: [&str; 3] = ["then", "catch", "finally"];

impl Rule for PromiseAsCondition {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let modules = handler.modules.iter();
        let awaited = modules.flat_map(|module| module.code.awaited()).map(|it| it.span).collect();
        let promises = Promises { handler, awaited };
        for (index, module) in handler.modules.iter().enumerate() {
            if module.name.package().is_some() {
                continue;
            }
            let id = ModuleId::new(index);
            let mut told = BTreeSet::new();
            for test in module.code.tested.iter().flat_map(alternatives) {
                if !promises.has(id, test, MAX_LINKS) || !told.insert(test.span) {
                    continue;
                }
                let report = sink
                    .report(test.span, "a promise is always true")
                    .label("this is a promise, whatever it resolves to");
                if promises.is_async_function_around(id, test.span) {
                    let (before, after) = (
                        Span { end: test.span.start, ..test.span },
                        Span { start: test.span.end, ..test.span },
                    );
                    let edit = |span, text: &str| Edit { span, replacement: text.to_owned() };
                    report.suggest_edits(
                        "wait for it",
                        vec![edit(before, "(await "), edit(after, ")")],
                    );
                }
            }
        }
    }
}

/// What a condition may be: each operand that `&&`, `||` and `?:` may leave.
fn alternatives(test: &Expression) -> Vec<&Expression> {
    match &test.value {
        Value::OneOf(values) => values.iter().flat_map(alternatives).collect(),
        _ => vec![test],
    }
}

struct Promises<'a> {
    handler: &'a HandlerModel,
    /// Expressions that `await` stands before: what they leave is no promise.
    awaited: BTreeSet<Span>,
}

impl Promises<'_> {
    /// Whether an expression is a promise for sure.
    fn has(&self, module: ModuleId, expression: &Expression, links: usize) -> bool {
        let Some(links) = links.checked_sub(1) else { return false };
        if self.awaited.contains(&expression.span) {
            return false;
        }
        match &expression.value {
            Value::Binding(_) => match self.handler.meaning(module, expression) {
                Meaning::Value(of, value) => self.has(of, value, links),
                _ => false,
            },
            Value::OneOf(values) => values.iter().all(|it| self.has(module, it, links)),
            Value::Call(id) => {
                let call = &self.handler.module(module).code[*id];
                if let Value::Member(object, Some(method)) = &call.callee.value
                    && OF_PROMISES.contains(&method.as_str())
                {
                    return self.has(module, object, links);
                }
                match self.handler.meaning(module, &call.callee) {
                    Meaning::Function(of, id) => {
                        let code = &self.handler.module(of).code;
                        let function = &code[id];
                        let returns = &function.returns;
                        !call.is_new
                            && !function.is_generator
                            && (function.is_async
                                || (!returns.is_empty()
                                    && returns.iter().all(|it| self.has(of, it, links))))
                    }
                    Meaning::Global(name) if call.is_new => name == "Promise",
                    Meaning::Global(name) => {
                        name == "fetch"
                            || name.starts_with("crypto.subtle.")
                            || (name.starts_with("Promise.") && name != "Promise.withResolvers")
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether `await` may be written here.
    fn is_async_function_around(&self, module: ModuleId, span: Span) -> bool {
        let code = &self.handler.module(module).code;
        let here = code.calls.iter().find(|call| call.span == span);
        here.is_some_and(|call| code[call.function].is_async)
    }
}
