//! `<dir>/control.sock`: the socket for operators on this machine.
//!
//! A request is one line of JSON, and so is its response. Every process that can open the socket is trusted:
//! its mode is 0600, and no other user can write in the durable directory.

use std::error::Error;
use std::io;
use std::os::unix::net::UnixStream as Connected;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode};
use serde::{Deserialize, Serialize};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::time::timeout;
use zigttp_abi::api::MAX_SIGNAL_BYTES;
use zigttp_files::own_folder::OwnFolder;
use zigttp_rooms::operator_signal::OperatorSignal;
use zigttp_rooms::operator_write::Written;
use zigttp_rooms::own_thread::on_own_thread;
use zigttp_rooms::room_list::RoomSummary;
use zigttp_store::backup::take::take;
use zigttp_store::dir;
use zigttp_store::state::totals::Compacted;

use crate::operator::rooms::{self, RoomsPage, RoomsQuery};
use crate::operator::storage::writing::{Existing, RoomWrite};
use crate::operator::streams::{self, StreamSummary};
use crate::operator::transports::{OperatorTransports, PendingRequests};
use crate::server::Server;

/// The name of the socket in the durable directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// Longest request: the name of a room may be a path of 8 KiB, with every byte escaped.
const MAX_REQUEST_BYTES: u64 = 64 << 10;
/// Most operators at the same time; for a further one, another is dropped.
const MAX_TRANSPORTS: usize = 64;
/// Most operators that wait to be accepted.
const BACKLOG: u32 = 16;
/// Longest line with the data of a signal: in base64, and with every byte of a text escaped, it is longer than stored.
const MAX_SIGNAL_LINE: u64 = 8 * MAX_SIGNAL_BYTES as u64;
/// How long reading a request may take, and then carrying it out and writing its response.
const READ_TIME: Duration = Duration::from_secs(5);
const TIME: Duration = Duration::from_secs(60);
/// How often an operator is told that work which may take longer goes on.
const WORKING: Duration = Duration::from_secs(1);

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
    /// Change the state of a room, as an event of it: [`ControlAnswer::Written`]. So many lines follow,
    /// each an entry, a key to delete, a timer or a signal
    /// ([`Record`](crate::storage::Record)).
    Write { room: String, existing: Existing, lines: u64 },
    /// Hold the events of a room back, from the end of the one that runs: [`ControlAnswer::Room`].
    PauseRoom { room: String },
    /// End the pause of a room: [`ControlAnswer::Room`].
    ResumeRoom { room: String },
    /// List the paused rooms: [`ControlAnswer::Paused`].
    PausedRooms,
    /// List the streams, of all rooms or of one: [`ControlAnswer::Streams`].
    Streams { room: Option<String> },
    /// End a stream: [`ControlAnswer::Cancelled`].
    CancelStream { room: String, name: String },
    /// List the rooms that use most, once that is measured: [`ControlAnswer::Rooms`].
    Rooms(RoomsQuery),
    /// Send a signal to a room: [`ControlAnswer::Sent`]. With `has_data` a line follows: the data, a value as in a
    /// record.
    Signal { room: String, name: String, has_data: bool },
    /// Let held signals and timers be delivered: [`ControlAnswer::Released`].
    ReleaseSignals,
    /// Copy the directory as it is at one moment to a new folder, with the key of resume tokens or without it:
    /// [`ControlAnswer::Done`], after any number of [`ControlAnswer::Working`]. It ends when the operator goes.
    Backup { new: PathBuf, with_resume_key: bool },
    /// Give all free space of the database back: [`ControlAnswer::Compacted`], after any number of
    /// [`ControlAnswer::Working`]. It ends when the operator goes.
    Compact,
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
    Written {
        replaced: u64,
        timers: u64,
    },
    /// The room that was paused, or resumed.
    Room {
        room: RoomSummary,
        /// It was in this state before.
        was: bool,
    },
    Paused {
        rooms: Vec<RoomSummary>,
    },
    Rooms(RoomsPage),
    Streams {
        streams: Vec<StreamSummary>,
    },
    /// The stream that was cancelled, as it was.
    Cancelled {
        stream: StreamSummary,
    },
    /// The signal is stored. It waits as long as signals are held.
    Sent {
        is_held: bool,
    },
    /// Signals and timers were held before, or not.
    Released {
        was_held: bool,
    },
    /// The last response comes later.
    Working,
    /// What the database and its log took.
    Compacted {
        before: u64,
        after: u64,
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
                        let _ = serve_one(stream, &server, &requests).await;
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
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    timeout(READ_TIME, (&mut reader).take(MAX_REQUEST_BYTES).read_line(&mut line)).await??;
    let _pending = requests.begin();
    let response = match serde_json::from_str(&line) {
        Ok(ControlRequest::Backup { new, with_resume_key }) => {
            back_up(server, new, with_resume_key, &mut writer).await?
        }
        Ok(ControlRequest::Compact) => compact(server, &mut writer).await?,
        Ok(request) => timeout(TIME, carry_out(request, reader, server)).await?,
        Err(error) => ControlAnswer::Refused { why: error.to_string() },
    };
    respond(&mut writer, &response).await
}

async fn respond(
    writer: &mut (impl AsyncWrite + Unpin),
    response: &ControlAnswer,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(response).expect("text and numbers always serialise");
    line.push(b'\n');
    timeout(TIME, writer.write_all(&line)).await?
}

/// Compacts the database, for as long as the operator takes responses.
async fn compact(
    server: &Server,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<ControlAnswer> {
    let hub = &server.hub;
    let mut compacted = pin!(hub.states.storage.compact(hub.clock.unix_millis()));
    loop {
        match timeout(WORKING, &mut compacted).await {
            Ok(Ok(Some(Compacted { before, after }))) => {
                tracing::info!(before, after, "an operator has compacted `store/state.db`");
                return Ok(ControlAnswer::Compacted { before, after });
            }
            Ok(Ok(None)) => unreachable!("without a durable directory there is no control socket"),
            Ok(Err(error)) => return Ok(ControlAnswer::Refused { why: error_line(&error) }),
            Err(_elapsed) => respond(writer, &ControlAnswer::Working).await?,
        }
    }
}

/// Copies the directory, for as long as the operator takes responses.
async fn back_up(
    server: &Server,
    new: PathBuf,
    with_resume_key: bool,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<ControlAnswer> {
    /// Given up when it is dropped.
    struct Goes(Arc<AtomicBool>);
    impl Drop for Goes {
        fn drop(&mut self) {
            self.0.store(false, Ordering::Relaxed);
        }
    }
    let hub = &server.hub;
    let Some(dir) = &hub.durable_dir else {
        unreachable!("without a durable directory there is no control socket")
    };
    let moment = match hub.states.storage.snapshot().await {
        Ok(Some(moment)) => moment,
        Ok(None) => unreachable!("there is a durable directory"),
        Err(error) => return Ok(ControlAnswer::Refused { why: error_line(&error) }),
    };
    let goes = Goes(Arc::new(AtomicBool::new(true)));
    let (folder, goes_on) = (Arc::clone(dir.folder()), Arc::clone(&goes.0));
    let now = hub.clock.unix_millis();
    let mut taken = pin!(on_own_thread(move || {
        take(moment, &folder, with_resume_key, now, &new, |_copied| goes_on.load(Ordering::Relaxed))
    }));
    loop {
        match timeout(WORKING, &mut taken).await {
            Ok(Ok(Ok(_manifest))) => {
                tracing::info!("an operator has made a backup");
                return Ok(ControlAnswer::Done);
            }
            Ok(Ok(Err(error))) => return Ok(ControlAnswer::Refused { why: error_line(&error) }),
            Ok(Err(error)) => return Ok(ControlAnswer::Refused { why: error.to_string() }),
            Err(_elapsed) => respond(writer, &ControlAnswer::Working).await?,
        }
    }
}

async fn carry_out(
    request: ControlRequest,
    rest: impl AsyncBufRead + Unpin,
    server: &Arc<Server>,
) -> ControlAnswer {
    let refused = |why: String| ControlAnswer::Refused { why };
    match request {
        ControlRequest::Compact | ControlRequest::Backup { .. } => {
            unreachable!("it has a time of its own")
        }
        ControlRequest::Live => match server.list_persisted_attachment_ids() {
            Ok(ids) => ControlAnswer::Ids {
                ids: ids.into_iter().filter(|id| server.is_connected(*id)).collect(),
            },
            Err(error) => refused(error.to_string()),
        },
        ControlRequest::Signal { room, name, has_data } => {
            match send_signal(server, &room, &name, has_data, rest).await {
                Ok(()) => {
                    tracing::info!(room, signal = name, "an operator has sent this room a signal");
                    ControlAnswer::Sent { is_held: server.hub.signals_hold.is_held() }
                }
                Err(why) => refused(why),
            }
        }
        ControlRequest::ReleaseSignals => match server.release_signals() {
            Ok(was_held) => {
                tracing::info!("an operator has released signals and timers");
                ControlAnswer::Released { was_held }
            }
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
        ControlRequest::PauseRoom { room } => match rooms::pause(server, &room).await {
            Ok((room, was)) => ControlAnswer::Room { room, was },
            Err(why) => refused(why),
        },
        ControlRequest::ResumeRoom { room } => match rooms::resume(server, &room) {
            Ok(room) => ControlAnswer::Room { room, was: false },
            Err(why) => refused(why),
        },
        ControlRequest::PausedRooms => ControlAnswer::Paused { rooms: rooms::paused(server) },
        ControlRequest::Streams { room } => {
            ControlAnswer::Streams { streams: streams::list(server, room.as_deref()) }
        }
        ControlRequest::CancelStream { room, name } => {
            match streams::cancel(server, &room, &name).await {
                Ok(Some(stream)) => ControlAnswer::Cancelled { stream },
                Ok(None) => refused(format!("room {room:?} has no stream {name:?}")),
                Err(why) => refused(why),
            }
        }
        ControlRequest::Rooms(query) => match query.check() {
            Ok(()) => match rooms::measure(server, query).await {
                Ok(page) => ControlAnswer::Rooms(page),
                Err(error) => refused(error.to_string()),
            },
            Err(why) => refused(why),
        },
        ControlRequest::Write { room, existing, lines } => {
            let limits = (server.config.max_room_state as u64, server.config.max_room_timers);
            let write = match read_write(&room, existing, rest, lines, limits).await {
                Ok(write) => write,
                Err(why) => return refused(why),
            };
            match server.dispatcher.write_as_operator(write.finish()).await {
                Ok(written) => {
                    tracing::info!(room, lines, "an operator has changed the state of this room");
                    let Written { replaced, timers } = written;
                    ControlAnswer::Written { replaced, timers }
                }
                Err(error) => refused(error_line(&error)),
            }
        }
    }
}

/// Sends a signal as an operator: stored, and delivered like any other.
async fn send_signal(
    server: &Server,
    room: &str,
    name: &str,
    has_data: bool,
    rest: impl AsyncBufRead + Unpin,
) -> Result<(), String> {
    let data = if has_data {
        let mut line = String::new();
        rest.take(MAX_SIGNAL_LINE).read_line(&mut line).await.map_err(|error| error.to_string())?;
        Some(serde_json::from_str(&line).map_err(|error| error.to_string())?)
    } else {
        None
    };
    let signal = OperatorSignal::new(room, name, data).map_err(|error| error.to_string())?;
    if !server.handler().app.takes_signals() {
        return Err("the handler that is served exports no onSignal".to_owned());
    }
    let storage = &server.hub.states.storage;
    let sent = signal.send(storage, server.hub.clock.unix_millis()).await;
    sent.map_err(|error| error_line(&error))
}

/// Reads the lines of a write.
async fn read_write(
    room: &str,
    existing: Existing,
    mut rest: impl AsyncBufRead + Unpin,
    lines: u64,
    (most_bytes, most_timers): (u64, usize),
) -> Result<RoomWrite, String> {
    let mut write = RoomWrite::begin(room, existing).map_err(|error| error.to_string())?;
    // In base64, and with every byte of a text escaped, a value is longer than in the room.
    let mut rest = (&mut rest).take(most_bytes.saturating_mul(6).saturating_add(1 << 20));
    let (mut line, mut bytes) = (String::new(), 0);
    for _ in 0..lines {
        line.clear();
        rest.read_line(&mut line).await.map_err(|error| error.to_string())?;
        if !line.ends_with('\n') {
            return Err("the request ended before its last line".to_owned());
        }
        let record = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        bytes += write.add(record).map_err(|error| error.to_string())?;
        if bytes > most_bytes {
            return Err(format!(
                "the room would have more than {most_bytes} bytes (--max-room-state)"
            ));
        }
        if write.timers() > most_timers {
            return Err(format!(
                "the room would have more than {most_timers} timers (--max-room-timers)"
            ));
        }
    }
    Ok(write)
}

/// An error and what has led to it, in one line.
fn error_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line += &format!(": {error}");
        source = error.source();
    }
    line
}
