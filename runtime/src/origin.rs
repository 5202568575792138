//! Which web pages may open a WebSocket.
//!
//! A browser lets any page connect to any server and sends the user's cookies along, so the server
//! has to look at the `Origin` that it says the page has (RFC 6455, 10.2). Programs send none.

use std::net::IpAddr;

use hyper::Uri;
use hyper::header::{HOST, HeaderMap, ORIGIN};

/// Origins that are accepted besides the server's own.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    any: bool,
    /// Those of this machine, whatever their port.
    loopback: bool,
    listed: Vec<Origin>,
}

/// A scheme, a host and a port, as a browser tells them.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    authority: Authority,
}

/// A host in lower case, and its port unless it is the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authority {
    host: String,
    port: Option<u16>,
}

impl Origins {
    /// Reads what `--allowed-origin` was given: `*`, or origins as browsers write them.
    ///
    /// # Errors
    /// A sentence about the first that is none.
    pub(crate) fn parse(allowed: &[String]) -> Result<Origins, String> {
        let mut origins = Origins::default();
        for text in allowed {
            if text == "*" {
                origins.any = true;
            } else {
                origins.listed.push(Origin::parse(text).ok_or_else(|| {
                    format!("{text:?} is no origin: write https://app.example.com, or * for any")
                })?);
            }
        }
        Ok(origins)
    }

    /// Accepts the pages of this machine too: a development server has its page on another port.
    pub(crate) fn with_loopback(self) -> Origins {
        Origins { loopback: true, ..self }
    }

    /// Whether a request comes from no page, from one of this server, or from one that is allowed.
    /// `host` is the one that it names.
    pub(crate) fn allow(&self, host: Option<&str>, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return self.any || !headers.contains_key(ORIGIN);
        };
        self.any
            || origin.to_str().ok().and_then(Origin::parse).is_some_and(|origin| {
                let own = host.and_then(Authority::parse).map(Authority::without_default_ports);
                let is_own =
                    own.is_some_and(|own| own == origin.authority.clone().without_default_ports());
                let is_near = self.loopback && origin.authority.is_loopback();
                is_own || is_near || self.listed.contains(&origin)
            })
    }
}

/// The host that a request names; HTTP/2 says it in the target.
pub(crate) fn host<'a>(target: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match target.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(HOST)?.to_str().ok(),
    }
}

/// Whether a `Host` is `localhost` or a loopback address, which no foreign name server can point
/// anywhere.
pub(crate) fn is_loopback(host: &str) -> bool {
    Authority::parse(host).is_some_and(|authority| authority.is_loopback())
}

impl Origin {
    fn parse(text: &str) -> Option<Origin> {
        let (scheme, authority) =
            text.split_once("://").filter(|(scheme, _)| !scheme.is_empty())?;
        let scheme = scheme.to_ascii_lowercase();
        let mut authority = Authority::parse(authority)?;
        let default = match &*scheme {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        };
        authority.port = authority.port.filter(|port| Some(*port) != default);
        Some(Origin { scheme, authority })
    }
}

impl Authority {
    /// Behind a proxy nobody knows the scheme of a `Host` header, so both default ports are as none.
    fn without_default_ports(self) -> Authority {
        Authority { port: self.port.filter(|port| !matches!(port, 80 | 443)), ..self }
    }

    fn is_loopback(&self) -> bool {
        let host = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let address = host.unwrap_or(&self.host).parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    fn parse(text: &str) -> Option<Authority> {
        // The colons of an IPv6 address are in brackets.
        let after_address = text.rfind(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match text[after_address..].rfind(':') {
            Some(colon) => text.split_at(after_address + colon),
            None => (text, ""),
        };
        let port = match port.strip_prefix(':') {
            Some("") | None => None,
            Some(port) => Some(port.parse().ok()?),
        };
        let is_name = |byte: u8| byte.is_ascii_graphic() && !b"/?#@\\".contains(&byte);
        (!host.is_empty() && host.bytes().all(is_name))
            .then(|| Authority { host: host.to_ascii_lowercase(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(origin: &str, host: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        let origins = Origins::parse(&allowed).expect("good origins");
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().expect("a header value"));
        origins.allow(Some(host), &headers)
    }

    #[test]
    fn an_origin_is_the_servers_own_if_host_and_port_are_those_of_the_request() {
        for (origin, host, is_own) in [
            ("http://example.com", "example.com", true),
            ("https://example.com", "example.com", true),
            ("https://EXAMPLE.com:443", "example.com", true),
            ("http://example.com", "example.com:80", true),
            ("https://example.com", "example.com:443", true),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://[::1]", "[::1]:80", true),
            ("https://example.com:80", "example.com:80", true),
            ("http://example.com:443", "example.com:443", true),
            ("://example.com", "example.com", false),
            ("http://example.com:8080", "example.com", false),
            ("http://example.com", "example.com:8080", false),
            ("http://example.com.evil.example", "example.com", false),
            ("http://evil.example", "example.com", false),
            ("http://example.com@evil.example", "example.com", false),
            ("http://example.com/", "example.com", false),
            ("null", "example.com", false),
            ("null", "null", false),
            ("", "", false),
            ("http://", "", false),
            ("example.com", "example.com", false),
            ("http://example.com:99999", "example.com", false),
        ] {
            assert_eq!(is_allowed(origin, host, &[]), is_own, "{origin} {host}");
        }
    }

    #[test]
    fn listed_origins_are_compared_with_their_scheme() {
        let allowed = ["https://app.example.com", "http://localhost:3000"];
        for (origin, expected) in [
            ("https://app.example.com", true),
            ("https://app.example.com:443", true),
            ("http://app.example.com", false),
            ("http://localhost:3000", true),
            ("http://localhost", false),
            ("null", false),
        ] {
            assert_eq!(is_allowed(origin, "server", &allowed), expected, "{origin}");
        }
        assert!(is_allowed("null", "server", &["*"]));
    }

    #[test]
    fn this_machine_has_names_that_no_foreign_page_has() {
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.1.2.3:1", "[::1]:8080", "[::1]"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            ":8080",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.2",
            "0.0.0.0",
            "[::]",
            "127.1",
            "a@localhost",
            "localhost:x",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
        let origins = Origins::default().with_loopback();
        for (origin, is_allowed) in [
            ("http://localhost:5173", true),
            ("http://127.0.0.1:5173", true),
            ("https://[::1]:5173", true),
            ("http://localhost.evil.example:5173", false),
            ("http://evil.example", false),
            ("null", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, origin.parse().expect("a header value"));
            assert_eq!(origins.allow(Some("127.0.0.1:8080"), &headers), is_allowed, "{origin}");
        }
    }

    #[test]
    fn two_origins_and_none_that_can_be_read_are_foreign() {
        let origins = Origins::default();
        let mut headers = HeaderMap::new();
        assert!(origins.allow(Some("a"), &headers));
        headers.append(ORIGIN, "http://a".parse().expect("a header value"));
        assert!(origins.allow(Some("a"), &headers) && !origins.allow(None, &headers));
        headers.append(ORIGIN, "http://a".parse().expect("a header value"));
        assert!(!origins.allow(Some("a"), &headers));
    }

    #[test]
    fn what_is_no_origin_cannot_be_listed() {
        for text in ["", "app.example.com", "https://a/b", "https://", "https://a:b", "null"] {
            let problem = Origins::parse(&[text.to_owned()]).expect_err(text);
            assert!(problem.contains("is no origin"), "{problem}");
        }
    }
}
