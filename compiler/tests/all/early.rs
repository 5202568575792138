//! Early errors: what the grammar allows and the language forbids is told by the checker, at its place.

use crate::support::{check, lines, report_of_build};

/// Each program has one error, marked by `«` and `»`.
fn finds(cases: &[(&str, &str)]) {
    for &(marked, message) in cases {
        let start = marked.find('«').expect("a program marks its error");
        let text = marked.replace(['«', '»'], "");
        let text = format!("{text}\nexport function handler() {{}}");
        let column = text[..start].rfind('\n').map_or(start, |newline| start - newline - 1) + 1;
        let line = text[..start].matches('\n').count() + 1;
        let found = lines(&check(&[("app.js", &text)]));
        assert_eq!(found, [format!("ZTS002 app.js:{line}:{column} {message}")], "{marked}");
    }
}

#[test]
fn regular_expressions_are_checked() {
    finds(&[
        ("const a = «/(/»;", "this regular expression is not valid: Unterminated capturing group"),
        (
            "const a = «/(?<x>a)(?<x>b)/»;",
            "this regular expression is not valid: Duplicated capturing group names",
        ),
        ("\n\nf(«/a**/»)", "this regular expression is not valid: Invalid braced quantifier"),
        (
            r"const a = «/\p{Nope}/u»;",
            "this regular expression is not valid: Invalid unicode property name and/or value",
        ),
    ]);
}

#[test]
fn private_names_are_those_of_the_classes_around() {
    finds(&[
        (
            "class A { #a = 1; b() { return this.«#typo»; } }",
            "`#typo` is declared in no class around",
        ),
        ("class A { #a; has(it) { return «#b» in it; } }", "`#b` is declared in no class around"),
        ("class A extends f(it => it.«#a») { #a; }", "`#a` is declared in no class around"),
        ("class A { #a; «#a»() {} }", "`#a` is declared twice"),
        ("class A { static get #a() {} set «#a»(it) {} }", "`#a` is declared twice"),
        ("class A { #a; b() { «delete this.#a»; } }", "a private member cannot be deleted"),
        ("class A { #a; b() { return «#a»; } }", "`#a` stands alone: only `#a in …` does"),
    ]);
}

#[test]
fn members_and_super_stand_where_they_may() {
    let call = "`super()` stands outside of the constructor of a class that extends another";
    finds(&[
        ("class A { constructor() { «super»(); } }", call),
        ("class A extends B { a() { «super»(); } }", call),
        ("function f() { «super».a(); }", "invalid access to super"),
        ("class A { a() { function f() { «super».a; } } }", "invalid access to super"),
        ("class A { static [«super».a]() {} }", "`super` stands outside of a method"),
        ("class A { static «prototype» = 1; }", "this member cannot be called `prototype`"),
    ]);
}

#[test]
fn jumps_lead_somewhere() {
    finds(&[
        (
            "for (;;) { (() => { «break;» })(); }",
            "A 'break' statement can only be used within an enclosing iteration or switch statement",
        ),
        (
            "a: for (;;) { (() => { for (;;) «break a»; })(); }",
            "A 'break' statement can only jump to a label of an enclosing statement",
        ),
        ("a: { for (;;) continue «a»; }", "the label `a` is not one of a loop"),
    ]);
}

#[test]
fn names_are_declared_imported_and_exported_once() {
    finds(&[
        ("export const a = 1; const b = 2; export { b as «a» };", "`a` is exported twice"),
        ("export default 1; «export default 2;»", "`default` is exported twice"),
        ("function f(a, «a») {}", "`a` is declared twice"),
        ("const f = ({ a }, [«a»]) => a;", "`a` is declared twice"),
        ("const a = 1; export default function «a»() {}", "`a` is declared twice"),
        ("try {} catch ([a, «a»]) {}", "`a` is declared twice"),
        (
            "import { x as «eval» } from './b.js';",
            "'eval' and 'arguments' cannot be used as a binding identifier in strict mode",
        ),
    ]);
}

#[test]
fn what_is_only_of_sloppy_mode_is_told() {
    finds(&[
        ("let a; «delete ((a))»;", "`a` is a variable, which cannot be deleted"),
        (r"const a = «'\08'»;", "a number after `\\` is an escape of sloppy mode"),
        (r"const a = `«\8»`;", "a number after `\\` is an escape of sloppy mode"),
        (r"const «\u{65}lse» = 1;", "`else` is a reserved word"),
        ("({ «arguments» } = {});", "nothing can be assigned to `arguments`"),
        ("if (1) async function «a»() {}", "a function cannot be declared without a block here"),
        ("({ __proto__: null, «__proto__: 1» });", "`__proto__` is set twice"),
    ]);
}

#[test]
fn all_errors_of_a_module_come_at_once_and_in_order() {
    let text =
        "const a = /(/; class B { c() { this.#d; } }\nsuper.e;\nexport function handler() {}";
    let found = lines(&check(&[("app.ts", "export { handler } from './lib';"), ("lib.ts", text)]));
    assert_eq!(
        found,
        [
            "ZTS002 lib.ts:1:11 this regular expression is not valid: Unterminated capturing group",
            "ZTS002 lib.ts:1:37 `#d` is declared in no class around",
            "ZTS002 lib.ts:2:1 `super` stands outside of a method",
        ]
    );
}

#[test]
fn what_typescript_erases_breaks_no_law() {
    let text = "
        declare class Ambient { #secret; constructor(); }
        abstract class Base { abstract accessor size: number; declare constructor2: string; }
        function overloaded(a: string, b: number): void;
        function overloaded(a: any, b: any) {}
        interface Shared { a: 1 }
        const Shared = { a: 1 };
        export default function f(a: string): void;
        export default function f(a: unknown) {}
        class Pair { get #both() { return 1; } set #both(it) {} static s() { return super.toString(); } }
        type Await = { await: string };
        function typed(this: Pair) {}
        export type { Shared };
        export function handler() {}";
    assert_eq!(lines(&check(&[("app.ts", text)])), Vec::<String>::new());
}

#[test]
fn what_the_engine_alone_refuses_is_told_at_its_place_in_its_module() {
    // Valid: the engine does not know the outer one of two labels of a loop.
    let lib = "export const a = 1;\nouter: inner: for (;;) {\n    continue outer;\n}\nexport function handler() {}";
    let modules = [
        ("app.ts", "import { a } from './lib'; export { handler } from './lib'; console.log(a);"),
        ("lib.ts", lib),
    ];
    assert_eq!(lines(&check(&modules)), Vec::<String>::new());
    let found = lines(&report_of_build(&modules));
    assert_eq!(
        found,
        [
            "ZTS341 lib.ts:3:14 the engine cannot compile this module: break/continue label not found"
        ]
    );
}
