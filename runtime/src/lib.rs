//! Serves a `handler.wasm`: every WebSocket event runs in a fresh sandbox.
//!
//! ```text
//!  listen ── accepts transports, responds to their requests, stops on shutdown
//!     │
//!  requests ── a request becomes a connection (admission), or a response of handler(req)
//!     │     \
//!  connection  operator ── metrics, health, the control socket, the inspector's page, the drain
//!     │     /
//!  server ── the state that all of the above share
//!     │
//!  gate ── who may connect: origin, loopback, resume     config ── every limit, with its default
//!     │                                                  outside ── the requests that events make
//!     │
//!  transport ── TCP, TLS, HTTP/2 streams     http ── targets, cookies, responses
//! ```
//!
//! The crates below it:
//!
//! ```text
//!  zigttp-rooms ── who is connected, whose turn it is, how an event takes effect
//!     ├ zigttp-sandbox ── an artifact, an event and a view of the world go in; effects come out
//!     │    └ zigttp-protocol ── a client's bytes to messages and back
//!     ├ zigttp-store ── values that outlive an event
//!     ├ zigttp-outbound ── requests that go out: to which hosts, within which bounds
//!     └ zigttp-abi ── what compiler, engine and server agree on
//! ```
//!
//! These invariants hold everywhere:
//!
//! - An idle connection is a socket, a task that waits for it, and a record. It holds no instance and no
//!   thread.
//! - An event changes nothing until it has returned: its effects are collected, and then all of them are
//!   applied, or none.
//! - No lock is held while JavaScript runs, except its room's fair lock, by which the room's events take
//!   turns.
//! - This crate knows artifacts, and nothing about TypeScript, rules or the compiler.
//!
//! Read `zigttp_rooms::dispatch` first.
//!
//! As a library it is a [`Server`], made from a [`Config`] and the bytes of an artifact, and [`run`], which
//! serves it on the caller's listener until the caller's future is ready:
//!
//! ```no_run
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! use zigttp_runtime::{Config, Server, run};
//!
//! let server = Server::new(Config::default(), &std::fs::read("handler.wasm")?)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! run(listener, server, async { tokio::signal::ctrl_c().await.unwrap_or(()) }).await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embed.rs` is a complete program. The library logs through [`tracing`], and reads no arguments,
//! environment variables or signals. Lines of the target [`HANDLER_LOG_TARGET`] are limited by a rate.
//! Clients and disks can cause any number of the others: limit them for each callsite, as `zigttp run`
//! does.

mod config;
mod connection;
mod error;
mod gate;
mod http;
mod listen;
mod operator;
mod outside;
mod requests;
mod server;
mod transport;

pub use config::dropped_log_lines::DroppedLogLines;
pub use config::inspector::{InspectorAccess, InspectorOptions};
pub use config::recording::{RecordOptions, ShadowArtifact};
pub use config::spans::Spans;
pub use config::token::{AdminToken, TokenError};
pub use config::{Config, ConfigError};
pub use error::StartError;
pub use gate::origin::{OriginError, check_origin};
pub use listen::run;
pub use operator::admin::serve_admin;
pub use operator::control::{CONTROL_SOCKET, ControlAnswer, ControlRequest, connect_control};
pub use operator::rooms::{RoomsPage, RoomsQuery};
pub use operator::streams::{RequestSummary, StreamSummary};
pub use server::Server;
pub use server::last_build::{Finding, LastBuild};
pub use transport::tls::{Tls, TlsError};
pub use zigttp_abi::value::Value;
pub use zigttp_files::own_folder::make_own_folder;
pub use zigttp_outbound::grants::{Grant, GrantError, Grants, ListError};
pub use zigttp_outbound::proxy::{Proxy, ProxyError};
pub use zigttp_outbound::roots::RootsError;
pub use zigttp_recording::shadow::ShadowError;
pub use zigttp_rooms::counters::Counts;
pub use zigttp_rooms::handler_log::HANDLER_LOG_TARGET;
pub use zigttp_rooms::hub::ConnectionStates;
pub use zigttp_rooms::limits::OnError;
pub use zigttp_rooms::local::LocalConnection;
pub use zigttp_rooms::own_thread::on_own_thread;
pub use zigttp_rooms::room_list::{RoomOrder, RoomSummary};
pub use zigttp_rooms::settings::Settings;
pub use zigttp_rooms::spans::SpanRecorder;
pub use zigttp_rooms::streams::limits::StreamLimits;
pub use zigttp_sandbox::error::{LoadError, SandboxError};
pub use zigttp_sandbox::inspection::{Import, Inspection, Section, inspect};
pub use zigttp_sandbox::limits::Isolation;
pub use zigttp_sandbox::route::{RouteError, RouteProblem};
pub use zigttp_store::disk::format::Damage;
pub use zigttp_store::error::AdoptError;
pub use zigttp_store::fsync::Fsync;
pub use zigttp_store::persisted::{
    PersistedAttachment, ReadAttachmentError, list_attachments, prune_leftovers, read_attachment,
};

/// What runs events, without a server.
pub mod offline {
    pub use crate::server::dispatcher::{
        Parts, dispatcher, resumable_storage, sandbox, storage_after_crash,
    };
}

/// Backups of a durable directory.
pub mod backup {
    pub use zigttp_store::backup::manifest::{BACKUP_VERSION, Manifest};
    pub use zigttp_store::backup::restore::{RestoredSignals, restore};
    pub use zigttp_store::backup::verify::{place, verify};
    pub use zigttp_store::backup_error::BackupError;

    pub use crate::operator::backup::{TakeBackupError, take_backup};
}

/// The states of rooms in a durable directory, for operators.
pub mod storage {
    pub use zigttp_abi::state::{Entry, KeyRange, ListLimits};
    pub use zigttp_rooms::operator_signal::OperatorSignal;
    pub use zigttp_rooms::operator_write::{OperatorWriteError, Written};
    pub use zigttp_store::state::error::{OpenStateError, ReadError};
    pub use zigttp_store::state::record::error::{RecordError, check_key, check_room};
    pub use zigttp_store::state::record::signal::SignalRecord;
    pub use zigttp_store::state::record::value::{ValueRecord, of_json};
    pub use zigttp_store::state::record::{
        EXPORT_VERSION, EndRecord, EntryRecord, Record, RoomRecord,
    };
    pub use zigttp_store::state::signals::{Signal, StoredSignal};
    pub use zigttp_store::state::survey::{
        ExportedRoom, Survey, SurveyError, SurveyedRoom, SurveyedRooms,
    };
    pub use zigttp_store::state::totals::Compacted;

    pub use crate::operator::storage::writing::{Existing, RoomWrite};
    pub use crate::operator::storage::{
        StorageWriteError, compact, release_signals, send_signal, write,
    };
}
