//! HTTP requests that are no upgrades: `handler(req)`.

use std::fmt::Write;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::{Request, Response, StatusCode};

use crate::budget::OverBudget;
use crate::event::{self, Event};
use crate::failure::Failure;
use crate::server::Server;

/// Body of every response.
pub(crate) type Body = Full<Bytes>;

/// Headers that frame the message: the server's own business.
const RESERVED: [HeaderName; 4] = [CONNECTION, UPGRADE, TRANSFER_ENCODING, CONTENT_LENGTH];

impl Server {
    /// Answers a request with what `handler(req)` returns.
    pub(crate) async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        if !self.app().manifest.has_export("handler") {
            return text(StatusCode::NOT_FOUND, "not found\n");
        }
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, self.config.max_body_size).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return text(StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large\n");
            }
            Err(_broken) => return text(StatusCode::BAD_REQUEST, "the request body broke off\n"),
        };
        match self.dispatch(Event::Request(guest_request(&head, body))).await {
            Ok(Some(response)) => match host_response(response) {
                Ok(response) => response,
                Err(problem) => {
                    tracing::error!(event = "request", "handler(req) answered {problem}");
                    internal_error()
                }
            },
            Err(Failure::OverBudget(OverBudget::Cpu)) => {
                text(StatusCode::GATEWAY_TIMEOUT, "the handler took too long\n")
            }
            Ok(None) | Err(_) => internal_error(),
        }
    }
}

fn internal_error() -> Response<Body> {
    text(StatusCode::INTERNAL_SERVER_ERROR, "internal server error\n")
}

/// A response of one line.
pub(crate) fn text(status: StatusCode, line: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(line.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// What the guest sees of a request. Header values that are no UTF-8 are shown as Latin-1, as
/// Fetch does it.
fn guest_request(head: &hyper::http::request::Parts, body: Bytes) -> event::Request {
    let mut headers = String::new();
    for (name, value) in &head.headers {
        headers.push_str(name.as_str());
        headers.push_str(": ");
        match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => headers.push_str(value),
            Err(_latin_1) => headers.extend(value.as_bytes().iter().map(|byte| char::from(*byte))),
        }
        headers.push('\n');
    }
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or(head.uri.authority().map(|authority| authority.as_str()));
    let mut url = String::new();
    write!(url, "http://{}", host.unwrap_or("localhost")).expect("writing to a string");
    url.push_str(head.uri.path_and_query().map_or("/", |target| target.as_str()));
    event::Request { method: head.method.as_str().to_owned(), url, headers, body }
}

/// The response a guest described, or what is wrong with it.
fn host_response(guest: event::Response) -> Result<Response<Body>, String> {
    let mut response = Response::new(Full::new(guest.body));
    *response.status_mut() = StatusCode::from_u16(guest.status)
        .ok()
        .filter(|status| (200..=599).contains(&status.as_u16()))
        .ok_or_else(|| format!("the status {}", guest.status))?;
    for line in guest.headers.lines() {
        let (name, value) = line.split_once(": ").ok_or("a header line without a value")?;
        let name = HeaderName::try_from(name).map_err(|_bad| "a header of no valid name")?;
        let value = HeaderValue::try_from(value)
            .map_err(|_bad| format!("a value that header {name} may not have"))?;
        if !RESERVED.contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}
