//! What requests may take, with the defaults.

use std::time::Duration;

use crate::proxy::Proxy;

/// Most redirects that are followed for one request.
pub const MAX_REDIRECTS: usize = 5;

/// Largest head of an answer, in bytes.
pub(crate) const MAX_HEAD_BYTES: usize = 64 << 10;

/// Connections that may be idle. With more, all idle ones are closed.
pub(crate) const MAX_IDLE: usize = 256;

/// How long a connection is kept for another request. Many servers close theirs after a minute.
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(30);

/// How long a connection may take to be made: the name, TCP and TLS.
pub(crate) const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Bounds of a client's requests.
#[derive(Clone, Debug)]
pub struct Options {
    /// Requests under way at a time; more wait, within their time.
    pub max_requests: usize,
    /// The same for one host.
    pub max_host_requests: usize,
    /// The same for one group.
    pub max_group_requests: usize,
    /// How long a request may take, from being asked for to the last byte of its answer.
    pub timeout: Duration,
    /// Largest body of an answer in bytes, once decoded.
    pub max_response: usize,
    /// Through which all requests go.
    pub proxy: Option<Proxy>,
    /// What `user-agent` says where the request does not.
    pub user_agent: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_requests: 256,
            max_host_requests: 64,
            max_group_requests: 16,
            timeout: Duration::from_secs(60),
            max_response: 1 << 20,
            proxy: None,
            user_agent: concat!("zigttp/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
