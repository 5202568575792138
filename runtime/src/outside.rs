//! The requests of events, handed to the client that makes them.
//!
//! Here are two forms of one thing: texts, as a guest writes and reads them, and the client's types. A
//! header's value is a character for each byte on either side (Fetch, "isomorphic decode").

use std::fmt::Write;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::crypto::aws_lc_rs;
use zigttp_outbound::client::Client;
use zigttp_outbound::error::{Error, ErrorKind};
use zigttp_outbound::request::{self, Request};
use zigttp_outbound::resolver::SystemResolver;
use zigttp_outbound::response::Head;
use zigttp_outbound::roots::{Roots, RootsError, Tls};
use zigttp_rooms::outside::{OpenResponse, Outside};
use zigttp_sandbox::outgoing::{
    FetchError, FetchErrorKind, FetchedResponse, OutgoingRequest, Redirect, ResponseHead,
};
use zigttp_sandbox::shared_text::SharedText;

use crate::config::Config;

/// Methods that no request may have (Fetch, "forbidden method").
const FORBIDDEN: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

/// The client, as events ask it.
pub(crate) struct Outbound(pub(crate) Client);

/// The client of a server.
///
/// # Errors
/// When hosts may be called and no certificate could be checked.
pub(crate) fn client(config: &Config) -> Result<Client, RootsError> {
    let tls = Tls::new(Arc::new(aws_lc_rs::default_provider()), Roots::System);
    let resolver = Arc::new(SystemResolver::default());
    let grants = config.grants.clone();
    let may_call = !grants.is_empty();
    let client = Client::new(config.outbound_options(), grants, tls, resolver);
    if may_call {
        client.load_roots()?;
    }
    Ok(client)
}

impl Outside for Outbound {
    fn fetch(
        &self,
        request: OutgoingRequest,
        room: Option<SharedText>,
    ) -> BoxFuture<'static, Result<FetchedResponse, FetchError>> {
        let client = self.0.clone();
        async move {
            let room = room.map(|room| room.to_arc());
            let response = client.fetch(request_of(request)?, room).await.map_err(error_of)?;
            Ok(FetchedResponse { head: head_of(&response.head), body: response.body })
        }
        .boxed()
    }

    fn open(
        &self,
        request: OutgoingRequest,
        _room: Option<SharedText>,
    ) -> BoxFuture<'static, Result<OpenResponse, FetchError>> {
        let client = self.0.clone();
        async move {
            let response = client.open(request_of(request)?).await.map_err(error_of)?;
            let body = response.body.map_err(error_of).boxed();
            Ok(OpenResponse { head: head_of(&response.head), body })
        }
        .boxed()
    }
}

fn request_of(request: OutgoingRequest) -> Result<Request, FetchError> {
    let OutgoingRequest { method, url, headers, body, redirect, timeout } = request;
    let not_a = |what: &str| FetchError {
        kind: FetchErrorKind::Network,
        message: format!("fetch: {what} cannot be sent"),
    };
    let method = Some(method).filter(|method| !FORBIDDEN.contains(&method.as_str()));
    let method = method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    Ok(Request {
        method: method.ok_or_else(|| not_a("this method"))?,
        url: url.parse().map_err(|_error| not_a("a request to this URL"))?,
        headers: headers_of(&headers).ok_or_else(|| not_a("one of the headers"))?,
        body,
        redirect: match redirect {
            Redirect::Follow => request::Redirect::Follow,
            Redirect::Manual => request::Redirect::Manual,
            Redirect::Error => request::Redirect::Error,
        },
        timeout,
    })
}

/// `None` if one is none.
fn headers_of(lines: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines.lines() {
        let (name, value) =
            line.split_once(": ").or_else(|| Some((line.strip_suffix(':')?, "")))?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let bytes: Option<Vec<u8>> = value.chars().map(|char| u8::try_from(char).ok()).collect();
        headers.append(name, HeaderValue::from_bytes(&bytes?).ok()?);
    }
    Some(headers)
}

fn head_of(head: &Head) -> ResponseHead {
    let mut headers = String::new();
    for (name, value) in &head.headers {
        let value: String = value.as_bytes().iter().copied().map(char::from).collect();
        writeln!(headers, "{name}: {value}").expect("writing to a string cannot fail");
    }
    ResponseHead {
        status: head.status.as_u16(),
        status_text: head.status_text.clone(),
        headers,
        url: head.url.to_string(),
        redirected: head.redirected,
    }
}

fn error_of(error: Error) -> FetchError {
    let kind = match error.kind {
        ErrorKind::NotAllowed => FetchErrorKind::NotAllowed,
        ErrorKind::TooLarge => FetchErrorKind::TooLarge,
        ErrorKind::TimedOut => FetchErrorKind::TimedOut,
        ErrorKind::Limit => FetchErrorKind::Limit,
        ErrorKind::Network => FetchErrorKind::Network,
    };
    FetchError { kind, message: error.message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_a_character_for_each_byte() {
        let headers =
            headers_of("x-a: 1\nx-a: 2\nx-empty: \nx-bare:\nx-latin: \u{e4}\n").expect("headers");
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
        assert_eq!(headers["x-empty"].as_bytes(), b"");
        assert_eq!(headers["x-bare"].as_bytes(), b"");
        assert_eq!(headers["x-latin"].as_bytes(), b"\xe4");
        for bad in ["x-far: \u{2713}", "no colon", "bad name: 1", ": 1", "x: \u{7}"] {
            assert!(headers_of(bad).is_none(), "{bad}");
        }
        let head = Head {
            status: hyper::StatusCode::OK,
            status_text: String::new(),
            headers,
            url: "https://example.com/".parse().expect("a URL"),
            redirected: false,
        };
        let expected = "x-a: 1\nx-a: 2\nx-empty: \nx-bare: \nx-latin: \u{e4}\n";
        assert_eq!(head_of(&head).headers, expected);
    }

    #[test]
    fn a_request_that_cannot_be_sent_is_an_error_that_quotes_nothing() {
        let request = OutgoingRequest {
            method: "GET".to_owned(),
            url: "https://example.com/".to_owned(),
            headers: String::new(),
            body: None,
            redirect: Redirect::Follow,
            timeout: None,
        };
        assert!(request_of(request.clone()).is_ok());
        for bad in [
            OutgoingRequest { method: "CONNECT".to_owned(), ..request.clone() },
            OutgoingRequest { method: "SEC RET".to_owned(), ..request.clone() },
            OutgoingRequest { url: "secret".to_owned(), ..request.clone() },
            OutgoingRequest { headers: "secret".to_owned(), ..request.clone() },
        ] {
            let error = request_of(bad).expect_err("it cannot be sent");
            assert!(!error.message.to_lowercase().contains("sec"), "{error}");
        }
    }
}
