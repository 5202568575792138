//! Requests to other servers, as a handler makes them, and what comes back.

use std::time::Duration;

use bytes::Bytes;

/// A request to another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRequest {
    pub method: String,
    /// An absolute URL of http or https, as the URL standard writes it, without a fragment.
    pub url: String,
    /// `name: value` lines, names in lower case.
    pub headers: String,
    pub body: Option<Bytes>,
    pub redirect: Redirect,
    /// The handler's own time for it (`AbortSignal.timeout`), counted from its sending.
    pub timeout: Option<Duration>,
}

/// What becomes of a redirect (Fetch, "redirect mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirect {
    Follow,
    /// It is the response.
    Manual,
    /// It is an error.
    Error,
}

impl Redirect {
    /// The mode that has this number between guest and host.
    pub(crate) fn from_number(number: i32) -> Option<Redirect> {
        [Redirect::Follow, Redirect::Manual, Redirect::Error]
            .into_iter()
            .find(|mode| *mode as i32 == number)
    }
}

/// A response up to its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: u16,
    pub status_text: String,
    /// `name: value` lines, names in lower case.
    pub headers: String,
    /// That of the last request, after redirects.
    pub url: String,
    pub redirected: bool,
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedResponse {
    pub head: ResponseHead,
    pub body: Bytes,
}

/// Why there is no response. The message is for the handler and its author: it names no header and no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    pub kind: FetchErrorKind,
    pub message: String,
}

/// What has gone wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// The operator has not allowed this host or address.
    NotAllowed,
    /// No connection, a broken one, or no HTTP.
    Network,
    /// The response is over the limit of bytes.
    TooLarge,
    /// The handler's own time is over.
    TimedOut,
    /// A limit of the server, such as its time for a request.
    Limit,
}

impl FetchErrorKind {
    pub const ALL: [FetchErrorKind; 5] = [
        FetchErrorKind::NotAllowed,
        FetchErrorKind::Network,
        FetchErrorKind::TooLarge,
        FetchErrorKind::TimedOut,
        FetchErrorKind::Limit,
    ];

    /// The label value in metrics.
    pub fn name(self) -> &'static str {
        match self {
            FetchErrorKind::NotAllowed => "not_allowed",
            FetchErrorKind::Network => "network",
            FetchErrorKind::TooLarge => "too_large",
            FetchErrorKind::TimedOut => "timed_out",
            FetchErrorKind::Limit => "limit",
        }
    }
}
