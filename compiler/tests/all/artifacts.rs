//! What an artifact holds, and that it is the same every time.

use wasmparser::{Parser, Payload};
use zigttp_abi::guest::ABI_VERSION;
use zigttp_abi::manifest::{MANIFEST_SECTION, Manifest, SOURCEMAP_SECTION};

use crate::support::{Modules, built, lines, plain, report_of_build};

const CHAT: Modules<'_> = &[
    (
        "chat.ts",
        "import { send } from 'zigttp:websocket'; import { greet } from './greet.ts';
export const routes = ['/room/:name'];
const table = new Map([[Math.random(), Date.now()], [{}.toString(), Symbol()]]);
export function onMessage(ws: WebSocket, data: string) { send(ws, greet(data) + table.size); }
export async function handler(req: Request) { return Response.text('hello'); }",
    ),
    ("greet.ts", "export const greet = (name: string) => `hello ${name}`;"),
];

#[test]
fn one_source_makes_one_artifact() {
    let (first, second) = (built(CHAT), built(CHAT));
    assert!(first.bytes == second.bytes);
}

#[test]
fn the_manifest_says_what_the_handler_is() {
    let artifact = built(CHAT);
    let manifest = Manifest::from_section(&section(&artifact.bytes, MANIFEST_SECTION)).unwrap();
    assert_eq!(manifest, artifact.manifest);
    assert_eq!(manifest.abi, ABI_VERSION);
    assert_eq!(manifest.exports, ["handler", "onMessage"]);
    assert_eq!(manifest.imports, ["send"]);
    assert_eq!(manifest.routes.as_deref(), Some(&[plain("/room/:name")][..]));
    assert_eq!(manifest.source_hash.len(), 64);
    assert_eq!(manifest.effects["onMessage"], ["io"]);
    assert!(manifest.effects["handler"].is_empty());
    assert_eq!(manifest.properties.names(), ["deterministic"]);

    let mut changed = CHAT.to_vec();
    changed[1].1 = "export const greet = (name: string) => `hello, ${name}`;";
    assert_ne!(built(&changed).manifest.source_hash, manifest.source_hash);
}

#[test]
fn source_maps_name_modules_and_hold_no_source() {
    let artifact = built(CHAT);
    let maps: serde_json::Value =
        serde_json::from_slice(&section(&artifact.bytes, SOURCEMAP_SECTION)).unwrap();
    for (name, _) in CHAT {
        assert_eq!(maps[name]["version"], 3);
        assert_eq!(maps[name]["sources"], serde_json::json!([name]));
        assert_eq!(maps[name].get("sourcesContent"), None, "{name}");
    }
}

#[test]
fn nothing_that_only_building_needs_is_exported() {
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(&built(CHAT).bytes) {
        if let Payload::ExportSection(section) = payload.unwrap() {
            exports.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
        }
    }
    exports.sort();
    assert_eq!(
        exports,
        [
            "handler",
            "memory",
            "on_close",
            "on_message",
            "on_open",
            "on_request",
            "on_signal",
            "on_stream",
            "on_upgrade",
            "room_of"
        ]
    );
}

#[test]
fn failures_of_top_level_code_are_located_in_the_typescript() {
    for (source, expected) in [
        (
            "type A = 1;\n\ninterface B {}\nnull!.x;\nexport function handler() {}",
            "ZTS341 app.ts:4:1 top-level code fails: TypeError: cannot read property 'x' of null",
        ),
        (
            "export const handler = JSON.parse('\"no function\"');",
            "ZTS319 app.ts:1:14 `app.ts` exports no function that the runtime calls",
        ),
        (
            "for (;;) {}\nexport function handler() {}",
            "ZTS342 app.ts:1:1 the top-level code of `app.ts` did not end within 10 s",
        ),
    ] {
        assert_eq!(lines(&report_of_build(&[("app.ts", source)])), [expected]);
    }
}

/// The engine is compiled in a hurry for building, so its frames are large.
#[test]
fn recursion_without_end_at_the_top_level_is_a_range_error() {
    for recursion in [
        "const f = (n) => 1 + f(n + 1); f(0)",
        "JSON.parse('['.repeat(200_000))",
        "const f = () => [2, 1].sort(() => f()); f()",
        "const f = () => 'a'.replace('a', () => f()); f()",
        "const o = { get x() { return o.x; } }; o.x",
        "const o = { toString() { return `${o}`; } }; `${o}`",
        "const p = new Proxy({}, { get: (_, key) => p[key] }); p.x",
        "class A { constructor() { this.a = new A(); } } new A()",
        "const f = () => Reflect.apply(f, null, []); f()",
        "function* g() { yield* g(); } [...g()]",
    ] {
        let source = format!(
            "let caught;\ntry {{ {recursion}; }} catch (error) {{ caught = error.name; }}\n\
             if (caught !== 'RangeError') throw caught;\nexport function handler() {{}}"
        );
        assert_eq!(lines(&report_of_build(&[("app.js", &source)])), [""; 0], "{recursion}");
    }
}

fn section(artifact: &[u8], name: &str) -> Vec<u8> {
    Parser::new(0)
        .parse_all(artifact)
        .find_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) if section.name() == name => {
                Some(section.data().to_vec())
            }
            _ => None,
        })
        .expect(name)
}
