//! `zigts build` and what all commands of `zigts` share.

mod commands;
mod summary;
mod user_files;
