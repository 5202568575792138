//! `<dir>/control.sock`: where an operator on this machine reaches the server.
//!
//! One line of JSON each way. Who can open the socket is trusted: its mode is 0600, and the durable
//! directory is its owner's alone.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::seats::{Asking, Seats};
use crate::server::Server;

/// The name of the socket in the durable directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// Longest request.
const MAX_REQUEST_BYTES: u64 = 4096;
/// Operators at the same time; for a further one, another is dropped.
const MAX_TRANSPORTS: usize = 64;
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

/// Longest path that a socket's address has room for everywhere (`sun_path`: 108 bytes on Linux, 104 on
/// others, with the zero at its end).
const MAX_SOCKET_PATH_BYTES: usize = 103;

/// The way to the socket of a directory.
struct Way {
    path: PathBuf,
    /// The directory, where the way leads over it: a path of any length is opened, but no socket is bound
    /// or connected to one.
    _dir: Option<File>,
}

impl Way {
    fn to(dir: &Path) -> io::Result<Way> {
        let path = dir.join(CONTROL_SOCKET);
        if path.as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
            return Ok(Way { path, _dir: None });
        }
        let dir = File::open(dir)?;
        let path = format!("/proc/self/fd/{}/{CONTROL_SOCKET}", dir.as_raw_fd());
        Ok(Way { path: path.into(), _dir: Some(dir) })
    }
}

/// Connects to the server that uses a durable directory.
///
/// # Errors
/// When there is none, or it cannot be reached.
pub fn connect_control(dir: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    std::os::unix::net::UnixStream::connect(Way::to(dir)?.path)
}

/// Opens the socket, in place of the one that a crashed server has left; the caller holds the
/// directory's lock.
pub(crate) fn open(dir: &Path) -> io::Result<UnixListener> {
    let way = Way::to(dir)?;
    match std::fs::remove_file(&way.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&way.path)?;
    std::fs::set_permissions(&way.path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers operators, for ever.
pub(crate) async fn serve(listener: UnixListener, server: Arc<Server>) {
    let mut seats = Seats::new(MAX_TRANSPORTS);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let asking = Asking::default();
                let task = tokio::spawn({
                    let (server, asking) = (Arc::clone(&server), asking.clone());
                    async move {
                        // Who asks and goes is no trouble of the server's.
                        let _ = timeout(TIME, converse(stream, &server, &asking)).await;
                    }
                });
                if seats.take(None, &asking, task.abort_handle()) {
                    server.hub.counters.dropped_admin_transports.add_one();
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot answer at the control socket");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(mut stream: UnixStream, server: &Arc<Server>, asking: &Asking) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    BufReader::new(reader.take(MAX_REQUEST_BYTES)).read_line(&mut line).await?;
    let _asked = asking.begin();
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
