//! Attachments as a folder of files.

pub mod folder;
pub mod format;
