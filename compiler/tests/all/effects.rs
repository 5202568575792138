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
