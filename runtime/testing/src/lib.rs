//! Runs the tests of a handler, without sockets, disk and waiting.
//!
//! ```text
//!  runner ── sandboxes for handlers and for tests, made once
//!     │
//!  file ── the tests of one file: lists them, runs one, reads its result (outcome)
//!     │
//!  guest ── the test's own instance: a question goes out, and it is suspended until the answer is there
//!     │
//!  questions ── what a test can ask; answered by
//!     │
//!  world ── one test's world: a runtime whose clock stands still, dispatcher and hub of a real server, state in memory
//!     ├ client ── a connection's task, with a line in place of a socket
//!     ├ upgrade, requests ── from a request to a connection, or to a response
//!     ├ outside ── the handler's requests, answered by the test
//!     ├ history ── what every event has done
//!     └ idle ── tells when nothing is left to do
//! ```
//!
//! These invariants hold everywhere:
//!
//! - All of a world runs on one thread, and nothing runs beside it: so a test with one seed has one result.
//! - Time passes only while the test advances it, from one due moment to the next.
//! - Events take the same way as in a server: its dispatcher, sandbox and commit.

mod client;
mod failures;
mod file;
mod guest;
mod history;
mod idle;
mod line;
pub mod outcome;
mod outside;
mod questions;
mod requests;
mod runner;
mod upgrade;
mod values;
mod world;

pub use file::{Order, Planned, SnapshotMode, TestFile};
pub use runner::{Runner, TestedHandler};
