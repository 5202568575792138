//! Black-box tests over the real binaries, real sockets on port 0 and real files.

mod api;
mod architecture;
mod auto_response;
mod backpressure;
mod binary;
mod budgets;
mod chat;
mod closing;
mod durable;
mod generated;
mod liveness;
mod rooms;
mod routes;
mod support;
mod zigts_commands;
mod zigts_rules;
