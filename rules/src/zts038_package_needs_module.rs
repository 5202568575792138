//! ZTS038: a package imports a module that handlers do not have.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Sink;
use crate::import::{Import, ImportKind, Target, Unresolved};
use crate::import_chain::ImportChains;
use crate::listed::listed;
use crate::model::{ExportTable, HandlerModel};
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::{ModuleId, Span};

/// A package cannot be loaded, because of what it imports.
pub(crate) struct PackageNeedsModule;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS038",
    name: "package_needs_module",
    severity: Severity::Error,
    category: Category::Modules,
    since: "0.1.0",
    summary: "imports a package that needs a module which handlers do not have",
    explanation: r#"
## What it is
A package from `node_modules` imports, as soon as it is loaded, a module that cannot be had here: one of
Node.js, such as `node:fs`, or a package that is not installed. The message names the package, and the
note the modules that lead to it.

```ts,fires
import { readAll } from "reads-files";
export function handler(req: Request) { return new Response(readAll("a.txt")); }
```

```ts,silent
import { isEven } from "numbers";
export function handler(req: Request) { return Response.json(isEven(4)); }
```

## Why it matters
A handler runs in a sandbox without files, sockets and processes. Of the modules of Node.js it has what is
honest there: `node:buffer`, `node:events`, and parts of `node:util` and `node:crypto`. A package that
imports another one fails when it is loaded, before the first event.

## What to do
Look for a build of the package for browsers or workers, or for another package that does the same. A use that
is not reached here counts as none: behind `typeof process !== "undefined"`, in a function, or in a
`try`. `zigts` takes the conditions `zigttp`, `worker`, `import` and `default` of a package's `exports`.
"#,
    help: "Use another package, or a build of this one for browsers or workers.",
};

impl Rule for PackageNeedsModule {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let chains = ImportChains::of(handler);
        // One mistake of a package is one diagnostic, however many of its modules make it.
        let mut needs: BTreeMap<(Span, &str), Vec<Need>> = BTreeMap::new();
        let mut tables = BTreeMap::new();
        for (module, import) in handler.imports() {
            let (Some(package), Some(start)) =
                (handler.module(module).name.package(), chains.start(module))
            else {
                continue;
            };
            if !import.is_deferred && !import.is_type_only {
                let found = needs_of(handler, &mut tables, import);
                if !found.is_empty() {
                    let found =
                        found.into_iter().map(|(what, span, why)| Need { module, what, span, why });
                    needs.entry((start, package)).or_default().extend(found);
                }
            }
        }
        for ((start, package), needs) in needs {
            let first = &needs[0];
            let names: BTreeSet<&str> = needs.iter().map(|need| need.what.as_str()).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let report = sink
                .report(start, format!("the package `{package}` needs {}", listed(&names)))
                .label("leads to it")
                .secondary(first.span, first.why.as_str())
                .note(format!("imported by {}", chains.describe(handler, first.module)));
            if first.why == NOT_INSTALLED {
                report.help(format!("Install it: `npm install {}`.", first.what));
            }
        }
    }
}

const NOT_EXPORTED: &str = "the module here does not export it";
const NOT_INSTALLED: &str = "it is not installed";

/// Something that a package asks for and that is not there.
struct Need {
    module: ModuleId,
    what: String,
    span: Span,
    why: String,
}

/// What is missing of an import: all of the module, or names that it does not export.
fn needs_of(
    handler: &HandlerModel,
    tables: &mut BTreeMap<ModuleId, ExportTable>,
    import: &Import,
) -> Vec<(String, Span, String)> {
    match &import.target {
        Target::Unresolved(Unresolved::NotRead) => Vec::new(),
        Target::Unresolved(why) => vec![(import.specifier.clone(), import.span, reason(why))],
        Target::Module(id) => {
            let exports = tables.entry(*id).or_insert_with(|| handler.exports_of(*id));
            let is_missing = |name: &str| !exports.is_open && !exports.names.contains_key(name);
            import
                .names
                .iter()
                .filter_map(|name| Some((name.imported.as_deref()?, name.span)))
                .filter(|(name, _)| is_missing(name))
                .map(|(name, span)| {
                    let what = format!("{name} of {}", import.specifier);
                    (what, span, NOT_EXPORTED.to_owned())
                })
                .collect()
        }
        Target::Builtin(_) if import.kind == ImportKind::Require => {
            let why = "only `import` can load it".to_owned();
            vec![(import.specifier.clone(), import.span, why)]
        }
        Target::Builtin(module) => import
            .names
            .iter()
            .filter_map(|name| Some((name.imported.as_deref()?, name.span)))
            .filter(|(name, _)| module.find(name).is_none())
            .map(|(name, span)| {
                (format!("{name} of {}", import.specifier), span, NOT_EXPORTED.to_owned())
            })
            .collect(),
    }
}

fn reason(unresolved: &Unresolved) -> String {
    match unresolved {
        Unresolved::NodeModule => "handlers do not have it".to_owned(),
        Unresolved::NotInstalled => NOT_INSTALLED.to_owned(),
        Unresolved::NotOffered { reason } | Unresolved::Unreadable { reason, .. } => reason.clone(),
        _ => "it cannot be found".to_owned(),
    }
}
