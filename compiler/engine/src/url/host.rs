//! Hosts: domains, IPv4 and IPv6 addresses, and the opaque hosts of schemes that are not special.

use std::net::Ipv6Addr;

use idna::AsciiDenyList;
use percent_encoding::percent_decode;

use super::percent::{self, Set};

/// The host parser of the standard, and what it finds as it is written.
pub(super) fn parse(input: &[u8], is_opaque: bool) -> Option<String> {
    if let Some(address) = input.strip_prefix(b"[") {
        let address = str::from_utf8(address.strip_suffix(b"]")?).ok()?;
        return Some(format!("[{}]", written_ipv6(address.parse().ok()?)));
    }
    if is_opaque {
        let is_forbidden = |byte: &u8| b"\0\t\n\r #/:<>?@[\\]^|".contains(byte);
        return (!input.iter().any(is_forbidden)).then(|| percent::encode(input, Set::C0_CONTROL));
    }
    let domain: Vec<u8> = percent_decode(input).collect();
    let domain = idna::domain_to_ascii_cow(&domain, AsciiDenyList::URL).ok()?;
    if domain.is_empty() {
        return None;
    }
    if ends_in_number(&domain) {
        let address = ipv4(&domain)?.to_be_bytes();
        return Some(address.map(|byte| byte.to_string()).join("."));
    }
    Some(domain.into_owned())
}

/// Whether a domain can only be an IPv4 address.
fn ends_in_number(domain: &str) -> bool {
    let mut labels = domain.rsplit('.');
    let last = match (labels.next(), labels.next()) {
        (Some(""), Some(last)) => last,
        (Some(""), None) | (None, _) => return false,
        (Some(last), _) => last,
    };
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal || number(last).is_some()
}

/// One to four numbers, the last of which fills what is left of the address.
fn ipv4(domain: &str) -> Option<u32> {
    let mut labels: Vec<&str> = domain.split('.').collect();
    if labels.len() > 1 && labels.last() == Some(&"") {
        labels.pop();
    }
    if labels.len() > 4 {
        return None;
    }
    let last = number(labels.pop()?)?;
    let mut address = 0;
    for (index, label) in labels.iter().enumerate() {
        let byte = number(label).filter(|byte| *byte <= 255)?;
        address |= byte << (8 * (3 - index));
    }
    let left = 8 * (4 - labels.len());
    (last < 1 << left).then_some((address | last) as u32)
}

/// A number of an IPv4 address: decimal, octal after 0, hexadecimal after 0x. One that is too large for
/// any address is a number nevertheless.
fn number(label: &str) -> Option<u64> {
    if label.is_empty() {
        return None;
    }
    let (digits, radix) = match label.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&label[2..], 16),
        [b'0', _, ..] => (&label[1..], 8),
        _ => (label, 10),
    };
    let mut value = 0_u64;
    for digit in digits.chars() {
        value = value.saturating_mul(radix).saturating_add(digit.to_digit(radix as u32)?.into());
    }
    Some(value)
}

/// The first of the longest runs of zeros is left out, if it is of two pieces or more.
fn written_ipv6(address: Ipv6Addr) -> String {
    let pieces = address.segments();
    let mut longest = 0..0;
    let mut start = 0;
    while start < pieces.len() {
        let len = pieces[start..].iter().take_while(|piece| **piece == 0).count();
        if len > longest.len() && len > 1 {
            longest = start..start + len;
        }
        start += len + 1;
    }
    let join = |pieces: &[u16]| {
        pieces.iter().map(|piece| format!("{piece:x}")).collect::<Vec<_>>().join(":")
    };
    if longest.is_empty() {
        join(&pieces)
    } else {
        format!("{}::{}", join(&pieces[..longest.start]), join(&pieces[longest.end..]))
    }
}
