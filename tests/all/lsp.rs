//! `zigts lsp`, driven as an editor does it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};

use serde_json::{Value, json};

use super::support::programs;

/// An editor's side of the conversation.
struct Editor {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    requests: u64,
}

impl Editor {
    fn start() -> Editor {
        let mut process = programs::program("zigts")
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("zigts starts");
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut editor = Editor { process, input, output, requests: 0 };
        let answer = editor.request("initialize", json!({ "capabilities": {} }));
        assert_eq!(answer["result"]["capabilities"]["hoverProvider"], true);
        editor.notify("initialized", json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string());
    }

    fn send_text(&mut self, text: &str) {
        let input = self.input.as_mut().expect("it is open");
        write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("zigts reads");
        input.flush().expect("zigts reads");
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let answer = self.read();
            // What is published meanwhile is another matter.
            if answer.get("method").is_none() {
                assert_eq!(answer["id"], id, "{answer}");
                return answer;
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).expect("zigts answers");
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().expect("a length");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("zigts answers whole");
        serde_json::from_slice(&body).expect("it is JSON")
    }

    /// The diagnostics that are published next for this document: code, line, first and last
    /// column.
    fn diagnostics(&mut self, uri: &str) -> Vec<(String, u64, u64, u64)> {
        loop {
            let message = self.read();
            assert_eq!(message["method"], "textDocument/publishDiagnostics", "{message}");
            if message["params"]["uri"] != uri {
                continue;
            }
            let found = message["params"]["diagnostics"].as_array().expect("a list").iter();
            return found
                .map(|diagnostic| {
                    let (start, end) = (&diagnostic["range"]["start"], &diagnostic["range"]["end"]);
                    (
                        diagnostic["code"].as_str().expect("a code").to_owned(),
                        start["line"].as_u64().expect("a line"),
                        start["character"].as_u64().expect("a column"),
                        end["character"].as_u64().expect("a column"),
                    )
                })
                .collect();
        }
    }

    fn open(&mut self, uri: &str, text: &str) {
        let document =
            json!({ "uri": uri, "languageId": "typescript", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, uri: &str, version: u64, text: &str) {
        let document = json!({ "uri": uri, "version": version });
        let changes = json!([{ "text": text }]);
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": changes }),
        );
    }

    fn end(mut self) -> ExitStatus {
        assert_eq!(self.request("shutdown", Value::Null)["result"], Value::Null);
        self.notify("exit", Value::Null);
        self.process.wait().expect("a child can be waited for")
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // It has ended by itself, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn uri(folder: &Path, name: &str) -> String {
    format!("file://{}/{name}", folder.display())
}

const MISSPELLED: &str = "import { send } from \"zigttp:websocket\";\n\
    // 😀\n\
    /* 😀 */ export function onMesage(ws: WebSocket, data: string) { send(ws, data); }\n";

#[test]
fn diagnostics_follow_what_is_typed_in_utf_16_columns() {
    let folder = programs::folder();
    let uri = uri(folder.path(), "chat.ts");
    let mut editor = Editor::start();
    editor.open(&uri, MISSPELLED);
    let found = editor.diagnostics(&uri);
    // The smiley before it has two units.
    assert!(found.contains(&("ZTS323".to_owned(), 2, 25, 33)), "{found:?}");
    editor.change(&uri, 2, &MISSPELLED.replace("onMesage", "onMessage"));
    assert_eq!(editor.diagnostics(&uri), []);
    editor.change(&uri, 3, "export function onMessage( {");
    let found = editor.diagnostics(&uri);
    assert!(!found.is_empty() && found.iter().all(|(code, ..)| code == "ZTS002"), "{found:?}");
    assert!(editor.end().success());
}

#[test]
fn an_open_module_stands_in_for_its_file_also_where_it_is_imported() {
    let folder = programs::folder();
    std::fs::write(folder.path().join("names.ts"), "export const name = 1;\n").expect("writable");
    let (handler, names) = (uri(folder.path(), "chat.ts"), uri(folder.path(), "names.ts"));
    let mut editor = Editor::start();
    let source = "import { greeting } from \"./names.ts\";\n\
        export function handler(req: Request) { return Response.text(greeting); }\n";
    editor.open(&handler, source);
    assert_eq!(editor.diagnostics(&handler)[0].0, "ZTS037");
    editor.open(&names, "export const greeting = \"hello\";\n");
    assert_eq!(editor.diagnostics(&handler), []);
    // Closed unsaved, its file speaks again.
    editor.notify("textDocument/didClose", json!({ "textDocument": { "uri": names } }));
    assert_eq!(editor.diagnostics(&handler)[0].0, "ZTS037");
    assert!(editor.end().success());
}

#[test]
fn fixes_are_offered_as_code_actions() {
    let folder = programs::folder();
    let uri = uri(folder.path(), "chat.ts");
    let mut editor = Editor::start();
    editor.open(&uri, MISSPELLED);
    editor.diagnostics(&uri);
    let at = json!({ "line": 2, "character": 27 });
    let answer = editor.request(
        "textDocument/codeAction",
        json!({
            "textDocument": { "uri": uri },
            "range": { "start": at, "end": at },
            "context": { "diagnostics": [] },
        }),
    );
    let actions = answer["result"].as_array().expect("a list");
    let [action] = &actions[..] else { panic!("one action, not {actions:?}") };
    assert_eq!(action["kind"], "quickfix");
    let edits = action["edit"]["changes"][&uri].as_array().expect("edits of this document");
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0]["newText"], "onMessage");
    assert_eq!(edits[0]["range"]["start"], json!({ "line": 2, "character": 25 }));
    // Elsewhere there is nothing to do.
    let at = json!({ "line": 0, "character": 0 });
    let answer = editor.request(
        "textDocument/codeAction",
        json!({
            "textDocument": { "uri": uri },
            "range": { "start": at, "end": at },
            "context": { "diagnostics": [] },
        }),
    );
    assert_eq!(answer["result"], json!([]));
    assert!(editor.end().success());
}

#[test]
fn a_hover_tells_what_an_api_function_does_and_its_effect() {
    let folder = programs::folder();
    let uri = uri(folder.path(), "chat.ts");
    let mut editor = Editor::start();
    let source = "import { send as say } from \"zigttp:websocket\";\n\
        import * as api from \"zigttp:websocket\";\n\
        export function onMessage(ws: WebSocket, data: string) {\n  \
          say(ws, data);\n  api.serializeAttachment(ws, data);\n  const send = 1;\n}\n";
    editor.open(&uri, source);
    editor.diagnostics(&uri);
    let mut hover = |line: u64, character: u64| {
        let answer = editor.request(
            "textDocument/hover",
            json!({
                "textDocument": { "uri": uri },
                "position": { "line": line, "character": character },
            }),
        );
        answer["result"]["contents"]["value"].as_str().map(str::to_owned)
    };
    for (line, character, signature, effect) in [
        (0, 10, "send(ws: WebSocket, data:", "Effect: io."),
        (3, 3, "send(ws: WebSocket, data:", "Effect: io."),
        (4, 8, "serializeAttachment(ws: WebSocket, value:", "Effect: state."),
    ] {
        let text = hover(line, character).expect("there is something to say");
        assert!(text.contains(signature) && text.contains(effect), "{text}");
    }
    // A variable of the same name is none.
    assert_eq!(hover(5, 9), None);
    assert!(editor.end().success());
}

#[test]
fn what_an_editor_should_not_say_is_answered_and_the_session_goes_on() {
    let folder = programs::folder();
    let uri = uri(folder.path(), "chat.ts");
    let mut editor = Editor::start();
    assert_eq!(editor.request("workspace/unknown", json!({}))["error"]["code"], -32601);
    assert_eq!(editor.request("textDocument/hover", json!({ "no": 1 }))["error"]["code"], -32602);
    editor.notify("textDocument/didOpen", json!({ "no": 1 }));
    editor.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    editor.open("untitled:Untitled-1", "export function onMessage(");
    editor.open("file:///no/such/folder/notes.txt", "hello");
    editor.open(&uri, MISSPELLED);
    assert!(!editor.diagnostics(&uri).is_empty());
    assert!(editor.end().success());
}

#[test]
fn an_editor_that_goes_without_a_word_ends_the_session() {
    let mut editor = Editor::start();
    drop(editor.input.take());
    let status = editor.process.wait().expect("a child can be waited for");
    assert!(status.code().is_some(), "it is not killed by a signal");
}
