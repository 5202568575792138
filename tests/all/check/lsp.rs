//! What an editor gets from `zigts lsp`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::editor::{Editor, uri};
use crate::support::zigts::folder_with;

const CLEAN: &str = r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#;

/// A folder with these files, an editor that has it open, and the paths of the files.
fn editor_with<const N: usize>(
    files: [(&str, &str); N],
) -> (tempfile::TempDir, Editor, [PathBuf; N]) {
    let folder = folder_with(&files);
    let editor = Editor::open_folder(folder.path());
    let paths = files.map(|(name, _)| folder.path().join(name));
    (folder, editor, paths)
}

fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics.iter().filter_map(|it| it["code"].as_str()).collect()
}

fn range(line: u32, start: u32, end: u32) -> Value {
    json!({
        "start": { "line": line, "character": start },
        "end": { "line": line, "character": end },
    })
}

fn position(file: &std::path::Path, line: u32, character: u32) -> Value {
    json!({
        "textDocument": { "uri": uri(file) },
        "position": { "line": line, "character": character },
    })
}

#[test]
fn a_byte_order_mark_that_an_editor_sends_counts_on_the_first_line() {
    let source =
        "export function onMesage(ws: WebSocket, data: string) {}\nimport \"zigttp:websocket\";\n";
    let (_folder, mut editor, [chat]) = editor_with([("chat.ts", "")]);
    editor.open(&chat, source);
    let plain = editor.diagnostics(&chat, Some(1));
    editor.change(&chat, 2, &format!("\u{feff}{source}"));
    let marked = editor.diagnostics(&chat, Some(2));
    let first = |found: &[Value]| {
        let finding = found.iter().find(|it| it["code"] == "ZTS323").expect("it is misspelled");
        finding["range"].clone()
    };
    assert_eq!(first(&plain), range(0, 16, 24));
    assert_eq!(first(&marked), range(0, 17, 25));
    let source = "\u{feff}import { send } from \"zigttp:websocket\";\n";
    editor.change(&chat, 3, source);
    editor.diagnostics(&chat, Some(3));
    let hover = editor.request("textDocument/hover", position(&chat, 0, 11));
    assert_eq!(hover["range"], range(0, 10, 14));
}

#[test]
fn diagnostics_come_as_one_types() {
    let (_folder, mut editor, [chat]) = editor_with([("chat.ts", CLEAN)]);
    editor.open(&chat, CLEAN);
    assert_eq!(editor.diagnostics(&chat, Some(1)), [Value::Null; 0]);

    editor.change(&chat, 2, &CLEAN.replace("onMessage", "onMesage"));
    let found = editor.diagnostics(&chat, Some(2));
    assert_eq!(codes(&found), ["ZTS323"]);
    assert_eq!((&found[0]["severity"], &found[0]["source"]), (&json!(1), &json!("zigts")));
    assert_eq!(found[0]["range"], range(1, 16, 24));
    let message = found[0]["message"].as_str().expect("it is text");
    assert!(message.contains("onMessage"), "{message}");

    editor.change(&chat, 3, "export function onMessage( {");
    assert_eq!(codes(&editor.diagnostics(&chat, Some(3))), ["ZTS002"]);

    editor.change(&chat, 4, CLEAN);
    assert_eq!(editor.diagnostics(&chat, Some(4)), [Value::Null; 0]);
}

#[test]
fn positions_count_utf16_units() {
    let text = "/* 😀 é */ setInterval();\r\nexport function handler() {}\r\n";
    let (_folder, mut editor, [app]) = editor_with([("app.ts", text)]);
    editor.open(&app, text);
    let found = editor.diagnostics(&app, Some(1));
    assert_eq!(codes(&found), ["ZTS329"]);
    assert_eq!(found[0]["range"], range(0, 11, 22));
}

#[test]
fn the_calls_that_lead_to_a_finding_are_related_information() {
    let text = r#"import { send } from "zigttp:websocket";
function greet(ws: WebSocket) { send(ws, "hello"); }
/** @effects pure */
export function onMessage(ws: WebSocket, data: string) { greet(ws); }
"#;
    let (_folder, mut editor, [app]) = editor_with([("app.ts", text)]);
    editor.open(&app, text);
    let found = editor.diagnostics(&app, Some(1));
    assert_eq!(codes(&found), ["ZTS503"]);
    let related = found[0]["relatedInformation"].as_array().expect("it is a list");
    assert!(!related.is_empty());
    assert!(related.iter().all(|it| it["location"]["uri"] == uri(&app)), "{related:?}");
    assert!(related.iter().any(|it| it["location"]["range"] == range(1, 32, 36)), "{related:?}");
}

#[test]
fn what_is_open_counts_more_than_what_is_on_the_disk() {
    let chat = "import { reply } from './lib/reply';\nexport function onMessage(ws: WebSocket, data: string) { reply(ws, data); }\n";
    let reply = "import { send } from 'zigttp:websocket';\nexport const reply = (ws: WebSocket, data: string) => { send(ws, data); };\n";
    let (_folder, mut editor, [chat_path, reply_path]) =
        editor_with([("chat.ts", chat), ("lib/reply.ts", "export const other = 1;\n")]);
    editor.open(&chat_path, chat);
    assert_eq!(codes(&editor.diagnostics(&chat_path, Some(1))), ["ZTS037", "ZTS321"]);
    editor.open(&reply_path, reply);
    assert_eq!(editor.diagnostics(&chat_path, Some(1)), [Value::Null; 0]);
    assert_eq!(editor.diagnostics(&reply_path, Some(1)), [Value::Null; 0]);
    // Once it is closed, the file on the disk counts.
    editor.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri(&reply_path) } }));
    assert_eq!(codes(&editor.diagnostics(&chat_path, Some(1))), ["ZTS037", "ZTS321"]);
}

#[test]
fn a_module_is_checked_as_part_of_the_handler_that_imports_it() {
    let chat = "import { reply } from './reply';\nexport function onMessage(ws: WebSocket, data: string) { reply(ws, data); }\n";
    let reply = "import { send } from 'zigttp:websocket';\nexport const reply = (ws: WebSocket, data: string) => { send(ws, data); };\n";
    let (_folder, mut editor, [_, path]) = editor_with([("chat.ts", chat), ("reply.ts", reply)]);
    editor.open(&path, reply);
    assert_eq!(editor.diagnostics(&path, Some(1)), [Value::Null; 0]);
    editor.change(&path, 2, &reply.replace("send(ws, data)", "setInterval(send, 1)"));
    assert_eq!(codes(&editor.diagnostics(&path, Some(2))), ["ZTS329"]);
}

#[test]
fn fixes_are_offered_where_the_finding_is() {
    let text = r#"/* é */ export function onMesage(ws: WebSocket, data: string) { send(ws, data); }
import { send } from "zigttp:websocket";
"#;
    let (_folder, mut editor, [app]) = editor_with([("app.ts", text)]);
    editor.open(&app, text);
    let all = range(0, 0, 90);
    let document = json!({ "uri": uri(&app) });
    let ask = |editor: &mut Editor, range: &Value, only: Value| {
        let context = json!({ "diagnostics": [], "only": only });
        let params = json!({ "textDocument": document, "range": range, "context": context });
        editor.request("textDocument/codeAction", params)
    };
    let actions = ask(&mut editor, &all, json!(["quickfix"]));
    let misspelled = &actions.as_array().expect("it is a list")[0];
    assert_eq!(misspelled["kind"], "quickfix");
    assert_eq!(misspelled["diagnostics"][0]["code"], "ZTS323");
    let edits = &misspelled["edit"]["changes"][uri(&app)];
    assert_eq!(edits, &json!([{ "range": range(0, 24, 32), "newText": "onMessage" }]));

    assert_eq!(ask(&mut editor, &all, json!(["refactor"])), json!([]));
    assert_eq!(ask(&mut editor, &range(0, 70, 71), json!(["quickfix"])), json!([]));

    let unimported = "/* é */ export function onMessage(ws: WebSocket) { send(ws, ''); }";
    editor.change(&app, 2, unimported);
    let actions = ask(&mut editor, &all, Value::Null);
    let edits = &actions[0]["edit"]["changes"][uri(&app)];
    let import = "import { send } from \"zigttp:websocket\";\n";
    assert_eq!(edits, &json!([{ "range": range(0, 0, 0), "newText": import }]));

    let unused = "import { send, close } from 'zigttp:websocket';\nexport function onMessage(ws: WebSocket) { close(ws); }\n";
    editor.change(&app, 3, unused);
    let actions = ask(&mut editor, &all, Value::Null);
    assert_eq!(actions[0]["diagnostics"][0]["code"], "ZTS306");
    let edits = &actions[0]["edit"]["changes"][uri(&app)];
    assert_eq!(edits, &json!([{ "range": range(0, 9, 15), "newText": "" }]));

    let set = "import { serializeAttachment as keep } from 'zigttp:websocket';\nexport function onMessage(ws: WebSocket) { keep(ws, new Set([1]) as any); }\n";
    editor.change(&app, 4, set);
    let actions = ask(&mut editor, &all, Value::Null);
    assert_eq!(actions, json!([]), "it is in the second line");
    let second = json!({ "start": range(1, 0, 0)["start"], "end": range(1, 60, 60)["end"] });
    let actions = ask(&mut editor, &second, Value::Null);
    assert_eq!(actions[0]["title"], "store an array of it");
    let edits = &actions[0]["edit"]["changes"][uri(&app)];
    let inserted = [(52, "[..."), (64, "]")]
        .map(|(at, text)| json!({ "range": range(1, at, at), "newText": text }));
    assert_eq!(edits, &json!(inserted));
}

#[test]
fn hovering_over_an_api_function_tells_its_effect_and_purpose() {
    let text = r#"import { send as reply } from "zigttp:websocket";
import * as ws from "zigttp:websocket";
export function onMessage(peer: WebSocket, send: string) {
  reply(peer, send);
  ws.getWebSockets("/");
}
"#;
    let (_folder, mut editor, [app]) = editor_with([("app.ts", text)]);
    editor.open(&app, text);
    let mut hover =
        |line, character| editor.request("textDocument/hover", position(&app, line, character));
    let used = hover(3, 4);
    assert_eq!(used["range"], range(3, 2, 7));
    insta::assert_snapshot!(used["contents"]["value"].as_str().expect("it is text"), @"
    ```ts
    function send(ws: WebSocket, data: string | ArrayBuffer | ArrayBufferView, options?: SendOptions): boolean
    ```
    Queues one frame for a connection: a string as text, bytes as binary.

    Answers false when the connection is gone or closing, or when its queue is over the bound; never throws for a peer's fault. The frame leaves when the event returns; an event that throws sends nothing. With volatile it is also dropped (false) when older frames wait in the connection's queue.

    Effect: `io`. Module: `zigttp:websocket`.
    ");
    assert_eq!(hover(0, 10)["contents"], used["contents"]);
    let member = hover(4, 8);
    assert_eq!(member["range"], range(4, 5, 18));
    let page = member["contents"]["value"].as_str().expect("it is text");
    assert!(
        page.starts_with("```ts\nfunction getWebSockets(room: string): WebSocket[]\n"),
        "{page}"
    );
    // A parameter of the same name is something else.
    assert_eq!(hover(3, 15), Value::Null);
    assert_eq!(hover(99, 0), Value::Null);
}

#[test]
fn hovering_over_what_rooms_keep_tells_of_which_module_it_is() {
    let text = r#"import * as storage from "zigttp:storage";
import { put, delete as remove } from "zigttp:memory";
import { signalAt as later } from "zigttp:durable";
export function onMessage(ws: WebSocket, data: string, room: string) {
  storage.delete(room, data);
  remove(room, data);
  put(room, data, 1);
  later(room, data, Date.now());
}
export { take as onSignal };
function take(room: string, name: string) {}
"#;
    let (_folder, mut editor, [app]) = editor_with([("app.ts", text)]);
    editor.open(&app, text);
    assert_eq!(editor.diagnostics(&app, Some(1)), [Value::Null; 0]);
    let mut hover =
        |line, character| editor.request("textDocument/hover", position(&app, line, character));
    let mut check = |line, character, span, starts: &str, ends: &str| {
        let shown = hover(line, character);
        assert_eq!(shown["range"], span);
        let page = shown["contents"]["value"].as_str().expect("it is text").to_owned();
        assert!(page.starts_with(&format!("```ts\nfunction {starts}\n```\n")), "{page}");
        assert!(page.ends_with(ends), "{page}");
    };
    let delete = "delete(room: string, key: string): boolean";
    check(4, 12, range(4, 10, 16), delete, "Effect: `state`. Module: `zigttp:storage`.");
    check(5, 4, range(5, 2, 8), delete, "Effect: `state`. Module: `zigttp:memory`.");
    check(1, 16, range(1, 14, 20), delete, "Effect: `state`. Module: `zigttp:memory`.");
    let put =
        "put<T>(room: string, key: string, value: T & Storable<T>, options?: PutOptions): void";
    check(6, 3, range(6, 2, 5), put, "Effect: `state`. Module: `zigttp:memory`.");
    let later = "signalAt<T = undefined>(room: string, name: string, at: number | Date, data?: T & Storable<T>): void";
    check(7, 3, range(7, 2, 7), later, "Effect: `state`. Module: `zigttp:durable`.");
    let message =
        "onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string): void | Promise<void>";
    check(3, 18, range(3, 16, 25), message, "Effects of this function: `state`.");
    let signal =
        "onSignal(room: string, name: string, data: any, info: SignalInfo): void | Promise<void>";
    check(9, 18, range(9, 17, 25), signal, "Effects of this function: none.");
}

#[test]
fn a_list_gets_its_limit_where_it_is_called() {
    let before = "import * as storage from 'zigttp:storage';\nexport const routes = ['/:room'];\nexport function onRequest(req: Request, room: string) {\n  return Response.json(";
    for (call, mended) in [
        ("storage.list(room)", "storage.list(room, { limit: 1000 })"),
        ("storage.list((room as string),)", "storage.list((room as string), { limit: 1000 },)"),
        ("storage.list(room, {})", "storage.list(room, { limit: 1000 })"),
        ("storage.list(room, undefined)", "storage.list(room, { limit: 1000 })"),
        (
            "storage.list(room, { prefix: 'a/' })",
            "storage.list(room, { limit: 1000, prefix: 'a/' })",
        ),
    ] {
        let text = format!("{before}{call});\n}}\n");
        let (_folder, mut editor, [app]) = editor_with([("app.ts", &text)]);
        editor.open(&app, &text);
        assert_eq!(codes(&editor.diagnostics(&app, Some(1))), ["ZTS352"], "{call}");
        let params = json!({
            "textDocument": { "uri": uri(&app) },
            "range": { "start": range(3, 0, 0)["start"], "end": range(3, 90, 90)["end"] },
            "context": { "diagnostics": [] },
        });
        let actions = editor.request("textDocument/codeAction", params);
        assert_eq!(actions[0]["title"], "pass `limit: 1000`");
        let edit = &actions[0]["edit"]["changes"][uri(&app)][0];
        let column = |end: &str| {
            let column = edit["range"][end]["character"].as_u64().expect("it is a number");
            usize::try_from(column).expect("it is small")
        };
        let mut line = text.lines().nth(3).expect("it is there").to_owned();
        let new = edit["newText"].as_str().expect("it is text");
        line.replace_range(column("start")..column("end"), new);
        assert_eq!(line, format!("  return Response.json({mended});"));
    }
}

#[test]
fn a_session_ends_with_0_after_a_shutdown_and_with_1_without() {
    let (_folder, mut editor, []) = editor_with([]);
    assert_eq!(editor.request("shutdown", Value::Null), Value::Null);
    assert_eq!(editor.ask("textDocument/hover", json!({}))["error"]["code"], -32600);
    editor.notify("exit", Value::Null);
    assert_eq!(editor.hang_up(), Some(0));

    let (_folder, mut editor, []) = editor_with([]);
    editor.notify("exit", Value::Null);
    assert_eq!(editor.hang_up(), Some(1));
    assert_eq!(Editor::start().hang_up(), Some(1));
}

#[test]
fn a_client_that_talks_nonsense_is_answered_and_served_on() {
    let folder = folder_with(&[("chat.ts", CLEAN)]);
    let chat = folder.path().join("chat.ts");
    let mut editor = Editor::start();
    assert_eq!(editor.ask("textDocument/hover", json!({}))["error"]["code"], -32002);
    editor.request("initialize", json!({ "capabilities": 7, "rootUri": [] }));
    assert_eq!(editor.ask("initialize", json!({}))["error"]["code"], -32600);
    assert_eq!(
        editor.ask("textDocument/hover", json!({ "position": "x" }))["error"]["code"],
        -32602
    );
    assert_eq!(editor.ask("textDocument/rename", json!({}))["error"]["code"], -32601);
    for broken in [
        &b"Content-Length: 3\r\n\r\n{]}"[..],
        b"Content-Length: 2\r\n\r\n\xff\xfe",
        b"Content-Length: 2\r\n\r\n[]",
        b"no header at all\r\n\r\nContent-Length: 4\r\n\r\nnull",
    ] {
        editor.send_raw(broken);
        let refusal = editor.wait_for("a refusal", |message| message["error"]["code"] == -32700);
        assert_eq!(refusal["id"], Value::Null);
    }
    editor.notify("textDocument/didOpen", json!({ "textDocument": [] }));
    editor.wait_for("a line for the log", |message| message["method"] == "window/logMessage");
    editor.notify(
        "textDocument/didOpen",
        json!({ "textDocument": {
        "uri": "untitled:1", "languageId": "typescript", "version": 1, "text": "(" } }),
    );
    editor.change(&folder.path().join("never_opened.ts"), 1, "(");
    editor.open(&chat, CLEAN);
    assert_eq!(editor.diagnostics(&chat, Some(1)), [Value::Null; 0]);
}
