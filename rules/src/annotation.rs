//! `@effects` annotations of a handler's functions, and what they declare.

use std::collections::BTreeSet;

use zigttp_abi::api::Effect;

use crate::code::{Function, FunctionId};
use crate::effects::FunctionKey;
use crate::model::HandlerModel;
use crate::span::{ModuleId, Span};

/// The names an annotation may use.
pub(crate) const EFFECTS: [&str; 3] =
    [Effect::Io.name(), Effect::State.name(), Effect::Pure.name()];

/// A function whose annotation can be understood.
pub(crate) struct Declared {
    pub(crate) key: FunctionKey,
    /// The annotation.
    pub(crate) span: Span,
    /// The function in a message.
    pub(crate) name: String,
    /// What is allowed; nothing if it is declared pure.
    pub(crate) effects: BTreeSet<Effect>,
}

/// Every function of a handler.
pub(crate) fn functions(handler: &HandlerModel) -> impl Iterator<Item = (FunctionKey, &Function)> {
    handler.modules.iter().enumerate().flat_map(|(index, module)| {
        module
            .code
            .functions
            .iter()
            .enumerate()
            .map(move |(function, value)| ((ModuleId::new(index), FunctionId(function)), value))
    })
}

/// Every function whose annotation can be understood.
pub(crate) fn declared(handler: &HandlerModel) -> impl Iterator<Item = Declared> {
    functions(handler).filter_map(|(key, function)| {
        let annotation = function.annotation.as_ref()?;
        let names: Vec<&str> = annotation.names.iter().map(|name| name.name.as_str()).collect();
        let effects = match names.as_slice() {
            [] => return None,
            names if names.iter().all(|&name| name == Effect::Pure.name()) => BTreeSet::new(),
            names => names.iter().copied().map(effect).collect::<Option<BTreeSet<Effect>>>()?,
        };
        let name = match function.name.as_str() {
            "" => "this function".to_owned(),
            name => format!("`{name}`"),
        };
        Some(Declared { key, span: annotation.span, name, effects })
    })
}

/// The effect of a name; `pure` is not one.
fn effect(name: &str) -> Option<Effect> {
    [Effect::Io, Effect::State].into_iter().find(|effect| effect.name() == name)
}
