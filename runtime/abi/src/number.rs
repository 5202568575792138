//! Numbers as clients and operators write them.

use std::str::FromStr;

/// Reads a number of decimal digits alone. `FromStr` takes a plus sign as well, which no grammar of
/// ours has: what is taken for a number here and for none elsewhere is a way around a check.
pub fn parse<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_digits_within_its_type() {
        assert_eq!(parse::<u16>("0080"), Some(80));
        assert_eq!(parse::<u16>("65535"), Some(65535));
        for text in ["", "+80", "-0", " 80", "80 ", "8_0", "0x50", "８０", "65536", "8.0"] {
            assert_eq!(parse::<u16>(text), None, "{text:?}");
        }
    }
}
