//! The cookies of a request, and which of them a zigttp server has set.
//!
//! They are read as bytes, not text: another program's cookie may have any byte over 127 (RFC 9110, 5.5),
//! and is in the same line. Browsers send a cookie to all ports and paths of a host, so a server names its
//! cookies by its secret: servers that share a host do not overwrite each other's.

use hyper::header::{COOKIE, HeaderMap};
use sha2::{Digest, Sha256};

/// Identifies a browser ([`crate::gate::resume`]).
pub(crate) const RESUME: &str = "zigttp-resume";
/// Holds the token of the inspector ([`crate::operator::inspector`]).
pub(crate) const INSPECTOR: &str = "zigttp-inspector";
/// Binds a cookie to its host and to TLS (RFC 6265bis, 4.1.3.2).
pub(crate) const HOST_PREFIX: &str = "__Host-";

/// Bytes of a secret's digest in a name: enough to tell the servers of a host apart, and too few to find
/// the secret.
const TAG_BYTES: usize = 4;

/// The name of a server's cookie of a kind. A server with another secret uses another name.
pub(crate) fn own_name(kind: &str, secret: &[u8]) -> String {
    let digest = Sha256::new_with_prefix("name of a cookie").chain_update(secret).finalize();
    let tag: String = digest[..TAG_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}-{tag}")
}

/// The values of all cookies of a name, in order, over all lines.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| pairs(line.as_bytes()))
        .filter_map(move |pair| split(pair).filter(|(known, _)| *known == name.as_bytes()))
        .map(|(_name, value)| value)
}

/// A `Cookie` line without the cookies of zigttp servers, of this one and others: a handler has no use for
/// them, and might reveal them.
pub(crate) fn without_own(line: &[u8]) -> Vec<u8> {
    let is_own = |pair: &&[u8]| is_own(split(pair).map_or(pair, |(name, _)| name));
    let others: Vec<&[u8]> = pairs(line).filter(|pair| !is_own(pair)).collect();
    others.join(&b"; "[..])
}

fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

fn split(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    Some((pair[..at].trim_ascii_end(), pair[at + 1..].trim_ascii_start()))
}

fn is_own(name: &[u8]) -> bool {
    let name = name.strip_prefix(HOST_PREFIX.as_bytes()).unwrap_or(name);
    [RESUME, INSPECTOR].iter().filter_map(|kind| name.strip_prefix(kind.as_bytes())).any(|tag| {
        match tag {
            // The name in the first versions.
            [] => true,
            [b'-', tag @ ..] => tag.len() == 2 * TAG_BYTES && tag.iter().all(u8::is_ascii_hexdigit),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn handlers_do_not_see_the_cookies_of_any_zigttp() {
        for (line, seen) in [
            (&b"a=1; zigttp-resume-0123abcd=x.y; b=2"[..], &b"a=1; b=2"[..]),
            (b"__Host-zigttp-resume-0123abcd=x.y", b""),
            (b"zigttp-inspector-0123abcd=x;a=1", b"a=1"),
            (b"zigttp-resume=x.y; a=1; __Host-zigttp-resume=x.y; zigttp-inspector=z", b"a=1"),
            (b"a=caf\xe9; zigttp-resume-0123abcd=x.y; \xff", b"a=caf\xe9; \xff"),
            (
                b"zigttp-resumed=1; c; zigttp-resume-me=2",
                b"zigttp-resumed=1; c; zigttp-resume-me=2",
            ),
        ] {
            assert_eq!(without_own(line), seen, "{}", String::from_utf8_lossy(line));
        }
        let name = own_name(RESUME, b"secret");
        assert!(is_own(name.as_bytes()) && is_own(format!("{HOST_PREFIX}{name}").as_bytes()));
    }

    #[test]
    fn all_cookies_of_a_name_are_found_beside_any_others() {
        let mut headers = HeaderMap::new();
        for line in [&b"x=\xff\xfe; me=1;me = 2 "[..], b"me", b"ME=3; you=4; me=5=6"] {
            headers.append(COOKIE, HeaderValue::from_bytes(line).expect("a field's bytes"));
        }
        let found: Vec<&[u8]> = values(&headers, "me").collect();
        assert_eq!(found, [&b"1"[..], b"2", b"5=6"]);
    }

    #[test]
    fn a_server_with_another_secret_uses_another_name() {
        assert_ne!(own_name(RESUME, b"one"), own_name(RESUME, b"two"));
        assert_eq!(own_name(RESUME, b"one").len(), RESUME.len() + 1 + 2 * TAG_BYTES);
    }
}
