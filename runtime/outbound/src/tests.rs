//! The client against servers that a test starts.

pub(crate) mod encoded;

mod bodies;
mod bounds;
mod connections;
mod hosts;
mod redirects;
mod support;
mod tls;
