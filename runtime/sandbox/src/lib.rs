//! An artifact, an event and a view of the world go in; effects come out.
//!
//! ```text
//!  artifact, inspection, source_position, route ── what a `handler.wasm` says about itself
//!       │
//!  app ── a loaded artifact: the program, and what its manifest says
//!       │
//!  sandbox ── runs an event in an instance: program, instance, restore, module_cache, address_space, ticker
//!       │        └ event_state ── budgets, and what the event has done so far: effects, reads
//!       │             ├ asks, journal ── what a run waits for, and what all runs of one event share
//!       │             └ host ── the functions that the guest may call, one file each; guest_memory
//!       │                  └ view ── all that they can see; door ── what guests that run tests can ask besides
//!       ▼
//!  ran ── how the event ended, its effects, what it has read and the resources it has used
//!
//!  counters ── what events count in their own memory, added up: for coverage
//!  stripes ── what every event changes, apart for each worker
//! ```
//!
//! These invariants hold everywhere:
//!
//! - An event changes nothing: it returns what it would change ([`ran::Ran`]).
//! - A guest sees its event, and everything else only through a [`view::View`]. This crate knows no
//!   connection, socket, file, clock or random number.
//! - No other crate of the server names wasmtime.

mod address_space;
pub mod app;
pub mod artifact;
mod asks;
pub mod auto_response;
pub mod budget;
pub mod counters;
pub mod cpu_clock;
pub mod door;
pub mod effect;
pub mod effects;
pub mod error;
pub mod event;
pub mod event_state;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod given;
mod guest_memory;
mod host;
pub mod inspection;
mod instance;
pub mod journal;
pub mod journal_record;
pub mod limits;
mod module_cache;
pub mod outgoing;
pub mod pool;
pub mod program;
pub mod ran;
pub mod read_log;
pub mod reads;
mod restore;
pub mod rooms;
pub mod route;
pub mod sandbox;
pub mod shared_text;
pub mod signal;
pub mod source_position;
pub mod state;
pub mod stream;
pub mod stripes;
#[cfg(test)]
mod test_view;
mod ticker;
pub mod used;
pub mod view;
pub mod wait;
