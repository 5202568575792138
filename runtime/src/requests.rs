//! A request becomes a connection ([`admission`]), or gets a response of the handler ([`handler`]). The handler
//! may name its room ([`naming`]).

pub(crate) mod admission;
pub(crate) mod expected;
pub(crate) mod handler;
pub(crate) mod naming;
pub(crate) mod no_response;
pub(crate) mod seen;
