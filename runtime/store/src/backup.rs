//! Backups of a durable directory: taken while a server uses it, checked, and restored.
//!
//! A backup is of one moment. The thread that writes the database takes it between two groups: a connection of its
//! own reads the database as it is then, and the thread of attachment files keeps the files as they are behind
//! all jobs of earlier groups ([`held`](crate::disk)). So an event that has committed in both is in both or in neither.
//! Files that such an event had still to write are rows of the database, and the next start writes them.

pub(crate) mod copying;
pub mod manifest;
pub mod restore;
pub mod take;
pub mod verify;
