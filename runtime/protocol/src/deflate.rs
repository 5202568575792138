//! permessage-deflate (RFC 7692): what is agreed on in the handshake, and compressing what goes out.
//! Inflating what comes in is in `inflater.rs`.
//!
//! Each message is compressed by itself (`server_no_context_takeover`, `client_no_context_takeover`), so
//! that no connection holds a window: states belong to threads and are held while a message is
//! compressed. It also lets a broadcast be compressed once for all peers with the same window.

mod compressor;
mod offer;
pub mod window;

pub use self::compressor::Compressor;
pub use self::offer::negotiate;
