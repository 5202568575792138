//! The subcommands, one file each.

pub mod attachments;
pub mod backup;
pub mod build;
pub mod check;
mod common_options;
pub mod describe_rule;
pub mod dev;
pub mod init;
pub mod inspect;
pub mod lsp;
pub mod replay;
pub mod restore;
pub mod room;
pub mod rules;
pub mod run;
pub mod signal;
pub mod storage;
pub mod streams;
pub mod test;
pub mod top;
pub mod types;
