//! Serves a `handler.wasm`: every WebSocket event runs in a fresh sandbox.
//!
//! ```text
//!  listen ── accepts transports, answers what comes over them, ends when told
//!     │
//!  requests ── a connection (admission), or a response of handler(req)
//!     │     \
//!  connection  operator ── metrics, health, the control socket, the inspector's page, the drain
//!     │     /
//!  server ── what serving a handler takes, shared by all of the above
//!     │
//!  gate ── who may come in: origin, loopback, resume     config ── every bound, with its default
//!     │
//!  transport ── TCP, TLS, HTTP/2 streams     http ── targets, cookies, responses
//! ```
//!
//! Below it are the crates that know less and less:
//!
//! ```text
//!  zigttp-rooms ── who is connected, whose turn it is, how an event takes effect
//!     ├ zigttp-sandbox ── an artifact, an event and a view of the world go in; effects come out
//!     │    └ zigttp-protocol ── a peer's bytes to messages and back
//!     ├ zigttp-store ── what outlives an event
//!     └ zigttp-abi ── what compiler, engine and server agree on
//! ```
//!
//! What holds throughout:
//!
//! - An idle connection is a socket, a task waiting for it, and a record. No instance, no thread and no
//!   runtime is held for it.
//! - An event changes nothing until it has returned: its effects are collected, and then applied, all or
//!   none.
//! - No lock is held while JavaScript runs, except the fair lock that is its room's turn.
//! - This crate knows artifacts. It knows nothing of TypeScript, rules or the compiler.
//!
//! Read `zigttp_rooms::dispatch` first.
//!
//! As a library it is a [`Server`], made from a [`Config`] and the bytes of an artifact, and [`run`], which
//! serves it on a listener of the caller's until a future of the caller's is ready:
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
//! `examples/embed.rs` is a whole program. It logs through [`tracing`]; nothing of it touches arguments,
//! the environment or signals. Lines of the target [`HANDLER_LOG_TARGET`] have a rate; others are as many as
//! clients and disks cause, so a log bounds them for each callsite, as that of `zigttp run` does.

mod config;
mod connection;
mod error;
mod gate;
mod http;
mod listen;
mod operator;
mod requests;
mod server;
mod transport;

pub use config::dropped_log_lines::DroppedLogLines;
pub use config::inspector::{InspectorAccess, InspectorOptions};
pub use config::token::{AdminToken, TokenError};
pub use config::{Config, ConfigError};
pub use error::StartError;
pub use gate::origin::{OriginError, check_origin};
pub use listen::run;
pub use operator::admin::serve_admin;
pub use operator::control::{CONTROL_SOCKET, ControlAnswer, ControlRequest, connect_control};
pub use server::Server;
pub use server::last_build::{Finding, LastBuild};
pub use transport::tls::{Tls, TlsError};
pub use zigttp_abi::value::Value;
pub use zigttp_files::own_folder::make_own_folder;
pub use zigttp_rooms::counters::Counts;
pub use zigttp_rooms::handler_log::HANDLER_LOG_TARGET;
pub use zigttp_rooms::hub::ConnectionStates;
pub use zigttp_rooms::limits::OnError;
pub use zigttp_rooms::local::LocalConnection;
pub use zigttp_rooms::own_thread::on_own_thread;
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
