//! Black-box tests over the real binaries, real sockets on port 0 and real files.

mod api;
mod architecture;
mod backpressure;
mod binary;
mod budgets;
mod chat;
mod closing;
mod generated;
mod liveness;
mod rooms;
mod routes;
mod support;
mod zigts_commands;
mod zigts_rules;
