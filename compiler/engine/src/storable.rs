//! What can be stored: a string, bytes, or JSON.

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::value::ValueKind;

use crate::json::{self, Refused};
use crate::value::{Data, Refusal};

/// A value in the form it is stored in.
pub(crate) enum Storable {
    /// A string or bytes, as they are.
    Data(Data),
    Json(json::Written),
}

/// Why a value cannot be stored.
pub(crate) enum Unstorable {
    /// What in it does not fit, and where.
    Misfit(String),
    /// Its buffer is detached, or no longer reaches as far as the view.
    Detached,
    /// An exception is pending.
    Thrown,
}

impl Storable {
    pub(crate) fn new(context: *mut JSContext, value: JSValue) -> Result<Storable, Unstorable> {
        match Data::new(context, value) {
            Ok(data) => Ok(Storable::Data(data)),
            Err(Refusal::Detached) => Err(Unstorable::Detached),
            Err(Refusal::Thrown) => Err(Unstorable::Thrown),
            // SAFETY: the value is alive; its class is looked at.
            Err(Refusal::Kind) if unsafe { qjs::JS_GetTypedArrayType(value) } >= 0 => {
                Err(Unstorable::Misfit("a view of a SharedArrayBuffer at $".to_owned()))
            }
            Err(Refusal::Kind) => match json::write(context, value) {
                Ok(text) => Ok(Storable::Json(text)),
                Err(Refused::Misfit(misfit)) => {
                    let advice = advice(&misfit);
                    Err(Unstorable::Misfit(misfit + advice))
                }
                Err(Refused::Thrown) => Err(Unstorable::Thrown),
            },
        }
    }

    pub(crate) fn kind(&self) -> ValueKind {
        match self {
            Storable::Data(data) => data.kind(),
            Storable::Json(_) => ValueKind::Json,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Storable::Data(data) => data.bytes(),
            Storable::Json(text) => text,
        }
    }
}

/// What can be stored in place of a misfit, where most want the same.
fn advice(misfit: &str) -> &'static str {
    let what = misfit.split_once(" at ").map_or(misfit, |(what, _)| what);
    match what {
        "Date" => " (store its getTime() or toISOString())",
        "Map" | "Set" => " (store an array of it: [...it])",
        "a bigint" => " (store its toString())",
        "Promise" => " (await it first)",
        "an instance of URL" => " (store its href)",
        _ if what.starts_with("an instance of ") => " (store a plain object: { ...it })",
        _ => "",
    }
}
