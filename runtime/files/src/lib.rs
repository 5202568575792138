//! Folders and files that only this program may write, for all crates that store something on disk.
//!
//! - [`own_folder`]: opens, checks, reads and writes them;
//! - [`replace`]: the only way in which any file is replaced;
//! - [`shell`]: their paths in commands.
//!
//! Nothing here knows what the files contain.

pub mod own_folder;
pub mod replace;
pub mod shell;
