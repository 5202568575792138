//! What carries requests and frames: TCP connections, and TLS and HTTP/2 streams on them.

pub(crate) mod accept;
pub(crate) mod activity;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod wire;
