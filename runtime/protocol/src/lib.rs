//! A peer's bytes to messages and back (RFC 6455, 7692, 8441): functions and small state machines.
//!
//! ```text
//!  handshake, deflate::offer ── is a request for a WebSocket a good one, and what is agreed on
//!  decoder ── messages out of bytes: header (judges frames), inflater (of compressed ones), fault
//!  frame, close, deflate ── bytes out of messages
//! ```
//!
//! Nothing here waits, looks at a clock, or knows a connection, a handler or a server: whoever has a
//! transport feeds bytes in and takes bytes out.

pub mod close;
pub mod decoder;
pub mod deflate;
pub mod fault;
pub mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod handshake;
pub mod header;
pub mod inflater;
pub mod list;
mod partial;
