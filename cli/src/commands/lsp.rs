//! `zigts lsp`: a language server over standard input and output.

use anyhow::Context;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _,
    PublishDiagnostics,
};
use lsp_types::request::{CodeActionRequest, HoverRequest, Request as _};
use lsp_types::{
    CodeActionKind, CodeActionOptions, HoverProviderCapability, InitializeResult,
    ServerCapabilities, ServerInfo, TextDocumentSyncCapability, TextDocumentSyncKind,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lsp::Session;

/// Serves one editor until it says goodbye.
///
/// # Errors
/// When the editor goes without a word, or does not begin as the protocol says.
pub fn run() -> anyhow::Result<()> {
    let (connection, threads) = Connection::stdio();
    let (id, _params) = connection.initialize_start().context("the editor did not begin")?;
    let result = InitializeResult {
        capabilities: ServerCapabilities {
            text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            code_action_provider: Some(
                CodeActionOptions {
                    code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
                    ..CodeActionOptions::default()
                }
                .into(),
            ),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo {
            name: "zigts".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    };
    let result = serde_json::to_value(result).expect("text and numbers always serialise");
    connection.initialize_finish(id, result).context("the editor did not begin")?;

    let mut session = Session::default();
    for message in &connection.receiver {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request)? {
                    break;
                }
                connection.sender.send(answer(&session, request).into())?;
            }
            Message::Notification(notification) => {
                let published = match heed(&mut session, notification) {
                    Ok(published) => published,
                    Err(error) => {
                        // Said where editors keep what a server says; the session goes on.
                        crate::show::error(&error);
                        continue;
                    }
                };
                for params in published {
                    let params = serde_json::to_value(params).expect("diagnostics serialise");
                    let method = PublishDiagnostics::METHOD.to_owned();
                    connection.sender.send(Notification { method, params }.into())?;
                }
            }
            Message::Response(_) => {}
        }
    }
    // Its sender holds the writing thread.
    drop(connection);
    threads.join().context("the editor went without a word")
}

/// Answers a request. One that is not understood is an error of its own.
fn answer(session: &Session, request: Request) -> Response {
    let Request { id, method, params } = request;
    match &*method {
        HoverRequest::METHOD => respond(id, params, |params| session.hover(&params)),
        CodeActionRequest::METHOD => respond(id, params, |params| session.actions(&params)),
        _ => {
            let message = format!("zigts does not know {method}");
            Response::new_err(id, ErrorCode::MethodNotFound as i32, message)
        }
    }
}

fn respond<Params: DeserializeOwned, Answer: Serialize>(
    id: lsp_server::RequestId,
    params: serde_json::Value,
    answer: impl FnOnce(Params) -> Answer,
) -> Response {
    match serde_json::from_value(params) {
        Ok(params) => Response::new_ok(id, answer(params)),
        Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
    }
}

/// Takes in what the editor says of its documents; answers with what is to be shown of them.
fn heed(
    session: &mut Session,
    notification: Notification,
) -> anyhow::Result<Vec<lsp_types::PublishDiagnosticsParams>> {
    let Notification { method, params } = notification;
    match &*method {
        DidOpenTextDocument::METHOD => {
            let params: lsp_types::DidOpenTextDocumentParams = serde_json::from_value(params)?;
            let document = params.text_document;
            session.set(&document.uri, document.version, document.text)
        }
        DidChangeTextDocument::METHOD => {
            let params: lsp_types::DidChangeTextDocumentParams = serde_json::from_value(params)?;
            // Each change is the whole text: nothing else was offered.
            match params.content_changes.into_iter().last() {
                Some(change) => {
                    let document = params.text_document;
                    session.set(&document.uri, document.version, change.text)
                }
                None => Ok(Vec::new()),
            }
        }
        DidCloseTextDocument::METHOD => {
            let params: lsp_types::DidCloseTextDocumentParams = serde_json::from_value(params)?;
            session.close(&params.text_document.uri)
        }
        // Saving changes nothing, and the rest is not for us.
        _ => Ok(Vec::new()),
    }
}
