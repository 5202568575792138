//! What a handler sees of an HTTP request: the same over each version of HTTP.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::header::COOKIE;
use hyper::http::request::Parts;
use zigttp_sandbox::event;

use crate::gate::resume;
use crate::http::client_info::ClientInfo;
use crate::http::{cookies, target};

/// A normalized request without the tokens and cookies of zigttp servers. Header values that are not UTF-8
/// are read as Latin-1, as in Fetch.
pub(crate) fn guest_request(head: &Parts, client: ClientInfo, body: Bytes) -> event::Request {
    let mut headers = String::new();
    let mut add = |name: &str, value: &str| {
        for part in [name, ": ", value, "\n"] {
            headers.push_str(part);
        }
    };
    let mut cookies: Option<String> = None;
    for (name, value) in head.headers.iter().filter(|(name, _)| !resume::is_token_header(name)) {
        if *name == COOKIE {
            // HTTP/2 may send each cookie in a field of its own (RFC 9113, 8.2.3).
            let line = cookies::without_own(value.as_bytes());
            let line = text(&line);
            let cookies = cookies.get_or_insert_default();
            if !cookies.is_empty() && !line.is_empty() {
                cookies.push_str("; ");
            }
            cookies.push_str(&line);
        } else {
            add(name.as_str(), &text(value.as_bytes()));
        }
    }
    if let Some(cookies) = cookies {
        add(COOKIE.as_str(), &cookies);
    }
    // HTTP/1.0 may have no Host.
    let host = target::host_of(&head.headers).unwrap_or("localhost");
    let scheme = if client.is_secure { "https" } else { "http" };
    let path = head.uri.path();
    let [mark, query] = head.uri.query().map_or([""; 2], |query| ["?", query]);
    event::Request {
        method: head.method.as_str().to_owned(),
        target: format!("{scheme}://{host}\n{path}\n{mark}{query}"),
        headers,
        body,
    }
}

fn text(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(value) => Cow::Borrowed(value),
        Err(_latin_1) => value.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use hyper::header::HOST;
    use hyper::{Request, Version};

    use super::*;

    fn seen(request: hyper::http::request::Builder) -> (String, String) {
        let mut request = request.body(()).expect("a good request");
        target::normalize(&mut request).expect("a good target");
        let (head, ()) = request.into_parts();
        let client = ClientInfo { address: IpAddr::V4(Ipv4Addr::LOCALHOST), is_secure: true };
        let event::Request { target, headers, .. } = guest_request(&head, client, Bytes::new());
        (target, headers)
    }

    #[test]
    fn a_request_looks_the_same_over_http_1_and_http_2() {
        let old = Request::get("/a?b").header(HOST, "me:1").header(COOKIE, "a=1; b=2; c=3");
        let new = Request::get("https://me:1/a?b")
            .version(Version::HTTP_2)
            .header(COOKIE, "a=1")
            .header(COOKIE, "zigttp-resume=mine")
            .header(COOKIE, "b=2; c=3");
        let expected =
            ("https://me:1\n/a\n?b".to_owned(), "host: me:1\ncookie: a=1; b=2; c=3\n".to_owned());
        assert_eq!(seen(new), expected);
        assert_eq!(seen(old), expected);
    }

    #[test]
    fn a_target_has_a_line_for_each_of_its_parts() {
        let target = |uri: &str| seen(Request::get(uri).header(HOST, "me")).0;
        assert_eq!(target("/"), "https://me\n/\n");
        assert_eq!(target("/a?"), "https://me\n/a\n?");
        assert_eq!(target("//you/a?b?c"), "https://me\n//you/a\n?b?c");
        let old = Request::get("/a").version(Version::HTTP_10);
        assert_eq!(seen(old).0, "https://localhost\n/a\n");
    }

    #[test]
    fn values_that_are_not_utf_8_are_latin_1() {
        let request = Request::get("/").header(HOST, "me").header("x", &b"caf\xe9"[..]);
        assert_eq!(seen(request).1, "host: me\nx: caf\u{e9}\n");
    }
}
