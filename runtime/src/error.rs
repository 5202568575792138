//! Errors a caller of the library gets.

use std::io;
use std::path::PathBuf;

use zigttp_sandbox::error::{LoadError, SandboxError};

use crate::config::ConfigError;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The artifact is refused.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Options that do not fit each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The machine does not give what the sandbox takes, for instance address space.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The durable folder cannot be used.
    #[error("cannot use the durable folder {}", path.display())]
    Durable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}
