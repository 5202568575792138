//! A language server: the diagnostics of `zigts check`, in an editor while its user types.
//!
//! ```text
//! stdin ──▶ transport.rs ──▶ Server::handle ──▶ workspace.rs (open texts, handlers) ──▶ check
//!           (own thread)          │                                                      │
//! stdout ◀── transport.rs ◀───────┴── hover.rs, code_actions.rs, diagnostics.rs ◀────────┘
//! ```
//!
//! One thread does the work and one reads ahead. All messages that have arrived are handled before
//! anything is checked, so that a quick typist gets no stale diagnostics.
//! Every change sends the whole text: a handler has at most 512 KiB.
//!
//! Whatever a client sends, the server goes on: what it cannot read gets an error as its response, and a
//! panic while checking costs one response.

mod code_actions;
mod diagnostics;
mod hover;
mod position;
mod transport;
mod uri;
mod workspace;

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, TryRecvError};

use gen_lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProvider,
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    HoverParams, HoverProvider, InitializeResult, PublishDiagnosticsParams, Save,
    ServerCapabilities, ServerInfo, TextDocumentContentChangeEvent, TextDocumentSync,
    TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
};
use lsp_server::{ErrorCode, Message, Notification, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::transport::{Incoming, Output};
use self::workspace::Workspace;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client asked for a shutdown, then for the exit.
    Orderly,
    /// It ended the connection without one of them.
    Abrupt,
}

/// Serves one client until it ends the session.
///
/// # Errors
/// When a response cannot be written.
pub fn serve(input: impl BufRead + Send + 'static, output: impl Write) -> std::io::Result<Ending> {
    let incoming = transport::read_ahead(input);
    let mut server = Server {
        output: Output::new(output),
        phase: Phase::Uninitialized,
        workspace: Workspace::default(),
        published: BTreeMap::new(),
    };
    while let Some(message) = server.next(&incoming)? {
        match message {
            Incoming::Unreadable(reason) => server.output.send_parse_error(&reason)?,
            Incoming::Message(Message::Request(request)) => server.respond(request)?,
            Incoming::Message(Message::Notification(notification)) => {
                if notification.method == "exit" {
                    break;
                }
                server.handle_notification(notification)?;
            }
            // The server sends no requests.
            Incoming::Message(Message::Response(_)) => {}
        }
    }
    Ok(if server.phase == Phase::ShutDown { Ending::Orderly } else { Ending::Abrupt })
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Uninitialized,
    Running,
    ShutDown,
}

struct Server<W> {
    output: Output<W>,
    phase: Phase,
    workspace: Workspace,
    /// The diagnostics last sent for each file that has any.
    published: BTreeMap<String, PublishDiagnosticsParams>,
}

impl<W: Write> Server<W> {
    /// The next message; before the server waits for one, it sends new diagnostics.
    fn next(&mut self, incoming: &Receiver<Incoming>) -> std::io::Result<Option<Incoming>> {
        match incoming.try_recv() {
            Ok(message) => return Ok(Some(message)),
            Err(TryRecvError::Disconnected) => return Ok(None),
            Err(TryRecvError::Empty) => {}
        }
        if self.phase == Phase::Running {
            self.refresh()?;
        }
        Ok(incoming.recv().ok())
    }

    fn respond(&mut self, request: Request) -> std::io::Result<()> {
        let Request { id, method, params } = request;
        let result = match (self.phase, method.as_str()) {
            (Phase::Uninitialized, "initialize") => {
                self.phase = Phase::Running;
                self.workspace.set_folders(uri::folders(&params));
                encode(&initialize_result())
            }
            (Phase::Uninitialized, _) => {
                Err((ErrorCode::ServerNotInitialized, "`initialize` comes first".to_owned()))
            }
            (Phase::ShutDown, _) | (_, "initialize") => {
                Err((ErrorCode::InvalidRequest, format!("`{method}` is not allowed now")))
            }
            (Phase::Running, "shutdown") => {
                self.phase = Phase::ShutDown;
                Ok(Value::Null)
            }
            (Phase::Running, "textDocument/hover") => match decode::<HoverParams>(params) {
                Ok(params) => {
                    self.refresh()?;
                    encode(&hover::hover(&self.workspace, &params))
                }
                Err(error) => Err(error),
            },
            (Phase::Running, "textDocument/codeAction") => {
                match decode::<CodeActionParams>(params) {
                    Ok(params) => {
                        self.refresh()?;
                        encode(&code_actions::code_actions(&self.workspace, &params))
                    }
                    Err(error) => Err(error),
                }
            }
            (Phase::Running, _) => {
                Err((ErrorCode::MethodNotFound, format!("`{method}` is not supported")))
            }
        };
        self.output.send(Message::Response(match result {
            Ok(result) => Response::new_ok(id, result),
            Err((code, message)) => Response::new_err(id, code as i32, message),
        }))
    }

    fn handle_notification(&mut self, notification: Notification) -> std::io::Result<()> {
        if self.phase != Phase::Running {
            return Ok(());
        }
        let Notification { method, params } = notification;
        let handled = match method.as_str() {
            "textDocument/didOpen" => decode(params).map(|it| self.open(it)),
            "textDocument/didChange" => decode(params).map(|it| self.change(it)),
            "textDocument/didClose" => decode(params).map(|it| self.close(&it)),
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.workspace.files_changed();
                Ok(())
            }
            // `initialized`, `$/cancelRequest` and others need no action.
            _ => Ok(()),
        };
        match handled {
            Ok(()) => Ok(()),
            Err((_, reason)) => self.output.log(&format!("{method}: {reason}")),
        }
    }

    fn open(&mut self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.workspace.open(&document.uri, document.version, document.text);
    }

    fn change(&mut self, params: DidChangeTextDocumentParams) {
        let document = params.text_document;
        // Each change is the whole text, as the server asked for; the last one counts.
        let text = params.content_changes.into_iter().rev().find_map(|change| match change {
            TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                Some(whole.text)
            }
            TextDocumentContentChangeEvent::TextDocumentContentChangePartial(_) => None,
        });
        if let Some(text) = text {
            let uri = &document.text_document_identifier.uri;
            self.workspace.change(uri, document.version, text);
        }
    }

    fn close(&mut self, params: &DidCloseTextDocumentParams) {
        self.workspace.close(&params.text_document.uri);
    }

    /// Checks what has changed, and sends the diagnostics that have changed.
    fn refresh(&mut self) -> std::io::Result<()> {
        if !self.workspace.is_stale() {
            return Ok(());
        }
        // A panic is a bug of zigts, which the hook reports on standard error. The next change is
        // checked again.
        match catch_unwind(AssertUnwindSafe(|| self.workspace.check())) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.output.log(&format!("{error:#}"))?,
            Err(_panic) => self.output.log("zigts cannot check this: it has a bug")?,
        }
        let mut old = std::mem::take(&mut self.published);
        for params in diagnostics::of_files(&self.workspace) {
            if old.remove(&params.uri.0).as_ref() != Some(&params) {
                self.publish(&params)?;
            }
            self.published.insert(params.uri.0.clone(), params);
        }
        for (uri, params) in old {
            if !params.diagnostics.is_empty() {
                let none = PublishDiagnosticsParams {
                    uri: Uri(uri),
                    version: None,
                    diagnostics: Vec::new(),
                };
                self.publish(&none)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self, params: &PublishDiagnosticsParams) -> std::io::Result<()> {
        let method = "textDocument/publishDiagnostics".to_owned();
        self.output.send(Message::Notification(Notification::new(method, params)))
    }
}

/// What the server can do.
fn initialize_result() -> InitializeResult {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Full),
        save: Some(Save::Bool(true)),
        ..TextDocumentSyncOptions::default()
    };
    let code_actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QuickFix]),
        ..CodeActionOptions::default()
    };
    InitializeResult {
        capabilities: ServerCapabilities {
            text_document_sync: Some(TextDocumentSync::Options(sync)),
            hover_provider: Some(HoverProvider::Bool(true)),
            code_action_provider: Some(CodeActionProvider::CodeActionOptions(code_actions)),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo {
            name: "zigts".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    }
}

/// A response that is an error: its code and message.
type ResponseError = (ErrorCode, String);

fn decode<T: DeserializeOwned>(params: Value) -> Result<T, ResponseError> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn encode(result: &impl serde::Serialize) -> Result<Value, ResponseError> {
    serde_json::to_value(result).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}
