//! Functions that call what they are given.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use zigts_rules::code::{Code, FunctionId, Origin, Value};
use zigts_rules::effects::{Action, ActionKind, FunctionKey};
use zigts_rules::model::HandlerModel;
use zigts_rules::span::ModuleId;

use crate::model::PER_ELEMENT;

/// The functions that call one of their parameters, or pass it to be called for each element of a list,
/// before they return. What a function that they return does with it comes later.
pub(super) fn called(
    model: &HandlerModel,
    actions: &BTreeMap<FunctionKey, Vec<Action>>,
) -> BTreeSet<FunctionKey> {
    let mut calling = BTreeSet::new();
    let called_by_parent: HashSet<FunctionKey> = actions
        .iter()
        .flat_map(|(&parent, actions)| actions.iter().map(move |action| (parent, action.kind)))
        .filter_map(|((module, parent), kind)| match kind {
            ActionKind::Function(key) => {
                let is_inside =
                    key.0 == module && model.module(module).code[key.1].parent == parent;
                is_inside.then_some(key)
            }
            _ => None,
        })
        .collect();
    for (module, call) in model.calls() {
        let code = &model.module(module).code;
        let is_per_element = matches!(
            &call.callee.value,
            Value::Member(_, Some(method)) if PER_ELEMENT.contains(&method.as_str())
        );
        let callback = call.arguments.first().filter(|_| is_per_element);
        for expression in std::iter::once(&call.callee).chain(callback) {
            let Value::Binding(id) = expression.value else { continue };
            let owner = code[id].scope;
            if matches!(code[id].origin, Origin::Unknown)
                && owner != FunctionId::TOP_LEVEL
                && runs_within(code, module, &called_by_parent, call.function, owner)
            {
                calling.insert((module, owner));
            }
        }
    }
    calling
}

/// Whether a function is another one, or is written inside of it and called by what it is written
/// in, at each level.
fn runs_within(
    code: &Code,
    module: ModuleId,
    called_by_parent: &HashSet<FunctionKey>,
    mut inner: FunctionId,
    outer: FunctionId,
) -> bool {
    while inner != outer {
        if !called_by_parent.contains(&(module, inner)) || inner == FunctionId::TOP_LEVEL {
            return false;
        }
        inner = code[inner].parent;
    }
    true
}
