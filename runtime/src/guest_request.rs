//! What a handler sees of an HTTP request: the same whichever version of HTTP it came over.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::Version;
use hyper::header::{COOKIE, HOST};
use hyper::http::request::Parts;

use crate::event;
use crate::origin;
use crate::resume;
use crate::server::Peer;

/// All of a request but the tokens of [`crate::resume`]. Header values that are no UTF-8 are shown as
/// Latin-1, as Fetch does it.
pub(crate) fn guest_request(head: &Parts, peer: Peer, body: Bytes) -> event::Request {
    let host = origin::host(&head.uri, &head.headers);
    let mut headers = String::new();
    let mut add = |name: &str, value: &str| {
        for part in [name, ": ", value, "\n"] {
            headers.push_str(part);
        }
    };
    let mut cookies: Option<String> = None;
    for (name, value) in head.headers.iter().filter(|(name, _)| !resume::is_secret(name)) {
        let value = match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => Cow::Borrowed(value),
            Err(_latin_1) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
        };
        if *name == COOKIE {
            // HTTP/2 may send each cookie as a field (RFC 9113, 8.2.3).
            let line = resume::without_own_cookie(&value);
            match &mut cookies {
                Some(cookies) if cookies.is_empty() => *cookies = line,
                Some(_) if line.is_empty() => {}
                Some(cookies) => {
                    cookies.push_str("; ");
                    cookies.push_str(&line);
                }
                None => cookies = Some(line),
            }
        } else if *name != HOST || head.version != Version::HTTP_2 {
            add(name.as_str(), &value);
        }
    }
    if let Some(cookies) = cookies {
        add(COOKIE.as_str(), &cookies);
    }
    // HTTP/2 has a field of its own for it (RFC 9113, 8.3.1), which browsers use alone.
    if let Some(host) = host
        && head.version == Version::HTTP_2
    {
        add(HOST.as_str(), host);
    }
    let scheme = if peer.is_secure { "https" } else { "http" };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let url = format!("{scheme}://{}{target}", host.unwrap_or("localhost"));
    event::Request { method: head.method.as_str().to_owned(), url, headers, body }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use hyper::Request;

    use super::*;

    fn seen(request: hyper::http::request::Builder) -> (String, String) {
        let (head, ()) = request.body(()).expect("a good request").into_parts();
        let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), is_secure: true };
        let event::Request { url, headers, .. } = guest_request(&head, peer, Bytes::new());
        (url, headers)
    }

    #[test]
    fn a_request_looks_the_same_over_http_1_and_http_2() {
        let old = Request::get("/a?b").header(HOST, "me:1").header(COOKIE, "a=1; b=2; c=3");
        let new = Request::get("https://me:1/a?b")
            .version(Version::HTTP_2)
            .header(COOKIE, "a=1")
            .header(COOKIE, "zigttp-resume=mine")
            .header(COOKIE, "b=2; c=3");
        let (url, headers) = seen(new);
        assert_eq!(url, "https://me:1/a?b");
        assert_eq!(headers, "cookie: a=1; b=2; c=3\nhost: me:1\n");
        let (old_url, old_headers) = seen(old);
        assert_eq!((old_url, &*old_headers), (url, "host: me:1\ncookie: a=1; b=2; c=3\n"));
    }

    #[test]
    fn the_host_of_http_2_is_its_authority() {
        let request = Request::get("https://me/").version(Version::HTTP_2).header(HOST, "other");
        assert_eq!(seen(request), ("https://me/".to_owned(), "host: me\n".to_owned()));
    }

    #[test]
    fn values_that_are_no_utf_8_are_latin_1() {
        let request = Request::get("/").header("x", &b"caf\xe9"[..]);
        assert_eq!(seen(request).1, "x: caf\u{e9}\n");
    }
}
