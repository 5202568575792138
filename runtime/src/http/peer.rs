//! Who is at the other end of a transport.

use std::net::IpAddr;

/// Who is at the other end of a transport.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// Whether it speaks TLS with this server.
    pub(crate) is_secure: bool,
}
