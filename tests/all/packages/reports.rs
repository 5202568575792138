//! What is told of packages: what they lack, and what they add.

use serde_json::Value;

use super::{answering, response};
use crate::support::zigts::{folder_with, zigts};

#[test]
fn a_module_of_node_that_is_missing_is_one_error_with_the_way_to_it() {
    let folder = folder_with(&[
        ("a.ts", &answering("import { read } from \"outer\";", "read()")),
        ("node_modules/outer/index.mjs", "export { read } from 'inner';"),
        ("node_modules/outer/package.json", r#"{ "exports": "./index.mjs" }"#),
        (
            "node_modules/inner/index.js",
            "const fs = require('fs'), net = require('node:net');\nexports.read = () => fs && net;",
        ),
    ]);
    let run = zigts(folder.path(), &["check", "a.ts"]);
    assert_eq!(run.code, 1);
    for part in [
        "error[ZTS038]: the package `inner` needs `fs` and `node:net`",
        "--> a.ts:1:23",
        "node_modules/inner/index.js:1:21",
        "imported by `a.ts` → `outer/index.mjs` → `inner/index.js`",
        "\n1 error\n",
    ] {
        assert!(run.stderr.contains(part), "{part}\n{}", run.stderr);
    }
}

#[test]
fn what_is_behind_a_guard_that_is_false_here_is_not_needed() {
    let text = r#"
        let from = "nowhere";
        if (typeof process !== "undefined" && process.versions) from = require("fs").name;
        const crypto = typeof window === "object" ? window.crypto : globalThis.crypto;
        if (process.env.NODE_ENV !== "production") { var hoisted = require("./missing.js"); document.title = "x"; }
        const lazy = () => require("child_process");
        try { require("optional-native"); } catch { from = "the fallback"; }
        exports.told = [from, typeof crypto, typeof hoisted, typeof process, process.env.NODE_ENV];
    "#;
    let folder = folder_with(&[
        ("a.ts", &answering("import { told } from \"guarded\";", "told")),
        ("node_modules/guarded/index.js", text),
    ]);
    let expected = r#"["the fallback","object","undefined","undefined","production"]"#;
    assert_eq!(response(folder.path(), "a.ts"), expected);
}

#[test]
fn a_global_that_a_package_needs_is_one_warning_that_a_comment_at_the_import_suppresses() {
    let package = [
        (
            "node_modules/page/index.js",
            "export const title = () => document.title + Deno.args;\nexport { b } from './b.js';",
        ),
        ("node_modules/page/b.js", "export const b = () => new WebSocket('x');"),
    ];
    let source = answering("import { title } from \"page\";", "typeof title");
    let folder = folder_with(&[("a.ts", &source), package[0], package[1]]);
    let run = zigts(folder.path(), &["check", "a.ts"]);
    assert_eq!(run.code, 0);
    let told = "warning[ZTS039]: the package `page` uses `Deno`, `WebSocket` and `document`";
    assert!(run.stderr.contains(told) && run.stderr.ends_with("1 warning\n"), "{}", run.stderr);
    let source = format!("// zigts-ignore ZTS039: only the type is used\n{source}");
    std::fs::write(folder.path().join("a.ts"), source).expect("writable");
    let run = zigts(folder.path(), &["check", "a.ts"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn a_package_that_uses_buffer_without_importing_it_gets_it() {
    let folder = folder_with(&[
        ("a.ts", &answering("import a from \"module-of-node\";\nimport b from \"old\";", "[a, b]")),
        (
            "node_modules/module-of-node/index.mjs",
            "export default Buffer.from('a').toString('hex');",
        ),
        ("node_modules/module-of-node/package.json", r#"{ "exports": "./index.mjs" }"#),
        (
            "node_modules/old/index.js",
            "'use strict';\nmodule.exports = Buffer.isBuffer(Buffer.alloc(1));",
        ),
    ]);
    assert_eq!(response(folder.path(), "a.ts"), r#"["61",true]"#);
}

#[test]
fn rules_about_one_s_own_code_are_silent_inside_packages() {
    let package = r#"
        let count = 0;
        export const next = () => ++count;
        import unused from "./unused.js";
        export const started = Date.now();
        // zigts-ignore ZTS310
    "#;
    let folder = folder_with(&[
        ("a.ts", &answering("import { next } from \"counting\";", "next()")),
        ("node_modules/counting/index.js", package),
        ("node_modules/counting/unused.js", "export default 1;"),
        ("node_modules/counting/package.json", r#"{ "type": "module" }"#),
    ]);
    assert_eq!(response(folder.path(), "a.ts"), "1");
}

#[test]
fn a_syntax_error_of_a_package_and_a_throw_of_its_top_level_are_located_in_it() {
    let folder = folder_with(&[
        ("a.ts", &answering("import \"broken\";", "1")),
        ("node_modules/broken/index.js", "exports.a = ;"),
        ("b.ts", &answering("import \"throws\";", "1")),
        ("node_modules/throws/index.js", "\nnull.x;"),
    ]);
    let run = zigts(folder.path(), &["check", "a.ts", "--format", "compact"]);
    assert!(
        run.stdout.contains("node_modules/broken/index.js:1:13: error ZTS002"),
        "{}",
        run.stdout
    );
    let run = zigts(folder.path(), &["build", "b.ts"]);
    assert!(
        run.code == 1 && run.stderr.contains("node_modules/throws/index.js:2:"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_cannot_be_found_says_what_to_do() {
    for (specifier, told, help) in [
        ("lodash", "the package `lodash` is not installed", "npm install lodash"),
        ("@a/b/c.js", "the package `@a/b` is not installed", "npm install @a/b"),
        ("@/lib/x", "cannot find the module `@/lib/x`", "compilerOptions.paths"),
        ("#x", "cannot find the module `#x`", "package.json"),
        ("cloudflare:workers", "there is no module `cloudflare:workers` here", "becomes a room"),
        ("bun:sqlite", "there is no module `bun:sqlite` here", "zigttp:"),
        ("npm:zod", "there is no module `npm:zod` here", "npm install"),
        ("node:fs", "there is no module `node:fs` here", "node:buffer"),
        ("path", "there is no module `path` here", "node:buffer"),
        ("node:crypto/x", "there is no module `node:crypto/x` here", "node:buffer"),
    ] {
        let folder =
            folder_with(&[("a.ts", &answering(&format!("import x from \"{specifier}\";"), "x"))]);
        let run = zigts(folder.path(), &["check", "a.ts"]);
        assert_eq!(run.code, 1, "{specifier}");
        assert!(
            run.stderr.contains(told) && run.stderr.contains(help),
            "{specifier}: {}",
            run.stderr
        );
        assert!(run.stderr.ends_with("\n1 error\n"), "{specifier}: {}", run.stderr);
    }
    let source = answering("import { createHash } from \"node:crypto\";", "createHash");
    let folder = folder_with(&[("a.ts", &source)]);
    let run = zigts(folder.path(), &["check", "a.ts"]);
    assert!(run.stderr.contains("does not export `createHash`"), "{}", run.stderr);
}

#[test]
fn a_build_tells_the_size_of_each_package() {
    let folder = folder_with(&[
        ("a.ts", &answering("import x from \"sized\";", "x")),
        ("node_modules/sized/package.json", r#"{ "name": "sized", "version": "1.2.3" }"#),
        ("node_modules/sized/index.js", &format!("module.exports = 1; // {}", "x".repeat(2_000))),
    ]);
    let run = zigts(folder.path(), &["build", "a.ts"]);
    assert!(run.stdout.contains("package    sized 1.2.3: 2.0 KiB of source, "), "{}", run.stdout);
    let run = zigts(folder.path(), &["build", "a.ts", "--json"]);
    let told: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let package = &told["packages"][0];
    assert_eq!((&package["name"], &package["modules"]), (&"sized".into(), &1.into()), "{told}");
}

#[test]
fn packages_have_a_limit_of_their_own() {
    let text = format!("module.exports = 1; // {}", "x".repeat(2 << 20));
    let folder = folder_with(&[
        ("a.ts", &answering("import x from \"large\";", "x")),
        ("node_modules/large/index.js", &text),
    ]);
    let run = zigts(folder.path(), &["check", "a.ts"]);
    assert!(run.code == 1 && run.stderr.contains("ZTS340"), "{}", run.stderr);
}

#[test]
fn what_top_level_code_hands_to_a_package_counts_where_the_package_is_called() {
    let router = "
        export class Router { #routes = []; get(route) { this.#routes.push(route); return this; }
          fetch(req) { return this.#routes.map((route) => route(req))[0]; } }
        export const emitter = () => { const all = new Map();
          return { on(name, heard) { all.set(name, heard); }, emit(name, value) { all.get(name)?.(value); } }; };
    ";
    let source = r#"
        import { broadcast } from "zigttp:websocket";
        import { Router, emitter } from "routing";
        const events = emitter();
        events.on("told", (text: string) => broadcast("/room", text));
        const app = new Router().get((req: Request) => new Response(String(Math.random())));
        export function onMessage(ws: WebSocket, data: string) { events.emit("told", data); }
        export function handler(req: Request) { return app.fetch(req); }
    "#;
    let folder = folder_with(&[
        ("a.ts", source),
        ("node_modules/routing/package.json", r#"{ "type": "module" }"#),
        ("node_modules/routing/index.js", router),
    ]);
    let run = zigts(folder.path(), &["build", "a.ts"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("onMessage  io"), "{}", run.stdout);
    assert!(!run.stdout.contains("deterministic"), "{}", run.stdout);
}

#[test]
fn a_package_that_is_installed_and_lacks_a_file_is_not_said_to_be_missing() {
    let folder = folder_with(&[
        ("node_modules/there/package.json", r#"{ "main": "./dist/index.js" }"#),
        ("node_modules/there/lib/a.js", ""),
    ]);
    for specifier in ["there", "there/lib/b.js"] {
        let source = answering(&format!("import x from \"{specifier}\";"), "x");
        std::fs::write(folder.path().join("a.ts"), source).expect("writable");
        let run = zigts(folder.path(), &["check", "a.ts"]);
        assert!(run.code == 1 && run.stderr.contains("`there` is installed"), "{}", run.stderr);
    }
}
