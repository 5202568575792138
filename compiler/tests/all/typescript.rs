//! What `tsc` accepts runs as what `tsc` makes of it runs in Node.

use crate::support::{check, lines, logs};

#[track_caller]
fn runs(text: &str, expected: &[&str]) {
    logs(&[("app.ts", &format!("{text}\nexport function handler(req: Request) {{}}\n"))], expected);
}

#[test]
fn blocks_of_a_namespace_see_what_the_others_export() {
    runs(
        "namespace N { export let a = 1; export const { b, c: [d] } = { b: 2, c: [3] }; export class A { static x = 4; } export enum E { F = 5 } }
         namespace N { a++; [a] = [a + 1]; ({ a } = { a: a + 1 }); export const all = { a, b, d, x: A.x }; export class B extends A {} export const f = (y = a, z = () => E.F) => y + z(); }
         console.log(JSON.stringify(N.all), N.a, N.B.x, N.f());",
        &[r#"{"a":4,"b":2,"d":3,"x":4} 4 4 9"#],
    );
    runs(
        "export namespace A.B { export const x = 1; } export namespace A.B { export const y = x + 1; }
         export namespace A { export const z = B.x + B.y; }
         function f() { return f.n; } namespace f { export let n = 1; } namespace f { n = 7; }
         console.log(A.z, f());",
        &["3 7"],
    );
}

#[test]
fn what_a_block_of_a_namespace_declares_itself_is_its_own() {
    runs(
        "const Array = 'outer';
         namespace N { export const Array = 1, a = 1; const hidden = 1; }
         namespace N { const hidden = 2; function g(a: number) { return a + hidden; } export const r = [Array, g(5), { a: 3 }.a].join(); a: for (;;) break a; }
         console.log(N.r, Array);",
        &["1,7,3 outer"],
    );
}

#[test]
fn what_a_namespace_declares_may_have_its_name() {
    runs(
        "namespace Room { export class Room { again() { return new Room(); } } }
         namespace size { export function size() { return size.name; } }
         namespace E { export enum E { A = 1 } }
         console.log(Room.Room.name, new Room.Room().again().constructor.name, size.size(), E.E.A);",
        &["Room Room size 1"],
    );
}

#[test]
fn an_alias_within_a_namespace_may_mean_its_own_exports() {
    runs(
        "namespace N { export enum E { A, B } import F = E; export const v = F.B; export namespace M { export const x = 2; } export import G = M; export type T = 1; import U = T; const t: U = 1; }
         namespace N { import H = M; export const w = H.x; }
         console.log(N.v, N.G.x, N.w);",
        &["1 2 2"],
    );
}

#[test]
fn an_interface_and_a_value_may_have_one_name() {
    runs(
        "export interface Foo { a: number } export const Foo = { a: 1 };
         interface Bar { b: number } class Bar { c = 2; }
         type Baz = string; function Baz() { return 3; }
         interface N { d: 1 } namespace N { export const e = 4; }
         console.log(Foo.a, new Bar().c, Baz(), N.e);",
        &["1 2 3 4"],
    );
}

#[test]
fn a_class_may_extend_any_expression() {
    runs(
        "try { (class extends (() => {}) {}); } catch (error) { console.log(error instanceof TypeError); }
         let mixed: any;
         class A extends (mixed = class { a = 1; }) {}
         class B extends (await Promise.resolve(class { b = 2; })) {}
         class C extends (true ? class { c = 3; } : Object) {}
         class D extends ({ x: class { d = 4; } }).x {}
         console.log(new A().a, new B().b, (new C() as any).c, new D().d);",
        &["true", "1 2 3 4"],
    );
}

#[test]
fn arguments_may_assign_and_spread() {
    runs(
        "let b: any; const a = [1, 2]; const f = (...x: any[]) => x.join();
         console.log(f(b = a, ...a), f(...a, b = 9), [b ??= 1, ...b = [4]].join());",
        &["1,2,1,2 1,2,9 9,4"],
    );
}

#[test]
fn lone_surrogates_keep_to_themselves() {
    runs(
        r#"const s = "\ud800\u{1f980}", t = `\udc00\u{1f980}\ud83d`;
         const o: any = { "\ud800\u{1f980}": 3 };
         const codes = (text: string) => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16)).join();
         console.log(codes(s), codes(t), codes(Object.keys(o)[0]), "\u{d83d}\u{de00}" === "😀");
         console.log(String.raw`\ud800\u{1f980}`);"#,
        &["d800,d83e,dd80 dc00,d83e,dd80,d83d d800,d83e,dd80 true", r"\ud800\u{1f980}"],
    );
}

#[test]
fn resources_are_disposed_of() {
    runs(
        "const resource = (name: string): Disposable & { name: string } => ({ name, [Symbol.dispose]() { console.log(name); } });
         using late = resource('module');
         const seen = () => late.name;
         console.log(seen());
         { using a = resource('a'), b = resource('b'); await using c = { async [Symbol.asyncDispose]() { console.log('c'); } }; }
         for (using d of [resource('d')]) console.log('in', d.name);
         try { using e = { [Symbol.dispose]() { throw new Error('e'); } }; throw new Error('f'); }
         catch (error: any) { console.log(error.name, error.error.message, error.suppressed.message); }
         const stack = new DisposableStack(); stack.defer(() => console.log('deferred')); stack.dispose();",
        &["module", "c", "b", "a", "in d", "d", "SuppressedError e f", "deferred", "module"],
    );
    logs(
        &[(
            "app.js",
            "{ using a = { [Symbol.dispose]() { console.log('disposed'); } }; } export function handler() {}",
        )],
        &["disposed"],
    );
}

#[test]
fn enums_parameter_properties_and_declared_fields_are_those_of_typescript() {
    runs(
        "const enum C { A = 1, B = A << 2, D = 'x'.length } const k = 3;
         enum E { A } enum E { B = 1, C = k, D = C + 1 } enum S { A = 'a', B = `${A}b` }
         console.log(C.B, C.D, E[1], E.D, S.B);
         class B { x = 1; constructor() { this.init(); } init() {} }
         class A extends B { declare x: number; y?: string; z!: number; constructor(public a: number, private readonly b = 2) { const before = a; super(); console.log(before + this.a + this.b); } }
         console.log(JSON.stringify(new A(4)));",
        &["4 1 B 4 ab", "10", r#"{"x":1,"a":4,"b":2}"#],
    );
}

#[test]
fn declarations_are_enough_for_an_import_of_types() {
    let text = "
        import { Shape } from './types';
        import { Other } from './types.d.ts';
        import { Third } from './lib/third.js';
        const shape: Shape & Other & Third = { side: 2 };
        console.log(shape.side);
        export function handler(req: Request) {}";
    let types = "export interface Shape { side: number } export type Other = Shape; export declare const size: number;";
    logs(
        &[
            ("app.ts", text),
            ("types.d.ts", types),
            ("lib/third.d.ts", "export type Third = { side: number };"),
        ],
        &["2"],
    );
    let value = "import { size } from './types.d.ts'; export function handler() { return size; }";
    let found = lines(&check(&[("app.ts", value), ("types.d.ts", types)]));
    assert_eq!(found, ["ZTS037 app.ts:1:23 cannot import a .d.ts file"]);
    let tsx = "import { a } from './page.tsx'; export function handler() { return a; }";
    let found = lines(&check(&[("app.ts", tsx), ("page.tsx", "export const a = 1;")]));
    assert_eq!(found, ["ZTS037 app.ts:1:20 cannot import a .tsx file"]);
}
