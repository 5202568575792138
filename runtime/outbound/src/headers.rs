//! The headers of a request: what a caller may not set, and what is added.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, RANGE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Headers that the client sets by what it does, as in the Fetch standard's forbidden ones and as other
/// servers' runtimes have it. Cookies and an origin may be set.
const OWN: [HeaderName; 9] =
    [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, KEEP_ALIVE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// What is decoded.
const CODINGS: HeaderValue = HeaderValue::from_static("gzip, br");

/// Drops what the caller may not set, in silence as browsers do, since packages set it; adds what is
/// missing.
pub(crate) fn prepare(headers: &mut HeaderMap, user_agent: &HeaderValue) {
    for name in OWN {
        headers.remove(name);
    }
    let of_proxies: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned().collect();
    for name in of_proxies {
        headers.remove(name);
    }
    headers.entry(USER_AGENT).or_insert_with(|| user_agent.clone());
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    // Part of an encoded body cannot be decoded (Fetch, HTTP-network-or-cache fetch).
    let codings =
        if headers.contains_key(RANGE) { HeaderValue::from_static("identity") } else { CODINGS };
    headers.entry(ACCEPT_ENCODING).or_insert(codings);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(given: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        prepare(&mut headers, &HeaderValue::from_static("zigttp/1"));
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_is_missing_is_added() {
        let all = ["accept-encoding: gzip, br", "accept: */*", "user-agent: zigttp/1"];
        assert_eq!(prepared(&[]), all);
        let own = [("accept", "a/b"), ("accept-encoding", "zstd"), ("user-agent", "mine")];
        assert_eq!(prepared(&own), ["accept-encoding: zstd", "accept: a/b", "user-agent: mine"]);
        let ranged = prepared(&[("range", "bytes=0-9")]);
        assert_eq!(ranged[0], "accept-encoding: identity");
    }

    #[test]
    fn what_the_client_sets_by_itself_is_dropped() {
        for name in OWN {
            let name: &'static str = name.as_str().to_owned().leak();
            assert_eq!(prepared(&[(name, "x")]).len(), 3, "{name}");
        }
        assert_eq!(prepared(&[("proxy-authorization", "x"), ("proxy-anything", "x")]).len(), 3);
        let kept = prepared(&[("cookie", "a=1"), ("origin", "null"), ("authorization", "x")]);
        assert_eq!(kept.len(), 6);
    }
}
