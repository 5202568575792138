//! Which web pages may open a WebSocket.
//!
//! A browser lets any page connect to any server and sends the user's cookies with it, so the server has
//! to check the page's `Origin`, which the browser sends (RFC 6455, 10.2). Programs send none.

use hyper::header::{HeaderMap, ORIGIN};

use crate::http::authority::Authority;
use crate::http::target;

/// Origins that are accepted besides the server's own.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    any: bool,
    /// Whether origins of this machine are accepted, with any port.
    loopback: bool,
    listed: Vec<Pattern>,
}

/// One value of `--allowed-origin`.
#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    origin: Origin,
    /// Whether a `*.` stands before the host, for one or more labels.
    is_wildcard: bool,
}

/// A scheme, a host, and a port unless it is the scheme's default, as browsers send them.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    authority: Authority,
}

/// A text that was given as an allowed origin is not an origin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin: write https://app.example.com or https://*.example.com, without quotes or a path, or \
     * for any"
)]
pub struct OriginError(String);

impl Origins {
    /// Parses the values of `--allowed-origin`: `*`, or origins as browsers write them, whose host may
    /// begin with `*.`.
    ///
    /// # Errors
    /// The first value that is not an origin.
    pub(crate) fn parse(allowed: &[String]) -> Result<Origins, OriginError> {
        let mut origins = Origins::default();
        for text in allowed {
            if text == "*" {
                origins.any = true;
            } else {
                let pattern = Pattern::parse(text).ok_or_else(|| OriginError(text.clone()))?;
                origins.listed.push(pattern);
            }
        }
        Ok(origins)
    }

    /// Accepts the pages of this machine too: a development server may have its page on another port.
    pub(crate) fn with_loopback(self) -> Origins {
        Origins { loopback: true, ..self }
    }

    /// Whether a normalized request comes from no page, from a page of this server, or from an allowed
    /// origin.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return self.any || !headers.contains_key(ORIGIN);
        };
        self.any
            || origin.to_str().ok().and_then(Origin::parse).is_some_and(|origin| {
                let own = target::host_of(headers).and_then(Authority::parse);
                let is_own = own.is_some_and(|own| {
                    without_default_ports(own) == without_default_ports(origin.authority.clone())
                });
                let is_of_this_machine = self.loopback && origin.authority.is_loopback();
                is_own
                    || is_of_this_machine
                    || self.listed.iter().any(|listed| listed.matches(&origin))
            })
    }
}

/// Behind a proxy the scheme of a `Host` header is unknown, so both default ports count as no port.
fn without_default_ports(authority: Authority) -> Authority {
    authority.without_default_port("http").without_default_port("https")
}

/// Checks that a text can be a value of `--allowed-origin`.
///
/// # Errors
/// When it is not an origin.
pub fn check_origin(text: &str) -> Result<(), OriginError> {
    Origins::parse(&[text.to_owned()]).map(drop)
}

impl Pattern {
    fn parse(text: &str) -> Option<Pattern> {
        let (scheme, host) = text.split_once("://")?;
        let name = host.strip_prefix("*.");
        let origin = Origin::parse(&format!("{scheme}://{}", name.unwrap_or(host)))?;
        let is_name =
            origin.authority.address().is_none() && !origin.authority.host.starts_with('.');
        // No page has the scheme `ws`, and a star elsewhere would only match itself.
        let is_valid = !matches!(&*origin.scheme, "ws" | "wss")
            && !origin.authority.host.contains('*')
            && (name.is_none() || is_name);
        is_valid.then_some(Pattern { origin, is_wildcard: name.is_some() })
    }

    fn matches(&self, origin: &Origin) -> bool {
        if !self.is_wildcard {
            return self.origin == *origin;
        }
        let Origin { scheme, authority: Authority { host, port } } = &self.origin;
        let labels =
            origin.authority.host.strip_suffix(&**host).and_then(|it| it.strip_suffix('.'));
        *scheme == origin.scheme
            && *port == origin.authority.port
            && labels.is_some_and(|labels| !labels.is_empty() && !labels.starts_with('.'))
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Origin> {
        let (scheme, authority) = text.split_once("://")?;
        // RFC 3986, 3.1.
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !is_scheme {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let authority = Authority::parse(authority)?.without_default_port(&scheme);
        Some(Origin { scheme, authority })
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HOST;

    use super::*;

    fn is_allowed(origin: &str, host: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        let origins = Origins::parse(&allowed).expect("good origins");
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().expect("a header value"));
        headers.insert(HOST, host.parse().expect("a header value"));
        origins.allow(&headers)
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
    fn pages_of_this_machine_are_accepted_for_development() {
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
            assert_eq!(origins.allow(&headers), is_allowed, "{origin}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_or_more_labels() {
        let allowed = ["https://*.example.com", "http://*.test:8080"];
        for (origin, expected) in [
            ("https://a.example.com", true),
            ("https://A.EXAMPLE.com:443", true),
            ("https://a.b.example.com", true),
            ("https://example.com", false),
            ("https://.example.com", false),
            ("https://evilexample.com", false),
            ("https://a.example.com.evil.example", false),
            ("http://a.example.com", false),
            ("https://a.example.com:8443", false),
            ("https://evil.example/a.example.com", false),
            ("https://evil.example?.example.com", false),
            ("https://evil.example#.example.com", false),
            ("https://evil.example\\.example.com", false),
            ("https://me@a.example.com", false),
            ("http://a.test:8080", true),
            ("http://a.test", false),
        ] {
            assert_eq!(is_allowed(origin, "server", &allowed), expected, "{origin}");
        }
    }

    #[test]
    fn two_origins_or_one_without_a_host_are_foreign() {
        let origins = Origins::default();
        let mut headers = HeaderMap::new();
        assert!(origins.allow(&headers));
        headers.append(ORIGIN, "http://a".parse().expect("a header value"));
        assert!(!origins.allow(&headers));
        headers.insert(HOST, "a".parse().expect("a header value"));
        assert!(origins.allow(&headers));
        headers.append(ORIGIN, "http://a".parse().expect("a header value"));
        assert!(!origins.allow(&headers));
    }

    #[test]
    fn a_text_that_is_not_an_origin_is_refused() {
        for text in [
            "",
            "app.example.com",
            "https://a/b",
            "https://a/",
            "https://",
            "https://a:b",
            "https://a:+80",
            "https://a:80:80",
            "https://me@a",
            "null",
            " https://a",
            "\"https://a\"",
            "'https://a'",
            "https://a, https://b",
            "https://*",
            "https://*.",
            "https://*.*.example.com",
            "https://a*.example.com",
            "https://a.*.com",
            "https://*example.com",
            "https://*..example.com",
            "https://*.127.0.0.1",
            "*.example.com",
            "*://a",
            "1https://a",
            "ht tps://a",
            "wss://a",
            "https://bücher.example",
        ] {
            let problem = Origins::parse(&[text.to_owned()]).expect_err(text);
            assert!(problem.to_string().contains("is not an origin"), "{problem}");
        }
    }
}
