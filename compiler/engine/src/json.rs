//! Values as JSON, strictly: what is read back equals what was stored, or it is refused with its path.
//!
//! No JavaScript of the handler runs in here: getters, `toJSON` and the traps of a Proxy are never called, so
//! nothing changes while it is written. Neither does this recurse, so that a value nested as deep as memory
//! allows is refused like any other.

use std::ffi::c_int;
use std::ops::Deref;

use rquickjs::qjs::{self, JSAtom, JSContext, JSPropertyDescriptor, JSPropertyEnum, JSValue};

use crate::thrown::Thrown;
use crate::value::{Text, checked};

/// Most arrays and objects inside of each other. QuickJS parses by recursion and has the stack for 20 times
/// as many; JSON readers that are used to hostile text stop at a thousand or earlier.
const MAX_DEPTH: usize = 500;

/// Most bytes of a path that an error shows: QuickJS cuts messages at 255.
const MAX_PATH: usize = 140;

/// QuickJS's number of the class of plain objects (`JS_CLASS_OBJECT`). [`check_classes`] compares.
const OBJECT_CLASS: u32 = 1;
const ARRAY_CLASS: u32 = 2;

/// Makes sure that QuickJS numbers its classes as this file believes. Called once, while building.
pub(crate) fn check_classes(context: *mut JSContext) {
    // SAFETY: the context is alive, and both values are given back.
    unsafe {
        for (value, class) in
            [(qjs::JS_NewObject(context), OBJECT_CLASS), (qjs::JS_NewArray(context), ARRAY_CLASS)]
        {
            assert!(qjs::JS_GetClassID(value) == class, "QuickJS numbers classes as json.rs says");
            qjs::JS_FreeValue(context, value);
        }
    }
}

/// Why a value is not written.
pub(crate) enum Refused {
    /// What does not fit, and where: `Date at $.when`.
    Misfit(String),
    /// An exception is pending: no memory was left.
    Thrown,
}

/// The value of JSON text, whose last byte is a zero that is not part of it.
pub(crate) fn read(context: *mut JSContext, terminated: &[u8]) -> Result<JSValue, Thrown> {
    debug_assert!(terminated.last() == Some(&0), "QuickJS reads up to a zero byte");
    let len = terminated.len() - 1;
    // SAFETY: the context is alive, the text is during the call and ends with a zero byte.
    checked(unsafe {
        qjs::JS_ParseJSON(context, terminated.as_ptr().cast(), len as _, c"stored value".as_ptr())
    })
}

/// The JSON text of a value.
pub(crate) fn write(context: *mut JSContext, value: JSValue) -> Result<Vec<u8>, Refused> {
    let mut writer = Writer { context, text: Vec::new(), open: Vec::new() };
    writer.value(value)?;
    while writer.step()? {}
    Ok(writer.text)
}

struct Writer {
    context: *mut JSContext,
    text: Vec<u8>,
    /// The arrays and objects around what is written next, outermost first.
    open: Vec<Container>,
}

/// An array or object of which some is written.
struct Container {
    object: JSValue,
    keys: Keys,
    /// Keys that have been looked at.
    looked_at: usize,
    /// Of an array.
    len: Option<usize>,
    is_empty: bool,
}

/// What stands behind the path of the containers in an error.
enum Place {
    /// The property that the innermost container is at.
    Here,
    /// An item of the innermost container.
    Item(usize),
    /// The innermost container itself.
    Container,
}

impl Writer {
    /// Goes on with the innermost container; whether there was one.
    fn step(&mut self) -> Result<bool, Refused> {
        let Some(container) = self.open.last_mut() else { return Ok(false) };
        let at = container.looked_at;
        let Some(key) = container.keys.get(at) else {
            let end: &[u8] = if container.len.is_some() { b"]" } else { b"}" };
            self.open.pop();
            self.push(end)?;
            return Ok(true);
        };
        container.looked_at += 1;
        let (object, atom, len) = (container.object, key.atom, container.len);
        match len {
            Some(len) if at < len => {
                // Items come first, in order: anything else stands where one is missing.
                if !is_index(self.context, atom, at) {
                    return Err(self.misfit("an empty item", &Place::Item(at)));
                }
                let item = self.own(object, atom)?;
                // SAFETY: only the tag is read.
                if unsafe { qjs::JS_IsUndefined(item) } {
                    return Err(self.misfit("undefined", &Place::Here));
                }
                self.separate()?;
                self.value(item)?;
            }
            // Of an array, `length` alone may stand beside its items.
            Some(_) => {
                let name = self.name(atom)?;
                if *name != *b"length" {
                    return Err(self.misfit("a property beside the items", &Place::Here));
                }
            }
            None => {
                let name = self.name(atom)?;
                let property = self.own(object, atom)?;
                // SAFETY: only the tag is read.
                if unsafe { qjs::JS_IsUndefined(property) } {
                    return Ok(true);
                }
                self.separate()?;
                self.string(&name, |writer| {
                    writer.misfit("a name with a lone surrogate", &Place::Container)
                })?;
                self.push(b":")?;
                self.value(property)?;
            }
        }
        Ok(true)
    }

    /// Writes a comma, if something of the innermost container stands before.
    fn separate(&mut self) -> Result<(), Refused> {
        let container = self.open.last_mut().expect("only what is inside of one is separated");
        let is_first = std::mem::replace(&mut container.is_empty, false);
        if is_first { Ok(()) } else { self.push(b",") }
    }

    /// Writes a value, of an array or object the beginning.
    fn value(&mut self, value: JSValue) -> Result<(), Refused> {
        // SAFETY: tags are read, and what they say is there.
        unsafe {
            if qjs::JS_IsString(value) {
                let text = Text::new(self.context, value).map_err(|Thrown| Refused::Thrown)?;
                return self.string(&text, |writer| {
                    writer.misfit("a string with a lone surrogate", &Place::Here)
                });
            }
            if qjs::JS_IsNumber(value) {
                return self.number(value);
            }
            if qjs::JS_IsBool(value) {
                return self.push(if qjs::JS_VALUE_GET_BOOL(value) { b"true" } else { b"false" });
            }
            if qjs::JS_IsNull(value) {
                return self.push(b"null");
            }
            if qjs::JS_IsObject(value) {
                return self.container(value);
            }
        }
        let what = primitive(value);
        Err(self.misfit(what, &Place::Here))
    }

    fn number(&mut self, value: JSValue) -> Result<(), Refused> {
        // SAFETY: the value is a number.
        let number = unsafe {
            if qjs::JS_IsInt(value) {
                qjs::JS_VALUE_GET_INT(value).into()
            } else {
                qjs::JS_VALUE_GET_FLOAT64(value)
            }
        };
        if !number.is_finite() {
            let what = match number {
                f64::INFINITY => "Infinity",
                f64::NEG_INFINITY => "-Infinity",
                _ => "NaN",
            };
            return Err(self.misfit(what, &Place::Here));
        }
        if number == 0.0 && number.is_sign_negative() {
            return self.push(b"-0");
        }
        // As JavaScript writes it, which is the shortest text that reads back as the same number.
        let text = Text::new(self.context, value).map_err(|Thrown| Refused::Thrown)?;
        self.push(&text)
    }

    /// Writes the beginning of an array or a plain object.
    fn container(&mut self, object: JSValue) -> Result<(), Refused> {
        // SAFETY: the value is an object.
        let class = unsafe { qjs::JS_GetClassID(object) };
        let is_array = class == ARRAY_CLASS;
        if !(is_array || class == OBJECT_CLASS) || !has_plain_prototype(self.context, object) {
            let what = class_name(self.context, object);
            return Err(self.misfit(&what, &Place::Here));
        }
        if self.open.iter().any(|outer| is_same(outer.object, object)) {
            return Err(self.misfit("a cycle", &Place::Here));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(self.misfit("more than 500 levels", &Place::Here));
        }
        let keys = Keys::of(self.context, object).map_err(|Thrown| Refused::Thrown)?;
        let len = if is_array { Some(array_len(self.context, object)?) } else { None };
        self.reserve(1)?;
        self.open.try_reserve(1).map_err(|_full| self.out_of_memory())?;
        self.open.push(Container { object, keys, looked_at: 0, len, is_empty: true });
        self.push(if is_array { b"[" } else { b"{" })
    }

    /// The value of an own property, which its object keeps alive.
    fn own(&self, object: JSValue, atom: JSAtom) -> Result<JSValue, Refused> {
        let mut property = JSPropertyDescriptor {
            flags: 0,
            value: qjs::JS_UNDEFINED,
            getter: qjs::JS_UNDEFINED,
            setter: qjs::JS_UNDEFINED,
        };
        // SAFETY: the context and the object are alive, and the object is no Proxy, so that nothing of the
        // handler runs. The references are given back: the object has its own.
        unsafe {
            if qjs::JS_GetOwnProperty(self.context, &raw mut property, object, atom) < 0 {
                return Err(Refused::Thrown);
            }
            for reference in [property.value, property.getter, property.setter] {
                qjs::JS_FreeValue(self.context, reference);
            }
        }
        let has = |flag: u32| property.flags & flag as c_int != 0;
        if has(qjs::JS_PROP_GETSET) {
            return Err(self.misfit("a getter or setter", &Place::Here));
        }
        if !has(qjs::JS_PROP_ENUMERABLE) {
            return Err(self.misfit("a property that is not enumerable", &Place::Here));
        }
        Ok(property.value)
    }

    /// The name of a property, unless it is a symbol.
    fn name(&self, atom: JSAtom) -> Result<Name, Refused> {
        let name = Name::of(self.context, atom).map_err(|Thrown| Refused::Thrown)?;
        name.ok_or_else(|| self.misfit("a property with a symbol as its name", &Place::Container))
    }

    /// Writes a string in quotes; `refusal` if it is no UTF-8, as one with a lone surrogate is none.
    fn string(
        &mut self,
        text: &[u8],
        refusal: impl FnOnce(&Writer) -> Refused,
    ) -> Result<(), Refused> {
        if !text.is_ascii() && std::str::from_utf8(text).is_err() {
            return Err(refusal(self));
        }
        self.reserve(text.len() + 2)?;
        self.push(b"\"")?;
        let mut rest = text;
        while let Some(plain) = rest.iter().position(|&byte| needs_escape(byte)) {
            self.push(&rest[..plain])?;
            match rest[plain] {
                byte @ (b'"' | b'\\') => self.push(&[b'\\', byte])?,
                b'\n' => self.push(b"\\n")?,
                b'\r' => self.push(b"\\r")?,
                b'\t' => self.push(b"\\t")?,
                byte => self.push(format!("\\u{byte:04x}").as_bytes())?,
            }
            rest = &rest[plain + 1..];
        }
        self.push(rest)?;
        self.push(b"\"")
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.reserve(bytes.len())?;
        self.text.extend_from_slice(bytes);
        Ok(())
    }

    fn reserve(&mut self, more: usize) -> Result<(), Refused> {
        self.text.try_reserve(more).map_err(|_full| self.out_of_memory())
    }

    fn out_of_memory(&self) -> Refused {
        // SAFETY: the context is alive.
        unsafe { qjs::JS_ThrowOutOfMemory(self.context) };
        Refused::Thrown
    }

    fn misfit(&self, what: &str, place: &Place) -> Refused {
        Refused::Misfit(format!("{what} at {}", self.path(place)))
    }

    /// Where something stands: `$.players[3]["last name"]`.
    fn path(&self, place: &Place) -> String {
        let mut path = String::from("$");
        let around = match place {
            Place::Here => &self.open[..],
            Place::Item(_) | Place::Container => &self.open[..self.open.len() - 1],
        };
        for container in around {
            let at = container.looked_at.saturating_sub(1);
            let Some(key) = container.keys.get(at) else { continue };
            match container.len {
                Some(len) if at < len => path += &format!("[{at}]"),
                _ => match Name::of(self.context, key.atom) {
                    Ok(Some(name)) => path += &member(&String::from_utf8_lossy(&name)),
                    _ => path += "[?]",
                },
            }
        }
        if let Place::Item(index) = place {
            path += &format!("[{index}]");
        }
        if path.len() > MAX_PATH {
            // Both ends tell most.
            let (half, rest) = (MAX_PATH / 2, path.len() - MAX_PATH / 2);
            let start = &path[..path.floor_char_boundary(half)];
            path = format!("{start}...{}", &path[path.ceil_char_boundary(rest)..]);
        }
        path
    }
}

/// A name as it stands in a path.
fn member(name: &str) -> String {
    let is_plain = name
        .starts_with(|first: char| first.is_ascii_alphabetic() || "_$".contains(first))
        && name.chars().all(|next| next.is_ascii_alphanumeric() || "_$".contains(next));
    if is_plain { format!(".{name}") } else { format!("[{name:?}]") }
}

/// Whether JSON has another way to write this byte of a string.
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// What a value is that is neither an object nor JSON.
fn primitive(value: JSValue) -> &'static str {
    // SAFETY: only tags are read.
    unsafe {
        match value {
            _ if qjs::JS_IsUndefined(value) => "undefined",
            _ if qjs::JS_IsBigInt(value) => "a bigint",
            _ => "a symbol",
        }
    }
}

fn is_same(one: JSValue, other: JSValue) -> bool {
    // SAFETY: both are objects, which are pointers.
    unsafe { qjs::JS_VALUE_GET_PTR(one) == qjs::JS_VALUE_GET_PTR(other) }
}

/// Whether the prototype is that of array literals for an array, and that of object literals or none for another
/// object.
fn has_plain_prototype(context: *mut JSContext, object: JSValue) -> bool {
    // SAFETY: the context and the object are alive, and the object is no Proxy, so that nothing of the handler
    // runs. The references are given back; pointers alone are compared.
    unsafe {
        let class = qjs::JS_GetClassID(object);
        let prototype = qjs::JS_GetPrototype(context, object);
        qjs::JS_FreeValue(context, prototype);
        let plain = qjs::JS_GetClassProto(context, class);
        qjs::JS_FreeValue(context, plain);
        if qjs::JS_IsObject(prototype) { is_same(prototype, plain) } else { class == OBJECT_CLASS }
    }
}

/// How many items an array has, or says that it has.
fn array_len(context: *mut JSContext, array: JSValue) -> Result<usize, Refused> {
    let mut len = 0;
    // SAFETY: the context and the array are alive; the length of an array is a number.
    if unsafe { qjs::JS_GetLength(context, array, &raw mut len) } < 0 {
        return Err(Refused::Thrown);
    }
    Ok(usize::try_from(len).expect("an array has at most 2^32 items"))
}

/// Whether a property's name is this index.
fn is_index(context: *mut JSContext, atom: JSAtom, index: usize) -> bool {
    // SAFETY: the context is alive; equal names are equal atoms.
    unsafe {
        let expected = qjs::JS_NewAtomUInt32(context, index as u32);
        qjs::JS_FreeAtom(context, expected);
        expected == atom
    }
}

/// What an object is that is neither an array nor plain: its class. Nothing of the handler runs.
fn class_name(context: *mut JSContext, object: JSValue) -> String {
    // SAFETY: the context and the object are alive, and references are given back.
    unsafe {
        if qjs::JS_IsProxy(object) {
            return "a Proxy".to_owned();
        }
        if qjs::JS_IsFunction(context, object) {
            return "a function".to_owned();
        }
        // `JS_GetClassName` of this QuickJS returns another name.
        let class = qjs::JS_GetClassID(object);
        let is_ordinary = class == OBJECT_CLASS || class == ARRAY_CLASS;
        match constructor_name(context, object) {
            Some(name) if is_ordinary => format!("an instance of {name}"),
            None if is_ordinary => "an object with a prototype of its own".to_owned(),
            Some(name) => match &*name {
                // Not to be mistaken for the primitives.
                "String" | "Number" | "Boolean" | "Symbol" | "BigInt" => format!("a {name} object"),
                // As `arguments` is.
                "Object" => "an object that is not plain".to_owned(),
                _ => name,
            },
            None => "an object that is not plain".to_owned(),
        }
    }
}

/// The name of the class that an object is made by, if its prototype says so by plain properties.
fn constructor_name(context: *mut JSContext, object: JSValue) -> Option<String> {
    // SAFETY: the context and the object are alive; the objects that values are taken from keep these alive.
    unsafe {
        let prototype = qjs::JS_GetPrototype(context, object);
        qjs::JS_FreeValue(context, prototype);
        let constructor = plain_property(context, prototype, c"constructor")?;
        if !qjs::JS_IsFunction(context, constructor) {
            return None;
        }
        let name = plain_property(context, constructor, c"name")?;
        if !qjs::JS_IsString(name) {
            return None;
        }
        let name = Text::new(context, name).ok()?;
        (!name.is_empty()).then(|| String::from_utf8_lossy(&name).chars().take(64).collect())
    }
}

/// The value of an own property, unless it takes JavaScript to find that out.
fn plain_property(
    context: *mut JSContext,
    object: JSValue,
    name: &std::ffi::CStr,
) -> Option<JSValue> {
    // SAFETY: the context is alive; the object is, if the value is one, and is asked unless it is a Proxy.
    unsafe {
        if !qjs::JS_IsObject(object) || qjs::JS_IsProxy(object) {
            return None;
        }
        let atom = qjs::JS_NewAtom(context, name.as_ptr());
        let mut property = std::mem::zeroed::<JSPropertyDescriptor>();
        let found = qjs::JS_GetOwnProperty(context, &raw mut property, object, atom);
        qjs::JS_FreeAtom(context, atom);
        if found <= 0 {
            return None;
        }
        for reference in [property.value, property.getter, property.setter] {
            qjs::JS_FreeValue(context, reference);
        }
        Some(property.value)
    }
}

/// The names of an object's own properties: indices in order, then strings, then symbols.
struct Keys {
    context: *mut JSContext,
    start: *mut JSPropertyEnum,
    len: u32,
}

impl Keys {
    fn of(context: *mut JSContext, object: JSValue) -> Result<Keys, Thrown> {
        let mut keys = Keys { context, start: std::ptr::null_mut(), len: 0 };
        let all = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_SYMBOL_MASK) as c_int;
        // SAFETY: the context and the object are alive.
        let failed = unsafe {
            qjs::JS_GetOwnPropertyNames(
                context,
                &raw mut keys.start,
                &raw mut keys.len,
                object,
                all,
            )
        };
        if failed < 0 { Err(Thrown) } else { Ok(keys) }
    }
}

impl Deref for Keys {
    type Target = [JSPropertyEnum];

    fn deref(&self) -> &[JSPropertyEnum] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: QuickJS has made a table of this length.
        unsafe { std::slice::from_raw_parts(self.start, self.len as usize) }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if !self.start.is_null() {
            // SAFETY: the table is ours, and used no more.
            unsafe { qjs::JS_FreePropertyEnum(self.context, self.start, self.len) };
        }
    }
}

/// The UTF-8 of a property's name.
struct Name {
    /// Dropped before the string it is of.
    text: std::mem::ManuallyDrop<Text>,
    context: *mut JSContext,
    string: JSValue,
}

impl Name {
    /// `None` for a symbol.
    fn of(context: *mut JSContext, atom: JSAtom) -> Result<Option<Name>, Thrown> {
        // SAFETY: the context and the name are alive.
        unsafe {
            let string = checked(qjs::JS_AtomToValue(context, atom))?;
            if !qjs::JS_IsString(string) {
                qjs::JS_FreeValue(context, string);
                return Ok(None);
            }
            match Text::new(context, string) {
                Ok(text) => {
                    let text = std::mem::ManuallyDrop::new(text);
                    Ok(Some(Name { text, context, string }))
                }
                Err(Thrown) => {
                    qjs::JS_FreeValue(context, string);
                    Err(Thrown)
                }
            }
        }
    }
}

impl Deref for Name {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // SAFETY: each is given back once, the text first, which may be the string's own.
        unsafe {
            std::mem::ManuallyDrop::drop(&mut self.text);
            qjs::JS_FreeValue(self.context, self.string);
        }
    }
}
