//! What all parts of the inspector read and answer with.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::time::timeout;
use zigttp_abi::number;

use crate::http::response::{Body, text};

/// Where the page is.
pub(super) const PATH: &str = "/__zigttp";

/// Bytes of a request's body: a close has a reason of 123, a login a token.
const MAX_BODY_BYTES: usize = 4096;

/// How long one may take.
const BODY_TIME: Duration = Duration::from_secs(5);

/// What somebody is told who asks for what there is not, or for what they may not have.
pub(super) type Refusal = Box<Response<Body>>;

pub(super) fn refuse(status: StatusCode, line: &str) -> Refusal {
    Box::new(text(status, format!("{line}\n")))
}

/// The number that a query gives under this name, if it gives one.
pub(super) fn number(query: &str, name: &str) -> Result<Option<u64>, Refusal> {
    let Some((given, value)) = query.split_once('=') else { return Ok(None) };
    match number::parse(value) {
        Some(number) if given == name => Ok(Some(number)),
        _ => {
            let line = format!("only {name}=<number> can be asked for");
            Err(refuse(StatusCode::BAD_REQUEST, &line))
        }
    }
}

pub(super) async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    match timeout(BODY_TIME, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_too_large_or_broken)) => {
            Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or broke off"))
        }
        Err(_elapsed) => Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
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
