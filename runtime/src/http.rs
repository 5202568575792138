//! HTTP as this server reads and writes it (RFC 9110): targets, cookies and tokens of requests; responses.

pub(crate) mod authority;
pub(crate) mod bearer;
pub(crate) mod client_info;
pub(crate) mod cookies;
pub(crate) mod event_body;
pub(crate) mod response;
pub(crate) mod responses;
pub(crate) mod target;
