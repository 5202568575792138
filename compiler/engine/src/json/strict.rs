//! The rules for values that are stored: what is read back equals what was stored, or it is refused with its
//! path.

use rquickjs::qjs::{self, JSContext, JSPropertyDescriptor, JSValue};

use super::sink::Bytes;
use super::view::{Kind, Label, View};
use super::write::{self, Container, Path, Place, Rules, Stop, What};
use crate::strings::Units;
use crate::thrown::Thrown;
use crate::value::Text;

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
            assert!(
                qjs::JS_GetClassID(value) == class,
                "QuickJS numbers classes as strict.rs says"
            );
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

/// The JSON text of a value.
pub(super) fn write(context: *mut JSContext, value: JSValue) -> Result<Bytes<true>, Refused> {
    let mut bytes = Bytes::new(context).map_err(|Thrown| Refused::Thrown)?;
    match write::write(context, &mut Strict { context }, &mut bytes, value) {
        Ok(()) => Ok(bytes),
        Err((Stop::Unusual(unusual), open)) => {
            let what = describe(context, &unusual.what);
            Err(Refused::Misfit(format!("{what} at {}", path(&open, &unusual.place))))
        }
        Err((Stop::Wide | Stop::Thrown, _)) => Err(Refused::Thrown),
    }
}

struct Strict {
    context: *mut JSContext,
}

impl Rules for Strict {
    const IS_STRICT: bool = true;

    /// Whether the prototype is that of array literals for an array, and that of object literals or none for
    /// another object.
    fn is_plain(&mut self, _: JSValue, kind: Kind, view: &View) -> bool {
        let class = if kind == Kind::Object { OBJECT_CLASS } else { ARRAY_CLASS };
        // SAFETY: the context is alive. The reference is given back; pointers alone are compared.
        let plain = unsafe {
            let plain = qjs::JS_GetClassProto(self.context, class);
            qjs::JS_FreeValue(self.context, plain);
            qjs::JS_VALUE_GET_PTR(plain).addr()
        };
        view.prototype() == plain || (kind == Kind::Object && view.prototype() == 0)
    }
}

fn describe(context: *mut JSContext, what: &What) -> String {
    match *what {
        // SAFETY: only the tag is read.
        What::Value(value) if unsafe { qjs::JS_IsObject(value) } => class_name(context, value),
        What::Value(value) => primitive(value).to_owned(),
        What::NotFinite(f64::INFINITY) => "Infinity".to_owned(),
        What::NotFinite(f64::NEG_INFINITY) => "-Infinity".to_owned(),
        What::NotFinite(_) => "NaN".to_owned(),
        What::Cycle => "a cycle".to_owned(),
        What::TooDeep => format!("more than {} levels", write::MAX_DEPTH),
        What::EmptyItem => "an empty item".to_owned(),
        What::PropertyBesideItems => "a property beside the items".to_owned(),
        What::SymbolName => "a property with a symbol as its name".to_owned(),
        What::Hidden => "a property that is not enumerable".to_owned(),
        What::Getter => "a getter or setter".to_owned(),
        What::LoneSurrogate => "a string with a lone surrogate".to_owned(),
        What::LoneSurrogateInName => "a name with a lone surrogate".to_owned(),
    }
}

/// Where something stands: `$.players[3]["last name"]`.
fn path(open: &Path, place: &Place) -> String {
    let mut path = String::from("$");
    let around = match place {
        Place::Here => &open[..],
        Place::Item(_) | Place::Container => &open[..open.len() - 1],
    };
    for container in around {
        path += &step(container);
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

/// Where in an array or object its writing is.
fn step(container: &Container) -> String {
    let at = container.looked_at.saturating_sub(1);
    if container.kind != Kind::Object && at < container.len {
        return format!("[{at}]");
    }
    let at = if container.kind == Kind::Object { at } else { at - container.len };
    match container.name(at).map(|(_, name)| container.view.label(name)) {
        // A path that is longer is cut, and many names may be one long text.
        Some(Label::Text(Units::Narrow(text))) => {
            member(&text.iter().take(MAX_PATH).map(|byte| char::from(*byte)).collect::<String>())
        }
        Some(Label::Text(Units::Wide(text))) => {
            member(&String::from_utf16_lossy(&text[..text.len().min(MAX_PATH)]))
        }
        Some(Label::Index(index)) => member(&index.to_string()),
        _ => "[?]".to_owned(),
    }
}

/// A name as it stands in a path.
fn member(name: &str) -> String {
    let is_plain = name
        .starts_with(|first: char| first.is_ascii_alphabetic() || "_$".contains(first))
        && name.chars().all(|next| next.is_ascii_alphanumeric() || "_$".contains(next));
    if is_plain { format!(".{name}") } else { format!("[{name:?}]") }
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
