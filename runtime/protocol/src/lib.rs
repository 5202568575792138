//! A client's bytes to messages and back (RFC 6455, 7692, 8441): functions and small state machines.
//!
//! ```text
//!  handshake, deflate::offer ── checks a request for a WebSocket, and what client and server agree on
//!  decoder ── messages from bytes: header (checks frames), inflater (compressed messages), fault
//!  frame, close, deflate ── bytes from messages; event_stream ── the same for clients that read a response
//! ```
//!
//! Nothing here waits, reads a clock, or knows a connection, a handler or a server: the code that has a
//! transport passes bytes in and takes bytes out.

pub mod close;
pub mod decoder;
pub mod deflate;
pub mod event_stream;
pub mod fault;
pub mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod handshake;
pub mod header;
pub mod inflater;
pub mod list;
mod partial;
