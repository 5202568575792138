//! A request becomes a connection ([`admission`]), or gets a response of the handler ([`handler`]).

pub(crate) mod admission;
pub(crate) mod expected;
pub(crate) mod handler;
pub(crate) mod seen;
