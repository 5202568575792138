//! What outlives an event: values under keys, changed all together or not at all.
//!
//! ```text
//!  dir ── the durable directory, held by one server
//!   ├ ids ── connection ids, none of which is given out twice
//!   └ attachment_files ── one thread that commits what events have written
//!        └ disk ── the folder `ws` and the bytes of a file in it
//!  persisted ── the same folder, looked at by an operator
//! ```
//!
//! Nothing here knows a connection, a room or a handler: a key is an id, and whose a value is, and when
//! it was written, is handed in. A commit is numbered ([`version`]), so that whoever keeps a copy in memory
//! can tell which of two is the later one.

pub mod attachment_files;
pub mod dir;
pub mod disk;
pub mod error;
pub mod failpoint;
pub mod fsync;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod ids;
pub mod persisted;
pub mod version;
