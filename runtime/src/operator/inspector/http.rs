//! Requests and responses of all parts of the inspector.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::time::timeout;
use zigttp_abi::number;

use crate::http::response::{Body, text};

/// The path of the page.
pub(super) const PATH: &str = "/__zigttp";

/// Largest body of a request: a close has a reason of 123 bytes, a login the token.
const MAX_BODY_BYTES: usize = 4096;

/// Most bytes of a value that are shown: all of a text, or of JSON, within the default limit of an attachment.
pub(super) const MAX_TEXT: usize = 64 << 10;
pub(super) const MAX_BINARY: usize = 4 << 10;

/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(5);

/// A response with a status from 400 on. Boxed, because it is rare.
pub(super) type ErrorResponse = Box<Response<Body>>;

pub(super) fn error_response(status: StatusCode, line: &str) -> ErrorResponse {
    Box::new(text(status, format!("{line}\n")))
}

/// The number of this name in a query, if there is one.
pub(super) fn number(query: &str, name: &str) -> Result<Option<u64>, ErrorResponse> {
    let Some((given, value)) = query.split_once('=') else { return Ok(None) };
    match number::parse(value) {
        Some(number) if given == name => Ok(Some(number)),
        _ => {
            let line = format!("only {name}=<number> is supported");
            Err(error_response(StatusCode::BAD_REQUEST, &line))
        }
    }
}

pub(super) async fn read(body: Incoming) -> Result<Bytes, ErrorResponse> {
    match timeout(BODY_TIME, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_too_large_or_broken)) => {
            Err(error_response(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or broke off"))
        }
        Err(_elapsed) => Err(error_response(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    }
}

pub(super) fn json(page: String) -> Response<Body> {
    let mut response = text(StatusCode::OK, page);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_one_number() {
        assert!(matches!(number("", "after"), Ok(None)));
        assert!(matches!(number("after=7", "after"), Ok(Some(7))));
        for bad in ["after=-1", "after=+1", "after=x", "id=1", "after=1&b=2"] {
            assert!(number(bad, "after").is_err(), "{bad}");
        }
    }
}
