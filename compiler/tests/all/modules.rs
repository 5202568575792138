//! How modules of a handler find each other, from source to running code.

use zigttp_abi::route::Route;

use crate::support::{built, check, lines, logs, plain};

const HANDLER: &str = "\nexport function handler(req: Request) {}\n";

#[test]
fn relative_imports_run_in_order() {
    logs(
        &[
            (
                "app.ts",
                &format!(
                    "import {{ b }} from './lib/b';\nimport c from \"./c.js\"; console.log(b + c);{HANDLER}"
                ),
            ),
            ("lib/b.ts", "import '../side.mjs'; export const b = 'b';"),
            ("c.ts", "console.log('c'); export default 'c';"),
            ("c.js", "throw 'the TypeScript is the one to take'"),
            ("side.mts", "console.log('side');"),
        ],
        &["side", "c", "bc"],
    );
}

#[test]
fn circles_work() {
    logs(
        &[
            (
                "app.ts",
                &format!(
                    "import {{ even }} from './even'; export const no = false; console.log(even(10));{HANDLER}"
                ),
            ),
            (
                "even.ts",
                "import { odd } from './odd'; export function even(n: number): boolean { return n === 0 || odd(n - 1); }",
            ),
            (
                "odd.ts",
                "import { even } from './even'; import { no } from './app'; export function odd(n: number): boolean { return n === 0 ? no : even(n - 1); }",
            ),
        ],
        &["true"],
    );
}

#[test]
fn types_are_erased_with_the_imports_that_only_they_need() {
    logs(
        &[
            (
                "app.ts",
                &format!(
                    "import {{ Shape, area }} from './shape'; import {{ Never }} from './never'; const s: Shape = {{ side: 2 }}; let n: Never | undefined; console.log(area(s), n);{HANDLER}"
                ),
            ),
            (
                "shape.ts",
                "export interface Shape { side: number } export const area = (s: Shape) => s.side ** 2;",
            ),
            (
                "never.ts",
                "throw 'a module imported for its types does not run'; export type Never = 1;",
            ),
        ],
        &["4 undefined"],
    );
}

#[test]
fn typescript_that_is_more_than_types_is_transformed() {
    logs(
        &[(
            "app.ts",
            &format!(
                "enum Color {{ Red = 1, Green }}
const enum Flag {{ On = 'on' }}
namespace Names {{ export const a = 'a'; export namespace Deep {{ export const b = a + 'b'; }} }}
class Point {{ #secret = 1; constructor(readonly x: number, private y = 2) {{}} sum() {{ return this.x + this.y + this.#secret; }} }}
function pick(a: string): string; function pick(a: number): string; function pick(a: any) {{ return typeof a; }}
console.log(Color[2], Flag.On, Names.Deep.b, new Point(3).sum(), pick(1), (<any>Color)!.Red satisfies number);{HANDLER}"
            ),
        )],
        &["Green on ab 6 number 1"],
    );
}

#[test]
fn dynamic_imports_of_literals_are_part_of_the_artifact() {
    logs(
        &[
            (
                "app.ts",
                &format!("const {{ late }} = await import('./late'); console.log(late);{HANDLER}"),
            ),
            ("late.ts", "export const late = import.meta ? 'late' : '';"),
        ],
        &["late"],
    );
}

#[test]
fn names_never_say_where_a_handler_lies() {
    let modules = [
        ("app.ts", "export { handler } from '../shared/a';"),
        ("../shared/a.ts", "export { handler } from './b/c'"),
        ("../shared/b/c.ts", "export function handler(req: Request) { throw 1; }"),
    ];
    let artifact = built(&modules);
    let text = String::from_utf8_lossy(&artifact.bytes);
    for (name, _) in modules {
        assert!(text.contains(name), "{name}");
    }
}

#[test]
fn what_siblings_export_is_known_through_every_way_to_pass_it_on() {
    let passed_on = [
        (
            "app.ts",
            "import { a, b as c, d, e } from './x'; export * from './y'; console.log(a, c, d, e);",
        ),
        (
            "x.ts",
            "export * from './z'; export { a as d } from './z'; import * as e from './z'; export { e }",
        ),
        ("y.ts", "export { answer as handler } from './z'; export * from './app';"),
        ("z.ts", "export const [a, { b }] = [1, { b: 2 }]; export function answer() {}"),
    ];
    assert_eq!(lines(&check(&passed_on)), [""; 0]);
    assert_eq!(check(&passed_on).facts.exports, ["handler"]);
}

#[test]
fn facts_are_read_without_running_anything() {
    let report = check(&[(
        "app.ts",
        "import { send as s } from 'zigttp:websocket'; import type { close } from 'zigttp:websocket';
export const routes = (['/a', `/b/:c`] as const) satisfies readonly string[];
const onMessage = (ws: WebSocket) => s(ws, '');
export { onMessage, onMessage as onOpen };
throw 'never';",
    )]);
    assert_eq!(report.facts.exports, ["onMessage", "onOpen"]);
    assert_eq!(report.facts.imports, ["send"]);
    assert_eq!(report.facts.routes.as_deref(), Some(&["/a", "/b/:c"].map(plain)[..]));
    assert_eq!(check(&[("app.ts", "export const routes = [a];")]).facts.routes, None);
    let objects = check(&[(
        "app.ts",
        "const ID = '/a/:id';
export const routes = [ID, { path: `/b/:id`, room: ID }, { path: '/c', upgrade: false }];",
    )]);
    let room = Route { room: Some("/a/:id".to_owned()), ..plain("/b/:id") };
    let requests = Route { upgrades: false, ..plain("/c") };
    assert_eq!(objects.facts.routes.as_deref(), Some(&[plain("/a/:id"), room, requests][..]));
}

#[test]
fn constants_of_routes_are_put_together_across_modules() {
    let report = check(&[
        (
            "app.ts",
            "import { BASE, Path, common } from './paths'; const V = 2;
export const routes = Object.freeze([`${BASE}/v${V}/:id`, BASE + '/a' + '/b', Path.Lobby, ...common]);
export const protocols = [`chat.v${V}`, ...['old'] as const];",
        ),
        (
            "paths.ts",
            "export const BASE = '/api'; export enum Path { Lobby = '/lobby' }
const prefix = `${BASE}/x`; export const common = [`${prefix}/y`] satisfies string[];",
        ),
    ]);
    let paths = ["/api/v2/:id", "/api/a/b", "/lobby", "/api/x/y"].map(plain);
    assert_eq!(report.facts.routes.as_deref(), Some(&paths[..]));
    assert_eq!(report.facts.protocols.as_deref(), Some(&["chat.v2", "old"].map(str::to_owned)[..]));
}

#[test]
fn a_list_that_code_changes_is_not_read() {
    for change in ["routes.push('/b')", "routes[0] = '/b'", "routes.length = 0", "delete routes[0]"]
    {
        let source = format!("export const routes = ['/a']; {change};");
        let report = check(&[("app.ts", &source)]);
        assert_eq!(report.facts.routes, None, "{change}");
    }
}

#[test]
fn constants_that_double_end() {
    let mut source = "const a0 = ['/a'], t0 = '/a';\n".to_owned();
    for n in 0..40 {
        source +=
            &format!("const a{0} = [...a{n}, ...a{n}], t{0} = `${{t{n}}}${{t{n}}}`;\n", n + 1);
    }
    source += "export const routes = [...a40, t40];";
    assert_eq!(check(&[("app.ts", &source)]).facts.routes, None);
}

#[test]
fn a_namespace_imports_the_functions_that_are_named_and_all_if_it_is_used_otherwise() {
    for (used, expected) in [
        ("kept.get('/', 'k'); kept.put('/', 'k', 1)", &["storage.get", "storage.put"][..]),
        ("void 0", &[]),
        (
            "(kept as any)['get']('/', 'k')",
            &[
                "storage.delete",
                "storage.deleteAll",
                "storage.get",
                "storage.list",
                "storage.put",
                "storage.usage",
            ],
        ),
        (
            "kept.get; void { kept }",
            &[
                "storage.delete",
                "storage.deleteAll",
                "storage.get",
                "storage.list",
                "storage.put",
                "storage.usage",
            ],
        ),
    ] {
        let source = format!(
            "import * as kept from 'zigttp:storage'; export function onClose() {{ {used} }}"
        );
        assert_eq!(check(&[("app.ts", &source)]).facts.imports, expected, "{used}");
    }
}

#[test]
fn a_nul_character_is_one_in_every_literal() {
    let text = "const a = 'x\0y', b = `x\0y`; console.log(a.length, a === b, /x\0y/.test(a), a.charCodeAt(1));";
    logs(&[("app.ts", &format!("{text}{HANDLER}"))], &["3 true true 0"]);
}
