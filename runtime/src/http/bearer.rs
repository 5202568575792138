//! `Authorization: Bearer <token>` (RFC 6750, 2.1).

use hyper::header::{AUTHORIZATION, HeaderMap};

const SCHEME: &[u8] = b"Bearer";

/// The token of a request. The scheme may be written in any case (RFC 9110, 11.1).
pub(crate) fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(SCHEME) && token.starts_with(b" ");
    is_bearer.then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn the_scheme_is_one_word_in_any_case() {
        let given = |value: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            token(&headers).map(<[u8]>::to_vec)
        };
        for value in ["Bearer abc", "bearer abc", "BEARER   abc"] {
            assert_eq!(given(value).as_deref(), Some(&b"abc"[..]), "{value}");
        }
        for value in ["", "Bearer", "Bearerabc", "Basic abc", "Bearers abc"] {
            assert_eq!(given(value), None, "{value}");
        }
    }
}
