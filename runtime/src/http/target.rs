//! What a request is for: a host, and a path with its query.
//!
//! There are several ways to say it (RFC 9112, 3.2; RFC 9113, 8.3.1), and requests that say it twice. Here they
//! are settled once, before anybody looks: after that the host is in the `Host` header alone, and the
//! request's URI is a path with its query alone. So there is nothing left that two readers could
//! read in two ways.

use hyper::ext::Protocol;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Uri, Version};

use crate::http::authority::Authority;

/// Checks what a request says it is for, and leaves it said in one way. A `CONNECT` may come out without
/// a path: it is for a host and port.
///
/// # Errors
/// What is wrong with it; it is to be answered 400.
pub(crate) fn settle<B>(request: &mut Request<B>) -> Result<(), &'static str> {
    let uri = request.uri();
    let scheme = uri.scheme_str().unwrap_or("http").to_ascii_lowercase();
    if !matches!(&*scheme, "http" | "https") {
        return Err("this server speaks for http and https alone");
    }
    let named = uri.authority().map(|authority| authority.as_str().to_owned());
    let host = host(request.headers())?;
    let host = match (&named, host) {
        (Some(named), host) => {
            let authority = Authority::parse(named).ok_or(NO_HOST)?;
            let is_http_2 = request.version() == Version::HTTP_2;
            match host {
                // RFC 9113, 8.3.1. In HTTP/1.1 a Host beside an absolute target is ignored (RFC 9112,
                // 3.2.2): proxies that cannot be sure of the other end send one.
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
        // HTTP/1.0 came before it.
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
    if target.as_ref().is_some_and(|target| is_read_in_two_ways(target.path())) {
        return Err("a path has no \".\" or \"..\" between its slashes, and no backslash");
    }
    if let Some(target) = target {
        *request.uri_mut() = Uri::from(target);
    }
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    Ok(())
}

/// Whether a settled request is for the server and not for anything on it (RFC 9110, 9.3.7).
pub(crate) fn is_server<B>(request: &Request<B>) -> bool {
    request.uri().path() == "*"
}

/// The path of a settled request with its query; nothing where a `CONNECT` has none.
pub(crate) fn url<B>(request: &Request<B>) -> &str {
    request.uri().path_and_query().map_or("", PathAndQuery::as_str)
}

/// The host that a settled request is for.
pub(crate) fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

const NEEDS_HOST: &str = "a request needs a Host header";
const NO_HOST: &str = "the Host of a request must be host or host:port";

/// The one Host header, if there is one.
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

/// Whether the URL standard reads a path otherwise than routes and rooms do, which take it as it was sent.
/// A client that makes URLs of what it is given never sends one.
fn is_read_in_two_ways(path: &str) -> bool {
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

/// The path that a target has, with its query. That of `http://host` and `http://host?query` is a slash
/// (RFC 9110, 4.2.3); over HTTP/2 it is written (RFC 9113, 8.3.1).
fn path(uri: &Uri, version: Version) -> Option<PathAndQuery> {
    let target = uri.path_and_query()?;
    match target.as_str() {
        "/" => Some(PathAndQuery::from_static("/")),
        path if path.starts_with('/') => Some(target.clone()),
        query if version != Version::HTTP_2 && uri.scheme().is_some() && query.starts_with('?') => {
            Some(PathAndQuery::try_from(format!("/{query}")).expect("a slash may stand there"))
        }
        _ => None,
    }
}

/// What an extended `CONNECT` is for (RFC 8441, 4).
pub(crate) fn extended_connect<B>(request: &Request<B>) -> Option<&str> {
    request.extensions().get::<Protocol>().map(Protocol::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Settled = Result<(String, Option<String>), &'static str>;

    fn settled(version: Version, method: &str, target: &str, hosts: &[&str]) -> Settled {
        let mut request = Request::builder().version(version).method(method).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let mut request = request.body(()).expect("a good request");
        settle(&mut request)?;
        let host = host_of(request.headers()).map(str::to_owned);
        assert!(request.headers().get_all(HOST).iter().count() <= 1);
        Ok((request.uri().to_string(), host))
    }

    fn is(target: &str, host: &str) -> Settled {
        Ok((target.to_owned(), Some(host.to_owned())))
    }

    const NO_SLASH: Settled = Err("the target of a request must begin with a slash");

    #[test]
    fn the_host_of_http_1_is_its_one_header_and_has_to_be_one() {
        let get = |hosts: &[&str]| settled(Version::HTTP_11, "GET", "/a?b", hosts);
        assert_eq!(get(&["Me:1"]), is("/a?b", "Me:1"));
        assert_eq!(get(&[]), Err(NEEDS_HOST));
        assert_eq!(get(&["me", "me"]), Err("a request must have one Host header, not several"));
        for none in ["", "x/room/lobby?", "me@you", "me:+80", "me you"] {
            assert_eq!(get(&[none]), Err(NO_HOST), "{none}");
        }
        let old = |hosts: &[&str]| settled(Version::HTTP_10, "GET", "/", hosts);
        assert_eq!(old(&[]), Ok(("/".to_owned(), None)));
        assert_eq!(old(&["me"]), is("/", "me"));
        assert!(old(&["me", "me"]).is_err() && old(&["x/y"]).is_err());
    }

    #[test]
    fn an_absolute_target_of_http_1_says_the_host_and_the_header_is_ignored() {
        let get = |target: &str, hosts: &[&str]| settled(Version::HTTP_11, "GET", target, hosts);
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
        let get = |target: &str, hosts: &[&str]| settled(Version::HTTP_2, "GET", target, hosts);
        assert_eq!(get("https://me/a", &[]), is("/a", "me"));
        for same in ["me", "ME", "me:443"] {
            assert_eq!(get("https://me/a", &[same]), is("/a", "me"), "{same}");
        }
        for other in ["you", "me:80", "me/x?", ""] {
            assert!(get("https://me/a", &[other]).is_err(), "{other}");
        }
        assert!(get("https://me/a", &["me", "me"]).is_err());
        assert!(get("https://you@me/a", &[]).is_err());
        // Translated from HTTP/1.1, it may have the header alone.
        assert_eq!(get("/a", &["me"]), is("/a", "me"));
        assert_eq!(get("/a", &[]), Err(NEEDS_HOST));
    }

    #[test]
    fn a_target_begins_with_a_slash() {
        let ask = |method: &str, target: &str| settled(Version::HTTP_11, method, target, &["me"]);
        for target in ["foo", "me:80", "*"] {
            assert_eq!(ask("GET", target), NO_SLASH, "{target}");
        }
        assert_eq!(ask("OPTIONS", "*"), is("*", "me"));
        assert_eq!(ask("OPTIONS", "foo"), NO_SLASH);
        assert_eq!(ask("CONNECT", "me:80"), is("me:80", "me:80"));
        assert_eq!(ask("CONNECT", "*"), NO_SLASH);
        let new = settled(Version::HTTP_2, "GET", "http://me?b", &[]);
        assert_eq!(new, NO_SLASH);
    }

    #[test]
    fn a_path_is_read_in_one_way() {
        for path in ["/a/..", "/../a", "/.", "/a/./b", "/a/%2e%2E/b", "/.%2e", "/%2e/b", "/a\\b"] {
            let target = settled(Version::HTTP_11, "GET", path, &["me"]);
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
            assert!(!is_read_in_two_ways(path.split('?').next().expect("a path")), "{path}");
        }
        assert_eq!(
            settled(Version::HTTP_11, "GET", "/a?/../b\\c", &["me"]),
            is("/a?/../b\\c", "me")
        );
    }
}
