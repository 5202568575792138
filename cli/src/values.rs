//! Values of options, as `--help` asks for them. What is ambiguous or hard to read is refused.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// A number of digits only: Rust's own parser accepts a plus sign as well.
pub(crate) fn number<N: FromStr<Err: Display>>(text: &str) -> Result<N, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("write a number in digits only".to_owned());
    }
    text.parse().map_err(|error: N::Err| match text.trim_start_matches('0') {
        // Only a type that has no zero refuses it.
        "" => "it must be at least 1".to_owned(),
        _ => error.to_string(),
    })
}

/// A number in this range.
pub(crate) fn within(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    let value = number(text)?;
    let (first, last) = (range.start(), range.end());
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!("it must be from {first} to {last}"))
    }
}

/// A time, as `50ms`, `10s` or `2min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Time, String> {
        let time = humantime::parse_duration(text)
            .map_err(|error| format!("{error}; write a time as 50ms, 10s or 2min"))?;
        if time.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(Time(time)) }
    }
}

impl Display for Time {
    /// In the largest unit that divides it and of which it has at least two: `60s`, `2min`.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        for (unit, in_ms, least) in
            [("d", 86_400_000, 2), ("h", 3_600_000, 2), ("min", 60_000, 2), ("s", 1_000, 1)]
        {
            if ms.is_multiple_of(in_ms) && ms / in_ms >= least {
                return write!(formatter, "{}{unit}", ms / in_ms);
            }
        }
        write!(formatter, "{ms}ms")
    }
}

/// An age in its largest unit, rounded down.
pub(crate) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A size of what one event may hold, as `64KiB`, `1MiB`, or plain bytes. The event interface counts in 32
/// bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

/// A size of what many events or connections hold together, however large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TotalSize(pub(crate) usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let TotalSize(bytes) = text.parse()?;
        if i32::try_from(bytes).is_ok() {
            Ok(Size(bytes))
        } else {
            Err("it is over 2GiB".to_owned())
        }
    }
}

impl FromStr for TotalSize {
    type Err = String;

    fn from_str(text: &str) -> Result<TotalSize, String> {
        const HOW: &str = "write a size as 64KiB, 1MiB or bytes";
        // No sign.
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(format!("{text:?} is not a size; {HOW}"));
        }
        let size: bytesize::ByteSize =
            text.parse().map_err(|_: String| format!("{text:?} is not a size; {HOW}"))?;
        // What is over the largest number is parsed as the largest.
        usize::try_from(size.as_u64())
            .ok()
            .filter(|size| *size < usize::MAX)
            .map(TotalSize)
            .ok_or_else(|| "it is more than can be counted".to_owned())
    }
}

impl Display for Size {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        TotalSize(self.0).fmt(formatter)
    }
}

impl Display for TotalSize {
    /// In the largest unit that divides it.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (unit, bits) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
            if self.0 > 0 && self.0.trailing_zeros() >= bits {
                return write!(formatter, "{}{unit}", self.0 >> bits);
            }
        }
        write!(formatter, "{}", self.0)
    }
}

/// `https://app.example.com`, `https://*.example.com` or `*`, without white space around it.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let origin = text.trim();
    zigttp_runtime::check_origin(origin)
        .map(|()| origin.to_owned())
        .map_err(|error| error.to_string())
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
        |_error| "write an address as 127.0.0.1 or ::1, or 0.0.0.0 for all; a name is not an address",
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
        for zero in ["0", "000"] {
            assert_eq!(number::<NonZeroU32>(zero), Err("it must be at least 1".to_owned()));
        }
        assert!(within("9", 1..=9).is_ok() && within("10", 1..=9).is_err());
        assert!(within("+9", 1..=9).is_err());
    }

    #[test]
    fn sizes_and_times_are_written_with_units() {
        let size = |text: &str| text.parse().map(|Size(bytes)| bytes);
        let total = |text: &str| text.parse().map(|TotalSize(bytes)| bytes);
        let time = |text: &str| text.parse().map(|Time(time)| time);
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1MiB"), Ok(1 << 20));
        assert_eq!(size("1000"), Ok(1000));
        for bad in ["", "3GiB", "much", "-1", "+1", " 1", "1,000", "1_000", "KiB", "1KiB 2"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
        assert_eq!(total("3GiB"), Ok(3 << 30));
        assert!(total("99999999999999GiB").is_err());
        assert_eq!(time("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(time("10s"), Ok(Duration::from_secs(10)));
        for bad in ["", "10", "0s", "+10s", "-10s", "ten seconds"] {
            assert!(time(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn values_are_shown_as_they_are_written() {
        for text in ["50ms", "1s", "60s", "2min", "90min", "24h", "7d", "1500ms"] {
            assert_eq!(text.parse().map(|time: Time| time.to_string()), Ok(text.to_owned()));
        }
        for text in ["0", "1000", "1KiB", "1025", "64KiB", "1536KiB", "512MiB", "3GiB"] {
            assert_eq!(text.parse().map(|size: TotalSize| size.to_string()), Ok(text.to_owned()));
        }
    }
}
