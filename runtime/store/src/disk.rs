//! Attachments as files in a folder.

pub(crate) mod files_snapshot;
pub mod folder;
pub mod format;
mod held;
