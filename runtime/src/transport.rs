//! What carries requests and frames: TCP sockets, TLS and HTTP/2 streams inside of them.

pub(crate) mod accept;
pub(crate) mod activity;
pub(crate) mod tls;
pub(crate) mod wire;
