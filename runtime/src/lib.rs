//! Serves a `handler.wasm`: every WebSocket event runs in a fresh sandbox.
//!
//! ```text
//!            listen ── accepts (tls), drains; http: handler(req); admin: metrics, health; inspector: a page
//!              │
//!          admission ── origin, limits, onUpgrade, 101
//!              │ one task per connection
//!          lifecycle ── open, messages, close
//!           │       │
//!        socket   dispatch ── the room's turn, an instance, the call, the commit
//!      (protocol)  │     │
//!            sandbox    commit ── attachments to disk, then frames to queues
//!             │  └ restore: undoes what the last event wrote
//!             │    host
//!             │    what the guest may call: collects effects
//!             └ app: the loaded artifact
//! ```
//!
//! What a peer's bytes mean is in the crate `zigttp-protocol`; what compiler, engine and server agree on in
//! `zigttp-abi`.
//!
//! What holds throughout:
//!
//! - An idle connection is a socket, a task waiting for it, and a `connection` record. No
//!   instance, no thread and no runtime is held for it.
//! - An event changes nothing until it has returned: `host` functions collect `effects`, and
//!   `commit` applies them, all or none.
//! - No lock is held while JavaScript runs, except the fair lock that is its room's turn.
//! - This crate knows artifacts. It knows nothing of TypeScript, rules or the compiler.
//!
//! Read `dispatch` first.
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

mod accept;
mod admin;
mod admission;
mod allocated;
mod authority;
mod bearer;
mod config;
mod control;
mod cookies;
mod drain;
mod dropped_log_lines;
mod error;
mod expected;
mod gate;
mod guest_request;
mod http;
mod inspector;
mod lifecycle;
mod listen;
mod liveness;
mod loopback;
mod metrics;
mod origin;
mod responses;
mod resume;
mod seats;
mod server;
mod socket;
mod target;
mod tls;
mod transport;
mod wire;

pub use admin::serve_admin;
pub use config::inspector::{InspectorAccess, InspectorOptions};
pub use config::token::{AdminToken, TokenError};
pub use config::{Config, ConfigError};
pub use control::{CONTROL_SOCKET, ControlAnswer, ControlRequest, connect_control};
pub use dropped_log_lines::DroppedLogLines;
pub use error::StartError;
pub use inspector::{Finding, LastBuild};
pub use listen::run;
pub use origin::{OriginError, check_origin};
pub use server::Server;
pub use tls::{Tls, TlsError};
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
