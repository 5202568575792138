//! Why traces cannot be exported.

/// Said at the start; what fails later is logged and counted.
#[derive(Debug, thiserror::Error)]
#[error("cannot export traces: {0}")]
pub struct ExporterError(pub(crate) String);
