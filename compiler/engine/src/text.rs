//! Bytes to text and back, for `TextEncoder` and `TextDecoder`.

use std::str;

use rquickjs::{Ctx, Exception, Result, TypedArray};

/// The encodings that texts are decoded from, by the numbers that `encoding.js` gives them.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16 { is_big_endian: bool },
    Windows1252,
}

impl Encoding {
    fn numbered(number: i32) -> Encoding {
        match number {
            0 => Encoding::Utf8,
            1 => Encoding::Utf16 { is_big_endian: false },
            2 => Encoding::Utf16 { is_big_endian: true },
            3 => Encoding::Windows1252,
            number => unreachable!("`encoding.js` knows no encoding {number}"),
        }
    }
}

/// The UTF-8 of a well-formed string.
pub(crate) fn encode<'js>(
    ctx: Ctx<'js>,
    text: rquickjs::String<'js>,
) -> Result<TypedArray<'js, u8>> {
    TypedArray::new_copy(ctx, text.to_cstring()?.as_str().as_bytes())
}

/// Writes the UTF-8 of a well-formed string until an array is full: how many UTF-16 units it has read,
/// and how many bytes it has written.
pub(crate) fn encode_into<'js>(
    text: rquickjs::String<'js>,
    array: TypedArray<'js, u8>,
) -> Result<Vec<usize>> {
    let text = text.to_cstring()?;
    let Some(raw) = array.as_raw().filter(|raw| raw.len > 0) else { return Ok(vec![0, 0]) };
    let text = text.as_str();
    let written = text.floor_char_boundary(raw.len);
    let text = &text[..written];
    // SAFETY: the array has at least as many bytes, none of which are a string's.
    unsafe { raw.ptr.as_ptr().copy_from_nonoverlapping(text.as_ptr(), written) };
    Ok(vec![if text.is_ascii() { written } else { text.encode_utf16().count() }, written])
}

/// A string from bytes; what is malformed throws if `fatal`, else becomes U+FFFD as WHATWG tells.
pub(crate) fn decode<'js>(
    ctx: Ctx<'js>,
    bytes: TypedArray<'js, u8>,
    encoding: i32,
    fatal: bool,
) -> Result<rquickjs::String<'js>> {
    let bytes =
        bytes.as_bytes().ok_or_else(|| Exception::throw_type(&ctx, "detached ArrayBuffer"))?;
    let malformed =
        |name: &str| Exception::throw_type(&ctx, &format!("the data is not valid {name}"));
    match Encoding::numbered(encoding) {
        Encoding::Utf8 => match str::from_utf8(bytes) {
            Ok(text) => rquickjs::String::from_str(ctx, text),
            Err(_) if fatal => Err(malformed("UTF-8")),
            Err(_) => rquickjs::String::from_str(ctx, &String::from_utf8_lossy(bytes)),
        },
        Encoding::Utf16 { is_big_endian } => {
            let (text, is_valid) = utf16(bytes, is_big_endian);
            if fatal && !is_valid {
                return Err(malformed("UTF-16"));
            }
            rquickjs::String::from_str(ctx, &text)
        }
        Encoding::Windows1252 => {
            let text: String = bytes.iter().map(|byte| windows_1252(*byte)).collect();
            rquickjs::String::from_str(ctx, &text)
        }
    }
}

/// How many bytes at the end begin a character and do not finish it.
pub(crate) fn unfinished(bytes: TypedArray<'_, u8>, encoding: i32) -> usize {
    let bytes = bytes.as_bytes().unwrap_or_default();
    match Encoding::numbered(encoding) {
        Encoding::Utf8 => (1..=bytes.len().min(3))
            .find(|&len| {
                matches!(
                    str::from_utf8(&bytes[bytes.len() - len..]),
                    Err(error) if error.valid_up_to() == 0 && error.error_len().is_none()
                )
            })
            .unwrap_or(0),
        Encoding::Utf16 { is_big_endian } => {
            let half = bytes.len() % 2;
            let is_high = bytes[..bytes.len() - half]
                .last_chunk()
                .is_some_and(|unit| (0xd800..0xdc00).contains(&utf16_unit(*unit, is_big_endian)));
            half + if is_high { 2 } else { 0 }
        }
        Encoding::Windows1252 => 0,
    }
}

fn utf16_unit(bytes: [u8; 2], is_big_endian: bool) -> u16 {
    if is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}

/// The text, and whether all of it was well-formed.
fn utf16(bytes: &[u8], is_big_endian: bool) -> (String, bool) {
    let (units, half) = bytes.as_chunks();
    let units = units.iter().map(|unit| utf16_unit(*unit, is_big_endian));
    let mut text = String::with_capacity(bytes.len());
    let (mut is_valid, mut ends_high) = (true, false);
    for unit in char::decode_utf16(units) {
        ends_high = matches!(&unit, Err(lone) if lone.unpaired_surrogate() < 0xdc00);
        is_valid &= unit.is_ok();
        text.push(unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    // A half unit after half a pair is one malformed character, not two.
    if !half.is_empty() {
        is_valid = false;
        if !ends_high {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (text, is_valid)
}

/// Latin 1 but for the bytes 0x80 to 0x9f. Five of those stay the controls that they are there.
fn windows_1252(byte: u8) -> char {
    const FROM_0X80: [char; 32] = [
        '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}',
        '\u{2021}', '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}',
        '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}',
        '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}',
        '\u{178}',
    ];
    match byte {
        0x80..=0x9f => FROM_0X80[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
