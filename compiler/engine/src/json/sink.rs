//! Where JSON text is written: into a string's own block, in the width that its units need.

use rquickjs::qjs::{JSContext, JSValue};

use super::scan::{Unit, copy_plain, is_special, without_surrogates};
use crate::strings::{self, Growing, Units};
use crate::thrown::Thrown;

/// Bytes there is room for at first: what a small answer needs.
const FIRST: usize = 480;

/// The longest escape, `\u001f`.
const ESCAPE: usize = 6;

/// Why text is not written.
pub(super) enum Refused {
    /// It has a unit that is wider than those of the sink.
    Wide,
    /// It is no Unicode, which this sink wants.
    LoneSurrogate,
    /// An exception is pending: no memory was left.
    Thrown,
}

impl From<Thrown> for Refused {
    fn from(Thrown: Thrown) -> Refused {
        Refused::Thrown
    }
}

pub(super) trait Sink {
    /// Writes ASCII as it is.
    fn push(&mut self, ascii: &[u8]) -> Result<(), Refused>;

    fn push_byte(&mut self, ascii: u8) -> Result<(), Refused>;

    /// Writes a string in quotes.
    fn quote(&mut self, units: Units<'_>) -> Result<(), Refused>;
}

/// The escape that says a unit's number.
fn numbered(unit: u16) -> [u8; ESCAPE] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u32| HEX[usize::from(unit >> shift & 15)];
    [b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]
}

/// How a unit below 0x80 that is not plain is written.
fn escape(unit: u8) -> ([u8; ESCAPE], usize) {
    let short = match unit {
        b'"' | b'\\' => unit,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => return (numbered(unit.into()), ESCAPE),
    };
    ([b'\\', short, 0, 0, 0, 0], 2)
}

/// Units of one byte: Latin 1, or the UTF-8 that values are stored in.
pub(super) struct Bytes<const IS_UTF8: bool> {
    block: Growing,
    len: usize,
}

impl<const IS_UTF8: bool> Bytes<IS_UTF8> {
    pub(super) fn new(context: *mut JSContext) -> Result<Self, Thrown> {
        Ok(Bytes { block: Growing::new(context, FIRST)?, len: 0 })
    }

    /// Where the next bytes go, of which there is room for so many.
    fn room(&mut self, more: usize) -> Result<*mut u8, Thrown> {
        if self.block.capacity() - self.len < more {
            self.block.grow(self.len + more)?;
        }
        // SAFETY: there is room for more bytes from there on.
        Ok(unsafe { self.block.start().add(self.len) })
    }

    pub(super) fn written(&self) -> &[u8] {
        // SAFETY: so many bytes are written.
        unsafe { std::slice::from_raw_parts(self.block.start(), self.len) }
    }

    /// Writes bytes with what has to be escaped.
    fn escaped(&mut self, mut bytes: &[u8]) -> Result<(), Thrown> {
        loop {
            // With the escape behind, and the quote.
            let to = self.room(bytes.len() + ESCAPE + 1)?;
            // SAFETY: there is room for all of the bytes, and for the escape of the first that is not plain.
            unsafe {
                let plain = copy_plain(bytes, to);
                self.len += plain;
                let Some(&special) = bytes.get(plain) else { return Ok(()) };
                let (escape, len) = escape(special);
                to.add(plain).cast::<[u8; ESCAPE]>().write(escape);
                self.len += len;
                bytes = &bytes[plain + 1..];
            }
        }
    }

    fn character(&mut self, character: char) -> Result<(), Thrown> {
        let mut utf8 = [0; 4];
        let utf8 = character.encode_utf8(&mut utf8).as_bytes();
        if utf8.len() == 1 { self.escaped(utf8) } else { self.copy(utf8) }
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<(), Thrown> {
        let to = self.room(bytes.len())?;
        // SAFETY: there is room for the bytes.
        unsafe { strings::copy(bytes, to) };
        self.len += bytes.len();
        Ok(())
    }
}

impl Bytes<false> {
    pub(super) fn into_string(self) -> Result<JSValue, Thrown> {
        // SAFETY: so many units are written.
        unsafe { self.block.into_string(self.len, false) }
    }
}

impl<const IS_UTF8: bool> Sink for Bytes<IS_UTF8> {
    fn push(&mut self, ascii: &[u8]) -> Result<(), Refused> {
        Ok(self.copy(ascii)?)
    }

    fn push_byte(&mut self, ascii: u8) -> Result<(), Refused> {
        let to = self.room(1)?;
        // SAFETY: there is room for the byte.
        unsafe { to.write(ascii) };
        self.len += 1;
        Ok(())
    }

    fn quote(&mut self, units: Units<'_>) -> Result<(), Refused> {
        self.push_byte(b'"')?;
        match units {
            Units::Narrow(bytes) if !IS_UTF8 || strings::is_ascii(bytes) => self.escaped(bytes)?,
            Units::Narrow(bytes) => {
                for byte in bytes {
                    self.character(char::from(*byte))?;
                }
            }
            Units::Wide(_) if !IS_UTF8 => return Err(Refused::Wide),
            Units::Wide(units) => {
                for character in char::decode_utf16(units.iter().copied()) {
                    self.character(character.map_err(|_lone| Refused::LoneSurrogate)?)?;
                }
            }
        }
        self.push_byte(b'"')
    }
}

/// Units of two bytes: a string that is not all Latin 1.
pub(super) struct Wide {
    block: Growing,
    /// Units that are written.
    len: usize,
}

impl Wide {
    pub(super) fn new(context: *mut JSContext) -> Result<Wide, Thrown> {
        Ok(Wide { block: Growing::new(context, 2 * FIRST)?, len: 0 })
    }

    pub(super) fn into_string(self) -> Result<JSValue, Thrown> {
        // SAFETY: so many units are written.
        unsafe { self.block.into_string(self.len, true) }
    }

    fn reserve(&mut self, more: usize) -> Result<(), Thrown> {
        let size = 2 * (self.len + more);
        if self.block.capacity() < size { self.block.grow(size) } else { Ok(()) }
    }

    /// Writes units as they are.
    fn copy(&mut self, units: &[u16]) -> Result<(), Thrown> {
        self.reserve(units.len())?;
        // SAFETY: there is room. Blocks are aligned to eight bytes, and so are the units in one.
        unsafe {
            let to = self.block.start().cast::<u16>().add(self.len);
            to.copy_from_nonoverlapping(units.as_ptr(), units.len());
        }
        self.len += units.len();
        Ok(())
    }

    /// Writes bytes as units.
    fn widen(&mut self, bytes: &[u8]) -> Result<(), Thrown> {
        self.reserve(bytes.len())?;
        for (at, byte) in bytes.iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                self.block.start().cast::<u16>().add(self.len + at).write((*byte).into());
            }
        }
        self.len += bytes.len();
        Ok(())
    }

    /// Writes Latin 1 with what has to be escaped.
    fn narrow(&mut self, mut bytes: &[u8]) -> Result<(), Thrown> {
        loop {
            let plain = u8::plain(bytes);
            self.widen(&bytes[..plain])?;
            let Some(&special) = bytes.get(plain) else { return Ok(()) };
            let (escape, len) = escape(special);
            self.widen(&escape[..len])?;
            bytes = &bytes[plain + 1..];
        }
    }

    /// Writes UTF-16 with what has to be escaped; of lone surrogates their numbers.
    fn wide(&mut self, mut units: &[u16]) -> Result<(), Thrown> {
        loop {
            let plain = without_surrogates(units);
            self.copy(&units[..plain])?;
            units = &units[plain..];
            let Some(character) = char::decode_utf16(units.iter().copied()).next() else {
                return Ok(());
            };
            let read = match character {
                Ok(special) if is_special(special.into()) => {
                    let (escape, len) = escape(special as u8);
                    self.widen(&escape[..len])?;
                    1
                }
                Ok(character) => {
                    let len = character.len_utf16();
                    self.copy(&units[..len])?;
                    len
                }
                Err(lone) => {
                    self.widen(&numbered(lone.unpaired_surrogate()))?;
                    1
                }
            };
            units = &units[read..];
        }
    }
}

impl Sink for Wide {
    fn push(&mut self, ascii: &[u8]) -> Result<(), Refused> {
        Ok(self.widen(ascii)?)
    }

    fn push_byte(&mut self, ascii: u8) -> Result<(), Refused> {
        self.push(&[ascii])
    }

    fn quote(&mut self, units: Units<'_>) -> Result<(), Refused> {
        self.push_byte(b'"')?;
        match units {
            Units::Narrow(bytes) => self.narrow(bytes)?,
            Units::Wide(units) => self.wide(units)?,
        }
        self.push_byte(b'"')
    }
}
