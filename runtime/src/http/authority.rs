//! A host and a port, as in `Host`, `:authority` and `Origin` (RFC 3986, 3.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zigttp_abi::number;

/// A host in lower case, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// Parses `host[:port]`; `None` if there is anything else, or no host.
    ///
    /// Percent-encoded octets are refused: DNS has none, and the URL standard decodes them into
    /// characters that a host must not have.
    pub(crate) fn parse(text: &str) -> Option<Authority> {
        let (host, port) = match text.strip_prefix('[') {
            // The colons of an IPv6 address are in brackets.
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                (&text[..address.len() + 2], port)
            }
            None => {
                let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                if host.is_empty() || !host.bytes().all(is_name_byte) {
                    return None;
                }
                // The URL standard reads `127.1`, `0x7f.1` and `2130706433` as 127.0.0.1: here an address
                // must be written in full.
                if ends_in_number(host) && host.parse::<Ipv4Addr>().is_err() {
                    return None;
                }
                (host, port)
            }
        };
        let port = match port.strip_prefix(':') {
            // RFC 3986, 3.2.3: a port may be empty.
            Some("") => None,
            Some(port) => Some(number::parse(port)?),
            None if port.is_empty() => None,
            None => return None,
        };
        Some(Authority { host: host.to_ascii_lowercase(), port })
    }

    /// Removes a port that is the scheme's default.
    pub(crate) fn without_default_port(self, scheme: &str) -> Authority {
        let default = match scheme {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        };
        Authority { port: self.port.filter(|port| Some(*port) != default), ..self }
    }

    /// The host as an address, if it is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let in_brackets = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        in_brackets.unwrap_or(&self.host).parse().ok()
    }

    pub(crate) fn is_localhost(&self) -> bool {
        self.host == "localhost"
    }

    /// Whether it is `localhost` or a loopback address: no foreign name server can resolve these.
    pub(crate) fn is_loopback(&self) -> bool {
        self.is_localhost() || self.address().is_some_and(|address| address.is_loopback())
    }
}

/// Whether the URL standard reads a host as an IPv4 address, valid or not.
fn ends_in_number(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let last = labels.rsplit('.').next().unwrap_or(labels);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Unreserved characters and sub-delimiters (RFC 3986, 3.2.2).
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port_and_nothing_else() {
        let authority = |host: &str, port| Some(Authority { host: host.to_owned(), port });
        for (text, parsed) in [
            ("a", authority("a", None)),
            ("App.Example.COM", authority("app.example.com", None)),
            ("app.example.com.", authority("app.example.com.", None)),
            ("under_score:8080", authority("under_score", Some(8080))),
            ("a:", authority("a", None)),
            ("0xg", authority("0xg", None)),
            ("1.a", authority("1.a", None)),
            ("127.0.0.1:80", authority("127.0.0.1", Some(80))),
            ("[::1]", authority("[::1]", None)),
            ("[2001:DB8::1]:65535", authority("[2001:db8::1]", Some(65535))),
        ] {
            assert_eq!(Authority::parse(text), parsed, "{text}");
        }
        for text in [
            "",
            ":80",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a b",
            " a",
            "a ",
            "user@a",
            "a:b@c",
            "a:80:80",
            "a:+80",
            "a:-1",
            "a:65536",
            "a: 80",
            "a:8x",
            "a%2fb",
            "a\"b",
            "é",
            "::1",
            "[::1",
            "::1]",
            "[::1]x",
            "[::1]]",
            "[::g]",
            "[127.0.0.1]",
            "[]",
            "[a]",
            "a[",
            "a]",
            "x/room/lobby?",
            "a,b:c",
            "a<b",
            "127.1",
            "127.0.0.01",
            "127.0.0.1.",
            "2130706433",
            "0x7f.1",
            "0X7F000001:80",
            "a.0x",
            "a.1",
            "256.256.256.256",
            "1.2.3.4.5",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn localhost_and_loopback_addresses_name_this_machine() {
        let is_loopback = |host| Authority::parse(host).is_some_and(|host| host.is_loopback());
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
    }
}
