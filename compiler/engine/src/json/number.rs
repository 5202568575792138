//! Numbers of JSON: read and written without the general code where that is exact.

use std::collections::TryReserveError;

use rquickjs::qjs::{self, JSValue};

use super::scan::Unit;

/// Powers of ten that a number holds exactly, but the last of them all.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Up to this integer a number holds each.
const MAX_EXACT: u64 = 1 << 53;

/// Digits of which a 64-bit integer holds as many as there may be.
const MAX_DIGITS: usize = 19;

/// Decimals of up to 15 digits are different numbers each.
const MAX_UNIQUE: f64 = 1e15;

/// What [`read`] makes of a text: the number at its start and how many units that has, or `None` if JSON has no such
/// number. There may be no memory for a copy of a number that the general code has to read.
pub(super) type Read = Result<Option<(JSValue, usize)>, TryReserveError>;

/// The number at the start of a text.
pub(super) fn read<U: Unit>(text: &[U]) -> Read {
    let unit = |at: usize| text.get(at).map_or(0, |unit| (*unit).into());
    let digit = |at: usize| {
        let digit = unit(at).wrapping_sub(u32::from(b'0'));
        (digit < 10).then_some(digit)
    };
    let is_negative = unit(0) == u32::from(b'-');
    let start = usize::from(is_negative);
    let mut at = start;
    // Wraps beyond so many digits; it is not looked at then.
    let Some(first) = digit(at) else { return Ok(None) };
    let mut digits = u64::from(first);
    at += 1;
    if digits != 0 {
        while let Some(digit) = digit(at) {
            digits = digits.wrapping_mul(10).wrapping_add(digit.into());
            at += 1;
        }
    } else if digit(at).is_some() {
        return Ok(None);
    }
    let mut digit_count = at - start;
    let mut exponent = 0_i32;
    let mut is_integer = true;
    if unit(at) == u32::from(b'.') {
        is_integer = false;
        at += 1;
        let first = at;
        while let Some(digit) = digit(at) {
            digits = digits.wrapping_mul(10).wrapping_add(digit.into());
            at += 1;
        }
        if at == first {
            return Ok(None);
        }
        digit_count += at - first;
        exponent = -i32::try_from(at - first).unwrap_or(i32::MAX);
    }
    if matches!(unit(at), 0x65 | 0x45) {
        is_integer = false;
        at += 1;
        let is_small = unit(at) == u32::from(b'-');
        at += usize::from(matches!(unit(at), 0x2b | 0x2d));
        let mut more = 0_i32;
        let first = at;
        while let Some(digit) = digit(at) {
            more = more.saturating_mul(10).saturating_add(digit as i32);
            at += 1;
        }
        if at == first {
            return Ok(None);
        }
        exponent = exponent.saturating_add(if is_small { -more } else { more });
    }
    let is_exact = digit_count <= MAX_DIGITS && digits <= MAX_EXACT;
    if is_integer && is_exact && digits <= i32::MAX as u64 && !(is_negative && digits == 0) {
        let integer = digits as i32;
        let integer = if is_negative { -integer } else { integer };
        return Ok(Some((qjs::JS_MKVAL(qjs::JS_TAG_INT, integer), at)));
    }
    let number = match POWERS.get(exponent.unsigned_abs() as usize) {
        // One operation of two exact numbers is rounded once, as it has to be.
        Some(power) if is_exact && exponent < 0 => digits as f64 / power,
        Some(power) if is_exact => digits as f64 * power,
        _ => general(&text[start..at])?,
    };
    Ok(Some((value(if is_negative { -number } else { number }), at)))
}

/// The number nearest to what the digits say.
fn general<U: Unit>(text: &[U]) -> Result<f64, TryReserveError> {
    let mut ascii = String::new();
    ascii.try_reserve_exact(text.len())?;
    ascii.extend(text.iter().filter_map(|unit| char::from_u32((*unit).into())));
    Ok(ascii.parse().expect("the standard library reads what JSON writes"))
}

/// The value of a number, as an integer where it is a small one.
fn value(number: f64) -> JSValue {
    let integer = number as i32;
    if f64::from(integer).to_bits() == number.to_bits() {
        qjs::JS_MKVAL(qjs::JS_TAG_INT, integer)
    } else {
        qjs::JS_NewFloat64(number)
    }
}

/// The bits of a number that are all zero of a power of two. The numbers around one are not equally far, and of
/// some QuickJS writes a digit more than it takes: `JSON.stringify` writes them as `String` does.
const MANTISSA: u64 = (1 << 52) - 1;

/// Room that QuickJS wants for a number's text.
const QUICKJS_LONGEST: usize = 128;

unsafe extern "C" {
    fn zigttp_json_dtoa(text: *mut u8, number: f64) -> usize;
}

/// The text of a finite number, as QuickJS writes it.
fn quickjs_text(number: f64, room: &mut [u8; QUICKJS_LONGEST]) -> &[u8] {
    // SAFETY: there is as much room as this function wants.
    let len = unsafe { zigttp_json_dtoa(room.as_mut_ptr(), number) };
    &room[..len]
}

/// Most bytes of a number's text.
pub(super) const LONGEST: usize = 32;

/// The text of a finite number, as JavaScript writes it.
pub(super) struct Decimal {
    text: [u8; LONGEST],
    start: usize,
}

impl Decimal {
    pub(super) fn of_integer(integer: i32) -> Decimal {
        let mut decimal = Decimal { text: [0; LONGEST], start: LONGEST };
        decimal.digits(integer.unsigned_abs().into());
        decimal.sign(integer < 0);
        decimal
    }

    /// The text of a number that is finite; of -0 as of 0.
    pub(super) fn of_float(number: f64) -> Decimal {
        let magnitude = number.abs();
        let mut decimal = Decimal { text: [0; LONGEST], start: LONGEST };
        if magnitude < MAX_EXACT as f64 && magnitude.trunc() == magnitude {
            decimal.digits(magnitude as u64);
            decimal.sign(number < 0.0);
        } else if let Some((digits, places)) = short(magnitude) {
            let power = POWERS[places] as u64;
            decimal.digits_of(digits % power, places);
            decimal.push(b'.');
            decimal.digits(digits / power);
            decimal.sign(number < 0.0);
        } else if number.to_bits() & MANTISSA == 0 {
            decimal.text(quickjs_text(number, &mut [0; QUICKJS_LONGEST]));
        } else {
            decimal.text(ryu_js::Buffer::new().format_finite(number).as_bytes());
        }
        decimal
    }

    fn text(&mut self, text: &[u8]) {
        self.start = LONGEST - text.len();
        self.text[self.start..].copy_from_slice(text);
    }

    fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.text[self.start] = byte;
    }

    fn sign(&mut self, is_negative: bool) {
        if is_negative {
            self.push(b'-');
        }
    }

    /// Puts the digits of an integer in front.
    fn digits(&mut self, mut integer: u64) {
        // 32-bit division takes half of the time.
        while integer > u64::from(u32::MAX) {
            self.push(b'0' + (integer % 10) as u8);
            integer /= 10;
        }
        let mut integer = integer as u32;
        loop {
            self.push(b'0' + (integer % 10) as u8);
            integer /= 10;
            if integer == 0 {
                break;
            }
        }
    }

    /// Puts so many digits of an integer in front.
    fn digits_of(&mut self, mut integer: u64, count: usize) {
        for _ in 0..count {
            self.push(b'0' + (integer % 10) as u8);
            integer /= 10;
        }
    }
}

impl std::ops::Deref for Decimal {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text[self.start..]
    }
}

/// The digits of a number that has few behind its point, and how many those are.
///
/// They are the shortest that read back as this number: no other decimal of up to 15 digits does, and with
/// one place less it has been tried.
fn short(magnitude: f64) -> Option<(u64, usize)> {
    // Below, JavaScript writes an exponent sooner or later; above, 15 digits have no room for a point.
    if !(1e-3..1e14).contains(&magnitude) {
        return None;
    }
    (1..=6).find_map(|places| {
        let digits = (magnitude * POWERS[places]).round_ties_even();
        (digits < MAX_UNIQUE && digits / POWERS[places] == magnitude)
            .then_some((digits as u64, places))
    })
}
