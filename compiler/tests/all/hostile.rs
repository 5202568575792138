//! Texts that are made to break a compiler get a diagnostic.

use zigts_compiler::MAX_SOURCE_BYTES;

use crate::support::{check, lines, report_of_build};

/// Deep enough to overflow an ordinary stack many times.
const LEVELS: usize = 30_000;

#[test]
fn deep_nesting_is_a_syntax_error() {
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("{a:", "}"),
        ("!", ""),
        ("- ", ""),
        ("typeof ", ""),
        ("a=>", ""),
        ("a?b:", ""),
        ("a+", ""),
        ("a**", ""),
        ("a=", ""),
        ("a(", ")"),
        ("`${", "}`"),
        ("new ", ""),
        ("async(", ")"),
        ("(function(){", "})"),
        ("class{m=", "}"),
    ] {
        for close in [close, ""] {
            let source =
                format!("export const x = {}1{};", open.repeat(LEVELS), close.repeat(LEVELS));
            expect_one_syntax_error(&source);
        }
    }
}

#[test]
fn deep_statements_and_types_are_syntax_errors_too() {
    for (open, close) in [("{", "}"), ("if(a)", ""), ("do ", ""), ("try{", "}catch{}"), ("a:", "")]
    {
        // Labels are looked up in all around them: the square of this many is still quick.
        let levels = if open == "a:" { 1_100 } else { LEVELS };
        expect_one_syntax_error(&format!("{};{}", open.repeat(levels), close.repeat(levels)));
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("A<", ">"), ("{a:", "}"), ("keyof ", "")] {
        let source = format!("type T={}A{};", open.repeat(LEVELS), close.repeat(LEVELS));
        expect_one_syntax_error(&source);
    }
}

#[track_caller]
fn expect_one_syntax_error(source: &str) {
    let found = lines(&check(&[("deep.ts", source)]));
    let shown = &source[..source.len().min(40)];
    assert!(!found.is_empty() && found.len() <= 50, "{shown}: {}", found.len());
    assert!(found.iter().all(|line| line.starts_with("ZTS002 ")), "{shown}: {found:?}");
}

#[test]
fn what_makes_the_parser_guess_for_ever_is_a_syntax_error() {
    for open in ["<T>(", "<T>(a:T=", "<T>([", "(a?<T>(", "`${<T>(<T>(", "as <>(a?"] {
        for levels in [11, 40, LEVELS] {
            expect_one_syntax_error(&open.repeat(levels));
        }
    }
}

#[test]
fn what_makes_the_parser_panic_is_a_syntax_error() {
    expect_one_syntax_error("enum get {[abstract ");
}

/// With work that grows with the square of the text each of these takes from ten seconds to minutes.
#[test]
fn what_is_there_thousands_of_times_is_checked_all_the_same() {
    const TIMES: usize = 8_000;
    let numbered = |piece: &str, times: usize| {
        (0..times).map(|number| piece.replace("{}", &number.to_string())).collect::<String>()
    };
    let import = "import { getWebSockets, send } from \"zigttp:websocket\";";
    for (before, piece, after) in [
        (String::new(), "var f = () => f();", String::new()),
        ("let f = () => 0;".to_owned(), "f = () => f();", String::new()),
        (
            format!("const list = [{}];", "() => 0,".repeat(TIMES)),
            "list[0](); q(list);",
            String::new(),
        ),
        ("const list = [];".to_owned(), "list.push(() => 0); list[0]();", String::new()),
        (numbered("const o{} = { get g() { return 1; } };", 100), "q.g;", String::new()),
        (numbered("class C{} { m() {} }", 100), "q.m();", String::new()),
        (
            format!("function g() {{ {} }}", "if (q) return () => 0;".repeat(TIMES)),
            "g()();",
            String::new(),
        ),
        (
            format!("const o = {{ {} }};", numbered("m{}: () => 0,", TIMES)),
            "o.m1();",
            String::new(),
        ),
        ("/**/".repeat(TIMES) + "const z = 0", ", a{} = () => 0", String::new()),
        ("for (;;) ".repeat(900) + "{", "a();", "}".to_owned()),
        (
            "for (const a of getWebSockets(\"\")) ".repeat(900) + "{",
            "getWebSockets(\"\");",
            "}".to_owned(),
        ),
        ("{".repeat(900), "var v{};", "}".repeat(900)),
        (numbered("if (typeof a{}) {", 800), "b;", "}".repeat(800)),
        ("import {".to_owned(), "send as s{}, ", "} from \"zigttp:websocket\";".to_owned()),
        ("let n = 0; export function onOpen() {".to_owned(), "n++;", "}".to_owned()),
        ("// zigts-ignore-file ZTS329: x\n".repeat(TIMES), "fetch();", String::new()),
        (
            "// zigts-ignore-file ZTS900: x\n".repeat(TIMES),
            "/* zigts-ignore ZTS310: x */",
            String::new(),
        ),
        ("/** @effects".to_owned(), " io", "*/ export const onOpen = () => 0;".to_owned()),
        (
            "const o = {".to_owned() + &numbered("a{}: 1,", 900) + "};",
            "const { a1: b{} } = o;",
            String::new(),
        ),
        ("class C { alarm() {} }".to_owned(), "export { C as c{} }; new C();", String::new()),
        (
            "export function onMessage(ws, data, room) {".to_owned(),
            "ws.send(data); f{}(ws); function f{}(to) { to.close(); }",
            "}".to_owned(),
        ),
        (
            "const f0 = (ws) => 0; export function onMessage(ws) { f7999(ws); }".to_owned(),
            "function f{}(ws) { f{}0(ws); ws.id; }",
            String::new(),
        ),
        (
            "const a0 = getWebSockets('/');".to_owned()
                + &(1..60)
                    .map(|level| format!("const a{level} = [...a{0}, ...a{0}];", level - 1))
                    .collect::<String>(),
            "a59[0].send('x'); send(a59, 1);",
            String::new(),
        ),
        ("export async function handler(req) {".to_owned(), "req.body; req.headers.x{};", "}".to_owned()),
        (String::new(), "undeclared{}();", String::new()),
        (String::new(), "Intl.x; crypto.subtle.x;", String::new()),
        ("import {".to_owned(), "close as c{}, ", "} from \"zigttp:websocket\"; export function onOpen(ws) { ws.close(); }".to_owned()),
        (
            numbered("export class C{} { alarm() {} }", 2_000),
            "new C1();",
            "export default class {}".to_owned(),
        ),
        ("export default {".to_owned(), "fetch() {},", "};".to_owned()),
        (
            "import { serializeAttachment } from \"zigttp:websocket\"; const f0 = () => null;"
                .to_owned()
                + &(1..60)
                    .map(|level| format!("const f{level} = () => q ? f{0}() : f{0}();", level - 1))
                    .collect::<String>()
                + "export const handler = async () => {",
            "serializeAttachment(0, f59()); if (q) return f59(); await f59();",
            "};".to_owned(),
        ),
        ("export default class {".to_owned(), "onConnect() {}", "}".to_owned()),
        (
            "import { signalAt } from \"zigttp:durable\"; import * as storage from \"zigttp:storage\";
            const o = { put: storage.put }; export const handler = () => onMessage();
            export function onMessage(ws, data, room) {"
                .to_owned(),
            "storage.put('/r{}', 'k', 1); if (room === 'r{}') storage.list(room); o.put(); signalAt('x', 'n', 1);",
            "}".to_owned(),
        ),
    ] {
        let source = format!("{import}{before}{}{after}", numbered(piece, TIMES));
        let report = check(&[("app.ts", &source)]);
        assert!(report.diagnostics.len() <= 500, "{piece}");
    }
}

#[test]
fn thousands_of_functions_that_a_package_keeps_are_checked_all_the_same() {
    let routes = "p.get(() => p.get());".repeat(8_000);
    let source =
        format!("import * as p from \"p\"; {routes} export const handler = () => p.get();");
    let report = check(&[
        ("app.ts", &source),
        ("node_modules/p/package.json", r#"{ "type": "module" }"#),
        ("node_modules/p/index.js", "export const get = (f) => f?.();"),
    ]);
    assert!(report.diagnostics.is_empty(), "{:?}", report.diagnostics);
}

#[test]
fn constants_that_double_stay_small() {
    let doubled: Vec<_> = (0..60).map(|it| format!("const a{} = a{it} + a{it};", it + 1)).collect();
    let source =
        format!("const a0 = \"12345678\";{}export function handler() {{}}", doubled.join("\n"));
    assert_eq!(lines(&check(&[("app.ts", &source)])), [""; 0]);
}

#[test]
fn of_too_many_findings_the_errors_are_told_and_the_rest_is_counted() {
    let source = format!(
        "import {{ close, send }} from \"zigttp:websocket\";\nDate.now();{}\n\
         export function onMessage(ws) {{ close(ws, 1005); send(ws, \"1\"); }}",
        "Math.random();".repeat(1_000)
    );
    let report = check(&[("app.ts", &source)]);
    assert_eq!((report.diagnostics.len(), report.omitted), (500, 502));
    assert!(report.has_errors());
}

#[test]
fn nesting_of_generated_code_is_let_through() {
    let sum = "\"a\" + ".repeat(900);
    let calls = ".map(x => x)".repeat(300);
    let brackets = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let source = format!(
        "export const a = {sum}\"\", b = []{calls}, c = {brackets};\nexport function handler() {{}}"
    );
    assert_eq!(lines(&report_of_build(&[("app.ts", &source)])), [""; 0]);
}

#[test]
fn too_much_source_is_named_where_it_begins() {
    let half = format!("export const a = \"{}\";", "x".repeat(MAX_SOURCE_BYTES / 2));
    let modules = [
        ("app.ts", "import './a'; import './b'; import './nowhere';"),
        ("a.ts", &half),
        ("b.ts", &half),
    ];
    assert_eq!(
        lines(&check(&modules)),
        ["ZTS340 b.ts:1:1 the handler has 513 KiB of source; at most 512 KiB can be built"]
    );
}

#[test]
fn the_largest_source_still_builds() {
    let head = "export function handler() { return table.length; }\nconst table = [";
    let row = "{ name: \"somebody\", count: 1 },\n";
    let rows = row.repeat((MAX_SOURCE_BYTES - head.len() - 2) / row.len());
    let source = format!("{head}{rows}];");
    assert_eq!(lines(&report_of_build(&[("app.ts", &source)])), [""; 0]);
}

#[test]
fn odd_texts_are_no_trouble() {
    for source in ["", "\u{feff}", "\0", "#!/usr/bin/env zigts", "\u{2028}", "'\\ud800'", "/*", "`"]
    {
        let found = lines(&check(&[("odd.ts", source)]));
        assert!(found.len() == 1, "{source:?}: {found:?}");
    }
}
