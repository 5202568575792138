//! ZTS039: a package uses a global that handlers do not have.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Sink;
use crate::globals;
use crate::import_chain::ImportChains;
use crate::listed::listed;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// A part of a package would fail, because it uses what is not there.
pub(crate) struct PackageNeedsGlobal;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS039",
    name: "package_needs_global",
    severity: Severity::Warning,
    category: Category::Modules,
    since: "0.1.0",
    summary: "imports a package that uses a global which handlers do not have",
    explanation: r#"
## What it is
A package from `node_modules` uses a global that handlers do not have, such as `document` or
`WebSocket`, and does not test first whether it is there. `setInterval` is no such global: a package may
call it, but nothing runs after an event, so it is dropped, and the log says so.

```ts,fires
import { title } from "page-title";
export function handler(req: Request) { return Response.json(title()); }
```

```ts,silent
import { isEven } from "numbers";
export function handler(req: Request) { return Response.json(isEven(4)); }
```

## Why it matters
What reaches that use is a ReferenceError, and the event ends with all its effects undone. The rest of the
package works: this is a warning, since a handler often uses only a part of a package.

## What to do
Try what you use of the package. If it works, suppress the warning at its import and say why:
`// zigts-ignore ZTS039: only the parser is used`. Else look for a build of the package for browsers or
workers, or for another package.
"#,
    help: "Try the parts that you use, or use another package.",
};

impl Rule for PackageNeedsGlobal {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let chains = ImportChains::of(handler);
        // What one import leads to is one diagnostic, however many packages there are behind it.
        let mut needs: BTreeMap<Span, Vec<(ModuleId, &str, Span)>> = BTreeMap::new();
        for (index, module) in handler.modules.iter().enumerate() {
            let id = ModuleId::new(index);
            let Some(start) = chains.start(id) else { continue };
            for reference in &module.code.needed_globals {
                let name = reference.name.as_str();
                if globals::instead_of(name).is_some() && !globals::FOR_PACKAGES.contains(&name) {
                    let need = (id, name, reference.span);
                    needs.entry(start).or_default().push(need);
                }
            }
        }
        for (start, uses) in needs {
            let (module, _, first) = uses[0];
            let names: BTreeSet<&str> = uses.iter().map(|(_, name, _)| *name).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let packages: BTreeSet<&str> =
                uses.iter().filter_map(|(id, ..)| handler.module(*id).name.package()).collect();
            let packages: Vec<&str> = packages.into_iter().collect();
            let (noun, verb) =
                if packages.len() == 1 { ("package", "uses") } else { ("packages", "use") };
            let what = format!("the {noun} {} {verb} {}", listed(&packages), listed(&names));
            sink.report(start, what)
                .label("leads to it")
                .secondary(first, "handlers do not have it")
                .note(format!("imported by {}", chains.describe(handler, module)));
        }
    }
}
