//! WebSocket on the wire: handshakes, frames, compression, ends.

mod admission;
mod closing;
mod deflate;
mod frames;
mod handshakes;
mod liveness;
mod partial_messages;
mod rfc8441;
