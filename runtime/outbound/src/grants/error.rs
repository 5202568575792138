//! Why a text is no grant.

/// What is wrong with the text of a grant, and how it is written instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    #[error("write a host as api.example.com, *.example.com, or * for all")]
    Empty,
    #[error("write the host alone, without http:// or https://")]
    Scheme,
    #[error("{0:?} is no host: write api.example.com, api.example.com:8443, 10.1.2.3 or [fd00::1]")]
    NotAHost(String),
    #[error("a * stands for all hosts, or for all labels before a name as in *.example.com")]
    Star,
    #[error("{0:?} is no port: write a number from 1 to 65535")]
    Port(String),
}

/// A line of a list that holds no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {error}")]
pub struct ListError {
    pub line: usize,
    pub error: GrantError,
}
