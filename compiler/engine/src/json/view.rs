//! The properties of objects as QuickJS keeps them (quickjs/json_access.h): made at once, and looked at without
//! asking for each.

use std::collections::TryReserveError;
use std::ffi::c_int;

use rquickjs::qjs::{JSAtom, JSContext, JSValue};

use crate::strings::{self, Units};
use crate::thrown::Thrown;

unsafe extern "C" {
    fn zigttp_json_atom(context: *mut JSContext, units: *const u8, len: usize) -> JSAtom;
    fn zigttp_json_atom_of(context: *mut JSContext, string: JSValue) -> JSAtom;
    fn zigttp_json_object(
        context: *mut JSContext,
        count: usize,
        names: *mut JSAtom,
        values: *mut JSValue,
    ) -> JSValue;
    fn zigttp_json_view(context: *mut JSContext, object: JSValue, view: *mut View) -> c_int;
    fn zigttp_json_has_to_json(context: *mut JSContext, object: JSValue) -> bool;
}

/// The atom of a name in Latin 1; the reference is the caller's.
pub(super) fn atom(context: *mut JSContext, name: &[u8]) -> Result<JSAtom, Thrown> {
    // SAFETY: the context and the name are alive.
    atom_or_thrown(unsafe { zigttp_json_atom(context, name.as_ptr(), name.len()) })
}

/// The atom of a name, whose reference this takes.
pub(super) fn atom_of(context: *mut JSContext, name: JSValue) -> Result<JSAtom, Thrown> {
    // SAFETY: the context and the name are alive.
    atom_or_thrown(unsafe { zigttp_json_atom_of(context, name) })
}

fn atom_or_thrown(atom: JSAtom) -> Result<JSAtom, Thrown> {
    if atom == 0 { Err(Thrown) } else { Ok(atom) }
}

/// A plain object of these properties, in this order; of those with the same name the last counts, in the place of
/// the first.
///
/// # Safety
/// The context is alive. The references to names and values, as many of each, are given away.
pub(super) unsafe fn object(
    context: *mut JSContext,
    names: &mut [JSAtom],
    values: &mut [JSValue],
) -> JSValue {
    assert!(names.len() == values.len(), "each property has a name and a value");
    // SAFETY: the caller's promise.
    unsafe { zigttp_json_object(context, names.len(), names.as_mut_ptr(), values.as_mut_ptr()) }
}

/// Whether an object has a `toJSON`, or it takes JavaScript to find that out.
pub(super) fn has_to_json(context: *mut JSContext, object: JSValue) -> bool {
    // SAFETY: the context and the object are alive.
    unsafe { zigttp_json_has_to_json(context, object) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An array all of whose items are there, as data.
    Array,
    /// Another array.
    SparseArray,
    /// An object without a class of its own, whatever its prototype is.
    Object,
}

/// An array or object, looked into. It is valid until anything of the handler runs.
#[repr(C)]
pub(super) struct View {
    shape: usize,
    prototype: usize,
    names: *const Name,
    name_count: usize,
    values: *const JSValue,
    item_count: usize,
    atoms: *const *const u8,
}

/// The name of a property and what kind of one it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Name {
    /// The index of another, of which nothing is asked here, and six bits of flags.
    word: u32,
    atom: JSAtom,
}

const FLAGS: u32 = 26;
/// `JS_PROP_ENUMERABLE` and `JS_PROP_TMASK` of QuickJS.
const ENUMERABLE: u32 = 1 << 2;
const NO_DATA: u32 = 3 << 4;

/// Set in an atom that is an index by itself.
const IS_INDEX: u32 = 1 << 31;

/// What the name of a property is.
pub(super) enum Label<'a> {
    Index(u32),
    Text(Units<'a>),
    /// One that JavaScript can get at.
    Symbol,
    /// A private name of a class, or of a property that was deleted.
    Hidden,
}

impl View {
    /// `None` of what is neither an array nor an object without a class.
    ///
    /// # Safety
    /// The context is alive, and the value an object that is.
    pub(super) unsafe fn of(context: *mut JSContext, object: JSValue) -> Option<(Kind, View)> {
        let mut view = std::mem::MaybeUninit::<View>::uninit();
        // SAFETY: the caller's promise; of these kinds the view is filled.
        unsafe {
            let kind = match zigttp_json_view(context, object, view.as_mut_ptr()) {
                1 => Kind::Object,
                2 => Kind::Array,
                3 => Kind::SparseArray,
                _ => return None,
            };
            Some((kind, view.assume_init()))
        }
    }

    /// Tells names, kinds of properties and prototype; another object with the same has all these too.
    pub(super) fn shape(&self) -> usize {
        self.shape
    }

    /// Where its prototype is, or 0.
    pub(super) fn prototype(&self) -> usize {
        self.prototype
    }

    pub(super) fn names(&self) -> &[Name] {
        // SAFETY: QuickJS has so many there.
        unsafe { std::slice::from_raw_parts(self.names, self.name_count) }
    }

    /// How many items an array has that is not sparse.
    pub(super) fn item_count(&self) -> usize {
        self.item_count
    }

    /// An item, or the value of the property with the name of this index if that is data.
    pub(super) fn value(&self, at: usize) -> JSValue {
        debug_assert!(at < self.item_count.max(self.name_count), "there are so many");
        // SAFETY: QuickJS has a value for each name of an object, and for each item.
        unsafe { self.values.add(at).read() }
    }

    pub(super) fn label(&self, name: Name) -> Label<'_> {
        const KINDS: u32 = 30;
        const STRING: u32 = 1;
        const HASH: u32 = (1 << 28) - 1;
        const GLOBAL_SYMBOL: u32 = 2;
        if name.atom & IS_INDEX != 0 {
            return Label::Index(name.atom & !IS_INDEX);
        }
        if name.atom == 0 {
            return Label::Hidden;
        }
        // SAFETY: each atom that is no index has its string there, with the same header; the second word says
        // of what kind it is, and the hash of a private name is not zero, as that of a symbol is.
        unsafe {
            let header = self.atoms.add(name.atom as usize).read();
            let word = header.cast::<u32>().add(1).read();
            match word >> KINDS {
                STRING => match strings::units_behind(header) {
                    Some(units) => Label::Text(units),
                    None => Label::Hidden,
                },
                GLOBAL_SYMBOL => Label::Symbol,
                _ if word & HASH == 0 => Label::Symbol,
                _ => Label::Hidden,
            }
        }
    }
}

impl Name {
    pub(super) fn is_enumerable(self) -> bool {
        self.word >> FLAGS & ENUMERABLE != 0
    }

    /// Whether its value is there: no getter or setter, nor something that QuickJS makes when it is asked for.
    pub(super) fn is_data(self) -> bool {
        self.word >> FLAGS & NO_DATA == 0
    }
}

/// The order in which JavaScript has an object's properties, if that is not the one they were made in: indices
/// come first.
///
/// # Errors
/// There is no memory for it.
pub(super) fn order(view: &View) -> Result<Option<Vec<u32>>, TryReserveError> {
    let index = |name: &Name| match view.label(*name) {
        Label::Index(index) => Some(index),
        Label::Text(Units::Narrow(text)) if text.len() == 10 => large_index(text),
        _ => None,
    };
    if !view.names().iter().any(|name| index(name).is_some()) {
        return Ok(None);
    }
    let mut order = Vec::new();
    order.try_reserve_exact(view.names().len())?;
    order.extend(0..view.names().len() as u32);
    // By the place too, in which those stay that are no index.
    order.sort_unstable_by_key(|&at| {
        (index(&view.names()[at as usize]).map_or(u64::MAX, u64::from), at)
    });
    Ok(Some(order))
}

/// An index that is too large for an atom of its own, which has ten digits.
fn large_index(text: &[u8]) -> Option<u32> {
    let number: u64 = text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })?;
    // The largest number of 32 bits is no index.
    u32::try_from(number).ok().filter(|&index| text[0] != b'0' && index != u32::MAX)
}
