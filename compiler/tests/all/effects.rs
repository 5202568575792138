//! What each export is found to do, and what follows from it for the handler.

use crate::support::check;

const HEAD: &str = "import * as ws from 'zigttp:websocket';
import { close, deserializeAttachment, getWebSockets, roomFromPath, send, serializeAttachment, setAutoResponse } from 'zigttp:websocket';
";

/// `onMessage` with this body, after these declarations: its effects, and the properties that hold.
#[track_caller]
fn finds(declarations: &str, body: &str, effects: &[&str], properties: &[&str]) {
    let source = format!(
        "{HEAD}{declarations}\nexport async function onMessage(socket: WebSocket, data: string, room: string) {{ {body} }}"
    );
    let facts = check(&[("app.ts", &source)]).facts;
    assert_eq!(facts.effects["onMessage"], effects, "{declarations} {body}");
    assert_eq!(facts.properties.names(), properties, "{declarations} {body}");
}

const ALL: &[&str] = &["pure", "read_only", "deterministic"];

#[test]
fn each_function_of_the_api_has_its_effect() {
    let fixed = &["deterministic"];
    finds("", "send(socket, data);", &["io"], fixed);
    finds("", "close(socket);", &["io"], fixed);
    finds("", "serializeAttachment(socket, data);", &["state"], fixed);
    finds("", "setAutoResponse(socket, 'a', 'b');", &["state"], fixed);
    finds("", "getWebSockets(room);", &["io"], &["read_only", "deterministic"]);
    finds("", "deserializeAttachment(socket);", &["state"], &["read_only", "deterministic"]);
    finds("", "roomFromPath(socket, 'name');", &[], ALL);
    finds("", "console.log(data);", &[], ALL);
}

#[test]
fn clock_and_random_numbers_are_no_effect_but_not_deterministic() {
    let holds = &["pure", "read_only"];
    for body in ["Date.now();", "new Date();", "Date();", "Math.random();", "performance.now();"] {
        finds("", body, &[], holds);
    }
    finds("const at = () => Date.now();", "[1].map(() => at());", &[], holds);
    finds("", "new Date(0); new Date(2026, 1, 1); Math.max(1, 2);", &[], ALL);
    finds("", "const Date = { now: () => 1 }; Date.now();", &[], ALL);
}

#[test]
fn clock_and_random_numbers_are_followed_under_every_name() {
    let holds = &["pure", "read_only"];
    for (declarations, body) in [
        ("const { random } = Math;", "random();"),
        ("const { random: r } = Math;", "r();"),
        ("const { random: r = () => 1 } = Math;", "r();"),
        ("const { now } = Date;", "now();"),
        ("const now = Date.now.bind(Date);", "now();"),
        ("const roll = Math.random.bind(Math);", "roll();"),
        ("const D = Date;", "new D();"),
        ("const { Date: D } = globalThis;", "new D();"),
        ("class Stamp extends Date {}", "new Stamp();"),
        ("const clock = { now: Date.now };", "clock.now();"),
        ("const clock = { now: () => performance.now() };", "clock.now();"),
        ("const clock = Object.freeze({ at: { now: Date.now } });", "clock.at.now();"),
        ("class Clock { static source = Date; }", "Clock.source.now();"),
        ("class Clock { now = Date.now; }", "new Clock().now();"),
        ("const sources = [Math.random];", "sources[0]();"),
        ("const [roll] = [Math.random];", "roll();"),
        ("const table = new Map([['a', Math.random]]);", "table.get(data)?.();"),
        ("function f(now = Date.now) { return now(); }", "f();"),
        ("function f({ now = Date.now } = {}) { return now(); }", "f();"),
        ("const { now = Date.now } = {} as any;", "now();"),
        ("function f(now: () => number) { return now(); }", "f(Date.now);"),
        (
            "const later = (f: () => number) => () => f(); const roll = later(Math.random);",
            "roll();",
        ),
        ("let source = () => 0.5; source = Math.random;", "source();"),
        ("const pick = () => Math.random;", "pick()();"),
        ("const { randomUUID: id } = crypto;", "id();"),
        ("const { getRandomValues } = crypto;", "getRandomValues(new Uint8Array(1));"),
        ("const p = performance;", "p.now();"),
        ("const g = globalThis as any;", "g.Math.random();"),
        ("", "crypto.randomUUID();"),
        ("", "crypto.getRandomValues(new Uint8Array(1));"),
        ("", "(globalThis as any)['Math'].random();"),
        ("", "Reflect.apply(Math.random, Math, []);"),
        ("", "Reflect.construct(Date, []);"),
        ("", "Math.random.call(Math);"),
        ("", "performance.now.apply(performance);"),
        ("", "Date?.now?.();"),
        ("", "(0, Math.random)();"),
        ("", "[1].map(Math.random);"),
        ("", "Array.from({ length: 2 }, Math.random);"),
        ("", "for (const f of [Math.random]) f();"),
        ("", "(globalThis as any).run(Math);"),
    ] {
        finds(declarations, body, &[], holds);
    }
    for (declarations, body) in [
        ("const { max } = Math;", "max(1, 2);"),
        ("const most = Math.max.bind(Math, 1);", "most(2);"),
        ("", "Math.max.apply(Math, [1, 2]);"),
        ("", "Reflect.apply(Math.max, Math, [1, 2]);"),
        (
            "const M = Math; let most = 1;",
            "[1].forEach((n) => { most = M.max(most, n); console.log(most); });",
        ),
        ("const D = Date;", "new D(0);"),
        ("class Stamp extends Date {}", "new Stamp(0);"),
        ("const { random } = { random: () => 1 };", "random();"),
        ("const { now } = Date;", ""),
        ("function f(now = Date.now) { return 1; }", "f();"),
        ("", "Math.random;"),
        ("", "Date.UTC(2026, 1); Date.parse(data);"),
        ("", "const date: any = data; date instanceof Date;"),
    ] {
        finds(declarations, body, &[], ALL);
    }
}

#[test]
fn calls_are_followed_wherever_they_lead() {
    let fixed = &["deterministic"];
    for (declarations, body) in [
        ("function f() { g(); } function g() { send(1 as any, ''); }", "f();"),
        ("const table = { a: (s: any) => send(s, '') };", "table[data as 'a'](socket);"),
        ("const table = new Map([['a', send]]);", "table.get(data)?.(socket, data);"),
        ("const table: any = {}; table.a = send;", "table[data](socket, data);"),
        ("const later = (f: any) => () => f(); const g = later(() => send(1 as any, ''));", "g();"),
        ("class A { b() { this.c(); } c() { send(1 as any, ''); } }", "new A().b();"),
        ("class A { s = send(1 as any, ''); }", "new A();"),
        ("class A { static of() { send(1 as any, ''); } }", "A.of();"),
        ("const pick = () => send;", "pick()(socket, data);"),
        ("", "[socket].forEach((one) => send(one, data));"),
        ("", "await Promise.resolve().then(() => send(socket, data));"),
        ("", "(data ? send : console.log)(socket, data);"),
        ("", "const f = data ? send : null; f?.(socket, data);"),
        ("", "send.call(null, socket, data);"),
        ("", "const f = send.bind(null, socket); f(data);"),
        ("", "ws.send(socket, data);"),
        ("", "const { send: s } = ws; s(socket, data);"),
        ("", "const { send: s } = await import('zigttp:websocket'); s(socket, data);"),
        ("let f: any = () => {}; f = send;", "f(socket, data);"),
        ("function f(s = send) { s(1 as any, ''); }", "f();"),
        ("", "const { send: s = null } = ws; s?.(socket, data);"),
        ("", "const [s] = [send]; s(socket, data);"),
        ("", "for (const s of [send]) s(socket, data);"),
        ("", "Reflect.apply(send, null, [socket, data]);"),
        ("const table = Object.freeze({ a: send });", "table.a(socket, data);"),
    ] {
        finds(declarations, body, &["io"], fixed);
    }
}

#[test]
fn what_is_handed_to_unknown_code_counts_as_called() {
    finds("", "(globalThis as any).run(send);", &["io"], &["deterministic"]);
    finds("", "(globalThis as any).run(ws);", &["io", "state"], &["deterministic"]);
    finds(
        "",
        "(globalThis as any).run({ f: [deserializeAttachment] });",
        &["state"],
        &["read_only", "deterministic"],
    );
}

#[test]
fn what_is_never_called_has_no_effect() {
    for (declarations, body) in [
        ("function unused() { send(1 as any, ''); }", ""),
        ("const send2 = send;", ""),
        ("", "const send = (a: any, b: any) => a; send(socket, data);"),
        ("const DEBUG = false;", "if (DEBUG) send(socket, data);"),
        ("", "return; send(socket, data);"),
        ("", "class A { send() {} } new A().send();"),
    ] {
        finds(declarations, body, &[], ALL);
    }
}

#[test]
fn circles_end() {
    finds("function a() { b(); } function b() { a(); }", "a();", &[], ALL);
    finds("const a: any = b; const b: any = a;", "a();", &[], ALL);
    finds("let f: any; f = f || (() => f());", "f();", &[], ALL);
    finds("const f: any = () => f;", "f()()();", &[], ALL);
}
