//! Why an operation has no result.

use aws_lc_rs::error::{KeyRejected, Unspecified};

/// Why an operation has no result: the name and message of a `DOMException`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct Failure {
    pub kind: FailureKind,
    pub message: &'static str,
}

/// The kinds of failures that WebCrypto tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Bytes that should be a key are none, or not one of this kind.
    Data,
    /// An operation could not be done, such as the decryption of what was changed.
    Operation,
    /// What is asked for is right, and not available here.
    NotSupported,
}

impl FailureKind {
    /// The name of the `DOMException`.
    pub const fn name(self) -> &'static str {
        match self {
            FailureKind::Data => "DataError",
            FailureKind::Operation => "OperationError",
            FailureKind::NotSupported => "NotSupportedError",
        }
    }
}

pub(crate) const fn data(message: &'static str) -> Failure {
    Failure { kind: FailureKind::Data, message }
}

pub(crate) const fn operation(message: &'static str) -> Failure {
    Failure { kind: FailureKind::Operation, message }
}

pub(crate) const fn not_supported(message: &'static str) -> Failure {
    Failure { kind: FailureKind::NotSupported, message }
}

impl From<Unspecified> for Failure {
    fn from(_: Unspecified) -> Failure {
        operation("the operation failed")
    }
}

impl From<KeyRejected> for Failure {
    fn from(_: KeyRejected) -> Failure {
        data("the key is not valid")
    }
}

impl From<der::Error> for Failure {
    fn from(_: der::Error) -> Failure {
        data("the key is not in the form that its format asks for")
    }
}
