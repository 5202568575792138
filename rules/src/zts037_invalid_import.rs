//! ZTS037: an import leads nowhere, or asks a module for a name it does not export.

use std::collections::BTreeMap;

use zigttp_abi::api::Module;

use crate::diagnostic::{Diagnostic, Sink};
use crate::import::{Import, ImportKind, ImportedName, ModuleName, Target, Unresolved, package_of};
use crate::mistaken_exports::MistakenExports;
use crate::model::{ExportTable, HandlerModel};
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;
use crate::span::ModuleId;
use crate::spelling;

/// Imports something that does not exist.
pub(crate) struct InvalidImport;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS037",
    name: "invalid_import",
    severity: Severity::Error,
    category: Category::Modules,
    since: "0.1.0",
    summary: "imports a module that cannot be found, or a name it does not export",
    explanation: r#"
## What it is
A handler may import from the built-in modules (`zigttp:…`), from its own modules by relative path, and from
packages in `node_modules`. The import names a module that is none of these, a file or package that does not
exist, or a name that the module does not export. The argument of `import()` must be a string literal.

```ts,fires
import { sned } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { sned(ws, data); }
```

```ts,fires
import { greet } from "./greetings";
export function handler(req: Request) { return Response.text(greet()); }
```

```ts,silent
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
```

## Why it matters
All modules become part of one artifact when it is built; at run time there is no file and no
registry to load a module from. A missing name would stop the handler before its first event.

## What to do
Write the name as the module exports it. Import files of your own by relative path, with or
without extension: `./rooms`, `./rooms.ts` and `./rooms.js` all find `rooms.ts`; or through `paths` of
tsconfig.json. Install packages with `npm install`. Import what is needed only for types with
`import type`; no module is read for it.
"#,
    help: "Import an existing name from a built-in module, a module of your own or a package.",
};

impl Rule for InvalidImport {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let mut tables: BTreeMap<ModuleId, ExportTable> = BTreeMap::new();
        let mistaken = MistakenExports::of(handler);
        for (_, import) in handler.own_imports().filter(|(_, import)| !import.is_type_only) {
            match &import.target {
                // The rule about the class that extends it tells of it.
                Target::Unresolved(_) if mistaken.account_for(import) => {}
                Target::Unresolved(reason) => report_unresolved(import, reason, sink),
                Target::Builtin(module) => {
                    for name in &import.names {
                        check_api_name(*module, import, name, sink);
                    }
                }
                Target::Module(id) => {
                    let exports = tables.entry(*id).or_insert_with(|| handler.exports_of(*id));
                    let module = &handler.module(*id).name;
                    for name in &import.names {
                        check_name(import, name, module, exports, sink);
                    }
                }
            }
        }
    }
}

fn report_unresolved(import: &Import, reason: &Unresolved, sink: &mut Sink<'_>) {
    let specifier = &import.specifier;
    match reason {
        Unresolved::NotFound { tried } => {
            let tried: Vec<_> = tried.iter().map(|name| format!("`{name}`")).collect();
            sink.report(import.span, format!("cannot find the module `{specifier}`"))
                .label("no such file")
                .note(format!("looked for {}", tried.join(", ")))
                .help("Correct the path; it is relative to the module that imports.");
        }
        Unresolved::Unreadable { module, reason } => {
            sink.report(import.span, format!("cannot read the module `{module}`: {reason}"));
        }
        Unresolved::NodeModule => {
            sink.report(import.span, format!("there is no module `{specifier}` here"))
                .label("part of Node.js")
                .note("a handler runs in a sandbox without files, sockets and processes")
                .help(
                    "Handlers have `node:buffer`, `node:events`, and parts of `node:util` and `node:crypto`.",
                );
        }
        Unresolved::OtherPlatform => {
            let platform = specifier.split(':').next().unwrap_or_default();
            let (label, help) = other_platform(platform);
            sink.report(import.span, format!("there is no module `{specifier}` here"))
                .label(label)
                .help(help);
        }
        Unresolved::UnknownAlias => {
            let help = if specifier.starts_with('#') {
                "Define it under `imports` in package.json, or write a relative path.".to_owned()
            } else {
                format!(
                    "Define `{}/*` under `compilerOptions.paths` in tsconfig.json, or write a relative path.",
                    specifier.split('/').next().unwrap_or_default()
                )
            };
            sink.report(import.span, format!("cannot find the module `{specifier}`"))
                .label("an alias that is not defined")
                .help(help);
        }
        Unresolved::NotInstalled => {
            let package = package_of(specifier);
            sink.report(import.span, format!("the package `{package}` is not installed"))
                .label("not found in any `node_modules`")
                .help(format!(
                    "Run `npm install {package}`; for a file of your own write `./{specifier}`."
                ));
        }
        Unresolved::NotOffered { reason } => {
            sink.report(import.span, format!("cannot import `{specifier}`"))
                .label(reason.as_str())
                .help("Import what the package exports; its `package.json` lists that under `exports`.");
        }
        Unresolved::Absolute => {
            sink.report(import.span, format!("cannot import from `{specifier}`"))
                .label("not a relative path")
                .note("a handler does not depend on where its files are on a disk or the web")
                .help("Write a path relative to this module, beginning with `./` or `../`.");
        }
        Unresolved::NotSource { extension } if matches!(&**extension, "tsx" | "jsx") => {
            sink.report(import.span, format!("cannot import a .{extension} file"))
                .label("may hold JSX")
                .note("a handler renders no components, so the compiler does not read JSX")
                .help("Move what the handler needs of it into a `.ts` or `.js` module.");
        }
        Unresolved::NotSource { extension } => {
            sink.report(import.span, format!("cannot import a .{extension} file"))
                .label("not a module")
                .note("a handler is built from `.ts`, `.mts`, `.js`, `.mjs`, `.cjs` and `.json` files")
                .help("Move what you need into a module, as an exported constant or function.");
        }
        Unresolved::UnknownBuiltin => {
            let report = sink
                .report(import.span, format!("there is no module `{specifier}`"))
                .help(format!("The built-in modules are {}.", builtin_modules()));
            let known = Module::ALL.map(Module::specifier);
            if let Some(meant) = spelling::closest(specifier, known) {
                report.help(format!("Did you mean `{meant}`?")).suggest(
                    format!("import from `{meant}`"),
                    import.span,
                    meant,
                );
            }
        }
        Unresolved::OnlyForTests => {
            sink.report(import.span, format!("`{specifier}` is not for handlers"))
                .label("for tests alone")
                .note("no server has what it asks for; `zigttp test` has, and runs the files `*.test.ts`")
                .help("Move the tests into a file beside the handler whose name ends in `.test.ts`.");
        }
        Unresolved::NotLiteral => {
            sink.report(import.span, "the module of `import()` must be a string literal")
                .label("known only at run time")
                .note("all modules become part of the artifact when it is built")
                .help("Write the path as a literal, or choose between imports with `if`.");
        }
        Unresolved::CommonJs => {
            sink.report(import.span, "modules cannot be loaded with `require`")
                .label("a form of CommonJS")
                .note("handlers are ECMAScript modules")
                .help(format!("Write `import … from \"{specifier}\"`."));
        }
        // Another rule reports why reading stopped.
        Unresolved::NotRead => {}
    }
}

/// What a module of another platform is, and what to do here.
fn other_platform(platform: &str) -> (&'static str, &'static str) {
    match platform {
        "cloudflare" => (
            "part of Cloudflare Workers",
            "A Durable Object becomes a room: events of `zigttp:websocket`, state of `zigttp:storage`, alarms of `zigttp:durable`.",
        ),
        "bun" => ("part of Bun", "Use the built-in modules (`zigttp:…`), or a package from npm."),
        "npm" | "jsr" => (
            "a specifier of Deno",
            "Install the package with `npm install`, and import it by its name.",
        ),
        _ => (
            "part of another platform",
            "Use the built-in modules (`zigttp:…`), or a package from npm.",
        ),
    }
}

/// The built-in modules as a list for a sentence.
fn builtin_modules() -> String {
    let [rest @ .., last] = Module::ALL.map(|module| format!("`{}`", module.specifier()));
    format!("{} and {last}", rest.join(", "))
}

fn check_api_name(module: Module, import: &Import, name: &ImportedName, sink: &mut Sink<'_>) {
    let Some(imported) = &name.imported else { return };
    // The module has types as well. A name that is used only as a type may be one.
    if module.find(imported).is_some() || (name.uses.is_type && name.uses.values.is_empty()) {
        return;
    }
    let functions = || module.functions().iter().map(|function| function.name);
    let report = report_missing(import, name, module.specifier(), imported, functions(), sink);
    let list: Vec<_> = functions().map(|function| format!("`{function}`")).collect();
    report.note(format!("the module exports {}", list.join(", ")));
}

fn check_name(
    import: &Import,
    name: &ImportedName,
    module: &ModuleName,
    exports: &ExportTable,
    sink: &mut Sink<'_>,
) {
    let Some(imported) = &name.imported else { return };
    match exports.names.get(imported) {
        Some(export) if export.is_type && !name.uses.values.is_empty() => {
            let as_type = if import.kind == ImportKind::ReExport {
                format!("Write `export type {{ {imported} }}`.")
            } else {
                format!("Use `{imported}` as a type only, or export a value of that name.")
            };
            sink.report(name.span, format!("`{imported}` of `{module}` is a type"))
                .label("used as a value")
                .secondary(export.span, "exported as a type here")
                .note("types are gone at run time, so there is nothing to import")
                .help(as_type);
        }
        Some(_) => {}
        None if exports.is_open => {}
        // The types of a package are in declarations of their own, which only `tsc` reads.
        None if module.package().is_some() && name.uses.is_type && name.uses.values.is_empty() => {}
        None => {
            let known = exports.names.keys().map(String::as_str);
            report_missing(import, name, module.as_str(), imported, known, sink);
        }
    }
}

fn report_missing<'a, 'sink>(
    import: &Import,
    name: &ImportedName,
    module: &str,
    imported: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    sink: &'sink mut Sink<'_>,
) -> &'sink mut Diagnostic {
    let message = if imported == "default" {
        format!("`{module}` has no default export")
    } else {
        format!("`{module}` does not export `{imported}`")
    };
    let report = sink.report(name.span, message).label("not exported there");
    // Of a default import it is the local name that says what was meant.
    let is_default = imported == "default" && import.kind == ImportKind::Static;
    let wanted = if is_default { name.local.as_str() } else { imported };
    let same = known.clone().find(|&known| is_default && known == wanted);
    let meant = same.or_else(|| spelling::closest(wanted, known));
    match meant {
        Some(meant) if is_default => {
            let specifier = &import.specifier;
            report.help(format!("Import by name: `import {{ {meant} }} from \"{specifier}\"`."));
        }
        Some(meant) => {
            report.help(format!("Did you mean `{meant}`?")).suggest(
                format!("replace `{imported}` with `{meant}`"),
                name.span,
                meant,
            );
        }
        None if is_default => {
            report.help("Import a name it exports, in braces.");
        }
        None => {}
    }
    report
}
