//! ZTS340: there is more source than a handler may have.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::Span;

/// The modules are larger together than a handler may be.
pub(crate) struct SourceTooLarge;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS340",
    name: "source_too_large",
    severity: Severity::Error,
    category: Category::Build,
    since: "0.1.0",
    summary: "has more source text than the 512 KiB a handler may have",
    explanation: r#"
## What it is
All modules of a handler together may have 512 KiB of text. The module that is named exceeded this
limit, and reading stopped there. Here `words.ts` has 600 KiB:

```ts,fires
import { words } from "./words";
export function handler(req: Request) { return Response.json(words); }
```

```ts,silent
const words = ["apple", "pear"];
export function handler(req: Request) { return Response.json(words); }
```

## Why it matters
Every event starts from a copy of the loaded handler. A megabyte of source becomes sixteen megabytes
of memory in each of these copies.

## What to do
Keep data out of the source: large tables, embedded files, minified libraries. What a handler
knows about its connections belongs in their attachments, and about its rooms in their state
(`zigttp:storage`).
"#,
    help: "Move large data out of the source.",
};

impl Rule for SourceTooLarge {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn reads_partial_handlers(&self) -> bool {
        true
    }

    fn reads_packages(&self) -> bool {
        true
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(oversized) = &handler.oversized else { return };
        let kib = |bytes: usize| bytes.div_ceil(1024);
        let place = Span::start_of(oversized.module);
        if let Some(package) = handler.module(oversized.module).name.package() {
            let (bytes, limit) = (kib(oversized.bytes), kib(oversized.limit));
            let what = format!(
                "the packages have {bytes} KiB of source with `{package}`; at most {limit} KiB can be built"
            );
            sink.report(place, what)
                .note("every event starts from a copy of the loaded handler, about 16 times its source")
                .help("Import the part of a package that you use, or a smaller one; `zigts build` says the size of each.");
            return;
        }
        sink.report(
            place,
            format!(
                "the handler has {} KiB of source; at most {} KiB can be built",
                kib(oversized.bytes),
                kib(oversized.limit)
            ),
        )
        .note("every event starts from a copy of the loaded handler, about 16 times its source");
    }
}
