//! An editor: starts `zigts lsp` and speaks the language server protocol with it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use super::PATIENCE;
use super::programs::program;

/// An editor with a folder open.
pub(crate) struct Editor {
    server: Child,
    input: ChildStdin,
    output: Receiver<Value>,
    /// Messages of the server that no test has read yet.
    unread: Vec<Value>,
    last_id: i64,
}

impl Editor {
    /// Starts a server, and sends nothing yet.
    pub(crate) fn start() -> Editor {
        let mut server = program("zigts")
            .args(["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("zigts starts");
        let input = server.stdin.take().expect("it is a pipe");
        let mut stdout = BufReader::new(server.stdout.take().expect("it is a pipe"));
        let (sender, output) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Editor { server, input, output, unread: Vec::new(), last_id: 0 }
    }

    /// Starts a server and initializes it.
    pub(crate) fn open_folder(folder: &Path) -> Editor {
        let mut editor = Editor::start();
        let answer = editor.request(
            "initialize",
            json!({ "processId": null, "capabilities": {}, "rootUri": uri(folder) }),
        );
        assert_eq!(answer["capabilities"]["hoverProvider"], true);
        editor.notify("initialized", json!({}));
        editor
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).expect("the server reads");
        self.input.flush().expect("the server reads");
    }

    fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = "2.0".into();
        let text = message.to_string();
        self.send_raw(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({ "method": method, "params": params }));
    }

    /// Sends a request, and returns the whole response.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(json!({ "id": id, "method": method, "params": params }));
        self.wait_for(method, |message| message["id"] == id)
    }

    /// Sends a request, and returns the result.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    pub(crate) fn open(&mut self, file: &Path, text: &str) {
        let document =
            json!({ "uri": uri(file), "languageId": "typescript", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub(crate) fn change(&mut self, file: &Path, version: i32, text: &str) {
        let document = json!({ "uri": uri(file), "version": version });
        let params = json!({ "textDocument": document, "contentChanges": [{ "text": text }] });
        self.notify("textDocument/didChange", params);
    }

    /// The diagnostics of a file, once the server has sent those of this version.
    pub(crate) fn diagnostics(&mut self, file: &Path, version: Option<i32>) -> Vec<Value> {
        let (uri, version) = (uri(file), json!(version));
        let message = self.wait_for("textDocument/publishDiagnostics", |message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
                && message["params"]["version"] == version
        });
        message["params"]["diagnostics"].as_array().expect("it is a list").clone()
    }

    /// The first message, in order, for which this is true.
    pub(crate) fn wait_for(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.unread.iter().position(&is_it) {
            return self.unread.remove(index);
        }
        loop {
            let Ok(message) = self.output.recv_timeout(PATIENCE) else {
                panic!("the server did not send {what}; it sent {:?}", self.unread);
            };
            if is_it(&message) {
                return message;
            }
            self.unread.push(message);
        }
    }

    /// Closes the server's input, and returns its exit code.
    pub(crate) fn hang_up(self) -> Option<i32> {
        let Editor { mut server, input, .. } = self;
        drop(input);
        server.wait().expect("it can be waited for").code()
    }
}

/// The URI of a file with an ordinary name.
pub(crate) fn uri(file: &Path) -> String {
    format!("file://{}", file.display())
}

fn read(stream: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok(),
            Some(other) => panic!("the server sent the header {other:?}"),
            None => break,
        }
    }
    let mut text = vec![0; length.expect("every message has a length")];
    stream.read_exact(&mut text).ok()?;
    Some(serde_json::from_slice(&text).expect("messages are JSON"))
}
