//! The target of a request: a host, and a path with its query.
//!
//! There are several ways to write it (RFC 9112, 3.2; RFC 9113, 8.3.1), and some requests give the host
//! twice. Every request is normalized before anything else reads it: then the host is only in the `Host`
//! header, and the URI is only a path with its query, so all code reads the same target.

use hyper::ext::Protocol;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Uri, Version};

use crate::http::authority::Authority;

/// Checks and normalizes the target of a request. That of a `CONNECT` may have no path, only a host and a
/// port.
///
/// # Errors
/// What is wrong with it, for a 400.
pub(crate) fn normalize<B>(request: &mut Request<B>) -> Result<(), &'static str> {
    let uri = request.uri();
    let scheme = uri.scheme_str().unwrap_or("http").to_ascii_lowercase();
    if !matches!(&*scheme, "http" | "https") {
        return Err("this server serves http and https only");
    }
    let named = uri.authority().map(|authority| authority.as_str().to_owned());
    let host = host(request.headers())?;
    let host = match (&named, host) {
        (Some(named), host) => {
            let authority = Authority::parse(named).ok_or(NO_HOST)?;
            let is_http_2 = request.version() == Version::HTTP_2;
            match host {
                // RFC 9113, 8.3.1. In HTTP/1.1 the Host beside an absolute target is ignored (RFC 9112,
                // 3.2.2): proxies send one for old servers.
                Some((_, host))
                    if is_http_2
                        && host.clone().without_default_port(&scheme)
                            != authority.without_default_port(&scheme) =>
                {
                    return Err("the Host header is not the :authority");
                }
                None if request.version() == Version::HTTP_11 => return Err(NEEDS_HOST),
                _ => Some(
                    HeaderValue::try_from(named).expect("an authority is ASCII without controls"),
                ),
            }
        }
        (None, Some((value, _))) => Some(value.clone()),
        // HTTP/1.0 has no Host header.
        (None, None) if request.version() <= Version::HTTP_10 => None,
        (None, None) => return Err(NEEDS_HOST),
    };
    let target = match (path(request.uri(), request.version()), request.uri().path_and_query()) {
        (Some(target), _) => Some(target),
        (None, None) if request.method() == Method::CONNECT => None,
        (None, Some(star)) if star == "*" && request.method() == Method::OPTIONS => {
            Some(PathAndQuery::from_static("*"))
        }
        (None, _) => return Err("the target of a request must begin with a slash"),
    };
    if target.as_ref().is_some_and(|target| is_ambiguous(target.path())) {
        return Err("a path must not have \".\" or \"..\" between slashes, nor a backslash");
    }
    if let Some(target) = target {
        *request.uri_mut() = Uri::from(target);
    }
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    Ok(())
}

/// Whether a normalized request is for the server itself, not for a path (RFC 9110, 9.3.7).
pub(crate) fn is_for_server<B>(request: &Request<B>) -> bool {
    request.uri().path() == "*"
}

/// The path of a normalized request with its query; empty for a `CONNECT` without a path.
pub(crate) fn url<B>(request: &Request<B>) -> &str {
    request.uri().path_and_query().map_or("", PathAndQuery::as_str)
}

/// The host of a normalized request.
pub(crate) fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

const NEEDS_HOST: &str = "a request needs a Host header";
const NO_HOST: &str = "the Host of a request must be host or host:port";

/// The Host header, if there is one; several are an error.
fn host(headers: &HeaderMap) -> Result<Option<(&HeaderValue, Authority)>, &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let authority = value.to_str().ok().and_then(Authority::parse).ok_or(NO_HOST)?;
            Ok(Some((value, authority)))
        }
        (Some(_), Some(_)) => Err("a request must have one Host header, not several"),
    }
}

/// Whether the URL standard changes a path, while routes and rooms use it as it was sent. A client that
/// parses URLs never sends such a path.
fn is_ambiguous(path: &str) -> bool {
    path.contains('\\') || path.split('/').any(is_dots)
}

/// Whether a segment is one or two dots, also as `%2e`.
fn is_dots(segment: &str) -> bool {
    let after_dot = |bytes: &[u8]| match bytes {
        [b'.', ..] => Some(1),
        [b'%', b'2', b'e' | b'E', ..] => Some(3),
        _ => None,
    };
    let bytes = segment.as_bytes();
    let Some(first) = after_dot(bytes) else { return false };
    let rest = &bytes[first..];
    rest.is_empty() || after_dot(rest) == Some(rest.len())
}

/// The path of a target, with its query. In HTTP/1.1 `http://host` and `http://host?query` mean the path
/// `/` (RFC 9110, 4.2.3); HTTP/2 requires the path (RFC 9113, 8.3.1).
fn path(uri: &Uri, version: Version) -> Option<PathAndQuery> {
    let target = uri.path_and_query()?;
    match target.as_str() {
        "/" => Some(PathAndQuery::from_static("/")),
        path if path.starts_with('/') => Some(target.clone()),
        query if version != Version::HTTP_2 && uri.scheme().is_some() && query.starts_with('?') => {
            Some(PathAndQuery::try_from(format!("/{query}")).expect("a path begins with a slash"))
        }
        _ => None,
    }
}

/// The `:protocol` of an extended `CONNECT` (RFC 8441, 4).
pub(crate) fn extended_connect<B>(request: &Request<B>) -> Option<&str> {
    request.extensions().get::<Protocol>().map(Protocol::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Normalized = Result<(String, Option<String>), &'static str>;

    fn normalized(version: Version, method: &str, target: &str, hosts: &[&str]) -> Normalized {
        let mut request = Request::builder().version(version).method(method).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let mut request = request.body(()).expect("a good request");
        normalize(&mut request)?;
        let host = host_of(request.headers()).map(str::to_owned);
        assert!(request.headers().get_all(HOST).iter().count() <= 1);
        Ok((request.uri().to_string(), host))
    }

    fn is(target: &str, host: &str) -> Normalized {
        Ok((target.to_owned(), Some(host.to_owned())))
    }

    const NO_SLASH: Normalized = Err("the target of a request must begin with a slash");

    #[test]
    fn a_request_of_http_1_has_one_host_header_that_is_a_host() {
        let get = |hosts: &[&str]| normalized(Version::HTTP_11, "GET", "/a?b", hosts);
        assert_eq!(get(&["Me:1"]), is("/a?b", "Me:1"));
        assert_eq!(get(&[]), Err(NEEDS_HOST));
        assert_eq!(get(&["me", "me"]), Err("a request must have one Host header, not several"));
        for none in ["", "x/room/lobby?", "me@you", "me:+80", "me you"] {
            assert_eq!(get(&[none]), Err(NO_HOST), "{none}");
        }
        let old = |hosts: &[&str]| normalized(Version::HTTP_10, "GET", "/", hosts);
        assert_eq!(old(&[]), Ok(("/".to_owned(), None)));
        assert_eq!(old(&["me"]), is("/", "me"));
        assert!(old(&["me", "me"]).is_err() && old(&["x/y"]).is_err());
    }

    #[test]
    fn the_host_of_an_absolute_target_of_http_1_replaces_the_header() {
        let get = |target: &str, hosts: &[&str]| normalized(Version::HTTP_11, "GET", target, hosts);
        assert_eq!(get("http://me:1/a?b", &["me:1"]), is("/a?b", "me:1"));
        assert_eq!(get("http://me/a", &["other"]), is("/a", "me"));
        assert_eq!(get("http://me", &["me"]), is("/", "me"));
        assert_eq!(get("http://me?b", &["me"]), is("/?b", "me"));
        assert_eq!(get("http://me/a", &[]), Err(NEEDS_HOST));
        assert_eq!(get("http://me/a", &["x/y"]), Err(NO_HOST));
        assert_eq!(get("http://you@me/a", &["me"]), Err(NO_HOST));
        assert!(get("ftp://me/a", &["me"]).is_err());
    }

    #[test]
    fn a_host_header_of_http_2_has_to_be_the_authority() {
        let get = |target: &str, hosts: &[&str]| normalized(Version::HTTP_2, "GET", target, hosts);
        assert_eq!(get("https://me/a", &[]), is("/a", "me"));
        for same in ["me", "ME", "me:443"] {
            assert_eq!(get("https://me/a", &[same]), is("/a", "me"), "{same}");
        }
        for other in ["you", "me:80", "me/x?", ""] {
            assert!(get("https://me/a", &[other]).is_err(), "{other}");
        }
        assert!(get("https://me/a", &["me", "me"]).is_err());
        assert!(get("https://you@me/a", &[]).is_err());
        // A request that a proxy has translated from HTTP/1.1 may have only the header.
        assert_eq!(get("/a", &["me"]), is("/a", "me"));
        assert_eq!(get("/a", &[]), Err(NEEDS_HOST));
    }

    #[test]
    fn a_target_begins_with_a_slash() {
        let ask =
            |method: &str, target: &str| normalized(Version::HTTP_11, method, target, &["me"]);
        for target in ["foo", "me:80", "*"] {
            assert_eq!(ask("GET", target), NO_SLASH, "{target}");
        }
        assert_eq!(ask("OPTIONS", "*"), is("*", "me"));
        assert_eq!(ask("OPTIONS", "foo"), NO_SLASH);
        assert_eq!(ask("CONNECT", "me:80"), is("me:80", "me:80"));
        assert_eq!(ask("CONNECT", "*"), NO_SLASH);
        let new = normalized(Version::HTTP_2, "GET", "http://me?b", &[]);
        assert_eq!(new, NO_SLASH);
    }

    #[test]
    fn a_path_that_the_url_standard_changes_is_refused() {
        for path in ["/a/..", "/../a", "/.", "/a/./b", "/a/%2e%2E/b", "/.%2e", "/%2e/b", "/a\\b"] {
            let target = normalized(Version::HTTP_11, "GET", path, &["me"]);
            assert!(target.is_err_and(|problem| problem.contains("backslash")), "{path}");
        }
        for path in [
            "/...",
            "/.a",
            "/a..",
            "/a..b/c",
            "/..%2fa",
            "/%2",
            "/%2e%2",
            "/.é",
            "/%é",
            "//a",
            "/a?/../b\\c",
        ] {
            assert!(!is_ambiguous(path.split('?').next().expect("a path")), "{path}");
        }
        assert_eq!(
            normalized(Version::HTTP_11, "GET", "/a?/../b\\c", &["me"]),
            is("/a?/../b\\c", "me")
        );
    }
}
