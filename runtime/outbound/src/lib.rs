//! Requests that go out: to which hosts and addresses, within which bounds.
//!
//! ```text
//!     grants ── may this host be called? asked for every request and every redirect
//!       │
//!     places ── so many requests at a time: of one group, to one host, in all
//!       │
//!     pool of connections (hyper-util) ── connector ── resolver ── addresses that the grant covers
//!       │                                     └── TLS, or a tunnel through a proxy
//!     redirects, then the body: decoded piece by piece, up to a bound
//! ```
//!
//! - **The address that was checked is the address that is connected to**: the connector sees nothing but
//!   what the check has left of a resolver's answer, so a name cannot change its address in between.
//! - **Servers that are called are hostile**: heads, bodies, redirects, compression and silence all end at
//!   a bound.
//! - **No message holds a header or a query**: they carry secrets, and messages reach handlers and logs.
//!
//! This crate knows neither handlers nor rooms: a group is a name that the caller gives.

pub mod address;
pub mod client;
pub mod counters;
pub mod error;
pub mod grants;
pub mod options;
pub mod proxy;
pub mod request;
pub mod resolver;
pub mod response;
pub mod roots;

mod body;
mod connection;
mod connector;
mod deadline;
mod decoder;
mod failure;
mod headers;
mod places;
mod pool;
mod redirect;

#[cfg(test)]
mod tests;
