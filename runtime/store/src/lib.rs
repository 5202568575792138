//! What outlives an event: values under keys. The changes of an event are written all together or not at
//! all.
//!
//! ```text
//!  dir ── the durable directory, used by one server
//!   ├ ids ── connection ids, none of which is given out twice
//!   └ attachment_files ── one thread that commits the values of events
//!        ├ replaced_files ── what new files have replaced, until these are safe
//!        └ disk ── the folder `ws` and the bytes of a file in it
//!  persisted ── the same folder, as an operator reads it
//!  state ── the states of rooms, in memory or in the database `store/state.db`
//!  backup ── copies all of it at one moment, and makes a directory of a copy
//!  cluster ── Redis, and this node among others
//!  health ── whether what is in the folder can be written
//! ```
//!
//! Nothing here knows a connection, a room or a handler: a key is an id, and the caller says to whom a value
//! belongs and when it was written. Each commit has a number ([`version`]), so that code which keeps a copy
//! in memory knows which of two commits is the later one.

pub mod attachment_files;
pub mod backup;
pub mod backup_error;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod dir;
pub mod disk;
pub mod error;
pub mod failpoint;
pub mod fsync;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod health;
pub mod ids;
pub mod persisted;
mod replaced_files;
pub mod state;
pub mod version;
