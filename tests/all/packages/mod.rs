//! Packages of npm: which module an import means, how they run, and what of them is told.

mod aliases;
mod clients;
mod commonjs;
mod everyday;
mod real;
mod reports;
mod resolving;

use std::path::Path;

use crate::support::server::Server;
use crate::support::zigts::zigts;

/// What a handler in a folder answers to `GET /`. It has to build without a warning.
#[track_caller]
fn response(folder: &Path, entry: &str) -> String {
    let built = zigts(folder, &["build", entry, "-o", "handler.wasm"]);
    assert_eq!((built.code, built.stderr.as_str()), (0, ""), "{}", built.stdout);
    let server = Server::start(&folder.join("handler.wasm"), &[]);
    let (status, body) = server.get("/");
    assert_eq!(status, 200, "{body}\n{}", server.log());
    body
}

/// A handler that answers with the value of an expression, under these imports.
fn answering(imports: &str, expression: &str) -> String {
    format!("{imports}\nexport function handler(req) {{ return Response.json({expression}); }}\n")
}
