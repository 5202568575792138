//! Who may look into a server, and change something there.
//!
//! Three things stand in the way of a foreign page. A request that says which page it comes from has to
//! come from the server's own. What changes something needs a header that a page cannot send to another
//! origin without asking first, and nobody here says yes. And either the server answers this machine
//! alone ([`crate::gate::loopback`]), or the token is needed. It never travels in the address, where histories
//! and logs would keep it: a program sends it as `Authorization: Bearer <token>`, a person types it into
//! a form and gets a cookie that only the inspector's own paths are sent, and that another server on this host
//! does not replace.

use hyper::header::{HeaderName, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, percent_decode_str, utf8_percent_encode};

use super::answer::{PATH, Refusal, refuse};
use super::assets;
use crate::config::inspector::InspectorAccess;
use crate::gate::origin::Origins;
use crate::http::response::{Body, text};
use crate::http::{bearer, cookies};

/// What changes something brings this; its value does not matter.
const HEADER: HeaderName = HeaderName::from_static("zigttp-inspector");

/// Refuses what a page of another origin sends.
pub(super) fn check_page(head: &Parts) -> Result<(), Refusal> {
    match Origins::default().allow(&head.headers) {
        true => Ok(()),
        false => Err(refuse(StatusCode::FORBIDDEN, "the inspector answers its own page alone")),
    }
}

/// Refuses what any page could send.
pub(super) fn check_header(head: &Parts) -> Result<(), Refusal> {
    match head.headers.contains_key(HEADER) {
        true => Ok(()),
        false => Err(refuse(
            StatusCode::FORBIDDEN,
            "what changes something needs a header zigttp-inspector",
        )),
    }
}

/// Refuses whoever may not look: with a form for people, where the page was wanted.
pub(super) fn check(
    access: &InspectorAccess,
    head: &Parts,
    wants_page: bool,
) -> Result<(), Refusal> {
    let InspectorAccess::Token(token) = access else { return Ok(()) };
    let is_token = |cookie: &[u8]| token.is(&percent_decode(cookie).collect::<Vec<u8>>());
    let name = token.cookie_name(cookies::INSPECTOR);
    let is_known = bearer::token(&head.headers).is_some_and(|given| token.is(given))
        || cookies::values(&head.headers, &name).any(is_token);
    match (is_known, wants_page) {
        (true, _) => Ok(()),
        (false, true) => Err(Box::new(assets::login(false))),
        (false, false) => Err(refuse(StatusCode::UNAUTHORIZED, "the inspector's token is needed")),
    }
}

/// Gives the cookie to whoever has typed the token.
pub(super) fn log_in(
    access: &InspectorAccess,
    head: &Parts,
    typed: &[u8],
) -> Result<Response<Body>, Refusal> {
    let InspectorAccess::Token(token) = access else { return Ok(see_page(None)) };
    let given = std::str::from_utf8(typed).ok().and_then(|form| form.strip_prefix("token="));
    // A form writes a space as a plus.
    let given = given.map(|given| given.replace('+', " "));
    let given = given.as_deref().map(|given| percent_decode_str(given).decode_utf8_lossy());
    let given = given.as_deref().map(str::trim).filter(|given| token.is(given.as_bytes()));
    let given = given.ok_or_else(|| Box::new(assets::login(true)))?;
    // A page that came over TLS, also to a proxy before this server, says so.
    let origin = head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let secure = if origin.is_some_and(|it| it.starts_with("https://")) { "; Secure" } else { "" };
    let name = token.cookie_name(cookies::INSPECTOR);
    let value = utf8_percent_encode(given, NON_ALPHANUMERIC);
    Ok(see_page(Some(format!("{name}={value}; Path={PATH}; HttpOnly; SameSite=Strict{secure}"))))
}

fn see_page(cookie: Option<String>) -> Response<Body> {
    let mut response = text(StatusCode::SEE_OTHER, "");
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(PATH));
    if let Some(cookie) = cookie {
        let cookie = HeaderValue::try_from(cookie).expect("it is percent-encoded");
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
