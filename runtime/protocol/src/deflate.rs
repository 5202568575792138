//! permessage-deflate (RFC 7692): the negotiation in the handshake, and compressing outgoing messages.
//! `inflater.rs` inflates incoming ones.
//!
//! Each message is compressed by itself (`server_no_context_takeover`, `client_no_context_takeover`), so
//! no connection keeps a window: threads keep the compressors and use one for the length of a message.
//! A broadcast can then also be compressed once for all clients with the same window.

mod compressor;
mod offer;
pub mod window;

pub use self::compressor::Compressor;
pub use self::offer::negotiate;
