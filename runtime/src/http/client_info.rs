//! What a transport says about its client.

use std::net::IpAddr;

/// What a transport says about its client.
#[derive(Clone, Copy)]
pub(crate) struct ClientInfo {
    pub(crate) address: IpAddr,
    /// Whether it speaks TLS with this server.
    pub(crate) is_secure: bool,
}
