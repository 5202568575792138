//! Responses of the server itself: one line of text.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

/// Body of every response.
pub(crate) type Body = Full<Bytes>;

/// The 500, which does not give the reason.
pub(crate) fn internal_error() -> Response<Body> {
    text(StatusCode::INTERNAL_SERVER_ERROR, "internal server error\n")
}

/// A 503 that asks the client to try again.
pub(crate) fn busy(line: &'static str) -> Response<Body> {
    retry_after(text(StatusCode::SERVICE_UNAVAILABLE, line), "1")
}

/// A response of one line.
pub(crate) fn text(status: StatusCode, line: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(line.into());
    *response.status_mut() = status;
    plain(response)
}

/// A response whose body is a line of text.
pub(crate) fn plain(response: Response<impl Into<Bytes>>) -> Response<Body> {
    let mut response = response.map(|line| Full::new(line.into()));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// Adds in how many seconds the client may try again.
pub(crate) fn retry_after(mut response: Response<Body>, seconds: &'static str) -> Response<Body> {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}
