//! Writes values as JSON, without a look at what cannot be there: a plain object has no getters, and where no
//! prototype has a `toJSON`, nobody is asked for one.
//!
//! What is not ordinary is left to the [`Rules`]. Nothing of the handler runs in here, so that a text that
//! is given up cannot be noticed. Neither does this recurse.

use std::ffi::c_int;

use rquickjs::qjs::{self, JSContext, JSPropertyDescriptor, JSValue};

use super::number::Decimal;
use super::sink::{Refused, Sink};
use super::view::{self, Kind, Label, Name, View};
use crate::strings::{self, Units};
use crate::thrown::{Thrown, checked, out_of_memory};

/// Most arrays and objects inside of each other.
pub(super) const MAX_DEPTH: usize = 500;

/// Why a value is not written.
pub(super) enum Stop {
    /// It is not for this writer.
    Unusual(Unusual),
    /// It has a unit that is wider than those of the sink.
    Wide,
    /// An exception is pending: no memory was left.
    Thrown,
}

/// What is not ordinary.
pub(super) struct Unusual {
    pub(super) what: What,
    pub(super) place: Place,
}

/// What stands where something is not ordinary.
pub(super) enum What {
    /// A value that is neither an array nor an object without a class, nor a primitive of JSON.
    Value(JSValue),
    /// A number of those that JSON has not.
    NotFinite(f64),
    Cycle,
    TooDeep,
    EmptyItem,
    PropertyBesideItems,
    SymbolName,
    Hidden,
    Getter,
    LoneSurrogate,
    LoneSurrogateInName,
}

/// Where it is, behind the path of what is open.
pub(super) enum Place {
    /// The property or item that the innermost is at.
    Here,
    /// An item of the innermost.
    Item(usize),
    /// The innermost itself.
    Container,
}

/// What is done with what JSON has not.
pub(super) trait Rules {
    /// Whether what does not come back equal is refused: -0 is kept, and there is neither `undefined` among the
    /// items nor a property that would be left out.
    const IS_STRICT: bool;

    /// Whether this may be written by its own properties alone.
    fn is_plain(&mut self, object: JSValue, kind: Kind, view: &View) -> bool;
}

impl From<Thrown> for Stop {
    fn from(Thrown: Thrown) -> Stop {
        Stop::Thrown
    }
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Stop {
        match refused {
            Refused::Wide => Stop::Wide,
            Refused::LoneSurrogate => stop(What::LoneSurrogate, Place::Here),
            Refused::Thrown => Stop::Thrown,
        }
    }
}

fn stop(what: What, place: Place) -> Stop {
    Stop::Unusual(Unusual { what, place })
}

/// An array or object of which some is written.
pub(super) struct Container {
    pub(super) object: JSValue,
    pub(super) kind: Kind,
    pub(super) view: View,
    /// How many items an array has, or says that it has.
    pub(super) len: usize,
    /// The order of its properties, if that is not the one of the view.
    order: Option<Vec<u32>>,
    /// Items or names that have been looked at.
    pub(super) looked_at: usize,
    is_empty: bool,
}

impl Container {
    /// The name of this place in order.
    pub(super) fn name(&self, at: usize) -> Option<(usize, Name)> {
        let at = match &self.order {
            Some(order) => *order.get(at)? as usize,
            None => at,
        };
        self.view.names().get(at).map(|name| (at, *name))
    }
}

/// What is open, outermost first, where something was not written.
pub(super) type Path = Vec<Container>;

/// Writes a value; if that stops, it comes with what was open.
pub(super) fn write<R: Rules>(
    context: *mut JSContext,
    rules: &mut R,
    sink: &mut impl Sink,
    value: JSValue,
) -> Result<(), (Stop, Path)> {
    let mut writer = Writer { context, rules, sink };
    let mut open = Path::new();
    let mut next = writer.value(value).map_err(|stop| (stop, Path::new()))?;
    loop {
        if let Some(container) = next {
            if let Err(stop) = writer.open(&mut open, container) {
                return Err((stop, open));
            }
        }
        let Some(innermost) = open.last_mut() else { return Ok(()) };
        match writer.members(innermost) {
            Ok(Some(inner)) => next = Some(inner),
            Ok(None) => {
                open.pop();
                next = None;
            }
            Err(stop) => return Err((stop, open)),
        }
    }
}

struct Writer<'a, R, S> {
    context: *mut JSContext,
    rules: &'a mut R,
    sink: &'a mut S,
}

impl<R: Rules, S: Sink> Writer<'_, R, S> {
    /// Writes the beginning of an array or object.
    fn open(&mut self, open: &mut Path, container: Container) -> Result<(), Stop> {
        if open.iter().any(|outer| outer.object == container.object) {
            return Err(stop(What::Cycle, Place::Here));
        }
        if open.len() == MAX_DEPTH {
            return Err(stop(What::TooDeep, Place::Here));
        }
        open.try_reserve(1).map_err(|_full| out_of_memory(self.context))?;
        self.sink.push_byte(if container.kind == Kind::Object { b'{' } else { b'[' })?;
        open.push(container);
        Ok(())
    }

    /// Goes on with an array or object to its end, or to one inside of it, which is returned.
    fn members(&mut self, container: &mut Container) -> Result<Option<Container>, Stop> {
        if container.kind == Kind::Object {
            self.properties(container)
        } else {
            self.items(container)
        }
    }

    fn items(&mut self, container: &mut Container) -> Result<Option<Container>, Stop> {
        while container.looked_at < container.len {
            let at = container.looked_at;
            container.looked_at += 1;
            let item = if container.kind == Kind::Array {
                container.view.value(at)
            } else {
                self.item(container.object, at)?
            };
            self.separate(&mut container.is_empty)?;
            // SAFETY: only the tag is read.
            if !R::IS_STRICT && unsafe { qjs::JS_IsUndefined(item) } {
                self.sink.push(b"null")?;
            } else if let Some(inner) = self.value(item)? {
                return Ok(Some(inner));
            }
        }
        if R::IS_STRICT {
            nothing_beside_items(container)?;
        }
        self.sink.push_byte(b']')?;
        Ok(None)
    }

    /// An item of an array that QuickJS does not keep side by side.
    fn item(&self, array: JSValue, at: usize) -> Result<JSValue, Stop> {
        let mut property = JSPropertyDescriptor {
            flags: 0,
            value: qjs::JS_UNDEFINED,
            getter: qjs::JS_UNDEFINED,
            setter: qjs::JS_UNDEFINED,
        };
        // SAFETY: the context and the array are alive, and it is no Proxy, so that nothing of the handler runs.
        // The references are given back: the array has its own.
        let found = unsafe {
            let atom = qjs::JS_NewAtomUInt32(self.context, at as u32);
            if atom == 0 {
                return Err(out_of_memory(self.context).into());
            }
            let found = qjs::JS_GetOwnProperty(self.context, &raw mut property, array, atom);
            qjs::JS_FreeAtom(self.context, atom);
            if found > 0 {
                for reference in [property.value, property.getter, property.setter] {
                    qjs::JS_FreeValue(self.context, reference);
                }
            }
            found
        };
        let has = |flag: u32| property.flags & flag as c_int != 0;
        match found {
            ..0 => Err(Stop::Thrown),
            0 => Err(stop(What::EmptyItem, Place::Item(at))),
            _ if has(qjs::JS_PROP_GETSET) => Err(stop(What::Getter, Place::Here)),
            _ if !has(qjs::JS_PROP_ENUMERABLE) => Err(stop(What::Hidden, Place::Here)),
            _ => Ok(property.value),
        }
    }

    fn properties(&mut self, container: &mut Container) -> Result<Option<Container>, Stop> {
        while let Some((at, name)) = container.name(container.looked_at) {
            container.looked_at += 1;
            let index;
            let text = match container.view.label(name) {
                Label::Text(text) => text,
                Label::Index(number) => {
                    index = Decimal::of_integer(number as i32);
                    Units::Narrow(&index)
                }
                Label::Symbol if R::IS_STRICT => {
                    return Err(stop(What::SymbolName, Place::Container));
                }
                Label::Symbol | Label::Hidden => continue,
            };
            if !name.is_enumerable() && !R::IS_STRICT {
                continue;
            }
            if !name.is_data() {
                return Err(stop(What::Getter, Place::Here));
            }
            if !name.is_enumerable() {
                return Err(stop(What::Hidden, Place::Here));
            }
            let value = container.view.value(at);
            // SAFETY: only the tag is read.
            if unsafe { qjs::JS_IsUndefined(value) } {
                continue;
            }
            self.separate(&mut container.is_empty)?;
            match self.sink.quote(text) {
                Err(Refused::LoneSurrogate) => {
                    return Err(stop(What::LoneSurrogateInName, Place::Container));
                }
                quoted => quoted?,
            }
            self.sink.push_byte(b':')?;
            if let Some(inner) = self.value(value)? {
                return Ok(Some(inner));
            }
        }
        self.sink.push_byte(b'}')?;
        Ok(None)
    }

    /// Writes a comma, if something of the container stands before.
    fn separate(&mut self, is_empty: &mut bool) -> Result<(), Stop> {
        if !std::mem::replace(is_empty, false) {
            self.sink.push_byte(b',')?;
        }
        Ok(())
    }

    /// Writes a value, unless it is an array or object, which is returned.
    fn value(&mut self, value: JSValue) -> Result<Option<Container>, Stop> {
        // SAFETY: tags are read, and what they say is there.
        unsafe {
            match qjs::JS_VALUE_GET_NORM_TAG(value) {
                qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => self.string(value)?,
                qjs::JS_TAG_INT => {
                    self.sink.push(&Decimal::of_integer(qjs::JS_VALUE_GET_INT(value)))?;
                }
                qjs::JS_TAG_BOOL => {
                    let word: &[u8] =
                        if qjs::JS_VALUE_GET_BOOL(value) { b"true" } else { b"false" };
                    self.sink.push(word)?;
                }
                qjs::JS_TAG_NULL => self.sink.push(b"null")?,
                qjs::JS_TAG_FLOAT64 => self.float(qjs::JS_VALUE_GET_FLOAT64(value))?,
                qjs::JS_TAG_OBJECT => return self.container(value).map(Some),
                _ => return Err(stop(What::Value(value), Place::Here)),
            }
        }
        Ok(None)
    }

    fn float(&mut self, number: f64) -> Result<(), Stop> {
        if !number.is_finite() {
            return if R::IS_STRICT {
                Err(stop(What::NotFinite(number), Place::Here))
            } else {
                Ok(self.sink.push(b"null")?)
            };
        }
        if R::IS_STRICT && number == 0.0 && number.is_sign_negative() {
            return Ok(self.sink.push(b"-0")?);
        }
        Ok(self.sink.push(&Decimal::of_float(number))?)
    }

    fn string(&mut self, value: JSValue) -> Result<(), Stop> {
        // SAFETY: the value is alive until it is written.
        if let Some(units) = unsafe { strings::units_of(value) } {
            return Ok(self.sink.quote(units)?);
        }
        // SAFETY: the context and the value are alive; the reference of what a rope is made into is given back.
        unsafe {
            let flat = checked(qjs::JS_ToString(self.context, value))?;
            let quoted = match strings::units_of(flat) {
                Some(units) => self.sink.quote(units).map_err(Stop::from),
                None => Err(stop(What::Value(value), Place::Here)),
            };
            qjs::JS_FreeValue(self.context, flat);
            quoted
        }
    }

    fn container(&mut self, object: JSValue) -> Result<Container, Stop> {
        let unusual = || stop(What::Value(object), Place::Here);
        // SAFETY: the context and the object are alive.
        let (kind, view) = unsafe { View::of(self.context, object) }.ok_or_else(unusual)?;
        if !self.rules.is_plain(object, kind, &view) {
            return Err(unusual());
        }
        let order = if kind == Kind::Object {
            view::order(&view).map_err(|_full| out_of_memory(self.context))?
        } else {
            None
        };
        let len = match kind {
            Kind::SparseArray => array_len(self.context, object)?,
            Kind::Array | Kind::Object => view.item_count(),
        };
        Ok(Container { object, kind, view, len, order, looked_at: 0, is_empty: true })
    }
}

/// How many items an array says that it has.
fn array_len(context: *mut JSContext, array: JSValue) -> Result<usize, Thrown> {
    let mut len = 0;
    // SAFETY: the context and the array are alive; the length of an array is a number.
    if unsafe { qjs::JS_GetLength(context, array, &raw mut len) } < 0 {
        return Err(Thrown);
    }
    Ok(usize::try_from(len).expect("an array has at most 2^32 items"))
}

/// Of an array, `length` alone may stand beside its items.
fn nothing_beside_items(array: &mut Container) -> Result<(), Stop> {
    let is_other = |name: &Name| match array.view.label(*name) {
        Label::Text(Units::Narrow(text)) => text != b"length",
        Label::Text(Units::Wide(_)) | Label::Symbol => true,
        Label::Index(_) | Label::Hidden => false,
    };
    let Some(at) = array.view.names().iter().position(is_other) else { return Ok(()) };
    if matches!(array.view.label(array.view.names()[at]), Label::Symbol) {
        return Err(stop(What::SymbolName, Place::Container));
    }
    array.looked_at = array.len + at + 1;
    Err(stop(What::PropertyBesideItems, Place::Here))
}
