//! The errors of the library.

use std::io;
use std::path::PathBuf;

use zigttp_outbound::roots::RootsError;
use zigttp_recording::shadow::ShadowError;
use zigttp_sandbox::error::{LoadError, SandboxError};

use crate::config::ConfigError;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The artifact cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Options contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The machine lacks something that the sandbox needs, for instance address space.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Requests may go out, and no certificate can be checked.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The artifact on which events are to run as well cannot be used.
    #[error("cannot run a shadow")]
    Shadow(#[from] ShadowError),
    /// Events cannot be recorded.
    #[error("cannot record in {}", path.display())]
    Record {
        /// The folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The durable folder cannot be used.
    #[error("cannot use the durable folder {}", path.display())]
    Durable {
        /// The folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}
