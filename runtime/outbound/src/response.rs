//! An answer: whole, or open with its body still to come.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, StatusCode};
use url::Url;

use crate::error::Error;

/// Everything but the body.
#[derive(Clone, Debug)]
pub struct Head {
    pub status: StatusCode,
    /// Empty over HTTP/2, which has none.
    pub status_text: String,
    /// As they were received: those of a decoded body still describe the encoded one, as in browsers.
    pub headers: HeaderMap,
    /// That of the last request.
    pub url: Url,
    pub redirected: bool,
}

/// An answer with all of its body, decoded.
#[derive(Clone, Debug)]
pub struct Response {
    pub head: Head,
    pub body: Bytes,
}

/// An answer whose body comes in pieces. The server is read as far as the body is polled, and a little
/// ahead.
pub struct OpenResponse {
    pub head: Head,
    pub body: BoxStream<'static, Result<Bytes, Error>>,
}
