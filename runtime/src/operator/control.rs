//! `<dir>/control.sock`: the socket for operators on this machine.
//!
//! A request is one line of JSON, and so is its response. Every process that can open the socket is trusted:
//! its mode is 0600, and no other user can write in the durable directory.

use std::io;
use std::os::unix::net::UnixStream as Connected;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{AtFlags, Mode};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::time::timeout;
use zigttp_files::own_folder::OwnFolder;
use zigttp_rooms::own_thread::on_own_thread;
use zigttp_store::dir;

use crate::operator::transports::{OperatorTransports, PendingRequests};
use crate::server::Server;

/// The name of the socket in the durable directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// Longest request.
const MAX_REQUEST_BYTES: u64 = 4096;
/// Most operators at the same time; for a further one, another is dropped.
const MAX_TRANSPORTS: usize = 64;
/// Most operators that wait to be accepted.
const BACKLOG: u32 = 16;
/// How long reading a request and writing its response may take together.
const TIME: Duration = Duration::from_secs(5);

/// A request of an operator.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum ControlRequest {
    /// List the persisted attachments that have a connection: [`ControlAnswer::Ids`].
    Live,
    /// Give an attachment to a live connection: [`ControlAnswer::Done`].
    Adopt { new_id: u64, prior_id: u64 },
    /// Remove attachments that are older and have no connection: [`ControlAnswer::Pruned`].
    Prune { age_ms: u64 },
}

/// The response of the server.
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
    /// The request is invalid or cannot be carried out.
    Refused {
        why: String,
    },
}

/// Opens the socket, and replaces one that a crashed server has left. The caller holds the directory's lock.
pub(crate) fn open(folder: &OwnFolder) -> io::Result<UnixListener> {
    folder.unlink(CONTROL_SOCKET)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(folder.socket_path(CONTROL_SOCKET)?)?;
    rustix::fs::chmodat(folder, CONTROL_SOCKET, Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
    // No client can connect before this, when the mode is already set.
    socket.listen(BACKLOG)
}

/// Connects to the server that uses a durable directory; `None` when there is no server.
///
/// # Errors
/// When the directory is open to other users, or the socket cannot be reached.
pub fn connect_control(dir: &Path) -> io::Result<Option<Connected>> {
    let connect = || {
        let folder = dir::look_into(dir)?;
        Connected::connect(folder.socket_path(CONTROL_SOCKET)?)
    };
    match connect() {
        Ok(stream) => Ok(Some(stream)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Serves operators until the future is dropped.
pub(crate) async fn serve(listener: UnixListener, server: Arc<Server>) {
    let mut transports = OperatorTransports::new(MAX_TRANSPORTS);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let requests = PendingRequests::default();
                let task = tokio::spawn({
                    let (server, requests) = (Arc::clone(&server), requests.clone());
                    async move {
                        // An error or a time-out only ends this transport.
                        let _ = timeout(TIME, serve_one(stream, &server, &requests)).await;
                    }
                });
                if transports.add(None, &requests, task) {
                    server.counters.dropped_admin_transports.add_one();
                }
            }
            // Out of descriptors, for example, of which an idle operator may hold one.
            Err(_) if transports.drop_one_for_newcomer().await => {
                server.counters.dropped_admin_transports.add_one();
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the control socket");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn serve_one(
    mut stream: UnixStream,
    server: &Arc<Server>,
    requests: &PendingRequests,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    BufReader::new(reader.take(MAX_REQUEST_BYTES)).read_line(&mut line).await?;
    let _pending = requests.begin();
    let response = match serde_json::from_str(&line) {
        Ok(request) => carry_out(request, server).await,
        Err(error) => ControlAnswer::Refused { why: error.to_string() },
    };
    let mut line = serde_json::to_vec(&response).expect("text and numbers always serialise");
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
                Ok(()) => {
                    tracing::info!(
                        conn = new_id,
                        prior = prior_id,
                        "an operator gave an attachment to this connection"
                    );
                    ControlAnswer::Done
                }
                Err(error) => refused(error.to_string()),
            }
        }
        ControlRequest::Prune { age_ms } => {
            let server = Arc::clone(server);
            let prune = move || server.prune_attachments(Duration::from_millis(age_ms));
            match on_own_thread(prune).await.flatten() {
                Ok(files) => ControlAnswer::Pruned { files },
                Err(error) => refused(error.to_string()),
            }
        }
    }
}
