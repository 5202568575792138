//! Attachments as files in a folder.

pub mod folder;
pub mod format;
