//! Reads constants, and lists of them, as they are written, without running anything: `export const routes` and its
//! like.

use std::collections::BTreeSet;

use crate::code::{Expression, Value, WriteKind};
use crate::import::Reference;
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// Parts of a constant string that are looked at, and the most bytes that it may have. Each of 30 lines could double
/// the one before.
const MAX_PARTS: usize = 256;
const MAX_JOINED_BYTES: usize = 4 * 1024;

/// Elements of a list, and lists in lists, that are looked at.
const MAX_ELEMENTS: usize = 10_000;

/// Methods that change an array.
const CHANGING: [&str; 9] =
    ["push", "unshift", "pop", "shift", "splice", "sort", "reverse", "fill", "copyWithin"];

/// A constant, as far as it can be a part of a string.
enum Constant {
    Text(String),
    Number(f64),
}

/// A list that is written down, or put together of such lists.
pub(crate) struct List<'a> {
    /// Its elements; one that cannot be read stands there as it is written.
    pub(crate) elements: Vec<(ModuleId, &'a Expression)>,
    /// Where code changes it after that.
    pub(crate) changes: Vec<Span>,
}

/// What a walk over a list has seen.
#[derive(Default)]
struct Seen<'a> {
    elements: Vec<(ModuleId, &'a Expression)>,
    arrays: BTreeSet<*const Expression>,
    steps: usize,
}

impl HandlerModel {
    /// The constant string that an expression is: a literal, a name for one, or a template or a sum of such.
    pub(crate) fn constant_string(
        &self,
        module: ModuleId,
        expression: &Expression,
    ) -> Option<String> {
        match self.constant(module, expression, &mut { MAX_PARTS })? {
            Constant::Text(text) => Some(text),
            Constant::Number(_) => None,
        }
    }

    /// The constant string that an expression is, and where it is written.
    pub(crate) fn constant_text(
        &self,
        module: ModuleId,
        element: &Expression,
    ) -> Option<Reference> {
        let name = self.constant_string(module, element)?;
        let mut span = element.span;
        if matches!(element.value, Value::Text(_)) {
            // Without the quotes.
            (span.start, span.end) = (span.start + 1, span.end - 1);
        }
        Some(Reference { name, span })
    }

    fn constant(
        &self,
        module: ModuleId,
        expression: &Expression,
        parts_left: &mut usize,
    ) -> Option<Constant> {
        *parts_left = parts_left.checked_sub(1)?;
        let Meaning::Value(module, Expression { value, .. }) = self.meaning(module, expression)
        else {
            return None;
        };
        match value {
            Value::Text(text) => Some(Constant::Text(text.clone())),
            Value::Number(number) => Some(Constant::Number(*number)),
            Value::Joined(parts) => {
                let mut parts = parts.iter();
                let mut sum = self.constant(module, parts.next()?, parts_left)?;
                for part in parts {
                    let next = self.constant(module, part, parts_left)?;
                    sum = match (sum, next) {
                        (Constant::Number(sum), Constant::Number(next)) => {
                            Constant::Number(sum + next)
                        }
                        (sum, next) => Constant::Text(sum.into_text()? + &next.into_text()?),
                    };
                    if matches!(&sum, Constant::Text(text) if text.len() > MAX_JOINED_BYTES) {
                        return None;
                    }
                }
                Some(sum)
            }
            _ => None,
        }
    }

    /// The list that the entry exports under a name, if it is written down.
    pub(crate) fn exported_list(&self, name: &str) -> Option<List<'_>> {
        let Meaning::Value(module, list) = self.meaning_of_export(ModuleId::ENTRY, name) else {
            return None;
        };
        let mut seen = Seen::default();
        self.gather_elements(module, list, &mut seen)?;
        let changes = self.changes_of(&seen.arrays);
        Some(List { elements: seen.elements, changes })
    }

    /// Adds the elements of a list; `None` if it is not written down.
    fn gather_elements<'a>(
        &'a self,
        module: ModuleId,
        list: &'a Expression,
        seen: &mut Seen<'a>,
    ) -> Option<()> {
        seen.steps += 1;
        if seen.steps > MAX_ELEMENTS {
            return None;
        }
        let Meaning::Value(module, list) = self.meaning(module, list) else { return None };
        match &list.value {
            Value::Array(elements) => {
                seen.arrays.insert(std::ptr::from_ref(list));
                for element in elements {
                    match &element.value {
                        Value::Spread(inner) => {
                            let before = seen.elements.len();
                            if self.gather_elements(module, inner, seen).is_none() {
                                seen.elements.truncate(before);
                                seen.elements.push((module, element));
                            }
                        }
                        _ => seen.elements.push((module, element)),
                    }
                    if seen.elements.len() > MAX_ELEMENTS {
                        return None;
                    }
                }
                Some(())
            }
            Value::Call(call) => {
                let call = &self.module(module).code[*call];
                match &call.callee.value {
                    Value::Member(list, Some(method)) if method == "concat" && !call.has_spread => {
                        self.gather_elements(module, list, seen)?;
                        for more in &call.arguments {
                            if self.gather_elements(module, more, seen).is_none() {
                                seen.elements.push((module, more));
                            }
                        }
                        Some(())
                    }
                    Value::Member(object, Some(method))
                        if method == "values"
                            && matches!(&object.value, Value::Global(name) if name == "Object") =>
                    {
                        let mut properties = Vec::new();
                        let object = call.arguments.first()?;
                        self.gather_properties(module, object, &mut properties)?;
                        let values = properties
                            .into_iter()
                            .map(|(name, module, value)| name.map(|_| (module, value)));
                        seen.elements.extend(values.collect::<Option<Vec<_>>>()?);
                        Some(())
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The properties of an object that is written down, those of the objects that it spreads among them.
    pub(crate) fn gather_properties<'a>(
        &'a self,
        module: ModuleId,
        object: &'a Expression,
        properties: &mut Vec<(Option<&'a str>, ModuleId, &'a Expression)>,
    ) -> Option<()> {
        let Meaning::Value(
            module,
            Expression { value: Value::Object { properties: own, is_class: false }, .. },
        ) = self.meaning(module, object)
        else {
            return None;
        };
        for (name, value) in own {
            if properties.len() > MAX_PARTS {
                return None;
            }
            match &value.value {
                Value::Spread(inner) if name.is_none() => {
                    if self.gather_properties(module, inner, properties).is_none() {
                        properties.push((None, module, value));
                    }
                }
                _ => properties.push((name.as_deref(), module, value)),
            }
        }
        Some(())
    }

    /// Where the code changes one of some arrays.
    fn changes_of(&self, arrays: &BTreeSet<*const Expression>) -> Vec<Span> {
        let mut changes = Vec::new();
        for (index, module) in self.modules.iter().enumerate() {
            for write in &module.code.writes {
                let changed = match (&write.kind, &write.target.value) {
                    (WriteKind::Assign | WriteKind::Delete, Value::Member(object, _)) => object,
                    (WriteKind::Method(method), _) if CHANGING.contains(&method.as_str()) => {
                        &write.target
                    }
                    _ => continue,
                };
                let meaning = self.meaning(ModuleId::new(index), changed);
                if let Meaning::Value(_, array) = meaning
                    && arrays.contains(&std::ptr::from_ref(array))
                {
                    changes.push(write.span);
                }
            }
        }
        changes
    }
}

impl Constant {
    /// As it is in a string. The text of a number is known if it is a whole one.
    fn into_text(self) -> Option<String> {
        match self {
            Constant::Text(text) => Some(text),
            Constant::Number(number) => {
                let is_whole = number.fract() == 0.0 && number.abs() < 1e15;
                is_whole.then(|| format!("{}", number + 0.0))
            }
        }
    }
}
