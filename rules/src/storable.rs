//! Which expressions are certainly no value that can be stored: what would not be read back as it is.
//!
//! Of an expression that may be one of several things, each has to be refused. Literals are looked into where
//! they are written, so that nothing has changed them.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::code::{BindingId, Call, CallId, Expression, FunctionId, Value};
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// Something that cannot be stored.
pub(crate) struct Misfit {
    pub(crate) span: Span,
    /// What it is, in words: `a Date`.
    pub(crate) what: String,
    pub(crate) kind: MisfitKind,
    /// Where it stands in the value, as errors at run time say: `$.players[3]`.
    pub(crate) path: String,
    /// Whether its text may be replaced: it is one call or name, and no shorthand for a property.
    pub(crate) is_replaceable: bool,
}

/// What takes the place of a misfit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MisfitKind {
    /// `new Date()`
    Now,
    Date,
    /// A Map or a Set.
    Collection,
    BigInt,
    Promise,
    /// NaN and the infinities.
    NoNumber,
    Undefined,
    /// Bytes inside of JSON.
    Bytes,
    Url,
    Response,
    /// An instance of a class.
    Instance,
    /// A function, a class or a symbol.
    Other,
}

/// Objects in objects that are looked into.
const MAX_DEPTH: usize = 8;

/// Meanings that are looked at for one expression.
const MAX_STEPS: usize = 128;

/// Globals whose instances are no values. Arrays, `Object` and bytes are not among them.
const CLASSES: &[&str] = &[
    "AggregateError",
    "Boolean",
    "DOMException",
    "DataView",
    "Date",
    "Error",
    "EvalError",
    "FinalizationRegistry",
    "Function",
    "Headers",
    "Map",
    "Number",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "RegExp",
    "Request",
    "Response",
    "Set",
    "SharedArrayBuffer",
    "String",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "TypeError",
    "URIError",
    "URL",
    "URLSearchParams",
    "WeakMap",
    "WeakRef",
    "WeakSet",
];

/// Bytes, which are stored alone.
const BYTES: &[&str] = &[
    "ArrayBuffer",
    "BigInt64Array",
    "BigUint64Array",
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
];

/// Functions of `Promise` that return one.
const PROMISING: &[&str] = &[
    "Promise.all",
    "Promise.allSettled",
    "Promise.any",
    "Promise.race",
    "Promise.reject",
    "Promise.resolve",
    "Promise.try",
];

/// Finds the misfits of a handler's expressions.
pub(crate) struct Storability<'a> {
    handler: &'a HandlerModel,
    /// Calls whose result is awaited somewhere, so that it may be what its promise resolves to.
    awaited: BTreeSet<(ModuleId, CallId)>,
    /// How many more meanings are looked at before an expression is given up: functions can be made to lead to
    /// each other many times.
    steps: Cell<usize>,
}

/// Where an expression stands in a value.
struct Place<'a> {
    path: String,
    around: Around<'a>,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Around<'a> {
    Nothing,
    Array,
    /// An object, under this name. An undefined property is left out.
    Object(&'a str),
}

impl<'a> Storability<'a> {
    pub(crate) fn of(handler: &'a HandlerModel) -> Storability<'a> {
        let mut awaited = BTreeSet::new();
        for (index, module) in handler.modules.iter().enumerate() {
            for expression in module.code.awaited() {
                for (_, meaning) in handler.possible_values(ModuleId::new(index), expression) {
                    if let Meaning::Value(module, Expression { value: Value::Call(id), .. }) =
                        meaning
                    {
                        awaited.insert((module, *id));
                    }
                }
            }
        }
        Storability { handler, awaited, steps: Cell::new(0) }
    }

    /// What of an expression cannot be stored.
    pub(crate) fn misfits(&self, module: ModuleId, expression: &Expression) -> Vec<Misfit> {
        let place = Place { path: "$".to_owned(), around: Around::Nothing, depth: MAX_DEPTH };
        let mut found = Vec::new();
        self.look(module, expression, &place, &mut found);
        found
    }

    fn look(
        &self,
        module: ModuleId,
        expression: &Expression,
        place: &Place<'_>,
        found: &mut Vec<Misfit>,
    ) {
        self.steps.set(MAX_STEPS);
        if let Some((what, kind)) = self.of_all(module, expression, place.around) {
            let is_replaceable = match (&expression.value, place.around) {
                (Value::Binding(id), Around::Object(name)) => {
                    self.binding(module, *id).name != name
                }
                (Value::Binding(_), _) => kind != MisfitKind::Now,
                (Value::Call(_) | Value::BigInt, _) => true,
                _ => false,
            };
            found.push(Misfit {
                span: expression.span,
                what,
                kind,
                path: place.path.clone(),
                is_replaceable,
            });
            return;
        }
        let Some(depth) = place.depth.checked_sub(1) else { return };
        match &self.handler.literal(module, expression).value {
            Value::Object { properties, is_class: false } => {
                // What a spread or a computed name brings in may replace what stands before it, and a later
                // property does.
                let known = properties.iter().rposition(|(name, _)| name.is_none());
                let properties = &properties[known.map_or(0, |last| last + 1)..];
                let mut names = BTreeSet::new();
                let last_of_a_name: Vec<_> = properties
                    .iter()
                    .rev()
                    .filter_map(|(name, property)| Some((name.as_deref()?, property)))
                    .filter(|(name, _)| names.insert(*name))
                    .collect();
                for (name, property) in last_of_a_name.into_iter().rev() {
                    let path = format!("{}{}", place.path, member(name));
                    let place = Place { path, around: Around::Object(name), depth };
                    self.look(module, property, &place, found);
                }
            }
            Value::Array(items) => {
                let mut is_counted = true;
                for (index, item) in items.iter().enumerate() {
                    is_counted &= !matches!(item.value, Value::Spread(_));
                    let index = if is_counted { index.to_string() } else { "?".to_owned() };
                    let path = format!("{}[{index}]", place.path);
                    let place = Place { path, around: Around::Array, depth };
                    self.look(module, item, &place, found);
                }
            }
            _ => {}
        }
    }

    fn binding(&self, module: ModuleId, id: BindingId) -> &crate::code::Binding {
        &self.handler.module(module).code[id]
    }

    fn step(&self) -> Option<()> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        Some(())
    }

    /// What an expression is, if each of its possible values cannot be stored.
    fn of_all(
        &self,
        module: ModuleId,
        expression: &Expression,
        around: Around<'_>,
    ) -> Option<(String, MisfitKind)> {
        let found = self.handler.possible_values(module, expression);
        let all: Option<Vec<_>> =
            found.iter().map(|(_, meaning)| self.of_meaning(meaning, around)).collect();
        all?.into_iter().next()
    }

    fn of_meaning(
        &self,
        meaning: &Meaning<'_>,
        around: Around<'_>,
    ) -> Option<(String, MisfitKind)> {
        self.step()?;
        let (what, kind) = match meaning {
            Meaning::Function(..) | Meaning::Api(_) => ("a function", MisfitKind::Other),
            Meaning::Global(name) => match name.as_str() {
                "NaN" | "Number.NaN" => ("NaN", MisfitKind::NoNumber),
                "Infinity" | "Number.POSITIVE_INFINITY" => ("Infinity", MisfitKind::NoNumber),
                "Number.NEGATIVE_INFINITY" => ("-Infinity", MisfitKind::NoNumber),
                name if name.starts_with("Symbol.") => ("a symbol", MisfitKind::Other),
                name if CLASSES.contains(&name) || BYTES.contains(&name) => {
                    ("a class", MisfitKind::Other)
                }
                _ => return None,
            },
            Meaning::Value(module, Expression { value, .. }) => match value {
                Value::Undefined if matches!(around, Around::Object(_)) => return None,
                Value::Undefined => ("undefined", MisfitKind::Undefined),
                Value::Number(number) if *number == f64::INFINITY => {
                    ("Infinity", MisfitKind::NoNumber)
                }
                Value::Number(number) if *number == f64::NEG_INFINITY => {
                    ("-Infinity", MisfitKind::NoNumber)
                }
                Value::BigInt => ("a bigint", MisfitKind::BigInt),
                Value::RegExp => ("a regular expression", MisfitKind::Instance),
                Value::Object { is_class: true, .. } => ("a class", MisfitKind::Other),
                Value::Call(id) => return self.of_call(*module, *id, around),
                _ => return None,
            },
            _ => return None,
        };
        Some((what.to_owned(), kind))
    }

    /// What a call makes or returns, if that cannot be stored.
    fn of_call(
        &self,
        module: ModuleId,
        id: CallId,
        around: Around<'_>,
    ) -> Option<(String, MisfitKind)> {
        let call = &self.handler.module(module).code[id];
        let promise = || {
            let is_awaited = self.awaited.contains(&(module, id));
            (!is_awaited).then(|| ("a Promise".to_owned(), MisfitKind::Promise))
        };
        match self.handler.meaning(module, &call.callee) {
            Meaning::Global(name) if call.is_new => made(&name, call, around),
            Meaning::Global(name) => match name.as_str() {
                "Symbol" | "Symbol.for" => Some(("a symbol".to_owned(), MisfitKind::Other)),
                "BigInt" | "BigInt.asIntN" | "BigInt.asUintN" => {
                    Some(("a bigint".to_owned(), MisfitKind::BigInt))
                }
                "Map.groupBy" => Some(("a Map".to_owned(), MisfitKind::Collection)),
                "RegExp" | "Function" => made(&name, call, around),
                name if PROMISING.contains(&name) => promise(),
                // Errors are made with `new` and without.
                name if name.ends_with("Error") => made(name, call, around),
                _ => None,
            },
            Meaning::Value(class_in, Expression { value, .. }) if call.is_new => match value {
                Value::Object { properties, is_class: true }
                    if self.makes_instances(class_in, properties) =>
                {
                    let name = match call.callee.value {
                        Value::Binding(id) => format!(" of `{}`", self.binding(module, id).name),
                        _ => " of a class".to_owned(),
                    };
                    Some((format!("an instance{name}"), MisfitKind::Instance))
                }
                _ => None,
            },
            Meaning::Function(called_in, function) if !call.is_new => {
                let called = &self.handler.module(called_in).code[function];
                if called.is_generator {
                    Some(("a generator".to_owned(), MisfitKind::Collection))
                } else if called.is_async {
                    promise()
                } else {
                    self.of_returns(called_in, function, around)
                }
            }
            _ => None,
        }
    }

    /// What a function returns, if that cannot be stored whatever way it takes. One that ends without returning
    /// anything returns `undefined`, which is only left out of an object.
    fn of_returns(
        &self,
        module: ModuleId,
        function: FunctionId,
        around: Around<'_>,
    ) -> Option<(String, MisfitKind)> {
        let returns = &self.handler.module(module).code[function].returns;
        if matches!(around, Around::Object(_)) {
            return None;
        }
        let all: Option<Vec<_>> =
            returns.iter().map(|returned| self.of_all(module, returned, around)).collect();
        all?.into_iter().next()
    }

    /// Whether `new` makes nothing but instances of just this class: what it extends makes no bytes, which may be
    /// stored, and its constructor returns nothing else.
    fn makes_instances(&self, module: ModuleId, members: &[(Option<String>, Expression)]) -> bool {
        members.iter().enumerate().all(|(index, (name, member))| {
            match (name.as_deref(), &member.value) {
                // What it extends comes first, without a name.
                (None, _) => {
                    index == 0
                        && match self.handler.meaning(module, member) {
                            Meaning::Global(name) => {
                                name == "Array" || CLASSES.contains(&name.as_str())
                            }
                            Meaning::Value(
                                module,
                                Expression {
                                    value: Value::Object { properties, is_class: true },
                                    ..
                                },
                            ) => self.step().is_some() && self.makes_instances(module, properties),
                            _ => false,
                        }
                }
                (Some("constructor"), Value::Function(id)) => {
                    self.handler.module(module).code[*id].returns.is_empty()
                }
                _ => true,
            }
        })
    }
}

/// What a class of the language makes, if that cannot be stored here.
fn made(class: &str, call: &Call, around: Around<'_>) -> Option<(String, MisfitKind)> {
    let is_bytes = BYTES.contains(&class);
    if !(CLASSES.contains(&class) || is_bytes && around != Around::Nothing) {
        return None;
    }
    let kind = match class {
        _ if is_bytes => MisfitKind::Bytes,
        "Date" if call.arguments.is_empty() && !call.has_spread => MisfitKind::Now,
        "Date" => MisfitKind::Date,
        "Map" | "Set" => MisfitKind::Collection,
        "Promise" => MisfitKind::Promise,
        "URL" => MisfitKind::Url,
        "Response" => MisfitKind::Response,
        _ => MisfitKind::Instance,
    };
    let article = if class.starts_with(['A', 'E', 'I']) { "an" } else { "a" };
    Some((format!("{article} {class}"), kind))
}

/// A name as it stands in a path.
fn member(name: &str) -> String {
    let is_plain = name
        .starts_with(|first: char| first.is_ascii_alphabetic() || "_$".contains(first))
        && name.chars().all(|next| next.is_ascii_alphanumeric() || "_$".contains(next));
    if is_plain { format!(".{name}") } else { format!("[{name:?}]") }
}
