//! The opening handshake (RFC 6455, 4.2): is a request one, and is it a good one.

use hyper::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use tungstenite::handshake::derive_accept_key;

use crate::http::{Body, text};

/// Whether a request asks for a WebSocket, well or badly.
pub(crate) fn is_attempt<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), &UPGRADE, "websocket")
}

/// A response that refuses an upgrade. Boxed: it is the rare one of two.
pub(crate) type Refusal = Box<Response<Body>>;

/// The 101 of a good handshake, or the response that says what is wrong with it.
pub(crate) fn answer<B>(request: &Request<B>) -> Result<Response<Body>, Refusal> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err(bad("a WebSocket handshake is a GET request"));
    }
    if request.version() != Version::HTTP_11 {
        return Err(bad("a WebSocket handshake needs HTTP/1.1"));
    }
    if !headers.contains_key(HOST) {
        return Err(bad("a WebSocket handshake needs a Host header"));
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(bad("a WebSocket handshake needs \"Connection: Upgrade\""));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut response = text(StatusCode::UPGRADE_REQUIRED, "this server speaks version 13\n");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Err(Box::new(response));
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(bad("a WebSocket handshake needs one Sec-WebSocket-Key"));
    };
    if !is_key(key.as_bytes()) {
        return Err(bad("Sec-WebSocket-Key is not 16 bytes in base64"));
    }
    let accept =
        HeaderValue::try_from(derive_accept_key(key.as_bytes())).expect("base64 is a header value");
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().extend([
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ]);
    Ok(response)
}

fn bad(what: &'static str) -> Refusal {
    Box::new(text(StatusCode::BAD_REQUEST, format!("{what}\n")))
}

/// Whether a comma-separated list header has this token, in any case and position, in any of the
/// header's lines.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// 16 bytes in base64: 22 digits and `==`. The last digit carries two bits; decoders differ on
/// the other four, so they are not looked at.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key[..22].iter().all(is_digit) && key.ends_with(b"==")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The handshake of RFC 6455, 1.3, with one header changed.
    fn status(change: impl FnOnce(&mut Request<()>)) -> u16 {
        let mut request = Request::get("/chat")
            .header(HOST, "server.example.com")
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "keep-alive, Upgrade")
            .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .body(())
            .expect("a good request");
        change(&mut request);
        match answer(&request) {
            Ok(response) => response.status().as_u16(),
            Err(refusal) => refusal.status().as_u16(),
        }
    }

    #[test]
    fn the_sample_handshake_is_accepted_with_the_sample_key() {
        assert_eq!(status(|_| ()), 101);
        assert_eq!(derive_accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn faulty_handshakes_get_their_status() {
        assert_eq!(status(|request| *request.method_mut() = Method::POST), 400);
        assert_eq!(status(|request| *request.version_mut() = Version::HTTP_10), 400);
        for name in [HOST, CONNECTION, SEC_WEBSOCKET_KEY] {
            assert_eq!(status(|request| drop(request.headers_mut().remove(name))), 400);
        }
        let set = |name: HeaderName, value: &'static str| {
            move |request: &mut Request<()>| {
                request.headers_mut().insert(name, HeaderValue::from_static(value));
            }
        };
        assert_eq!(status(set(SEC_WEBSOCKET_VERSION, "8")), 426);
        assert_eq!(status(set(SEC_WEBSOCKET_KEY, "c2hvcnQ=")), 400);
        assert_eq!(status(set(CONNECTION, "close")), 400);
    }
}
