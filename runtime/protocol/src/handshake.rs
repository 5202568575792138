//! The opening handshake, over HTTP/1.1 (RFC 6455, 4.2) and HTTP/2 (RFC 8441): whether a request is one,
//! whether it is valid, and which subprotocol is chosen.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Version};
use tungstenite::handshake::derive_accept_key;

use crate::list;

/// Chooses the first of the client's subprotocols that the handler speaks (RFC 6455, 4.2.2). With none in
/// common the response names none, and the client fails the connection.
pub fn choose_protocol<'a>(headers: &HeaderMap, spoken: &'a [String]) -> Option<&'a str> {
    tokens(headers, &SEC_WEBSOCKET_PROTOCOL)
        .find_map(|offered| spoken.iter().find(|spoken| *spoken == offered))
        .map(String::as_str)
}

/// Names the subprotocol in the response.
///
/// # Panics
/// When it is not a token.
pub fn set_protocol(response: &mut Response<()>, protocol: &str) {
    let protocol =
        HeaderValue::from_str(protocol).expect("protocols are tokens: checked when loaded");
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
}

/// Whether a header can hold this name of a subprotocol (RFC 9110, 5.6.2).
pub fn is_token(name: &str) -> bool {
    let is_mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

/// Whether a request asks for a WebSocket, validly or not. `protocol` is the `:protocol` of an extended
/// `CONNECT` (RFC 8441, 4).
pub fn is_attempt<B>(request: &Request<B>, protocol: Option<&str>) -> bool {
    match protocol {
        Some(protocol) => protocol == "websocket",
        None => has_token(request.headers(), &UPGRADE, "websocket"),
    }
}

/// The response to a `CONNECT` that opens no WebSocket: the server tunnels nothing else.
pub fn refuse_connect<B>(request: &Request<B>, protocol: Option<&str>) -> ErrorResponse {
    if is_attempt(request, protocol) {
        error_response(StatusCode::NOT_FOUND, "there is no WebSocket at this path\n")
    } else {
        error_response(StatusCode::NOT_IMPLEMENTED, "this server tunnels nothing but WebSockets\n")
    }
}

/// A response with a status from 400 on and one line of text. Boxed, because it is rare.
pub type ErrorResponse = Box<Response<&'static str>>;

fn error_response(status: StatusCode, line: &'static str) -> ErrorResponse {
    let mut response = Response::new(line);
    *response.status_mut() = status;
    Box::new(response)
}

/// Checks a handshake. Returns the 101 for a valid one; for a valid extended `CONNECT`, which has a
/// `protocol`, the 200.
///
/// # Errors
/// The response that says what is wrong with it.
pub fn respond<B>(
    request: &Request<B>,
    protocol: Option<&str>,
) -> Result<Response<()>, ErrorResponse> {
    if protocol.is_some() {
        return respond_to_connect(request.headers());
    }
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err(bad("a WebSocket handshake is a GET request\n"));
    }
    if request.version() != Version::HTTP_11 {
        return Err(bad("a WebSocket handshake needs HTTP/1.1\n"));
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(bad("a WebSocket handshake needs \"Connection: Upgrade\"\n"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut response =
            error_response(StatusCode::UPGRADE_REQUIRED, "this server speaks version 13\n");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Err(response);
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(bad("a WebSocket handshake needs one Sec-WebSocket-Key\n"));
    };
    if !is_key(key.as_bytes()) {
        return Err(bad("Sec-WebSocket-Key is not 16 bytes in base64\n"));
    }
    // Frames follow a handshake: no proxy may take them for a body.
    let is_empty = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    if !is_empty || headers.contains_key(TRANSFER_ENCODING) {
        return Err(bad("a WebSocket handshake has no body\n"));
    }
    let accept =
        HeaderValue::try_from(derive_accept_key(key.as_bytes())).expect("base64 is a header value");
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().extend([
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ]);
    Ok(response)
}

/// Checks an extended `CONNECT` (RFC 8441, 5). Its method and `:` fields were checked when it was read;
/// it has no key, and HTTP/2 has neither `Upgrade` nor 426 (RFC 9113, 8.6).
fn respond_to_connect(headers: &HeaderMap) -> Result<Response<()>, ErrorResponse> {
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut response = bad("this server speaks version 13\n");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(response);
    }
    if headers.contains_key(CONTENT_LENGTH) {
        return Err(bad("a WebSocket handshake has no body\n"));
    }
    Ok(Response::new(()))
}

fn bad(line: &'static str) -> ErrorResponse {
    error_response(StatusCode::BAD_REQUEST, line)
}

/// Whether a comma-separated list header has this token, in any case and position, in any of its lines.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|item| item.eq_ignore_ascii_case(token))
}

/// The items of a comma-separated list header, over all its lines.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| list::split(value, ','))
}

/// 16 bytes in base64: 22 digits and `==`. The last digit carries two bits; decoders differ on the
/// other four, so they are not checked.
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
            .header("host", "server.example.com")
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "keep-alive, Upgrade")
            .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .body(())
            .expect("a good request");
        change(&mut request);
        match respond(&request, None) {
            Ok(response) => response.status().as_u16(),
            Err(response) => response.status().as_u16(),
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
        for name in [CONNECTION, SEC_WEBSOCKET_KEY] {
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

    #[test]
    fn a_handshake_over_http_2_needs_its_version_and_no_key() {
        let response = |protocol, change: fn(&mut HeaderMap)| {
            let mut request = Request::connect("https://server.example.com/chat")
                .header(SEC_WEBSOCKET_VERSION, "13")
                .body(())
                .expect("a good request");
            change(request.headers_mut());
            if !is_attempt(&request, Some(protocol)) {
                return refuse_connect(&request, Some(protocol)).map(|_line| ());
            }
            respond(&request, Some(protocol)).unwrap_or_else(|error| error.map(|_line| ()))
        };
        let good = response("websocket", |_| ());
        assert_eq!((good.status().as_u16(), good.headers().len()), (200, 0));
        let old = response("websocket", |headers| {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("8"));
        });
        assert_eq!(
            (old.status().as_u16(), old.headers()[SEC_WEBSOCKET_VERSION].as_bytes()),
            (400, &b"13"[..])
        );
        let without_headers = response("websocket", HeaderMap::clear);
        assert_eq!(without_headers.status().as_u16(), 400);
        let with_body = response("websocket", |headers| {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        });
        assert_eq!(with_body.status().as_u16(), 400);
        assert_eq!(response("connect-udp", |_| ()).status().as_u16(), 501);
    }

    #[test]
    fn the_first_offered_protocol_that_the_handler_speaks_is_chosen() {
        let spoken = ["chat.v1".to_owned(), "chat.v2".to_owned()];
        let chosen = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(line));
            }
            choose_protocol(&headers, &spoken)
        };
        assert_eq!(chosen(&["chat.v2, chat.v1"]), Some("chat.v2"));
        assert_eq!(chosen(&["other", "chat.v1 ,chat.v2"]), Some("chat.v1"));
        assert_eq!(chosen(&["CHAT.V1", "chat"]), None);
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn protocols_are_tokens() {
        assert!(is_token("chat.v2") && is_token("graphql-ws") && is_token("v10.stomp"));
        for name in ["", "a b", "a,b", "a\r\nb", "é", "a/b"] {
            assert!(!is_token(name), "{name:?}");
        }
    }
}
