//! Values of options, as `--help` asks for them. What can be read in two ways, or hardly, is refused.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// A number in digits alone: Rust takes a plus sign as well.
pub(crate) fn number<N: FromStr<Err: Display>>(text: &str) -> Result<N, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a number is written in digits alone".to_owned());
    }
    text.parse().map_err(|error: N::Err| error.to_string())
}

/// One of these.
pub(crate) fn within(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    let value = number(text)?;
    let (first, last) = (range.start(), range.end());
    if range.contains(&value) { Ok(value) } else { Err(format!("it is from {first} to {last}")) }
}

/// `50ms`, `10s`, `2min`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a time as 50ms, 10s or 2min"))?;
    if duration.is_zero() { Err("it must be more than nothing".to_owned()) } else { Ok(duration) }
}

/// `64KiB`, `1MiB`, or plain bytes.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    // The event interface counts in 32 bits.
    i32::try_from(memory(text)?)
        .ok()
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "it is over 2GiB".to_owned())
}

/// The same for what no event holds alone, however much it is.
pub(crate) fn memory(text: &str) -> Result<usize, String> {
    const HOW: &str = "write a size as 64KiB, 1MiB or bytes";
    // No sign.
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(format!("{text:?} is no size; {HOW}"));
    }
    let size: bytesize::ByteSize =
        text.parse().map_err(|_: String| format!("{text:?} is no size; {HOW}"))?;
    // What is over what it can count is as much as it can count.
    usize::try_from(size.as_u64())
        .ok()
        .filter(|size| *size < usize::MAX)
        .ok_or_else(|| "it is more than there can be".to_owned())
}

/// `https://app.example.com`, `https://*.example.com` or `*`, without white space around it.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let origin = text.trim();
    zigttp_runtime::check_origin(origin).map(|()| origin.to_owned())
}

/// What an environment variable says of a switch, in any case.
pub(crate) fn switch(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("write 1, true, yes or on; or 0, false, no or off"),
    }
}

/// An address to listen on.
pub(crate) fn address(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(
        |_error| "write an address as 127.0.0.1 or ::1, or 0.0.0.0 for all; a name is none",
    )
}

/// An address and a port to listen on.
pub(crate) fn socket_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_error| "write an address and a port as 127.0.0.1:9090 or [::1]:9090")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn numbers_are_digits() {
        assert_eq!(number::<u16>("8080"), Ok(8080));
        assert_eq!(number::<NonZeroU32>("7").map(NonZeroU32::get), Ok(7));
        for bad in ["", "+8080", "-1", " 8080", "8080 ", "8_080", "0x10", "65536"] {
            assert!(number::<u16>(bad).is_err(), "{bad:?}");
        }
        assert!(number::<NonZeroU32>("0").is_err());
        assert!(within("9", 1..=9).is_ok() && within("10", 1..=9).is_err());
        assert!(within("+9", 1..=9).is_err());
    }

    #[test]
    fn sizes_and_durations_are_written_with_units() {
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1MiB"), Ok(1 << 20));
        assert_eq!(size("1000"), Ok(1000));
        for bad in ["", "3GiB", "much", "-1", "+1", " 1", "1,000", "1_000", "KiB", "1KiB 2"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
        assert_eq!(memory("3GiB"), Ok(3 << 30));
        assert!(memory("99999999999999GiB").is_err());
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        for bad in ["", "10", "0s", "+10s", "-10s", "ten seconds"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
