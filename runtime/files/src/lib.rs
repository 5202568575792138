//! Folders and files that belong to this program alone, for all crates that keep something on a disk.
//!
//! - [`own_folder`]: how they are opened, checked, read and written;
//! - [`replace`]: the one way in which any file is written anew;
//! - [`shell`]: their paths in commands.
//!
//! Nothing here knows what is kept in them.

pub mod own_folder;
pub mod replace;
pub mod shell;
