//! Why a request got no answer.

use std::fmt::{self, Display, Formatter};

/// A request that failed. The message begins with `fetch: ` and names the host, but no path, query, header
/// or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
}

/// What kind of failure it is, which is also a label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No grant covers the host, its port or its address.
    NotAllowed,
    /// The host is not found, does not accept a connection, or breaks off or speaks wrongly.
    Network,
    /// The answer is over a bound.
    TooLarge,
    /// The caller's own time is over.
    TimedOut,
    /// The client's time for a request is over.
    Limit,
}

impl ErrorKind {
    pub const ALL: [ErrorKind; 5] = [
        ErrorKind::NotAllowed,
        ErrorKind::Network,
        ErrorKind::TooLarge,
        ErrorKind::TimedOut,
        ErrorKind::Limit,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::NotAllowed => "not_allowed",
            ErrorKind::Network => "network",
            ErrorKind::TooLarge => "too_large",
            ErrorKind::TimedOut => "timed_out",
            ErrorKind::Limit => "limit",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: String) -> Error {
        Error { kind, message }
    }
}

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
