//! Black-box tests over the real binaries, real sockets on port 0 and real files.

mod api;
mod architecture;
mod atomic;
mod auto_response;
mod backpressure;
mod bad_artifacts;
mod binary;
mod budgets;
mod chat;
mod closing;
mod durable;
mod failures;
mod fresh;
mod generated;
mod isolation;
mod liveness;
mod resume;
mod rooms;
mod routes;
mod shutdown;
mod support;
mod swap;
mod zigts_commands;
mod zigts_lsp;
mod zigts_reports;
mod zigts_rules;
