//! `<dir>/control.sock`: where an operator on this machine reaches the server.
//!
//! One line of JSON each way. Who can open the socket is trusted: its mode is 0600, and the durable
//! directory is its owner's alone.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::server::Server;

/// The name of the socket in the durable directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// Longest request.
const MAX_REQUEST_BYTES: u64 = 4096;
/// How long a request and its answer may take to be read.
const TIME: Duration = Duration::from_secs(5);

/// What an operator asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum ControlRequest {
    /// Which of the persisted attachments have a connection: [`ControlAnswer::Ids`].
    Live,
    /// Give an attachment to a live connection: [`ControlAnswer::Done`].
    Adopt { new_id: u64, prior_id: u64 },
    /// Unlink what is older and has no connection: [`ControlAnswer::Pruned`].
    Prune { age_ms: u64 },
}

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum ControlAnswer {
    Ids {
        ids: Vec<u64>,
    },
    Done,
    Pruned {
        files: usize,
    },
    /// It was understood and cannot be done.
    Refused {
        why: String,
    },
}

/// Opens the socket, in place of the one that a crashed server has left; the caller holds the
/// directory's lock.
pub(crate) fn open(dir: &Path) -> io::Result<UnixListener> {
    let path = dir.join(CONTROL_SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers operators, for ever.
pub(crate) async fn serve(listener: UnixListener, server: Arc<Server>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    // Who asks and goes is no trouble of the server's.
                    let _ = timeout(TIME, converse(stream, &server)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot answer at the control socket");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(mut stream: UnixStream, server: &Arc<Server>) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    BufReader::new(reader.take(MAX_REQUEST_BYTES)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => carry_out(request, server).await,
        Err(error) => ControlAnswer::Refused { why: error.to_string() },
    };
    let mut line = serde_json::to_vec(&answer).expect("text and numbers always serialise");
    line.push(b'\n');
    writer.write_all(&line).await
}

async fn carry_out(request: ControlRequest, server: &Arc<Server>) -> ControlAnswer {
    let refused = |why: String| ControlAnswer::Refused { why };
    match request {
        ControlRequest::Live => match server.list_persisted_attachment_ids() {
            Ok(ids) => ControlAnswer::Ids {
                ids: ids.into_iter().filter(|id| server.is_connected(*id)).collect(),
            },
            Err(error) => refused(error.to_string()),
        },
        ControlRequest::Adopt { new_id, prior_id } => {
            match server.adopt_persisted_attachment(new_id, prior_id).await {
                Ok(()) => ControlAnswer::Done,
                Err(error) => refused(error.to_string()),
            }
        }
        ControlRequest::Prune { age_ms } => {
            let server = Arc::clone(server);
            let prune = move || server.prune_attachments(Duration::from_millis(age_ms));
            match tokio::task::spawn_blocking(prune).await.expect("pruning does not panic") {
                Ok(files) => ControlAnswer::Pruned { files },
                Err(error) => refused(error.to_string()),
            }
        }
    }
}
