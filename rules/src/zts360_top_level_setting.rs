//! ZTS360: code outside of functions reads settings.

use std::collections::{BTreeMap, BTreeSet};

use crate::call_path;
use crate::code::FunctionId;
use crate::diagnostic::Sink;
use crate::import::Target;
use crate::import_chain::ImportChains;
use crate::model::HandlerModel;
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::settings;
use crate::span::{ModuleId, Span};

/// Top-level code reads settings, of which there are none while building.
pub(crate) struct TopLevelSetting;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS360",
    name: "top_level_setting",
    severity: Severity::Error,
    category: Category::Effects,
    since: "0.1.0",
    summary: "reads a setting while it is built",
    explanation: r#"
## What it is
Code outside of functions reads a setting, directly or through other functions: `env("NAME")` or `env.NAME` of
`zigttp:env`, or `process.env.NAME`. Or a package does, as soon as it is loaded.

```ts,fires
import { env } from "zigttp:env";
const key = env("API_KEY");
export function handler(req: Request) { return Response.json({ hasKey: key !== undefined }); }
```

```ts,silent
import { env } from "zigttp:env";
const key = () => env("API_KEY");
export function handler(req: Request) { return Response.json({ hasKey: key() !== undefined }); }
```

## Why it matters
Code outside of functions runs once, when the handler is built. The operator gives settings when it is served:
what is read before could only be `undefined`, for ever, whatever the operator says. Were it the setting of the
machine that builds, a secret would be a part of the artifact.

A package that tests first whether there is a `process` (`typeof process !== "undefined"`, `globalThis.process?.env`)
finds none while it is built, and goes the way that it has for browsers; in events it finds the settings.
What a package reads under any condition is left to it; if that fails, it is ZTS341.
`process.env.NODE_ENV` is `"production"` everywhere.

## What to do
Read it inside the function that needs it. A client of a package that takes a key is made there too, by a function
that makes it when it is first asked for. For a package that reads settings when it is loaded, look for a build for
workers, or `import()` it inside of the function that uses it.
"#,
    help: "Read it inside the function of an event.",
};

impl Rule for TopLevelSetting {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let mut of_packages: BTreeMap<Span, (ModuleId, Span, &'static str)> = BTreeMap::new();
        let chains = ImportChains::of(handler);
        let loaded = loaded_while_building(handler);
        for index in 0..handler.modules.len() {
            let id = ModuleId::new(index);
            let top_level = (id, FunctionId::TOP_LEVEL);
            if handler.module(id).name.package().is_some() {
                // What a package calls is only guessed, and not the author's to change.
                let mut actions = handler.effects.actions.get(&top_level).into_iter().flatten();
                let read = actions.find(|action| settings::is_read(action.kind));
                if let (Some(read), Some(start), true) =
                    (read, chains.start(id), loaded.contains(&id))
                {
                    let name = read.kind.name().unwrap_or_default();
                    of_packages.entry(start).or_insert((id, read.span, name));
                }
                continue;
            }
            let mut reached = handler.effects.reached(top_level);
            reached.retain(|path| settings::is_read(path.action.kind));
            for path in call_path::one_for_each_start(reached) {
                let Some(name) = path.action.kind.name() else { continue };
                let report = sink
                    .report(path.start(), format!("top-level code reads `{name}`"))
                    .label("runs when the handler is built")
                    .note("no settings are given while a handler is built");
                call_path::explain(report, handler, &path);
            }
        }
        for (start, (module, span, name)) in of_packages {
            let package = handler.module(module).name.package().unwrap_or_default();
            sink.report(start, format!("the package `{package}` reads `{name}` as soon as it is loaded"))
                .label("loads it when the handler is built")
                .secondary(span, "no settings are given then")
                .note(format!("imported by {}", chains.describe(handler, module)))
                .help("Use a build of the package for workers, or `import()` it inside the function that needs it.");
        }
    }
}

/// The modules that are loaded when the handler is built, not first by an `import()` of an event.
fn loaded_while_building(handler: &HandlerModel) -> BTreeSet<ModuleId> {
    let mut loaded = BTreeSet::from([ModuleId::ENTRY]);
    let mut waiting = vec![ModuleId::ENTRY];
    while let Some(id) = waiting.pop() {
        let Some(module) = handler.modules.get(id.index()) else { continue };
        for import in module.imports.iter().filter(|it| !it.is_deferred) {
            if let Target::Module(target) = import.target
                && !import.is_type_only
                && loaded.insert(target)
            {
                waiting.push(target);
            }
        }
    }
    loaded
}
