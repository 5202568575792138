//! Black-box tests over the real binaries, real sockets on port 0 and real files.

mod architecture;
mod backpressure;
mod budgets;
mod chat;
mod generated;
mod liveness;
mod support;
mod zigts_commands;
mod zigts_rules;
