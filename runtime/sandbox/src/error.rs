//! The errors of the crate.

use std::io;

use zigttp_abi::manifest::ManifestError;
use zigttp_abi::schedule::ScheduleError;

use crate::route::RouteError;

/// The reason that wasmtime or the system gives.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why an artifact cannot be loaded. A running server keeps its old handler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not a WebAssembly module, or a damaged one.
    #[error("it is not a WebAssembly module: {0}")]
    NotWasm(String),
    /// It is a module, but `zigts build` did not make it.
    #[error("it has no zigttp.manifest section, so `zigts build` did not make it")]
    NoManifest,
    /// The manifest has another version, or is damaged.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A route pattern is malformed.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A schedule cannot be served.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The name of a subprotocol cannot be in a header.
    #[error("the subprotocol {0:?} is not a token")]
    Protocol(String),
    /// The source maps are damaged.
    #[error("its zigttp.sourcemap section cannot be read: {0}")]
    SourceMap(String),
    /// The module imports something that a handler may not import, or lacks an export that it must have.
    #[error("it is not a handler this server can run")]
    Unfit(#[source] Cause),
}

/// Why the sandbox cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// wasmtime cannot use the configuration, for instance because address space is short.
    #[error("cannot set up the sandbox")]
    Engine(#[source] Cause),
    /// The thread that ends events cannot be started.
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
