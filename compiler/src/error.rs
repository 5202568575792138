//! Why an artifact could not be built.

use crate::Rejected;

/// Why [`crate::build`] made no artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Something is wrong with the handler, and the report inside says what.
    #[error("the handler has errors")]
    Rejected(Box<Rejected>),
    /// The engine does not run on this machine, or its parts do not fit together. Nothing the
    /// handler's author could change.
    #[error("{action}")]
    Engine {
        /// What the compiler could not do, as a message.
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl BuildError {
    pub(crate) fn engine(action: &'static str) -> impl FnOnce(wasmtime::Error) -> BuildError {
        move |error| BuildError::Engine { action, source: error.into_boxed_dyn_error() }
    }
}
