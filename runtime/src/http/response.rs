//! Responses of the server itself: one line of text.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use crate::http::event_body::EventBody;

/// Body of every response.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it.
    Whole(Full<Bytes>),
    /// What a connection is sent, as it comes.
    Events(EventBody),
}

impl Default for Body {
    fn default() -> Body {
        Body::Whole(Full::default())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body::Whole(Full::new(bytes))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Body::Whole(body) => Pin::new(body).poll_frame(cx),
            Body::Events(events) => {
                events.poll_piece(cx).map(|piece| piece.map(|it| Ok(Frame::data(it))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(body) => body.is_end_stream(),
            Body::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(body) => body.size_hint(),
            Body::Events(_) => SizeHint::default(),
        }
    }
}

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
    let mut response = response.map(|line| Body::from(line.into()));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// Adds in how many seconds the client may try again.
pub(crate) fn retry_after(mut response: Response<Body>, seconds: &'static str) -> Response<Body> {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}
