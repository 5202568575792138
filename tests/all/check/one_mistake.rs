//! One mistake is one diagnostic, of the rule that says what to do about it.

use crate::support::zigts::{folder_with, zigts};

/// Handlers with one mistake each, and the rule that tells of it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "ZTS037",
        r#"import { sned } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { sned(ws, data); }
"#,
    ),
    (
        "ZTS037",
        r#"import { sned } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#,
    ),
    (
        "ZTS346",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { sned(ws, data); }
"#,
    ),
    (
        "ZTS037",
        r#"import { send } from "zigttp:websockets";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS037",
        r#"import { send } from "zigttp:web-socket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS037",
        r#"import send from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS037",
        r#"import { send } from "zigttp:websocket";
import { label } from "./nowhere";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, label + data + room); }
"#,
    ),
    (
        "ZTS037",
        r#"import { send } from "zigttp:websocket";
import { lable } from "./label";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, lable + data + room); }
"#,
    ),
    (
        "ZTS037",
        r#"import { send } from "zigttp:websocket";
import { lable } from "./label";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, label + data + room); }
"#,
    ),
    (
        "ZTS037",
        r#"import { send } from "zigttp:websocket";
import { WebSocketServer } from "ws";
const server = new WebSocketServer();
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room + server); }
"#,
    ),
    (
        "ZTS037",
        r#"import { send } from "zigttp:websocket";
import { signal } from "zigttp:websocket";
export function onClose(ws: WebSocket) { signal("/a", "gone"); }
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS374",
        r#"import { send } from "zigttp:websocket";
const isMine = async (data: string) => (await fetch("https://example.com/" + data)).ok;
export async function onMessage(ws: WebSocket, data: string) { if (isMine(data)) send(ws, data); }
"#,
    ),
    (
        "ZTS329",
        r#"const { send } = require("zigttp:websocket");
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS321",
        r#"export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS346",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); close(ws); }
"#,
    ),
    (
        "ZTS346",
        r#"import { send } from "zigttp:websocket";
export function onClose(ws: WebSocket, code: number, reason: string, room: string) { storage.put(room, "left", reason); }
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS306",
        r#"import { close, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS323",
        r#"import { send } from "zigttp:websocket";
export function onMesage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS323",
        r#"import { send } from "zigttp:websocket";
export function onmessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS323",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
export function onclose(ws: WebSocket) { console.log("gone"); }
"#,
    ),
    (
        "ZTS336",
        r#"import { send } from "zigttp:websocket";
export function onConnect(ws: WebSocket) { send(ws, "hello"); }
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS336",
        r#"import { send } from "zigttp:websocket";
export default { onMessage(ws: WebSocket, data: string) { send(ws, data); } };
"#,
    ),
    (
        "ZTS336",
        r#"export default { fetch(req: Request) { return new Response("hello"); } };
"#,
    ),
    (
        "ZTS319",
        r#"function handler(req: Request) { return Response.text(req.path); }
"#,
    ),
    (
        "ZTS320",
        r#"import { send } from "zigttp:websocket";
function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function handler() { return Response.text("a"); }
"#,
    ),
    (
        "ZTS322",
        r#"import { send } from "zigttp:websocket";
export function* onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS322",
        r#"import { send } from "zigttp:websocket";
export const onMessage = { send };
"#,
    ),
    (
        "ZTS339",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { ws.send(data + room); }
"#,
    ),
    (
        "ZTS339",
        r#"export function onMessage(ws: WebSocket, data: string, room: string) { ws.send(data + room); }
"#,
    ),
    (
        "ZTS339",
        r#"import { close, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); ws.close(); }
"#,
    ),
    (
        "ZTS339",
        r#"import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { for (const peer of getWebSockets(room)) peer.send(data); }
"#,
    ),
    (
        "ZTS339",
        r#"import { connectionId, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room + ws.id); }
"#,
    ),
    (
        "ZTS339",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { ws.on("close", () => { send(ws, data + room); }); }
"#,
    ),
    (
        "ZTS344",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, { data, room }); }
"#,
    ),
    (
        "ZTS344",
        r#"import { broadcast } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { broadcast(ws, data); }
"#,
    ),
    (
        "ZTS335",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(data + room); }
"#,
    ),
    (
        "ZTS335",
        r#"import { send, getWebSockets } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { for (const peer of getWebSockets()) send(peer, data); }
"#,
    ),
    (
        "ZTS324",
        r#"import { close, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); close(ws, 1006); }
"#,
    ),
    (
        "ZTS343",
        r#"import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket, room: string) { send(ws, room); }
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS343",
        r#"import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, room: string, data: string) { for (const peer of getWebSockets(room)) send(peer, data); }
"#,
    ),
    (
        "ZTS343",
        r#"import { send } from "zigttp:websocket";
export function onMessage(event: any) { send(event.target, event.data); }
"#,
    ),
    (
        "ZTS343",
        r#"import { broadcast } from "zigttp:websocket";
export function onMessage(message: string) { broadcast("/lobby", message); }
"#,
    ),
    (
        "ZTS343",
        r#"import { send } from "zigttp:websocket";
export function onMessage({ data, target }: any) { send(target, data); }
"#,
    ),
    (
        "ZTS343",
        r#"import * as storage from "zigttp:storage";
export const schedules = [{ cron: "0 0 * * *", room: "/a", name: "night" }];
export function onSignal(name: string, room: string) { storage.put(room, "last", name); }
"#,
    ),
    (
        "ZTS322",
        r#"export function handler(req: Request, room: string) { return Response.text(req.path + room); }
"#,
    ),
    (
        "ZTS345",
        r#"export function handler(req: Request) { return Response.text(String(req.cookies)); }
"#,
    ),
    (
        "ZTS345",
        r#"export function handler(req: Request) { return Response.text(req.headers.host); }
"#,
    ),
    (
        "ZTS345",
        r#"export function handler(req: Request) { return Response.json(JSON.parse(req.rawBody)); }
"#,
    ),
    (
        "ZTS337",
        r#"export function handler(req: Request) { return `hello, ${req.path}`; }
"#,
    ),
    (
        "ZTS337",
        r#"import { send } from "zigttp:websocket";
export function onUpgrade(req: Request) { return true; }
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS370",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { setTimeout(() => send(ws, data + room), 100); }
"#,
    ),
    (
        "ZTS329",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room + process.argv); }
"#,
    ),
    (
        "ZTS329",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, new Intl.NumberFormat().format(Number(data + room))); }
"#,
    ),
    (
        "ZTS329",
        r#"import { send } from "zigttp:websocket";
export async function onClose() { new XMLHttpRequest(); }
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS330",
        r#"import { send } from "zigttp:websocket";
const rates = await (await fetch("https://example.com/")).text();
export function onMessage(ws: WebSocket, data: string) { send(ws, data + rates); }
"#,
    ),
    (
        "ZTS353",
        r#"import { send } from "zigttp:websocket";
export function roomOf(req: Request) { void fetch("https://example.com/"); return "user:1"; }
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#,
    ),
    (
        "ZTS371",
        r#"import { send } from "zigttp:websocket";
export async function onMessage(ws: WebSocket, data: string) { send(ws, data); await new Promise(() => {}); }
"#,
    ),
    (
        "ZTS372",
        r#"import { send } from "zigttp:websocket";
export async function onMessage(ws: WebSocket, data: string) { send(ws, "wait"); await fetch("https://example.com/" + data); }
"#,
    ),
    (
        "ZTS373",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { fetch("https://example.com/" + data).then((it) => it.text()).then((it) => send(ws, it)); }
"#,
    ),
    (
        "ZTS329",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { console.table([send(ws, data + room)]); }
"#,
    ),
    (
        "ZTS329",
        r#"export async function handler(req: Request) { return Response.json(URL.createObjectURL(await req.arrayBuffer())); }
"#,
    ),
    (
        "ZTS329",
        r#"addEventListener("fetch", (event) => { event.respondWith(new Response("a")); });
export function handler() { return Response.text("a"); }
"#,
    ),
    (
        "ZTS346",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, daat + room); }
"#,
    ),
    (
        "ZTS310",
        r#"import { send } from "zigttp:websocket";
let count = 0;
export function onMessage(ws: WebSocket, data: string, room: string) { count++; send(ws, `${count} ${data} ${room}`); }
"#,
    ),
    (
        "ZTS310",
        r#"import { send } from "zigttp:websocket";
const clients = new Set<WebSocket>();
export function onOpen(ws: WebSocket) { clients.add(ws); }
export function onMessage(ws: WebSocket, data: string) { for (const client of clients) send(client, data); }
"#,
    ),
    (
        "ZTS326",
        r#"import { send, serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { serializeAttachment(ws, { joined: new Date() }); }
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS350",
        r#"import { signal } from "zigttp:durable";
export function handler() { signal("/a", "hello"); return Response.text("a"); }
"#,
    ),
    (
        "ZTS328",
        r#"import { send } from "zigttp:websocket";
export const routes = ["room/:name"];
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, data + room); }
"#,
    ),
    (
        "ZTS327",
        r#"import { param, send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket, data: string) { send(ws, param(ws, "nmae") + data); }
"#,
    ),
    (
        "ZTS002",
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string)  send(ws, data + room); }
"#,
    ),
    (
        "ZTS346",
        r#"import { send } from "zigttp:websocket";
import { label } from "./label";
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, labell + data + room); }
"#,
    ),
    (
        "ZTS339",
        r#"import { send, type WebSocket } from "zigttp:websocket";
const reply = (to: WebSocket, text: string) => to.send(text);
export function onMessage(ws: WebSocket, data: string) { reply(ws, data); }
"#,
    ),
    (
        "ZTS345",
        r#"export async function handler(req: Request) { return who(req); }
function who(req) { return Response.text(req.cookies.name); }
"#,
    ),
];

#[test]
fn one_mistake_is_one_diagnostic() {
    let mut wrong = Vec::new();
    for (code, handler) in MISTAKES {
        let label = "export const label = \"a\";\n";
        let folder = folder_with(&[("handler.ts", handler), ("label.ts", label)]);
        let run = zigts(folder.path(), &["check", "--format", "compact", "handler.ts"]);
        let found: Vec<_> = run.stdout.lines().collect();
        if !matches!(found.as_slice(), [only] if only.contains(code)) {
            wrong.push(format!("{code}:\n{handler}{}", run.stdout));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A fix is made for the mistake, and nothing else is changed: no import is lost.
#[test]
fn what_the_handler_needs_is_still_imported_after_the_fixes() {
    for (_, handler) in MISTAKES {
        let label = "export const label = \"a\";\n";
        let folder = folder_with(&[("handler.ts", handler), ("label.ts", label)]);
        zigts(folder.path(), &["check", "--fix", "handler.ts"]);
        let fixed = std::fs::read_to_string(folder.path().join("handler.ts")).expect("it is there");
        for name in ["send", "close", "connectionId"] {
            let is_imported =
                |text: &str| text.lines().any(|it| it.starts_with("import") && it.contains(name));
            let is_used = |text: &str| text.contains(&format!("{name}("));
            let is_lost = is_imported(handler)
                && !is_imported(&fixed)
                && (is_used(handler) || is_used(&fixed));
            assert!(!is_lost, "{handler}{fixed}");
        }
    }
}
