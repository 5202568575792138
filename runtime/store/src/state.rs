//! The state of rooms: values under keys, changed by transactions.
//!
//! ```text
//!  states ── all rooms, and what happens to them: load, look, commit, sweep
//!   ├ in_memory ── without a durable folder: every room is a table
//!   ├ clustered ── of several nodes: copies of rooms, which are in Redis
//!   │    ├ replicas ── the rooms of which this node holds copies; replica ── one of them
//!   │    └ commits ── one script for each commit
//!   └ durable ── with one
//!        ├ live_rooms ── the rooms that had events lately, as tables
//!        ├ pending_files ── attachments that are committed with the state, and not in their files yet
//!        └ database ── all rooms, in `<dir>/store/state.db`
//!             ├ writer ── one thread; the transactions that wait are one group, which is committed together
//!             ├ checkpoints ── one thread that moves what was committed from the log into the database
//!             └ readers ── connections for the rooms that are not live
//!  signals ── what one room tells another, or itself later
//!   ├ signal_plan ── what the changes of one event mean for those that are stored
//!   └ signal_queue ── those that are due soon, and those that events have taken
//!  streams ── requests whose responses come to a room in pieces
//!   ├ stream_plan ── what the changes of one event mean for those that are stored
//!   └ stream_index ── all that are stored, without their requests
//!  shared ── what nodes tell each other with a commit
//!  record ── the lines of an export
//!  survey ── reads the database for an operator, without the rest
//!  room_contents ── what a room has, as an operator sees it through the server
//!  room_state ── one committed state of a room, as an event sees it
//!   └ table ── the entries and timers of a room in memory
//! ```
//!
//! The caller runs the events of one room one after the other, and loads a room's state only when the commit of
//! the event before has ended. It hands in every time. The state of a room is changed in memory when the database
//! has it, never before.

#[cfg(feature = "cluster")]
pub(crate) mod clustered;
pub(crate) mod database;
mod durable;
pub mod error;
mod in_memory;
pub mod limits;
mod live_rooms;
mod pending_files;
pub mod record;
pub mod room_contents;
mod room_row;
pub mod room_state;
pub mod shared;
mod signal_plan;
mod signal_queue;
pub mod signals;
pub mod states;
mod stream_index;
mod stream_plan;
pub mod streams;
pub mod survey;
pub mod table;
pub mod totals;
pub mod transaction;

#[cfg(test)]
mod tests;
