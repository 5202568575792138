//! Reads JSON text, in one pass over a string's units, into QuickJS's values.
//!
//! What is no JSON, or nested deeper than [`MAX_DEPTH`], is given up: QuickJS's own parser, which says what is
//! wrong and where, is asked then. Nothing of the handler runs in here, so that this cannot be noticed.

use rquickjs::qjs::{self, JSAtom, JSContext, JSValue};

use super::number;
use super::scan::Unit;
use super::view;
use crate::strings::{self, Units};
use crate::thrown::{Thrown, checked, out_of_memory};

/// Most arrays and objects inside of each other. QuickJS's parser recurses, and has the stack for more.
const MAX_DEPTH: usize = 500;

/// Values and names there is room for at once.
const FIRST: usize = 32;

/// The value of JSON text; `None` if it is none.
pub(super) fn parse(context: *mut JSContext, text: Units<'_>) -> Result<Option<JSValue>, Thrown> {
    let parsed = match text {
        Units::Narrow(text) => Parser::new(context, text).run(),
        Units::Wide(text) => Parser::new(context, text).run(),
    };
    match parsed {
        Ok(value) => Ok(Some(value)),
        Err(Stop::NoJson) => Ok(None),
        Err(Stop::Thrown) => Err(Thrown),
    }
}

enum Stop {
    NoJson,
    /// An exception is pending: no memory was left.
    Thrown,
}

impl From<Thrown> for Stop {
    fn from(Thrown: Thrown) -> Stop {
        Stop::Thrown
    }
}

struct Parser<'t, U> {
    context: *mut JSContext,
    text: &'t [U],
    at: usize,
    /// Items and property values of what is open, outermost first.
    values: Vec<JSValue>,
    /// Names of the properties of what is open.
    names: Vec<JSAtom>,
    open: Vec<Open>,
}

/// An array or object of which some is read.
#[derive(Clone, Copy)]
struct Open {
    is_object: bool,
    /// How many values and names there are of those around it.
    values: usize,
    names: usize,
}

impl<'t, U: Part> Parser<'t, U> {
    fn new(context: *mut JSContext, text: &'t [U]) -> Parser<'t, U> {
        Parser { context, text, at: 0, values: Vec::new(), names: Vec::new(), open: Vec::new() }
    }

    fn run(mut self) -> Result<JSValue, Stop> {
        self.reserve()?;
        loop {
            let Some(mut value) = self.value()? else { continue };
            // What stands behind a value, until the next begins.
            loop {
                let Some(open) = self.open.last().copied() else {
                    return if self.next() == 0 && self.at == self.text.len() {
                        Ok(value)
                    } else {
                        // SAFETY: the context is alive, and the value ours.
                        unsafe { qjs::JS_FreeValue(self.context, value) };
                        Err(Stop::NoJson)
                    };
                };
                self.values.push(value);
                self.reserve()?;
                match (self.next(), open.is_object) {
                    (COMMA, is_object) => {
                        self.at += 1;
                        if is_object {
                            self.name()?;
                        }
                        break;
                    }
                    (CLOSE_BRACE, true) | (CLOSE_BRACKET, false) => {
                        self.at += 1;
                        self.open.pop();
                        value = self.close(open)?;
                    }
                    _ => return Err(Stop::NoJson),
                }
            }
        }
    }

    /// Reads a value, of an array or object the beginning.
    fn value(&mut self) -> Result<Option<JSValue>, Stop> {
        let first = self.next();
        Ok(Some(match first {
            QUOTE => {
                self.at += 1;
                self.string()?
            }
            0x2d | 0x30..=0x39 => {
                let rest = &self.text[self.at..];
                let read = number::read(rest).map_err(|_full| self.out_of_memory())?;
                let (value, len) = read.ok_or(Stop::NoJson)?;
                self.at += len;
                value
            }
            0x7b => {
                self.at += 1;
                if self.next() != CLOSE_BRACE {
                    self.open(true)?;
                    self.name()?;
                    return Ok(None);
                }
                self.at += 1;
                // SAFETY: the context is alive.
                checked(unsafe { qjs::JS_NewObject(self.context) })?
            }
            0x5b => {
                self.at += 1;
                if self.next() != CLOSE_BRACKET {
                    self.open(false)?;
                    return Ok(None);
                }
                self.at += 1;
                // SAFETY: the context is alive.
                checked(unsafe { qjs::JS_NewArray(self.context) })?
            }
            0x74 => self.word(b"true", qjs::JS_TRUE)?,
            0x66 => self.word(b"false", qjs::JS_FALSE)?,
            0x6e => self.word(b"null", qjs::JS_NULL)?,
            _ => return Err(Stop::NoJson),
        }))
    }

    /// The next unit that is no space, or zero at the end; `at` is there then.
    fn next(&mut self) -> u32 {
        loop {
            let unit = self.unit(self.at);
            if !matches!(unit, 0x20 | 0x0a | 0x0d | 0x09) {
                return unit;
            }
            self.at += 1;
        }
    }

    fn unit(&self, at: usize) -> u32 {
        self.text.get(at).map_or(0, |unit| (*unit).into())
    }

    fn word(&mut self, word: &[u8], value: JSValue) -> Result<JSValue, Stop> {
        let rest = self.text.get(self.at..self.at + word.len()).ok_or(Stop::NoJson)?;
        if rest.iter().zip(word).any(|(unit, byte)| (*unit).into() != u32::from(*byte)) {
            return Err(Stop::NoJson);
        }
        self.at += word.len();
        Ok(value)
    }

    fn open(&mut self, is_object: bool) -> Result<(), Stop> {
        if self.open.len() == MAX_DEPTH {
            return Err(Stop::NoJson);
        }
        let open = Open { is_object, values: self.values.len(), names: self.names.len() };
        self.open.try_reserve(1).map_err(|_full| self.out_of_memory())?;
        self.open.push(open);
        Ok(())
    }

    /// Makes the array or object of what is read since it was opened.
    fn close(&mut self, open: Open) -> Result<JSValue, Stop> {
        let values = &mut self.values[open.values..];
        let names = &mut self.names[open.names..];
        // SAFETY: the context is alive. Names and values, as many of each, are given away, whatever comes back.
        let value = unsafe {
            if open.is_object {
                view::object(self.context, names, values)
            } else {
                qjs::JS_NewArrayFrom(self.context, values.len() as _, values.as_ptr())
            }
        };
        self.values.truncate(open.values);
        self.names.truncate(open.names);
        Ok(checked(value)?)
    }

    /// Reads the name of a property and the colon.
    fn name(&mut self) -> Result<(), Stop> {
        if self.next() != QUOTE {
            return Err(Stop::NoJson);
        }
        self.at += 1;
        // Objects in one another have a name each before the innermost has a value.
        self.reserve()?;
        let rest = &self.text[self.at..];
        let len = U::plain(rest);
        let name = if rest.get(len).map(|unit| (*unit).into()) == Some(QUOTE) {
            self.at += len + 1;
            U::atom(self.context, &rest[..len])?
        } else {
            let name = self.string()?;
            view::atom_of(self.context, name)?
        };
        self.names.push(name);
        if self.next() != COLON {
            return Err(Stop::NoJson);
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a string from behind its quote on.
    fn string(&mut self) -> Result<JSValue, Stop> {
        let rest = &self.text[self.at..];
        let len = U::plain(rest);
        match rest.get(len).map(|unit| (*unit).into()) {
            Some(QUOTE) => {
                self.at += len + 1;
                Ok(U::string(self.context, &rest[..len])?)
            }
            Some(BACKSLASH) => self.escaped(),
            _ => Err(Stop::NoJson),
        }
    }

    /// Reads a string in which something is escaped.
    #[inline(never)]
    fn escaped(&mut self) -> Result<JSValue, Stop> {
        // What is escaped is longer than what it stands for.
        let rest = &self.text[self.at..];
        let mut units = Vec::<u16>::new();
        let mut at = 0;
        loop {
            let plain = U::plain(&rest[at..]);
            units.try_reserve(plain + 1).map_err(|_full| self.out_of_memory())?;
            units.extend(rest[at..at + plain].iter().map(|unit| (*unit).into() as u16));
            at += plain;
            match self.unit(self.at + at) {
                QUOTE => break,
                BACKSLASH => {}
                _ => return Err(Stop::NoJson),
            }
            let unit = match self.unit(self.at + at + 1) {
                unit @ (QUOTE | BACKSLASH | 0x2f) => unit,
                0x62 => 0x08,
                0x66 => 0x0c,
                0x6e => 0x0a,
                0x72 => 0x0d,
                0x74 => 0x09,
                0x75 => {
                    let digits = rest.get(at + 2..at + 6).ok_or(Stop::NoJson)?;
                    at += 4;
                    digits
                        .iter()
                        .try_fold(0, |number, digit| {
                            let digit = char::from_u32((*digit).into())?.to_digit(16)?;
                            Some(number << 4 | digit)
                        })
                        .ok_or(Stop::NoJson)?
                }
                _ => return Err(Stop::NoJson),
            };
            at += 2;
            units.push(unit as u16);
        }
        self.at += at + 1;
        Ok(u16::string(self.context, &units)?)
    }

    /// Makes room for one more value and name.
    fn reserve(&mut self) -> Result<(), Stop> {
        if self.values.len() < self.values.capacity() && self.names.len() < self.names.capacity() {
            return Ok(());
        }
        let failed =
            self.values.try_reserve(FIRST).is_err() || self.names.try_reserve(FIRST).is_err();
        if failed { Err(self.out_of_memory()) } else { Ok(()) }
    }

    fn out_of_memory(&self) -> Stop {
        out_of_memory(self.context).into()
    }
}

impl<U> Drop for Parser<'_, U> {
    fn drop(&mut self) {
        // SAFETY: the context is alive, and these are references of ours.
        unsafe {
            for value in &self.values {
                qjs::JS_FreeValue(self.context, *value);
            }
            for name in &self.names {
                qjs::JS_FreeAtom(self.context, *name);
            }
        }
    }
}

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
const COMMA: u32 = 0x2c;
const COLON: u32 = 0x3a;
const CLOSE_BRACE: u32 = 0x7d;
const CLOSE_BRACKET: u32 = 0x5d;

/// What is made of units that stand side by side.
trait Part: Unit {
    fn string(context: *mut JSContext, units: &[Self]) -> Result<JSValue, Thrown>;

    fn atom(context: *mut JSContext, units: &[Self]) -> Result<JSAtom, Thrown>;
}

impl Part for u8 {
    fn string(context: *mut JSContext, units: &[u8]) -> Result<JSValue, Thrown> {
        strings::narrow(context, units)
    }

    fn atom(context: *mut JSContext, units: &[u8]) -> Result<JSAtom, Thrown> {
        view::atom(context, units)
    }
}

impl Part for u16 {
    fn string(context: *mut JSContext, units: &[u16]) -> Result<JSValue, Thrown> {
        strings::of_utf16(context, units)
    }

    fn atom(context: *mut JSContext, units: &[u16]) -> Result<JSAtom, Thrown> {
        view::atom_of(context, strings::of_utf16(context, units)?)
    }
}
