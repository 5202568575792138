//! The states of all rooms in `<dir>/store/state.db`, an SQLite database with a write-ahead log.
//!
//! Parked signals of rooms that have too many go to a file beside it ([`parked_file`]).
//!
//! One thread writes ([`writer`]), one moves what was written from the log into the database ([`checkpoints`]), and
//! what is not held in memory is read on other threads ([`readers`]). While a transaction is written, readers see
//! the state before it.

pub(crate) mod checkpoints;
mod compactions;
pub(crate) mod contents;
pub(crate) mod file;
pub(crate) mod group;
mod parked_file;
pub(crate) mod readers;
pub(crate) mod rows;
mod signal_reader;
pub(crate) mod signal_rows;
pub(crate) mod snapshot;
mod space;
pub(crate) mod stream_rows;
pub(crate) mod surveyed_rooms;
mod tidying;
pub(crate) mod writer;
