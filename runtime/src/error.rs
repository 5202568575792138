//! Errors a caller of the library gets.

use std::io;
use std::path::PathBuf;

use zigttp_abi::manifest::ManifestError;

use crate::route::RouteError;

/// Why bytes are refused as a handler. The server that was asked to load them goes on as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no module, or a damaged one.
    #[error("it is not a WebAssembly module: {0}")]
    NotWasm(String),
    /// A module, but not one that `zigts build` made.
    #[error("it has no zigttp.manifest section, so `zigts build` did not make it")]
    NoManifest,
    /// A manifest of another version, or a damaged one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A route pattern this server cannot match.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A subprotocol whose name no header can hold.
    #[error("the subprotocol {0:?} is no token")]
    Protocol(String),
    /// The source maps are damaged.
    #[error("its zigttp.sourcemap section cannot be read: {0}")]
    SourceMap(String),
    /// The module asks for something a handler may not have, or does not offer what one must.
    #[error("it is not a handler this server can run: {0}")]
    Unfit(String),
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The artifact is refused.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Options that do not fit each other.
    #[error("{0}")]
    Config(String),
    /// wasmtime refuses the configuration, for instance because address space is short.
    #[error("cannot set up the sandbox: {0}")]
    Sandbox(String),
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
