//! Errors a caller of the crate gets.

use std::io;

use zigttp_abi::manifest::ManifestError;

use crate::route::RouteError;

/// What wasmtime or the system says.
type Cause = Box<dyn std::error::Error + Send + Sync>;

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
    #[error("it is not a handler this server can run")]
    Unfit(#[source] Cause),
}

/// Why there can be no sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// wasmtime refuses the configuration, for instance because address space is short.
    #[error("cannot set up the sandbox")]
    Engine(#[source] Cause),
    /// The system gives no thread for the clock that ends events.
    #[error("cannot start the thread that ends events")]
    Ticker(#[source] io::Error),
}

impl LoadError {
    pub(crate) fn unfit(error: wasmtime::Error) -> LoadError {
        LoadError::Unfit(error.into())
    }
}

impl SandboxError {
    pub(crate) fn engine(error: wasmtime::Error) -> SandboxError {
        SandboxError::Engine(error.into())
    }
}
