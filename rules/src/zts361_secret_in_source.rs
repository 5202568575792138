//! ZTS361: a literal looks like a secret.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::secrets;

/// A key, a token or a password is written in the source.
pub(crate) struct SecretInSource;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS361",
    name: "secret_in_source",
    severity: Severity::Warning,
    category: Category::Modules,
    since: "0.1.0",
    summary: "has a literal that looks like a secret",
    explanation: r#"
## What it is
A text in the source looks like a key, a token or a password: it begins as the keys of a well-known service do
(`sk-…`, `ghp_…`, `AKIA…`), it is a private key, a URL with a password or a header with credentials, or its name says so (`apiKey`,
`ADMIN_TOKEN`) and it looks like made by chance.

```ts,fires
const adminToken = "q1w2e3r4t5y6u7i8o9p0";
export function handler(req: Request) {
  return new Response(null, { status: req.headers.get("authorization") === adminToken ? 204 : 401 });
}
```

```ts,silent
import { env } from "zigttp:env";
export function handler(req: Request) {
  const token = env("ADMIN_TOKEN");
  const isAdmin = token !== undefined && req.headers.get("authorization") === token;
  return new Response(null, { status: isAdmin ? 204 : 401 });
}
```

## Why it matters
Whoever can read the source, its history or the artifact has the secret, and it cannot be replaced without a new
build. A `handler.wasm` holds every text of its source as it is written.

## What to do
Read it with `env` of `zigttp:env`, and give it with `zigttp run --env NAME` or `--env-file FILE`: the operator
replaces it with a SIGHUP, and no connection closes. Replace the secret that stood in the source, as others may
have read it. If it is none, such as a public key or a value of a test, suppress the warning and say why.
"#,
    help: "Read it with `env` of `zigttp:env`, and give it with --env or --env-file.",
};

impl Rule for SecretInSource {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        for text in handler.modules.iter().flat_map(|module| &module.texts) {
            if let Some(what) = secrets::looks_like(text.name.as_deref(), &text.text) {
                sink.report(text.span, format!("this looks like {what}"))
                    .label("is a part of the artifact as it is written")
                    .note("whoever reads the source or the artifact can use it");
            }
        }
    }
}
