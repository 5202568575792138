//! What follows on an answer that names another URL (Fetch, HTTP-redirect fetch).

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE,
    LOCATION,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use url::Url;

use crate::error::{Error, ErrorKind};
use crate::request::{Target, is_same_origin};

/// Headers that describe a body, and go with it.
const OF_BODY: [HeaderName; 4] =
    [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE];

/// Headers that are meant for the host that they were sent to.
const OF_ORIGIN: [HeaderName; 2] = [AUTHORIZATION, COOKIE];

/// One request on the way through redirects.
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

/// The URL that an answer redirects to; `None` if it is an answer like any other.
///
/// # Errors
/// When its `location` is no URL.
pub(crate) fn location(
    url: &Url,
    target: &Target,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, Error> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let parsed = std::str::from_utf8(location.as_bytes()).ok().and_then(|text| url.join(text).ok());
    let mut parsed = parsed.ok_or_else(|| {
        let message = format!("fetch: {target} redirects to something that is no URL");
        Error::new(ErrorKind::Network, message)
    })?;
    parsed.set_fragment(None);
    Ok(Some(parsed))
}

impl Hop {
    /// The request that follows this one on a redirect.
    pub(crate) fn redirected(mut self, status: StatusCode, url: Url) -> Hop {
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => !matches!(self.method, Method::GET | Method::HEAD),
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            for name in OF_BODY {
                self.headers.remove(name);
            }
        }
        if !is_same_origin(&self.url, &url) {
            for name in OF_ORIGIN {
                self.headers.remove(name);
            }
        }
        self.url = url;
        self
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let names = ["authorization", "cookie", "content-type", "content-language", "x-own"];
        let headers = names
            .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x")))
            .into_iter()
            .collect();
        Hop { method, url: url.parse().expect(url), headers, body: Some(Bytes::from_static(b"b")) }
    }

    /// Method, whether the body stays, and the headers after a redirect.
    fn redirected(method: Method, status: u16, to: &str) -> (Method, bool, Vec<String>) {
        let status = StatusCode::from_u16(status).expect("a status");
        let hop = hop(method, "https://a.example/x").redirected(status, to.parse().expect(to));
        let mut names: Vec<String> = hop.headers.keys().map(HeaderName::to_string).collect();
        names.sort();
        (hop.method, hop.body.is_some(), names)
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        let to = "https://a.example/y";
        for (method, status, becomes, keeps_body) in [
            (Method::POST, 301, Method::GET, false),
            (Method::POST, 302, Method::GET, false),
            (Method::POST, 303, Method::GET, false),
            (Method::PUT, 303, Method::GET, false),
            (Method::PUT, 301, Method::PUT, true),
            (Method::HEAD, 303, Method::HEAD, true),
            (Method::POST, 307, Method::POST, true),
            (Method::POST, 308, Method::POST, true),
        ] {
            let (after, body, names) = redirected(method.clone(), status, to);
            assert_eq!((after, body), (becomes, keeps_body), "{method} {status}");
            assert_eq!(names.contains(&"content-type".to_owned()), keeps_body);
            assert!(names.contains(&"authorization".to_owned()));
        }
    }

    #[test]
    fn credentials_stay_within_their_origin() {
        for (to, stay) in [
            ("https://a.example/y", true),
            ("https://a.example:443/y", true),
            ("https://a.example:8443/y", false),
            ("http://a.example/y", false),
            ("https://b.example/y", false),
        ] {
            let (.., names) = redirected(Method::GET, 307, to);
            assert_eq!(names.contains(&"authorization".to_owned()), stay, "{to}");
            assert_eq!(names.contains(&"cookie".to_owned()), stay, "{to}");
            assert!(names.contains(&"x-own".to_owned()), "{to}");
        }
    }

    #[test]
    fn only_five_statuses_with_a_location_redirect() {
        let url: Url = "https://a.example/x?secret=1".parse().expect("a URL");
        let target = Target::of(&url).expect("a host");
        let at = |status: u16, to: &str| {
            let status = StatusCode::from_u16(status).expect("a status");
            let value = HeaderValue::from_str(to).expect("a value");
            let headers = [(LOCATION, value)].into_iter().collect();
            location(&url, &target, status, &headers)
        };
        let expected = "https://a.example/y?q".parse().expect("a URL");
        assert_eq!(at(302, "y?q#f"), Ok(Some(expected)));
        for status in [200, 201, 300, 304, 305, 306, 400] {
            assert_eq!(at(status, "y"), Ok(None), "{status}");
        }
        assert_eq!(location(&url, &target, StatusCode::FOUND, &HeaderMap::new()), Ok(None));
        let error = at(302, "https://[").expect_err("no URL");
        assert_eq!(error.message, "fetch: a.example redirects to something that is no URL");
    }
}
