//! Who may use the inspector, and change something with it.
//!
//! Three checks keep foreign pages out. A request with an `Origin` must come from the server's own page. A
//! request that changes something needs a header that a page cannot send to another origin without a
//! preflight request, which this server never allows. And either the server accepts requests of this machine
//! only ([`crate::gate::loopback`]), or the token is needed. The token is never part of a URL, which histories
//! and logs would keep: a program sends it as `Authorization: Bearer <token>`; a person types it into a form
//! and gets a cookie that browsers send only to the inspector's paths, and that no other server on this host
//! overwrites.

use hyper::header::{HeaderName, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, percent_decode_str, utf8_percent_encode};

use super::assets;
use super::http::{ErrorResponse, PATH, error_response};
use crate::config::inspector::InspectorAccess;
use crate::gate::origin::Origins;
use crate::http::response::{Body, text};
use crate::http::{bearer, cookies};

/// A request that changes something needs this header, with any value.
const HEADER: HeaderName = HeaderName::from_static("zigttp-inspector");

/// Refuses requests of pages of other origins.
pub(super) fn check_page(head: &Parts) -> Result<(), ErrorResponse> {
    match Origins::default().allow(&head.headers) {
        true => Ok(()),
        false => Err(error_response(
            StatusCode::FORBIDDEN,
            "the inspector accepts requests of its own page only",
        )),
    }
}

/// Refuses requests without the header, which any page could send.
pub(super) fn check_header(head: &Parts) -> Result<(), ErrorResponse> {
    match head.headers.contains_key(HEADER) {
        true => Ok(()),
        false => Err(error_response(
            StatusCode::FORBIDDEN,
            "a request that changes something needs the header zigttp-inspector",
        )),
    }
}

/// Refuses requests without the token. For the page itself the response is a form that asks for it.
pub(super) fn check(
    access: &InspectorAccess,
    head: &Parts,
    wants_page: bool,
) -> Result<(), ErrorResponse> {
    let InspectorAccess::Token(token) = access else { return Ok(()) };
    let is_token = |cookie: &[u8]| token.is(&percent_decode(cookie).collect::<Vec<u8>>());
    let name = token.cookie_name(cookies::INSPECTOR);
    let has_token = bearer::token(&head.headers).is_some_and(|given| token.is(given))
        || cookies::values(&head.headers, &name).any(is_token);
    match (has_token, wants_page) {
        (true, _) => Ok(()),
        (false, true) => Err(Box::new(assets::login(false))),
        (false, false) => {
            Err(error_response(StatusCode::UNAUTHORIZED, "the inspector's token is needed"))
        }
    }
}

/// Sets the cookie if the form has the token.
pub(super) fn log_in(
    access: &InspectorAccess,
    head: &Parts,
    typed: &[u8],
) -> Result<Response<Body>, ErrorResponse> {
    let InspectorAccess::Token(token) = access else { return Ok(redirect_to_page(None)) };
    let given = std::str::from_utf8(typed).ok().and_then(|form| form.strip_prefix("token="));
    // A form writes a space as a plus.
    let given = given.map(|given| given.replace('+', " "));
    let given = given.as_deref().map(|given| percent_decode_str(given).decode_utf8_lossy());
    let given = given.as_deref().map(str::trim).filter(|given| token.is(given.as_bytes()));
    let given = given.ok_or_else(|| Box::new(assets::login(true)))?;
    // The origin shows whether the page came over TLS, also where a proxy ends TLS.
    let origin = head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let secure = if origin.is_some_and(|it| it.starts_with("https://")) { "; Secure" } else { "" };
    let name = token.cookie_name(cookies::INSPECTOR);
    let value = utf8_percent_encode(given, NON_ALPHANUMERIC);
    Ok(redirect_to_page(Some(format!(
        "{name}={value}; Path={PATH}; HttpOnly; SameSite=Strict{secure}"
    ))))
}

fn redirect_to_page(cookie: Option<String>) -> Response<Body> {
    let mut response = text(StatusCode::SEE_OTHER, "");
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(PATH));
    if let Some(cookie) = cookie {
        let cookie = HeaderValue::try_from(cookie).expect("it is percent-encoded");
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
