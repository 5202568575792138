//! HTTP: requests and responses, and the transports under them.

mod bodies;
mod handler;
mod targets;
mod tls;
mod transports;
